"""The experiments against loops of their own, and the parts of the recipe."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers import assert_close

from refimpl import Rng, backend, datasets
from refimpl import autodiff as ad
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import to_host
from refimpl.papers.amp.amp import AMP
from refimpl.papers.amp.experiments import cycle, label_noise, landscape, recipe
from refimpl.papers.amp.experiments.shared import slope_of
from refimpl.papers.amp.random_perturbation import RandomPerturbation
from refimpl.papers.amp.sam import SAM


def two_wells(x, config):
    """The slope of the sum of the wells."""
    return sum(
        depth * (x - center) / width**2 * math.exp(-0.5 * ((x - center) / width) ** 2)
        for depth, width, center in (config.flat, config.sharp)
    )


def test_trajectories_in_two_wells_are_those_of_a_scalar_loop():
    """Ends by their side of the barrier and, where the iterates settle, by place."""
    config = landscape.Config(starts=17, steps=400, factors=(0.0, 1.2, 3.0))
    result = landscape.EXPERIMENT.run(config, backend("numpy"), Rng(0))
    for row, factor in enumerate(config.factors):
        radius = factor * float(result["threshold"])
        for column, start in enumerate(result["starts"]):
            x = before = float(start)
            for _ in range(config.steps):
                before = x
                delta = max(-radius, min(radius, config.ascent_rate * two_wells(x, config)))
                x = x - config.learning_rate * two_wells(x + delta, config)
            end = float(result["ends"][row, column])
            assert (end > 2.0) == (0.5 * (x + before) > 2.0)
            if factor < 2.0:  # at three times the threshold the iterates never settle
                assert abs(end - 0.5 * (x + before)) < 0.15
        path = result["paths"][row]
        for column in range(path.shape[1]):
            x = float(path[0, column])
            for place in path[1:15, column]:
                delta = max(-radius, min(radius, config.ascent_rate * two_wells(x, config)))
                x = x - config.learning_rate * two_wells(x + delta, config)
                assert x == pytest.approx(float(place), abs=1e-9)


def test_the_surface_of_two_wells_is_the_largest_value_in_the_window():
    config = landscape.Config(starts=5, steps=2, spacing=0.004, factors=(0.0, 1.2))
    result = landscape.EXPERIMENT.run(config, backend("numpy"), Rng(0))
    width = round(1.2 * float(result["threshold"]) / config.spacing)
    for place, value in list(zip(result["grid"], result["surface"][1], strict=True))[20:-20:15]:
        around = place + config.spacing * np.arange(-width, width + 1)
        values = sum(
            -d * np.exp(-0.5 * ((around - c) / w) ** 2) for d, w, c in (config.flat, config.sharp)
        )
        assert value == pytest.approx(np.max(values), abs=1e-12)


def test_cycles_of_tensors_and_of_entries_are_the_same():
    config = cycle.Config(recorded=(5.0, 6.0), sweep=(5.0, 6.0, 2), steps=300)
    result = cycle.EXPERIMENT.run(config, backend("numpy"), Rng(0))
    assert_close(result["swept"], result["amplitude"], rtol=1e-12)
    assert np.all(result["amplitude"] > 0.1)


def test_lengths_are_recorded_tensor_by_tensor():
    """Clipped everywhere, each has the length ε; random draws have the mean square ε²."""
    params = [np.asarray([[1.0, -2.0], [0.5, 3.0]]), np.asarray([4.0, 1.0])]

    def objective(p, batch):
        return ad.sum(p[0] ** 2) + ad.sum(p[1] ** 2)

    watched = recipe.Lengths(AMP(radius=0.1, scales=(1.0, 2.0)))
    algorithm = Composition(SGD(learning_rate=0.01), wrappers=(watched,))
    state = algorithm.init(params)
    for _ in range(3):
        state, _ = algorithm.step(state, objective, None)
    assert len(watched.squares) == 3
    assert watched.root_mean_square == pytest.approx((0.1, 0.2))


def test_redrawn_labels_leave_the_test_set_clean():
    split = datasets.load("digits", rng=Rng(0), training=300, validation=400, test=500)
    sets = recipe.noisy(split, 0.2, Rng(1))
    for name in ("train", "validation"):
        before = to_host(getattr(split, name).targets)
        after = to_host(getattr(sets, name).targets)
        # 18 % are wrong on average; five standard deviations of 300 draws are 11 points
        assert 0.07 < np.mean(before != after) < 0.29
    assert sets.test is split.test
    assert recipe.noisy(split, 0.0, Rng(1)) is split


def test_the_rate_falls_at_half_and_three_quarters():
    plan = recipe.Recipe(epochs=8, learning_rate=1.0)
    assert [plan.rate(epoch) for epoch in range(8)] == [1.0] * 4 + [0.1] * 2 + [0.01] * 2


def test_methods_by_name():
    assert recipe.wrapper_of("sgd", 0.1) is None
    assert recipe.wrapper_of("amp", 0.1) == AMP(radius=0.1)
    assert recipe.wrapper_of("amp, 5 inner steps", 0.1) == AMP(radius=0.1, inner_steps=5)
    assert recipe.wrapper_of("amp, global", 0.1) == AMP(radius=0.1, norm="global")
    assert recipe.wrapper_of("sam", 0.1) == SAM(radius=0.1)
    assert recipe.wrapper_of("random", 0.1) == RandomPerturbation(radius=0.1, match="rms")
    with pytest.raises(ValueError, match="method must be one of sgd, amp"):
        recipe.wrapper_of("adam", 0.1)


def test_a_run_of_each_method_fills_one_table():
    """Few epochs; the matched baseline is a row of its own, with AMP's length."""
    config = label_noise.Config(
        seeds=1,
        noisy=(("sgd", (1e-4,)), ("amp", (0.5,)), ("sam", (0.1,))),
        clean=(("amp", (0.5,)),),
        recipe=recipe.Recipe(epochs=20, hidden=(32,)),
    )
    result = label_noise.EXPERIMENT.run(config, backend("numpy"), Rng(0))
    assert sorted(result["method"].tolist()) == ["amp", "amp", "random, matched", "sam", "sgd"]
    matched = result.select(method="random, matched")
    length = result.select(method="amp", noise=0.2)["perturbation"][0]
    assert 0.8 < matched["perturbation"][0] / length < 1.2
    assert result.select(method="sgd")["perturbation"][0] == 0.0
    assert np.all(result["sharpness"] > 0.0)
    assert np.all((result["test_accuracy"] > 0.3) & (result["test_accuracy"] < 1.0))


def test_slopes_of_power_laws():
    sizes = np.asarray([1.0, 0.1, 0.01])
    assert slope_of(sizes, [sizes**2, 5.0 * sizes]) == pytest.approx([2.0, 1.0])
