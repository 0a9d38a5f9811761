"""The released optimisers: with every fault off they are the methods, and each fault shows."""

import numpy as np
import pytest
from helpers import assert_close

from refimpl import autodiff as ad
from refimpl.errors import InfeasibleError, SettingError
from refimpl.models import LinearChain
from refimpl.papers.constrained_langevin.c_cola_released import ReleasedCCoLAud
from refimpl.papers.constrained_langevin.c_cola_stale import StaleCCoLAud
from refimpl.papers.constrained_langevin.c_cola_ud import CCoLAud
from refimpl.papers.constrained_langevin.o_cola_od import OCoLAod
from refimpl.papers.constrained_langevin.o_cola_released import (
    ReleasedOCoLAud,
    released_learning_rates,
)
from refimpl.papers.constrained_langevin.o_cola_ud import OCoLAud
from refimpl.random import Replay, Rng

OFF = {
    "xi_after_theta": False,
    "stale_gradient": False,
    "raw_start": False,
    "unchecked_slack": False,
}
CLEAN = {
    "stale_normal": False,
    "reshaped_start": False,
    "fixed_iterations": False,
    "unscaled_noise": False,
}


def loss(params, batch):
    return ad.sum(ad.sin(3.0 * params[0])) + ad.sum(params[1] * params[1])


PARAMS = [np.linspace(-0.4, 0.4, 6).reshape(2, 3), np.array([0.3, -0.2])]


def run(algorithm, steps, rng=None, params=PARAMS):
    state = algorithm.init(params)
    for k in range(steps):
        state, info = algorithm.step(state, loss, None, None if rng is None else rng.child(k))
    return state, info


def test_circle_without_faults_is_the_method():
    """The Cartesian variables and the angle share no code."""
    released, _ = run(
        ReleasedCCoLAud(step_size=0.1, friction=0.5, temperature=0.0, radii=(0.5,), **OFF), 60
    )
    method, _ = run(
        CCoLAud(step_size=0.1, friction=0.5, temperature=0.0, radii=(0.5,), splitting="AOAB"), 60
    )
    for mine, other in zip(released.params, method.params, strict=True):
        assert np.max(np.abs(mine - other)) < 1e-12
    stale, _ = run(
        ReleasedCCoLAud(
            step_size=0.1,
            friction=0.5,
            temperature=0.0,
            radii=(0.5,),
            **{**OFF, "stale_gradient": True},
        ),
        60,
    )
    order, _ = run(StaleCCoLAud(step_size=0.1, friction=0.5, radii=(0.5,)), 60)
    assert np.max(np.abs(stale.params[0] - order.params[0])) < 1e-12
    assert np.max(np.abs(stale.params[0] - released.params[0])) > 1e-4


@pytest.mark.parametrize("fault", ["xi_after_theta", "raw_start"])
def test_circle_faults_show_one_at_a_time(fault):
    clean = ReleasedCCoLAud(step_size=0.3, friction=0.5, temperature=0.0, radii=(0.5,), **OFF)
    faulty = ReleasedCCoLAud(
        step_size=0.3, friction=0.5, temperature=0.0, radii=(0.5,), **{**OFF, fault: True}
    )
    assert float(run(clean, 20)[1].residual) < 1e-13
    if fault == "xi_after_theta":
        assert float(run(faulty, 20)[1].residual) > 1e-2
    assert np.max(np.abs(run(clean, 1)[0].params[0] - run(faulty, 1)[0].params[0])) > 1e-3


def test_what_is_told_of_a_released_step():
    """Residual and tangency of its Cartesian variables, which a wrong order leaves off both."""
    faults = {**OFF, "xi_after_theta": True}
    algorithm = ReleasedCCoLAud(
        step_size=0.3, friction=0.5, temperature=0.0, radii=(0.5,), **faults
    )
    state, info = run(algorithm, 5)
    theta, xi = state.params[0], state.slack[0]
    off = np.max(np.abs((theta**2 + xi**2) / 0.25 - 1.0))
    crossed = np.max(np.abs(theta * state.momentum[0] + xi * state.slack_momentum[0])) / 0.5
    assert float(info.residual) == pytest.approx(off, rel=1e-12) and off > 1e-3
    assert float(info.tangency) == pytest.approx(crossed, rel=1e-9)


def test_slack_of_an_infeasible_weight():
    outside = [np.array([[2.0]])]
    with pytest.raises(InfeasibleError):
        ReleasedCCoLAud(radii=(1.0,), **OFF).init(outside)
    state = ReleasedCCoLAud(radii=(1.0,)).init(outside)
    assert state.slack[0][0, 0] == pytest.approx(np.sqrt(3.0))  # 2² + 3 is not 1


def test_orthogonal_without_faults_is_the_method():
    """Zero momentum and friction enough to forget the released first buffer."""
    w = [np.linalg.qr(Rng(0).normal((6, 4)))[0].T.copy(), np.array([0.1, 0.2])]
    rate, mu = 0.04, 0.0
    released = ReleasedOCoLAud(
        learning_rate=rate, momentum=mu, temperature=0.0, free_first=False, **CLEAN
    )
    method = OCoLAud(
        step_size=0.2, friction=400.0, temperature=0.0, splitting="OBA", free_first=False
    )
    one, other = run(released, 10, params=w)[0], run(method, 10, params=w)[0]
    assert_close(one.params[0], other.params[0], atol=1e-13)
    assert_close(one.params[1], other.params[1], atol=1e-13)


def test_noise_without_its_scale_is_another_temperature():
    """One step from zero: free entries move by learning rate times the noise of the buffer."""
    params = [np.zeros((2, 2)), np.zeros(2), np.eye(2)]

    def still(p, batch):
        return 0.0 * ad.sum(p[0])

    moves = []
    for unscaled in (True, False):
        algorithm = ReleasedOCoLAud(
            learning_rate=0.25,
            momentum=0.6,
            temperature=0.5,
            **{**CLEAN, "unscaled_noise": unscaled},
        )
        state, _ = algorithm.step(algorithm.init(params), still, None, Rng(3))
        moves.append(state.params[1])
    noise = Rng(3)
    noise.normal((2, 2))
    draw = noise.normal((2,))
    assert_close(moves[1], 0.25 * np.sqrt(0.5 * (1.0 - 0.36) / 0.25) * draw)
    assert_close(moves[0], 0.5 * moves[1])


def test_warm_up_that_is_not_reset():
    assert released_learning_rates(3, 4)[2:] == pytest.approx([0.7 / 3, 0.7 / 3])
    assert released_learning_rates(3, 4, carried_over=False)[2:] == pytest.approx([0.1, 0.1])
    assert released_learning_rates(1, 102)[50:52] == pytest.approx([0.1, 0.01])
    assert released_learning_rates(1, 102)[101] == pytest.approx(0.001)


# --- the released numbers, by scalar twins that import nothing of the package --------------------


def circle_twin(theta, gradient, noises, steps, h, gamma, tau, r):
    """The released circle optimiser, all faults on, line by line: G is of the old point, both
    momenta are taken of the old theta and xi, and xi moves with the new theta."""
    xi = np.sqrt(np.abs(r * r - theta**2))
    c = np.exp(-gamma * h)
    d = np.sqrt(tau * (1.0 - c * c))
    noises = iter(noises)
    for step in range(steps):
        g = gradient(theta)
        if step == 0:
            p = g - theta * (theta * g + xi * g) / r**2
            s = g - xi * (theta * p + xi * g) / r**2
            p = p - 0.5 * h * g * (1.0 - theta**2 / r**2)
            s = s + 0.5 * h * g * theta * xi / r**2
        for half in range(2):
            omega = (xi * p - theta * s) / r**2
            a = 0.5 * h * omega
            p = omega * (xi * np.cos(a) - theta * np.sin(a))
            s = -omega * (theta * np.cos(a) + xi * np.sin(a))
            theta = theta * np.cos(a) + xi * np.sin(a)
            xi = xi * np.cos(a) - theta * np.sin(a)
            if half == 0:
                p, s = c * p + d * next(noises), c * s + d * next(noises)
                k = (theta * p + xi * s) / r**2
                p, s = p - k * theta, s - k * xi
        p = p - h * g * (1.0 - theta**2 / r**2)
        s = s + h * g * theta * xi / r**2
    return theta, xi, p, s


@pytest.mark.parametrize("shape", [(4, 3), (2, 7), (10, 10)])
def test_circle_optimizer_gives_the_released_numbers(shape):
    h, gamma, tau, r = 0.3, 1.0, 1e-3, 0.5
    for seed in range(20):
        rng = np.random.default_rng(seed)
        start, pull = rng.uniform(-0.45, 0.45, shape), rng.normal(size=shape)
        noises = rng.normal(size=(40, *shape))
        twin = circle_twin(start, lambda w, c=pull: c + np.sin(w), noises, 20, h, gamma, tau, r)
        algorithm = ReleasedCCoLAud(step_size=h, friction=gamma, temperature=tau, radii=(r,))
        state, replay = algorithm.init([start]), Replay(list(noises))
        for _ in range(20):
            state, _ = algorithm.step(
                state, lambda w, b, c=pull: ad.sum(c * w[0] - ad.cos(w[0])), None, replay
            )
        mine = (state.params, state.slack, state.momentum, state.slack_momentum)
        for part, expected in zip(mine, twin, strict=True):
            np.testing.assert_allclose(part[0], expected, rtol=0, atol=5e-13)


def test_the_momentum_of_a_released_drift_is_of_the_old_point():
    """theta = 0, xi = 1, p = 1/2, r = 1, h = 2: the momentum after half a step is cos(1/2) / 2."""
    _, xi, p, _ = ReleasedCCoLAud(step_size=2.0)._drift(
        np.asarray(0.0), np.asarray(1.0), np.asarray(0.5), np.asarray(0.0), 1.0
    )
    assert float(p) == pytest.approx(0.5 * np.cos(0.5), rel=1e-15)
    assert float(xi) == pytest.approx(np.cos(0.5) - np.sin(0.5) ** 2, rel=1e-15)


def orthogonal_twin(weight, gradient, steps, alpha, mu):
    """The released orthogonality optimiser, all faults on, without noise."""

    def tangent(w, b):
        return b - 0.5 * w @ (w.T @ b + b.T @ w)

    rows, columns = weight.shape
    wide = rows < columns
    factor = np.linalg.qr(weight if rows > columns else weight.T)[0].reshape(weight.shape)
    w, b = factor.T if wide else factor, None
    for _ in range(steps):
        g = gradient(w.T).T if wide else gradient(w)
        b = -0.01 * tangent(w, g) if b is None else b
        b = tangent(w, mu * b - g)
        bar = w + alpha * b
        new = bar
        for _ in range(10):
            new = new - 0.5 * w @ (new.T @ new - np.eye(new.shape[1]))
        b = b + (new - bar) / alpha
        b = b - 0.5 * (w if wide else new) @ (new.T @ b + b.T @ new)
        w = new
    return (w.T if wide else w), b


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (3, 1)])
def test_orthogonal_optimizer_gives_the_released_numbers(shape):
    """Also from a start that is orthonormal already, which the released code makes anew."""
    for seed in range(15):
        rng = np.random.default_rng(seed)
        start, pull = rng.normal(size=shape), rng.normal(size=shape)
        start = np.linalg.qr(start)[0] if seed % 3 == 0 and shape[0] >= shape[1] else start
        twin = orthogonal_twin(start, lambda w, c=pull: c + np.sin(w), 30, 0.02, 0.9)
        algorithm = ReleasedOCoLAud(learning_rate=0.02, momentum=0.9, free_first=False)
        state = algorithm.init([start])
        for _ in range(30):
            state, _ = algorithm.step(
                state, lambda w, b, c=pull: ad.sum(c * w[0] - ad.cos(w[0])), None
            )
        np.testing.assert_allclose(state.params[0], twin[0], rtol=0, atol=1e-12)
        np.testing.assert_allclose(state.buffers[0], twin[1], rtol=0, atol=1e-11)


def test_a_free_weight_starts_with_a_hundredth_of_its_gradient():
    """Weight 1, gradient 1, rate 0.1, momentum 0.9: 1 + 0.1 (-0.009 - 1) = 0.8991."""
    algorithm = ReleasedOCoLAud(learning_rate=0.1, momentum=0.9)
    state, _ = algorithm.step(
        algorithm.init([np.eye(2), np.ones(1), np.eye(2)]),
        lambda w, b: ad.sum(w[1]) + 0.0 * ad.sum(w[0]),
        None,
    )
    assert float(state.params[1][0]) == pytest.approx(0.8991, rel=1e-15)


@pytest.mark.parametrize("determinant", ["positive", "negative"])
def test_a_run_keeps_the_half_in_which_it_starts(determinant):
    """The nearest matrix is found in its own half, and one of the other stays 2 away."""
    target = np.linalg.qr(Rng(1).normal((4, 4)))[0]
    sign = 1.0 if determinant == "positive" else -1.0
    algorithm = OCoLAod(step_size=0.05, free_first=False, determinant=determinant)
    state = algorithm.init([Rng(2).normal((4, 4))])
    for _ in range(600):
        state, _ = algorithm.step(state, lambda q, b: 0.5 * ad.sum((q[0] - target) ** 2), None)
    assert np.linalg.det(state.params[0]) == pytest.approx(sign)
    distance = np.linalg.norm(state.params[0] - target)
    assert distance == pytest.approx(0.0 if sign * np.linalg.det(target) > 0 else 2.0, abs=1e-6)


def test_bounds_on_a_scalar_chain_are_kept_or_refused():
    """Weights of no axis: a bound that would not reach them is refused."""
    chain = LinearChain(2)
    with pytest.raises(SettingError, match="include='all'"):
        CCoLAud(radii=(0.5,)).init(chain.init(0.4))
    algorithm = CCoLAud(radii=(0.5,), step_size=0.1, include="all")
    state = algorithm.init(chain.init(0.4))
    for _ in range(200):
        state, _ = algorithm.step(state, lambda q, b: 0.5 * (chain.gain(q) - 4.0) ** 2, None)
    assert max(float(abs(leaf)) for leaf in ad.flatten(state.params)[0]) <= 0.5 + 1e-12
