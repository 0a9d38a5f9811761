"""The figures of ISDA are drawn from small results, with labels on every panel."""

from __future__ import annotations

import numpy as np
import pytest
from papers.isda.test_claims import made_up_gains, made_up_images

from figures.style import Style
from refimpl import Rng, backend, catalogue
from refimpl.experiments.base import Result
from refimpl.papers.isda.experiments import bound, points, sampling, shapes, statistics

NAMES = ("isda_bound", "isda_gap", "isda_streaming", "isda_synthetic", "isda_sampling",
         "isda_images", "isda_digits", "isda_shapes")  # fmt: skip


@pytest.fixture(scope="module")
def results():
    configs = {
        bound: bound.Config(problems=2, blocks=2, draws=10),
        points: points.Config(seeds=2),
        sampling: sampling.Config(replications=20),
        shapes: shapes.Config(training=60, pool=90, epochs=2, seeds=2),
        statistics: statistics.Config(orders=2),
    }
    found = {
        module.EXPERIMENT.name: module.EXPERIMENT.run(config, backend("numpy"), Rng(0))
        for module, config in configs.items()
    }
    test = 0.9 + 0.01 * Rng(1).normal((3, 5))
    digits = Result(
        "isda_digits",
        {
            "method": np.array(["cross-entropy", "full", "identity"]),
            "setting": np.array([["L2 0.1", "L2 1"], ["λ₀ = 1", "λ₀ = 2"], ["λ₀ = 1", "λ₀ = 2"]]),
            "chosen": np.array([0, 1, 0]),
            "at_edge": np.array([False, False, True]),
            "test": test,
            "difference": test - test[0],
            "test_loss": 0.3 + test,
        },
    )
    made_up = {"isda_synthetic": made_up_gains(), "isda_images": made_up_images()}
    return {**found, **made_up, "isda_digits": digits}


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_is_labeled_and_shows_finite_numbers(name, results):
    figure = catalogue.figure(name)
    style = Style()
    with style.context():
        drawn = figure.draw({key: results[key] for key in figure.experiments}, style)
    for panel in drawn.axes:
        assert panel.get_xlabel() or panel.get_ylabel()
        for line in panel.get_lines():
            assert np.all(np.isfinite(np.asarray(line.get_ydata(), dtype=float)))
    assert any(panel.get_lines() for panel in drawn.axes)
    known = {claim.id for claim in catalogue.claims(["isda"])}
    assert set(figure.claims) <= known and figure.caption


def test_the_chosen_settings_are_shown(results):
    data = catalogue.figure("isda_digits").data({"isda_digits": results["isda_digits"]})
    assert list(data["setting"]) == ["L2 0.1", "λ₀ = 2", "λ₀ = 1"]
    np.testing.assert_allclose(data["loss_difference"], data["difference"])
