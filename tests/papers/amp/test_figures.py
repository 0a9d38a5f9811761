"""The figures of AMP are drawn from small results, with labels on every panel."""

from __future__ import annotations

import numpy as np
import pytest
from papers.amp.test_claims import compared, table

from figures.style import Style
from refimpl import Rng, backend, catalogue
from refimpl.experiments.base import Result
from refimpl.papers.amp.experiments import cycle, direction, landscape

NAMES = ("amp_reranking", "amp_direction", "amp_label_noise", "amp_trajectories", "amp_cycle",
         "amp_comparison")  # fmt: skip


@pytest.fixture(scope="module")
def results():
    configs = {
        direction: direction.Config(networks=2),
        cycle: cycle.Config(sweep=(0.25, 18.0, 18), steps=300),
        landscape: landscape.Config(starts=41, steps=100),
    }
    found = {
        module.EXPERIMENT.name: module.EXPERIMENT.run(config, backend("numpy"), Rng(0))
        for module, config in configs.items()
    }
    compare = dict(compared().arrays)
    compare["difference"] = compare["test"] - compare["test"][0]
    return found | {
        "amp_label_noise": table(),
        "amp_comparison_digits": Result("made up", compare),
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_is_labeled_and_shows_finite_numbers(name, results):
    figure = catalogue.figure(name)
    style = Style()
    with style.context():
        drawn = figure.draw({key: results[key] for key in figure.experiments}, style)
    for panel in drawn.axes:
        assert panel.get_xlabel()
        lines = [np.asarray(line.get_ydata(), dtype=float) for line in panel.get_lines()]
        assert lines and all(np.all(np.isfinite(line)) for line in lines)
    known = {claim.id for claim in catalogue.claims(["amp"])}
    assert set(figure.claims) <= known and figure.caption


def test_the_figure_of_label_noise_shows_means_and_intervals(results):
    figure = catalogue.figure("amp_label_noise")
    data = figure.data({"amp_label_noise": results["amp_label_noise"]})
    rows = results["amp_label_noise"].select(method="amp", setting=0.5, noise=0.2)
    place = data["noisy_radius"].tolist().index(0.5)
    mean, reach = data["noisy_test_accuracy"][place]
    assert mean == pytest.approx(rows["test_accuracy"].mean())
    expected = 2.7764451 * rows["test_accuracy"].std(ddof=1) / np.sqrt(5)
    assert reach == pytest.approx(expected, rel=1e-6)
    assert data["chosen"] == 0.5 and data["seeds"] == 5
