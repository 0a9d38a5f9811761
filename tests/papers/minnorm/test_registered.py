"""The registered Minnorm algorithm traces the steps that the theory experiments write out."""

import numpy as np
import pytest

from refimpl import Rng, arrays
from refimpl.papers.minnorm.experiments import chain_flows
from refimpl.papers.minnorm.experiments import deep_linear as minnorm_deep_linear
from refimpl.papers.minnorm.experiments import registered as minnorm_registered

CONFIG = minnorm_registered.Config(steps=25)


@pytest.mark.parametrize("task", minnorm_registered.tasks(CONFIG), ids=str)
def test_same_path(task):
    rng = Rng(3).child(str(task))
    found = minnorm_registered.run_task(CONFIG, arrays.backend(), rng, **task)
    assert found["difference"] < 1e3 * found["eps"]


def test_a_wrong_damping_would_show():
    start = np.array([1.1, 0.9, 1.0, 0.0])
    one, other = (
        chain_flows.chain_step(start, rho=rho, eta_w=0.02, eta_lam=0.02, order="alternating")
        for rho in (1.0, 1.001)
    )
    assert np.max(np.abs(one - other)) > 1e-6


def test_pulls_are_the_derivatives_of_the_outputs():
    """Central differences of <g, X (W_D ... W_1)^T> against the pulls, at depth 3."""
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=(4, 5)), rng.normal(size=(4, 2))
    layers = [rng.normal(size=shape) for shape in ((3, 5), (3, 3), (2, 3))]

    def value(changed):
        return float(np.sum(g * (x @ (changed[2] @ changed[1] @ changed[0]).T)))

    upper = minnorm_deep_linear.upper_products(layers)
    pulls = minnorm_deep_linear.pulls(layers, upper, g.T @ x)
    for index, pull in enumerate(pulls):
        direction = rng.normal(size=pull.shape)
        pair = []
        for sign in (1.0, -1.0):
            moved = list(layers)
            moved[index] = layers[index] + sign * 1e-5 * direction
            pair.append(value(moved))
        assert np.sum(pull * direction) == pytest.approx((pair[0] - pair[1]) / 2e-5, rel=1e-7)


def test_stacks_are_stepped_independently():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(3, 4, 5)), rng.normal(size=(3, 4, 2))
    layers = [rng.normal(size=(3, 6, 5)), rng.normal(size=(3, 2, 6))]
    lam = rng.normal(size=(3, 4, 2))
    steps = {"eta_w": 0.1, "eta_lam": 0.05, "rho": 0.3}
    stacked, moved = minnorm_deep_linear.deep_step(x, y, layers, lam, **steps)
    for k in range(3):
        single, alone = minnorm_deep_linear.deep_step(
            x[k], y[k], [layer[k] for layer in layers], lam[k], **steps
        )
        for a, b in zip(stacked, single, strict=True):
            np.testing.assert_allclose(a[k], b, rtol=1e-12)
        np.testing.assert_allclose(moved[k], alone, rtol=1e-12)
