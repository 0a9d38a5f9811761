"""The figures show the numbers of their experiments, labeled and finite."""

from __future__ import annotations

import numpy as np
import pytest

from figures.style import Style
from refimpl import Rng, backend, catalogue
from refimpl.experiments.base import Result
from refimpl.papers.rkhs_norm.experiments import (
    digits,
    identities,
    interval,
    kernels,
    limit,
    slopes,
    upper_bound,
)
from refimpl.papers.rkhs_norm.experiments.paths import GRIDS

NAMES = [name for name in catalogue.figures() if name.startswith("rkhs_norm_")]


def paths():
    """A made-up table: each method moves on by one unit a strength."""
    rows = [(name, s) for name, values in GRIDS.items() for s in values[:2]]
    moves = np.array([list(GRIDS[name]).index(s) + 1.0 for name, s in rows])
    spread = np.linspace(-0.01, 0.01, 3)[None, :]
    table = {
        "method": np.array([name for name, _ in rows]),
        "strength": np.array([s for _, s in rows]),
        "clean": 0.9 - 0.01 * moves[:, None] + spread,
        "robust": 0.4 + 0.1 * moves[:, None] + spread,
        "lower": 30.0 / moves[:, None] + spread,
        "upper": 8.0 / moves[:, None] + spread,
    }
    return Result("rkhs_norm_paths", table)


def compared():
    """A made-up comparison of the right shape."""
    names = list(digits.GRIDS)
    shape = (len(names), 4)
    runs = 0.5 + 0.01 * np.arange(np.prod(shape)).reshape(shape)
    table = {
        "method": np.array(names),
        "setting": np.array([[f"{s:g}" for s in values] for values in digits.GRIDS.values()]),
        "chosen": np.full(len(names), 2),
        "test_accuracy": runs,
        "test_robust": runs - 0.3,
    }
    return Result("rkhs_norm_digits", table)


def curves():
    """Made-up curves: robust accuracy falls with the slope, each method a little above the last."""
    config = slopes.Config(strengths=3, seeds=3)
    rows = slopes.tasks(config)
    names = list(slopes.RANGES)
    runs = []
    for number, task in enumerate(rows):
        slope = 2.0 ** (1 + number // config.seeds % config.strengths)
        height = 0.01 * names.index(task["method"]) + 0.001 * task["seed"]
        runs.append({"validation": 0.95, "clean": 0.9, "robust": 0.8 - 0.02 * slope + height,
                     "slope": slope})  # fmt: skip
    return Result("rkhs_norm_slopes", slopes.collect(config, rows, runs))


@pytest.fixture(scope="module")
def results():
    configs = {
        kernels: kernels.Config(pairs=200, machines=1, starts=10, ascents=5, fields=2),
        upper_bound: upper_bound.Config(probes=60),
        identities: identities.Config(instances=1),
        interval: interval.Config(cells=200, grid=32, replicates=5, sizes=(16, 64)),
        limit: limit.Config.quick(),
    }
    found = {
        module.EXPERIMENT.name: module.EXPERIMENT.run(config, backend("numpy"), Rng(0))
        for module, config in configs.items()
    }
    return {
        **found,
        "rkhs_norm_paths": paths(),
        "rkhs_norm_digits": compared(),
        "rkhs_norm_slopes": curves(),
    }


def drawn(name, results):
    figure = catalogue.figure(name)
    style = Style()
    with style.context():
        return figure.draw({key: results[key] for key in figure.experiments}, style)


@pytest.mark.parametrize("name", NAMES)
def test_panels_are_labeled_and_numbers_finite(name, results):
    for axes in drawn(name, results).axes:
        assert axes.get_xlabel()
        shared = len(axes.get_shared_y_axes().get_siblings(axes)) > 1
        assert axes.get_ylabel() or shared or len(axes.get_yticklabels())
        lines = [np.asarray(line.get_ydata(), dtype=float) for line in axes.get_lines()]
        assert any(line.size for line in lines)
        assert all(np.all(np.isfinite(line)) for line in lines)
    figure = catalogue.figure(name)
    assert figure.caption and figure.claims


def test_paths_begin_at_the_plain_network_and_follow_the_strength(results):
    axes = drawn("rkhs_norm_two_sides", results).axes[0]
    table = results["rkhs_norm_paths"]
    paths = [line for line in axes.get_lines() if len(line.get_xdata()) == 3]
    assert len(paths) == 7
    for line in paths:
        start = table["lower"][0].mean(), table["upper"][0].mean()
        np.testing.assert_allclose((line.get_xdata()[0], line.get_ydata()[0]), start)
        np.testing.assert_allclose(line.get_xdata()[1:], [30.0, 15.0])


def test_the_interval_shows_minimizers_over_closed_forms(results):
    axes = drawn("rkhs_norm_interval", results).axes[1]
    result = results["rkhs_norm_interval"]
    by_label = {line.get_label(): line for line in axes.get_lines()}
    found = by_label["λ = 0.05"].get_ydata()
    np.testing.assert_allclose(found, result["total_variation_found"][1])
    np.testing.assert_allclose([found[0], found[-1]], [0.1, 0.9], atol=1e-12)


def test_chosen_strengths_stand_beside_the_methods(results):
    figure = drawn("rkhs_norm_digits", results)
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels[-1] == "weight decay (0.01)" and labels[0] == "PGD l2 (0.35)"
    assert "n = 4 seeds" in figure.axes[0].get_title(loc="left")


def test_gaps_of_curves_are_in_points_beyond_the_penalty_on_the_slope(results):
    left, right = drawn("rkhs_norm_slopes", results).axes
    names = [text.get_text() for text in right.get_yticklabels()]
    assert names == [name for name in slopes.RANGES if name != "Tikhonov"]
    dots = [line for line in right.get_lines() if len(line.get_xdata()) == 3]
    place = list(slopes.RANGES).index("Tikhonov")
    expected = [float(list(slopes.RANGES).index(name) - place) for name in names]
    assert [float(line.get_xdata()[0]) for line in dots] == pytest.approx(expected)
    points = [line.get_ydata() for line in left.get_lines() if len(line.get_xdata()) == 3]
    assert len(points) >= 8 and points[0] == pytest.approx([0.761, 0.721, 0.641])
