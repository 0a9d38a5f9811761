"""SGD, momentum, Nesterov and Adam against closed forms that share no code with them."""

import mpmath
import numpy as np
import pytest

from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.base import descend, start
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.sgd import SGD
from refimpl.algorithms.updates import first_order


def fed(params, gradient):
    """A linear objective: its gradient is the batch."""
    return ad.sum(params["weight"] * gradient)


def path(algorithm, start_at, gradients, objective=fed):
    """The iterates of one weight vector, starting point included."""
    state = algorithm.init({"weight": np.asarray(start_at)})
    points = [state.params["weight"]]
    for gradient in gradients:
        state, _ = algorithm.step(state, objective, gradient)
        points.append(state.params["weight"])
    return np.asarray(points)


def quadratic(curvature):
    def objective(params, batch):
        return 0.5 * ad.sum(curvature * params["weight"] ** 2)

    return objective


def two_term(first, second, root_sum, root_product, length):
    """x_n of x_{n+1} = root_sum x_n - root_product x_{n-1}, through its characteristic roots."""
    with mpmath.workdps(60):
        middle = mpmath.mpf(root_sum) / 2
        half = mpmath.sqrt(middle**2 - mpmath.mpf(root_product))
        a, b = middle + half, middle - half
        right = (mpmath.mpf(second) - a * mpmath.mpf(first)) / (b - a)
        left = mpmath.mpf(first) - right
        return np.asarray([float(mpmath.re(left * a**n + right * b**n)) for n in range(length)])


CURVATURES = [0.3, 1.0, 7.0]


def test_sgd_on_a_quadratic_decays_geometrically():
    curvature = np.asarray(CURVATURES)
    points = path(SGD(learning_rate=0.2), [1.0, -2.0, 3.0], [None] * 30, quadratic(curvature))
    with mpmath.workdps(40):
        for j, k in enumerate(CURVATURES):
            rate = 1 - mpmath.mpf(0.2) * mpmath.mpf(k)
            exact = [float([1, -2, 3][j] * rate**n) for n in range(31)]
            np.testing.assert_allclose(points[:, j], exact, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("mu", [0.0, 0.5, 0.95])
def test_heavy_ball_on_a_quadratic_follows_its_two_roots(mu):
    rate = 0.125
    points = path(
        Momentum(learning_rate=rate, momentum=mu),
        [2.0] * 3,
        [None] * 60,
        quadratic(np.asarray(CURVATURES)),
    )
    for j, k in enumerate(CURVATURES):
        with mpmath.workdps(60):
            ak = mpmath.mpf(rate) * mpmath.mpf(k)
            exact = two_term(2, 2 * (1 - ak), 1 + mpmath.mpf(mu) - ak, mu, 61)
        np.testing.assert_allclose(points[:, j], exact, rtol=0, atol=2e-13)


@pytest.mark.parametrize("mu", [0.0, 0.5, 0.9])
def test_nesterov_on_a_quadratic_is_the_look_ahead_sequence(mu):
    # Nesterov: x' = y - a k y, y' = x' + mu (x' - x); eliminated for y, started at x = y.
    rate = 0.125
    points = path(
        Momentum(learning_rate=rate, momentum=mu, nesterov=True),
        [2.0] * 3,
        [None] * 40,
        quadratic(np.asarray(CURVATURES)),
    )
    for j, k in enumerate(CURVATURES):
        with mpmath.workdps(60):
            shrink = 1 - mpmath.mpf(rate) * mpmath.mpf(k)
            mass = mpmath.mpf(mu)
            second = 2 * ((1 + mass) * shrink - mass)
            exact = two_term(2, second, (1 + mass) * shrink, mass * shrink, 41)
        np.testing.assert_allclose(points[:, j], exact, rtol=0, atol=2e-13)


def test_velocity_is_the_discounted_sum_of_gradients():
    gradients = np.random.default_rng(0).normal(size=(8, 3))
    state = Momentum(learning_rate=0.1, momentum=0.7).init({"weight": np.zeros(3)})
    for gradient in gradients:
        state, _ = Momentum(learning_rate=0.1, momentum=0.7).step(state, fed, gradient)
    discount = 0.7 ** np.arange(7, -1, -1)
    np.testing.assert_allclose(state.buffers["weight"], discount @ gradients, rtol=1e-13)


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.0, 0.5), (0.5, 0.0)])
def test_adam_equals_the_weighted_sums_of_the_paper(betas):
    """Section 3: v_t = (1 - b2) sum_i b2^(t-i) g_i^2, in 50 digits."""
    gradients = np.random.default_rng(1).normal(size=(12, 2)) * [1e-3, 50.0]
    points = path(
        Adam(learning_rate=0.01, beta1=betas[0], beta2=betas[1], epsilon=1e-8),
        [1.0, -1.0],
        gradients,
    )
    with mpmath.workdps(50):
        a, b1, b2, eps = map(mpmath.mpf, (0.01, betas[0], betas[1], 1e-8))
        for j, position in enumerate((mpmath.mpf(1), mpmath.mpf(-1))):
            column = [mpmath.mpf(float(g)) for g in gradients[:, j]]
            for t in range(1, 13):
                m = sum((1 - b1) * b1 ** (t - i) * column[i - 1] for i in range(1, t + 1))
                v = sum((1 - b2) * b2 ** (t - i) * column[i - 1] ** 2 for i in range(1, t + 1))
                position -= a * (m / (1 - b1**t)) / (mpmath.sqrt(v / (1 - b2**t)) + eps)
                assert abs(points[t, j] - float(position)) < 1e-13


def test_adam_is_blind_to_the_scale_of_the_gradient():
    gradients = np.random.default_rng(2).normal(size=(10, 4))
    small = path(Adam(learning_rate=0.1, epsilon=1e-30), np.zeros(4), gradients)
    large = path(Adam(learning_rate=0.1, epsilon=1e-30), np.zeros(4), 1024.0 * gradients)
    np.testing.assert_allclose(small, large, rtol=1e-13)
    np.testing.assert_allclose(np.abs(small[1]), 0.1, rtol=1e-12)


@pytest.mark.parametrize("base", ["sgd", "momentum", "nesterov", "adam"])
def test_a_wrapper_may_feed_its_own_gradient(base):
    """descend() with the loss's gradient is the update's own step."""
    update = first_order(base, 0.05, 0.8)
    gradients = np.random.default_rng(3).normal(size=(5, 2))
    state = start(update, {"weight": np.ones(2)})
    for gradient in gradients:
        state = descend(update, state, {"weight": gradient})
    assert np.array_equal(state.params["weight"], path(update, np.ones(2), gradients)[-1])


def test_momentum_zero_is_sgd_exactly():
    gradients = np.random.default_rng(4).normal(size=(6, 3))
    plain = path(SGD(learning_rate=0.3), np.ones(3), gradients)
    for nesterov in (False, True):
        assert np.array_equal(
            plain,
            path(
                Momentum(learning_rate=0.3, momentum=0.0, nesterov=nesterov), np.ones(3), gradients
            ),
        )
