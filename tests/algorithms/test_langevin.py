"""SGLD and underdamped Langevin: injected noise, and the exact law of the discrete chain.

On a quadratic the chains are linear in (state, noise). Their matrices are read off the code by
probing with unit vectors; the stationary covariance then solves a Lyapunov equation exactly.
"""

import math

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from refimpl import autodiff as ad
from refimpl.algorithms.langevin import Langevin
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.sgd import SGD
from refimpl.algorithms.sgld import SGLD
from refimpl.random import Rng
from refimpl.testing import assert_stationary


class Injected:
    """An rng whose draws are given."""

    def __init__(self, *draws):
        self.draws = list(draws)

    def normal(self, shape=(), like=None):
        draw = self.draws.pop(0) if self.draws else 0.0
        return np.full(shape, draw, dtype=like.dtype)


def well(curvature):
    return lambda params, batch: 0.5 * curvature * ad.sum(params["weight"] ** 2)


def vector(state):
    parts = [state.params["weight"][0]]
    if hasattr(state, "momentum"):
        parts.append(state.momentum["weight"][0])
    return np.asarray(parts)


def probe(algorithm, curvature, draws):
    """Matrices A, B of x' = A x + B noise, from unit starts and unit draws."""
    objective = well(curvature)
    dimension = len(vector(algorithm.init({"weight": np.zeros(1)})))

    def step(x, noise):
        state = algorithm.init({"weight": np.asarray(x[:1])})
        if dimension == 2:
            state = state._replace(momentum={"weight": np.asarray(x[1:])})
        return vector(algorithm.step(state, objective, None, Injected(*noise))[0])

    zero = np.zeros(draws)
    A = np.stack([step(e, zero) for e in np.eye(dimension)], axis=1)
    B = np.stack([step(np.zeros(dimension), e) for e in np.eye(draws)], axis=1)
    return A, B


def stationary(algorithm, curvature, draws):
    A, B = probe(algorithm, curvature, draws)
    return solve_discrete_lyapunov(A, B @ B.T)


@pytest.mark.parametrize("k", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("h", [0.05, 0.3, 0.6])
def test_sgld_variance_on_a_gaussian(h, k):
    covariance = stationary(SGLD(learning_rate=h, temperature=0.7), k, 1)
    assert covariance[0, 0] == pytest.approx(0.7 / (k * (1 - h * k / 2)), rel=1e-12)


def test_sgld_adds_the_noise_it_is_given():
    tree = {"weight": np.asarray([[1.0, 2.0]]), "bias": np.asarray([3.0])}

    def sloped(params, batch):
        return 4.0 * ad.sum(params["weight"]) - ad.sum(params["bias"])

    algorithm = SGLD(learning_rate=0.125, temperature=4.0)
    state, _ = algorithm.step(algorithm.init(tree), sloped, None, Injected(2.0, -1.0))
    # sqrt(2 * 0.125 * 4) = 1: the leaves move by their draws.
    assert state.params["weight"].tolist() == [[1.0 - 0.5 + 2.0, 2.0 - 0.5 + 2.0]]
    assert state.params["bias"].tolist() == [3.0 + 0.125 - 1.0]


def test_sgld_at_zero_temperature_is_sgd():
    cold, plain = SGLD(learning_rate=0.2, temperature=0.0), SGD(learning_rate=0.2)
    first, second = (a.init({"weight": np.asarray([2.0])}) for a in (cold, plain))
    for _ in range(10):
        first, _ = cold.step(first, well(1.3), None)
        second, _ = plain.step(second, well(1.3), None)
    assert np.array_equal(first.params["weight"], second.params["weight"])


def test_sgld_draws_unit_normals():
    """Mean and variance of 40000 entries; false alarm < 1e-7."""
    n, algorithm = 40_000, SGLD(learning_rate=0.5, temperature=1.0)
    state = algorithm.init({"weight": np.zeros(n)})
    state, _ = algorithm.step(state, lambda p, b: 0.0 * ad.sum(p["weight"]), None, Rng(0))
    draws = state.params["weight"]
    powers = np.stack([draws, draws**2], axis=1)
    assert_stationary(powers, (0.0, 1.0), resolution=0.05, false_alarm=1e-7)


# The number of noise draws in a step, and the exact variances on the harmonic oscillator.
LAWS = {
    "BAOAB": (1, lambda h, k: 1 / k, lambda h, k: 1 - h * h * k / 4),
    "OBABO": (2, lambda h, k: 1 / (k * (1 - h * h * k / 4)), lambda h, k: 1.0),
}


@pytest.mark.parametrize("splitting", LAWS)
@pytest.mark.parametrize("friction", [0.1, 1.0, 20.0])
@pytest.mark.parametrize(("h", "k"), [(0.1, 1.0), (0.5, 2.0), (0.9, 3.0)])
def test_harmonic_oscillator_has_the_exact_stationary_law(splitting, friction, h, k):
    draws, position, velocity = LAWS[splitting]
    covariance = stationary(
        Langevin(step_size=h, friction=friction, temperature=0.3, splitting=splitting), k, draws
    )
    assert covariance[0, 0] == pytest.approx(0.3 * position(h, k), rel=1e-10)
    assert covariance[1, 1] == pytest.approx(0.3 * velocity(h, k), rel=1e-10)
    assert covariance[0, 1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("splitting", "order"), [("OBA", 1), ("OABAO", 2), ("OBABO", 2)])
def test_the_bias_of_the_law_has_the_order_of_the_splitting(splitting, order):
    """Largest error of the whole covariance against diag(tau / k, tau)."""
    target = 0.3 * np.diag([1 / 2.0, 1.0])
    draws = splitting.count("O")
    errors = [
        np.max(
            np.abs(
                stationary(
                    Langevin(step_size=h, friction=1.0, temperature=0.3, splitting=splitting),
                    2.0,
                    draws,
                )
                - target
            )
        )
        for h in (0.02, 0.01)
    ]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.05)


def test_friction_alone_is_the_exact_ornstein_uhlenbeck_process():
    # No force: after n steps the momentum has memory exp(-gamma h n) and variance tau (1 - c^2).
    algorithm = Langevin(step_size=0.2, friction=1.5, temperature=0.8, splitting="OBABO")
    A, B = probe(algorithm, 0.0, 2)
    c = math.exp(-1.5 * 0.2)
    assert A[1, 1] == pytest.approx(c, rel=1e-14)
    assert B[1] @ B[1] == pytest.approx(0.8 * (1 - c * c), rel=1e-13)


@pytest.mark.parametrize("splitting", ["BAOAB", "OBABO", "OABAO"])
def test_without_friction_the_step_is_reversible_and_keeps_volume(splitting):
    algorithm = Langevin(step_size=0.3, friction=0.0, temperature=5.0, splitting=splitting)
    A, _ = probe(algorithm, 1.7, 2)
    flip = np.diag([1.0, -1.0])
    np.testing.assert_allclose(flip @ A @ flip @ A, np.eye(2), atol=1e-14)
    assert np.linalg.det(A) == pytest.approx(1.0, rel=1e-14)


def test_oba_at_zero_temperature_is_heavy_ball():
    h, gamma = 0.3, 0.4
    objective = lambda p, b: ad.sum(ad.sin(p["weight"]))  # noqa: E731
    cold = Langevin(step_size=h, friction=gamma, temperature=0.0, splitting="OBA")
    ball = Momentum(learning_rate=h * h, momentum=math.exp(-gamma * h))
    first, second = (a.init({"weight": np.asarray([0.3, -1.0])}) for a in (cold, ball))
    for _ in range(50):
        first, _ = cold.step(first, objective, None)
        second, _ = ball.step(second, objective, None)
    np.testing.assert_allclose(first.params["weight"], second.params["weight"], atol=1e-13)
    np.testing.assert_allclose(first.momentum["weight"], -h * second.buffers["weight"], atol=1e-13)


@pytest.mark.parametrize(
    ("splitting", "expected"), [("BAOAB", 11), ("OBABO", 11), ("OABAO", 10), ("OBA", 10)]
)
def test_one_gradient_a_step(splitting, expected):
    calls = []

    def counted(params, batch):
        calls.append(1)
        return 0.5 * ad.sum(params["weight"] ** 2)

    algorithm = Langevin(step_size=0.1, friction=1.0, temperature=0.0, splitting=splitting)
    state = algorithm.init({"weight": np.ones(2)})
    for _ in range(10):
        state, _ = algorithm.step(state, counted, None)
    assert len(calls) == expected


@pytest.mark.parametrize("splitting", ["BAOAB", "OBABO"])
def test_the_kept_gradient_changes_nothing_on_a_fixed_batch(splitting):
    algorithm = Langevin(step_size=0.2, friction=1.0, temperature=0.5, splitting=splitting)
    objective = lambda p, b: ad.sum(ad.sin(3.0 * p["weight"]))  # noqa: E731
    kept = algorithm.init({"weight": np.asarray([0.3, 2.0])})
    fresh = kept
    for step in range(20):
        kept, _ = algorithm.step(kept, objective, None, Rng(step))
        fresh, _ = algorithm.step(fresh._replace(step=0), objective, None, Rng(step))
        assert np.array_equal(kept.params["weight"], fresh.params["weight"])


def test_momentum_may_start_from_its_law():
    """Variance of 40000 entries, 5.5 standard errors: false alarm < 1e-7."""
    n = 40_000
    state = Langevin(temperature=0.25).init({"weight": np.zeros(n)}, rng=Rng(1))
    assert abs(state.momentum["weight"].var() - 0.25) < 0.25 * 5.5 * math.sqrt(2 / n)
    cold = Langevin(temperature=0.0).init({"weight": np.zeros(3)}, rng=Rng(1))
    assert not np.any(cold.momentum["weight"])
