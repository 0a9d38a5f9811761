"""The figures of constrained Langevin dynamics show the numbers of their experiments."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from figures.style import Style
from refimpl import Rng, backend, catalogue
from refimpl.papers.constrained_langevin.experiments import (
    circle_bias,
    gradient_depth,
    soft_constraint,
    stiefel_bias,
)

NAMES = ("langevin_bias", "arcsine_prior", "stiefel_decay", "gradient_depth", "hard_soft")


@pytest.fixture(scope="module")
def results():
    settings = (
        (circle_bias, {"chains": 2000, "time": 3.0}),
        (stiefel_bias, {"chains": 200, "time": 0.4, "draws": 2000, "laws": ()}),
        (gradient_depth, {"seeds": 2, "depth": 20}),
        (soft_constraint, {"softness": (1e-3, 1e-2), "chains": 500}),
    )
    found = {}
    for module, changes in settings:
        config = dataclasses.replace(module.Config.quick(), **changes)
        result = module.EXPERIMENT.run(config, backend("numpy"), Rng(0))
        found[result.name] = result
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_is_labeled_and_every_number_finite(name, results):
    figure = catalogue.figure(name)
    chosen = {key: results[key] for key in figure.experiments}
    style = Style()
    with style.context():
        drawn = figure.draw(chosen, style)
    for axes in drawn.axes:
        assert axes.get_xlabel() and axes.get_ylabel()
        assert axes.lines or axes.patches
    for values in figure.data(chosen).values():
        array = np.asarray(values)
        assert array.dtype.kind in "US" or np.all(np.isfinite(array))


def test_histograms_and_laws_are_densities(results):
    values = catalogue.figure("arcsine_prior").data({"circle_bias": results["circle_bias"]})
    for kind in ("measured", "expected"):
        for index in (0, 1):
            total = (values[f"{kind}_{index}"] * np.diff(values["edges"])).sum()
            assert total == pytest.approx(1.0, abs=1e-12)


def test_the_error_of_the_decay_is_measured_from_continuous_time(results):
    values = catalogue.figure("stiefel_decay").data({"stiefel_bias": results["stiefel_bias"]})
    steps = values["steps"]
    means = values["means"][:, np.argmin(np.abs(values["times"] - 0.2))]
    expected = means - np.exp(-2.5 * 0.2)
    assert values["errors"][:, int(np.argmax(steps))] == pytest.approx(expected, abs=1e-12)
