"""One proposal against the constrained integrator of mici, on the same draws: ends and refusals."""

import math

import numpy as np
import pytest

from refimpl import autodiff as ad
from refimpl.constraints import UserConstraint
from refimpl.papers.constrained_langevin.constrained_hmc import ConstrainedHMC
from refimpl.random import Replay

mici = pytest.importorskip("mici")

SPHERE_AND_CONE = (
    lambda q: ad.stack([ad.sum(q * q) - 1.0, q[0] ** 2 + 0.5 * q[1] ** 2 - q[2] * q[3] - 0.1]),
    lambda q: np.array([q @ q - 1.0, q[0] ** 2 + 0.5 * q[1] ** 2 - q[2] * q[3] - 0.1]),
    lambda q: np.array([2.0 * q, [2.0 * q[0], q[1], -q[3], -q[2]]]),
    np.array([math.sqrt(0.1), 0.0, math.sqrt(0.9), 0.0]),
)


def level(q):
    x, y = q[0], q[1]
    return ((x - 1.0) ** 2 + y * y) * ((x + 1.0) ** 2 + y * y) - 1.02**4


def slope(q):
    x, y = q
    left, right = (x - 1.0) ** 2 + y * y, (x + 1.0) ** 2 + y * y
    return np.array([[2 * (x - 1) * right + 2 * (x + 1) * left, 2 * y * right + 2 * y * left]])


OVAL = (level, lambda q: np.array([level(q)]), slope, np.array([0.0, math.sqrt(1.02**2 - 1.0)]))
CASES = {"sphere and cone": (SPHERE_AND_CONE, 0.5), "oval": (OVAL, 0.7)}


@pytest.mark.parametrize("name", CASES)
def test_ends_and_refusals_are_those_of_mici(name):
    (function, values, jacobian, start), step_size = CASES[name]
    tilt = np.linspace(0.4, -0.9, start.size)
    system = mici.systems.DenseConstrainedEuclideanMetricSystem(
        neg_log_dens=lambda q: q @ tilt,
        grad_neg_log_dens=lambda q: tilt,
        constr=values,
        jacob_constr=jacobian,
    )
    integrator = mici.integrators.ConstrainedLeapfrogIntegrator(
        system,
        step_size=step_size,
        reverse_check_tol=1e-7,
        projection_solver=mici.solvers.solve_projection_onto_manifold_newton,
        projection_solver_kwargs={"constraint_tol": 1e-13, "position_tol": 1e-10},
    )
    algorithm = ConstrainedHMC(
        step_size=step_size, leapfrog_steps=1, temperature=1.0,
        user=UserConstraint(function),
    )  # fmt: skip
    draws = np.random.default_rng(0)
    state = algorithm.init(start)
    seen = {"fine": 0, "refused": 0, "irreversible": 0}
    for _ in range(150):
        noise, uniform = draws.standard_normal(start.size), draws.uniform()
        before = state.params
        momentum = algorithm.blocks(before).constraints[0].project_tangent(before, noise)
        new, info = algorithm.step(
            state, lambda q, batch: ad.sum(q * tilt), None, Replay([noise, uniform])
        )
        theirs = mici.states.ChainState(pos=before.copy(), mom=momentum.copy(), dir=1)
        try:
            end = integrator.step(theirs)
        except mici.errors.Error:
            assert info.unsolved or info.irreversible
            seen["irreversible" if info.irreversible else "refused"] += 1
            state = new
            continue
        assert not info.unsolved and not info.irreversible
        error = system.h(end) - system.h(theirs)
        assert float(info.energy_error) == pytest.approx(error, abs=1e-8)
        if info.accepted:
            np.testing.assert_allclose(new.params, end.pos, rtol=0, atol=1e-8)
            np.testing.assert_allclose(new.momenta[0], end.mom, rtol=0, atol=1e-7)
            seen["fine"] += 1
        state = new
    assert seen["fine"] > 40 and seen["refused"] + seen["irreversible"] > 5, seen
    if name == "oval":
        assert seen["irreversible"] > 0
