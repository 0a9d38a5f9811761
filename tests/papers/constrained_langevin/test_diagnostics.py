"""What a step says of itself: residuals that are not zero, solver iterations one by one."""

import numpy as np
import pytest

from refimpl import Rng, catalogue
from refimpl import autodiff as ad
from refimpl.constraints import UserConstraint
from refimpl.papers.constrained_langevin.constrained_hmc import ConstrainedHMC
from refimpl.papers.constrained_langevin.constrained_mala import ConstrainedMALA
from refimpl.papers.constrained_langevin.many_chains import ManyChains


def sphere(tolerance):
    """Of radius 1.3, with points that lie on it as far as the tolerance asks for."""
    return UserConstraint(
        lambda q: ad.sum(q * q) - 1.69,
        rows=lambda q: ad.sum(q * q, axis=1, keepdims=True) - 1.69,
        tolerance=tolerance,
    )


FINE = 3e-9
"""Ways back that end where they began are told from others by the root of a double's precision."""
FORMS = {
    "constrained_od": {"step_size": 0.1, "user": sphere(0.03)},
    "constrained_ud": {"step_size": 0.3, "user": sphere(0.03)},
    "constrained_hmc": {"step_size": 0.3, "leapfrog_steps": 2, "user": sphere(FINE)},
    "constrained_mala": {"step_size": 0.1, "user": sphere(FINE)},
}  # fmt: skip
START = np.array([0.5, -1.2, 0.0])


def tilted(q, batch):
    return ad.sum(np.array([0.3, -0.7, 1.1]) * q)


@pytest.mark.parametrize("name", FORMS)
def test_the_residual_is_that_of_the_point_and_iterations_are_counted(name, monkeypatch):
    counted, project = [], UserConstraint.project

    def watched(self, *args):
        solved = project(self, *args)
        counted.append(solved.iterations)
        return solved

    monkeypatch.setattr(UserConstraint, "project", watched)
    algorithm = catalogue.entry(name).factory(temperature=0.3, **FORMS[name])
    state, seen = algorithm.init(START), []
    for step in range(12):
        counted.clear()
        state, info = algorithm.step(state, tilted, None, Rng(step))
        q = np.asarray(state.params)
        seen.append(abs(q @ q - 1.69))
        assert float(info.residual) == pytest.approx(seen[-1], rel=1e-9, abs=2e-15)
        assert info.iterations == sum(counted)
    assert max(seen) > 1e-13


@pytest.mark.parametrize("kind", [ConstrainedHMC, ConstrainedMALA])
def test_a_proposal_that_was_not_made_says_where_the_chain_stays(kind):
    """So far a step that no point of the sphere is within its reach: numbers of the start."""
    algorithm = kind(step_size=1e4, user=sphere(FINE), temperature=0.3)
    state = algorithm.init(START)
    off = 1.001 * START
    state = state._replace(positions=[off])
    _, info = algorithm.step(state, tilted, None, Rng(0))
    assert info.unsolved and not info.accepted and not info.irreversible and not info.diverged
    assert float(info.acceptance) == float(info.energy_error) == info.iterations == 0
    assert float(info.residual) == pytest.approx(abs(off @ off - 1.69), rel=1e-9)
    assert float(info.tangency) < 1e-9


def test_momenta_that_are_not_tangent_are_shown():
    """Without friction a rejected step flips them as they are: q·p / |q| along the normal."""
    algorithm = ConstrainedHMC(
        step_size=1e4, user=sphere(FINE), temperature=0.3, refreshment="partial", friction=0.0
    )
    state = algorithm.init(START)
    momentum = np.array([0.2, 0.4, -0.3])
    after, info = algorithm.step(state._replace(momenta=[momentum]), tilted, None, Rng(0))
    assert info.unsolved and np.array_equal(after.momenta[0], -momentum)
    assert float(info.tangency) == pytest.approx(abs(START @ momentum) / 1.3, rel=1e-12)


def test_every_chain_has_its_own_residual():
    many = ManyChains(ConstrainedHMC(step_size=0.3, user=sphere(FINE), temperature=0.3))
    state, seen = many.init(np.stack([START, -START, START[::-1]])), []
    for step in range(8):
        state, info = many.step(state, lambda q: q @ np.array([0.3, -0.7, 1.1]), Rng(step))
        expected = np.abs(np.sum(np.square(state.params), axis=1) - 1.69)
        np.testing.assert_allclose(info.residual, expected, rtol=1e-9, atol=2e-15)
        seen.append(max(expected))
    assert max(seen) > 1e-13
