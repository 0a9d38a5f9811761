"""The released optimisers: with every fault off they are the methods, and each fault shows."""

import numpy as np
import pytest
from helpers import assert_close

from refimpl import autodiff as ad
from refimpl.errors import InfeasibleError
from refimpl.papers.constrained_langevin.c_cola_released import ReleasedCCoLAud
from refimpl.papers.constrained_langevin.c_cola_stale import StaleCCoLAud
from refimpl.papers.constrained_langevin.c_cola_ud import CCoLAud
from refimpl.papers.constrained_langevin.o_cola_released import (
    ReleasedOCoLAud,
    released_learning_rates,
)
from refimpl.papers.constrained_langevin.o_cola_ud import OCoLAud
from refimpl.random import Rng

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
    released, _ = run(ReleasedCCoLAud(0.1, 0.5, 0.0, (0.5,), **OFF), 60)
    method, _ = run(CCoLAud(0.1, 0.5, 0.0, (0.5,), splitting="AOAB"), 60)
    for mine, other in zip(released.params, method.params, strict=True):
        assert np.max(np.abs(mine - other)) < 1e-12
    stale, _ = run(ReleasedCCoLAud(0.1, 0.5, 0.0, (0.5,), **{**OFF, "stale_gradient": True}), 60)
    order, _ = run(StaleCCoLAud(step_size=0.1, friction=0.5, radii=(0.5,)), 60)
    assert np.max(np.abs(stale.params[0] - order.params[0])) < 1e-12
    assert np.max(np.abs(stale.params[0] - released.params[0])) > 1e-4


@pytest.mark.parametrize("fault", ["xi_after_theta", "raw_start"])
def test_circle_faults_show_one_at_a_time(fault):
    clean = ReleasedCCoLAud(0.3, 0.5, 0.0, (0.5,), **OFF)
    faulty = ReleasedCCoLAud(0.3, 0.5, 0.0, (0.5,), **{**OFF, fault: True})
    assert float(run(clean, 20)[1].residual) < 1e-13
    if fault == "xi_after_theta":
        assert float(run(faulty, 20)[1].residual) > 1e-2
    assert np.max(np.abs(run(clean, 1)[0].params[0] - run(faulty, 1)[0].params[0])) > 1e-3


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
    released = ReleasedOCoLAud(rate, mu, 0.0, free_first=False, **CLEAN)
    method = OCoLAud(0.2, 400.0, 0.0, splitting="OBA", free_first=False)
    one, other = run(released, 10, params=w)[0], run(method, 10, params=w)[0]
    assert_close(one.params[0], other.params[0], atol=1e-13)
    assert_close(one.params[1], other.params[1], atol=1e-13)


def test_noise_without_its_scale_is_another_temperature():
    """One step from zero: free entries move by learning rate times the noise of the buffer."""
    params = [np.zeros((2, 2)), np.zeros(2)]

    def still(p, batch):
        return 0.0 * ad.sum(p[0])

    moves = []
    for unscaled in (True, False):
        algorithm = ReleasedOCoLAud(0.25, 0.6, 0.5, **{**CLEAN, "unscaled_noise": unscaled})
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
