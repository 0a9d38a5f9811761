"""Weight decay and L1: exact decay laws, exact zeros, and the gradient of the penalised loss."""

import math

import numpy as np
import pytest

from refimpl import autodiff as ad
from refimpl.algorithms.composition import alone
from refimpl.algorithms.l1 import L1, soft_threshold
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.penalized import scaled_gradient
from refimpl.algorithms.updates import first_order

BASES = ["sgd", "momentum", "nesterov", "adam"]


def nothing(params, batch):
    return 0.0 * ad.sum(params["weight"])


def rough(params, batch):
    return ad.sum(ad.sin(batch * params["weight"])) + ad.sum(params["bias"] ** 2)


def iterate(algorithm, objective, params, steps, batch=None):
    state = algorithm.init(params)
    for _ in range(steps):
        state, info = algorithm.step(state, objective, batch)
    return state, info


def params():
    return {"weight": np.asarray([[1.5, -0.75], [2.0, 0.5]]), "bias": np.asarray([3.0])}


def test_l2_decays_by_one_factor_a_step():
    state, _ = iterate(alone(L2, strength=0.25, learning_rate=0.5), nothing, params(), 20)
    np.testing.assert_allclose(
        state.params["weight"], params()["weight"] * (1 - 0.125) ** 20, rtol=1e-14
    )
    assert state.params["bias"] == 3.0


@pytest.mark.parametrize("base", BASES)
def test_decoupled_decay_is_the_same_for_every_update(base):
    algorithm = alone(L2, strength=0.25, learning_rate=0.5, base=base, decoupled=True)
    state, _ = iterate(algorithm, nothing, params(), 20)
    np.testing.assert_allclose(
        state.params["weight"], params()["weight"] * (1 - 0.125) ** 20, rtol=1e-14
    )
    assert state.params["bias"] == 3.0


def test_adamw_decay_ignores_the_gradient_scale_and_coupled_decay_does_not():
    def sloped(p, batch):
        return batch * ad.sum(p["weight"])

    moved = {}
    for decoupled in (True, False):
        for scale in (1.0, 1e6):
            algorithm = alone(
                L2, strength=0.5, learning_rate=0.01, base="adam", decoupled=decoupled
            )
            state, _ = iterate(algorithm, sloped, params(), 1, scale)
            moved[decoupled, scale] = state.params["weight"]
    expected = params()["weight"] * (1 - 0.005) - 0.01
    np.testing.assert_allclose(moved[True, 1.0], expected, atol=1e-9)
    np.testing.assert_allclose(moved[True, 1e6], expected, atol=1e-9)
    np.testing.assert_allclose(moved[False, 1e6], params()["weight"] - 0.01, atol=1e-9)


def test_coupled_momentum_decays_at_the_larger_root():
    # Roots of r^2 - (1 + mu - a lambda) r + mu for a lambda = 0.003, mu = 0.5.
    algorithm = alone(L2, strength=0.03, learning_rate=0.1, base="momentum", momentum=0.5)
    state, _ = iterate(algorithm, nothing, params(), 400)
    after, _ = algorithm.step(state, nothing, None)
    ratio = after.params["weight"] / state.params["weight"]
    np.testing.assert_allclose(ratio, 0.9939633373846, rtol=1e-12)


@pytest.mark.parametrize("include", ["weights", "all"])
@pytest.mark.parametrize("base", BASES)
def test_coupled_penalties_are_gradients_of_the_penalized_loss(base, include):
    batch = np.asarray([[0.3, 1.0], [-0.5, 2.0]])
    penalized = ("weight", "bias") if include == "all" else ("weight",)

    def with_l2(p, batch):
        return rough(p, batch) + sum(0.15 * ad.sum(p[name] ** 2) for name in penalized)

    def with_l1(p, batch):
        return rough(p, batch) + sum(0.3 * ad.sum(ad.abs(p[name])) for name in penalized)

    plain = first_order(base, 0.02, 0.9)
    l2 = alone(L2, strength=0.3, learning_rate=0.02, base=base, include=include)
    l1 = alone(
        L1, strength=0.3, learning_rate=0.02, base=base, include=include, method="subgradient"
    )
    for algorithm, objective in ((l2, with_l2), (l1, with_l1)):
        ours, _ = iterate(algorithm, rough, params(), 5, batch)
        theirs, _ = iterate(plain, objective, params(), 5, batch)
        for name in ("weight", "bias"):
            np.testing.assert_allclose(ours.params[name], theirs.params[name], rtol=1e-12)


@pytest.mark.parametrize("method", ["proximal", "subgradient"])
@pytest.mark.parametrize("base", BASES)
def test_zero_strength_is_the_base_update_bit_for_bit(base, method):
    batch = np.asarray([[0.3, 1.0], [-0.5, 2.0]])
    plain, _ = iterate(first_order(base, 0.02, 0.9), rough, params(), 5, batch)
    for algorithm in (
        alone(L1, strength=0.0, learning_rate=0.02, base=base, method=method),
        alone(L2, strength=0.0, learning_rate=0.02, base=base),
        alone(L2, strength=0.0, learning_rate=0.02, base=base, decoupled=True),
    ):
        state, _ = iterate(algorithm, rough, params(), 5, batch)
        assert np.array_equal(state.params["weight"], plain.params["weight"])


def test_penalties_are_reported_before_the_step():
    _, info = iterate(alone(L2, strength=0.5, learning_rate=0.1), nothing, params(), 1)
    assert float(info.penalty) == 0.25 * (1.5**2 + 0.75**2 + 2.0**2 + 0.5**2)
    _, info = iterate(
        alone(L2, strength=0.5, learning_rate=0.1, include="all"), nothing, params(), 1
    )
    assert float(info.penalty) == 0.25 * (1.5**2 + 0.75**2 + 2.0**2 + 0.5**2 + 3.0**2)
    _, info = iterate(alone(L1, strength=0.5, learning_rate=0.1), nothing, params(), 1)
    assert float(info.penalty) == 0.5 * (1.5 + 0.75 + 2.0 + 0.5)


def test_proximal_steps_reach_exact_zero_when_they_should():
    starts = np.asarray([[0.37, -1.0, 0.09, 2.51, -0.2]])
    shrink = 0.5 * 0.25
    algorithm = alone(L1, strength=0.25, learning_rate=0.5)
    state = algorithm.init({"weight": starts})
    for step in range(1, 25):
        state, info = algorithm.step(state, nothing, None)
        zero = state.params["weight"][0] == 0.0
        expected = [step >= math.ceil(abs(w) / shrink) for w in starts[0]]
        assert zero.tolist() == expected
        assert float(info.zeros) == np.mean(expected)


def test_subgradient_steps_oscillate_instead():
    state, info = iterate(
        alone(L1, strength=0.25, learning_rate=0.5, method="subgradient"), nothing, params(), 101
    )
    assert float(info.zeros) == 0.0 or np.max(np.abs(state.params["weight"])) <= 0.125
    state, info = iterate(
        alone(L1, strength=0.25, learning_rate=0.5, method="subgradient"),
        nothing,
        {"weight": np.asarray([[0.3]])},
        101,
    )
    assert float(info.zeros) == 0.0 and 0.0 < abs(state.params["weight"][0, 0]) <= 0.125


def test_proximal_gradient_solves_the_orthogonal_lasso():
    target = np.asarray([[1.7, -0.2, 0.31, -4.0]])

    def distance(p, batch):
        return 0.5 * ad.sum((p["weight"] - target) ** 2)

    state, _ = iterate(
        alone(L1, strength=0.3, learning_rate=0.5), distance, {"weight": np.ones((1, 4))}, 200
    )
    grid = np.linspace(-5.0, 5.0, 1_000_001)[:, None]
    best = grid[np.argmin(0.5 * (grid - target) ** 2 + 0.3 * np.abs(grid), axis=0), 0]
    np.testing.assert_allclose(state.params["weight"][0], best, atol=1.1e-5)
    assert state.params["weight"][0, 1] == 0.0


def test_soft_threshold_is_the_proximal_map():
    # y = prox(x) iff (x - y) / t is a sub-gradient of |.| at y.
    x = np.random.default_rng(0).normal(size=1000) * 3
    y = soft_threshold(x, 0.8)
    slope = (x - y) / 0.8
    assert np.all(np.abs(slope) <= 1 + 1e-15)
    np.testing.assert_allclose(slope[y != 0], np.sign(y[y != 0]), rtol=1e-12)
    assert np.array_equal(soft_threshold(x, 0.0), x)


def test_overshooting_decoupled_decay_is_refused():
    with pytest.raises(ValueError, match=r"at most 1.*not 0.5 \* 3.0"):
        alone(L2, strength=3.0, learning_rate=0.5, decoupled=True)
    alone(L2, strength=2.0, learning_rate=0.5, decoupled=True)


def test_a_penalty_of_strength_zero_is_reported_as_zero_and_adds_no_gradient():
    value, gradient = scaled_gradient(lambda p: 7.0 + ad.sum(p["weight"]), params(), 0.0)
    assert float(value) == 0.0 and gradient is None
    value, gradient = scaled_gradient(lambda p: 7.0 + ad.sum(p["weight"]), params(), 0.5)
    assert float(value) == 0.5 * (7.0 + 3.25) and np.all(gradient["weight"] == 0.5)
