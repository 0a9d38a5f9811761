"""One step of Metropolis-exact constrained sampling: propose by RATTLE, test, accept or turn back.

The law exp(−V/τ) on Σ = {g = 0}, with respect to the surface measure, is kept exactly at every
step size, for the error of the integrator and its failures are answered by rejections.

Algorithm
---------
From a point q of Σ and a tangent momentum p, with Π(q) = I − Jᵀ(J Jᵀ)⁻¹ J and J = g':

1. p ← Π(q) (c p + √(τ (1 − c²)) R), R standard normal; H₀ ← V(q) + ½ |p|²
2. repeat K times, from (q*, p*) = (q, p) on:
   a. p½ ← Π(q*) (p* − ½ ε ∇V(q*))
   b. q' ← SHAKE(q*, q* + ε p½) and p½' ← Π(q') (q' − q*)/ε (circles rotate instead);
      stop with "unsolved" where no solution is found
   c. q'' ← SHAKE(q', q' − ε p½'), the step from the flipped momentum; stop with "irreversible"
      unless one is found and |q'' − q*| ≤ √eps (1 + |q*|), largest entries
   d. p* ← Π(q') (p½' − ½ ε ∇V(q')), q* ← q'
3. with probability min(1, exp(−(H* − H₀)/τ)), and if line 2 did not stop: (q, p) ← (q*, p*);
   otherwise (q, p) ← (q, −p)

Line 2 without its stops is the RATTLE integrator: symplectic and, with the momentum flipped, its
own inverse wherever c. holds. Line c. is what makes that so: a solver may reach another point of Σ
on the same normal than the one from which it came.

Sources: T. Lelièvre, M. Rousset and G. Stoltz, "Hybrid Monte Carlo methods for sampling probability
measures on submanifolds", Numer. Math. 143 (2019), for the reversibility check in generalized
hybrid Monte Carlo; E. Zappa, M. Holmes-Cerf and J. Goodman, "Monte Carlo on manifolds: sampling
densities and integrating functions", Comm. Pure Appl. Math. 71 (2018), for the check itself;
M. A. Brubaker, M. Salzmann and R. Urtasun, "A family of MCMC methods on implicitly defined
manifolds", AISTATS 2012, for RATTLE as the proposal. Known from the literature; written from the
formulas above.

===== =====================================================
paper code
===== =====================================================
ε     ``scheme.step_size``
K     ``scheme.drifts``
τ     ``scheme.temperature``
c     ``scheme.decay``
q, p  ``state.positions``, ``state.momenta``
V, ∇V ``state.loss``, ``state.gradients`` (kept from step to step)
===== =====================================================

>>> import numpy as np
>>> float(kinetic([np.array([3.0]), np.array([[4.0]])]))
12.5
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from refimpl.algorithms.base import Objective, Tree, required_rng
from refimpl.arrays import Array, eps, namespace
from refimpl.constraints import Blocks, Circle, Constraint, Unconstrained, largest, worst
from refimpl.constraints.base import zero_like
from refimpl.errors import (
    ConstraintError,
    ConvergenceError,
    DivergenceError,
    InfeasibleError,
    SettingError,
)
from refimpl.papers.constrained_langevin.common import checked_gradient, draw_noise
from refimpl.papers.constrained_langevin.full_batch import FULL_BATCH, mark, same_batch
from refimpl.papers.constrained_langevin.splitting import initial_momenta
from refimpl.random import Rng

NO_PARTS = (
    "a Metropolis test needs one energy whose gradient moves the proposal; make a penalty a part "
    "of the objective"
)


class MetropolisScheme(NamedTuple):
    """How a step is made: ε, K, τ and c of the module's algorithm."""

    step_size: float
    drifts: int
    temperature: float
    decay: float


class MetropolisState(NamedTuple):
    """State of a Metropolis-exact chain.

    Attributes
    ----------
    params : tree
    step : int
    positions, momenta, gradients : list of array
        Extended configurations, tangent momenta and ∇V, one of each a block.
    loss : 0-d array
        V at ``params``. Before the first step it is zero, as the gradients are, and not used.
    batch : array, shape (2,)
        What the batch of the first step is known by again.
    """

    params: Tree
    step: int
    positions: list[Array]
    momenta: list[Array]
    gradients: list[Array]
    loss: Array
    batch: Array


class MetropolisInfo(NamedTuple):
    """Diagnostics of a step.

    Attributes
    ----------
    loss : 0-d array
        After the step.
    acceptance : 0-d array
        The probability with which the proposal was accepted; zero where there was none.
    accepted : bool
    energy_error : 0-d array
        H* − H₀; zero where there was no proposal, or where it was not finite.
    unsolved, irreversible, diverged : bool
        Why there was none: a projection without a solution, one that the way back does not undo,
        an energy that is not finite.
    residual, tangency : 0-d array
        Largest entries of g and J p after the step.
    iterations : int
        Of the projections' solvers, those of the ways back included.
    """

    loss: Array
    acceptance: Array
    accepted: bool
    energy_error: Array
    unsolved: bool
    irreversible: bool
    diverged: bool
    residual: Array
    tangency: Array
    iterations: int


def first_metropolis(
    blocks: Blocks,
    params: Tree,
    positions: list[Array],
    rng: Rng | None,
    *,
    temperature: float,
    steps_per_epoch: int,
) -> MetropolisState:
    """The state before the first step, with momenta from N(0, τ Π), or at rest without an rng.

    Raises
    ------
    SettingError
        If the training set comes in more than one batch.
    """
    if steps_per_epoch > 1:
        raise SettingError(FULL_BATCH, steps_per_epoch=steps_per_epoch)
    momenta = initial_momenta(blocks, positions, temperature, rng)
    still = [0.0 * q for q in positions]
    like = positions[0]
    return MetropolisState(params, 0, positions, momenta, still, zero_like(like), mark(None, like))


def metropolis_step(
    blocks: Blocks,
    state: MetropolisState,
    objective: Objective,
    batch: Any,
    rng: Rng | None,
    scheme: MetropolisScheme,
) -> tuple[MetropolisState, MetropolisInfo]:
    """One step; see the module's algorithm. Noise is drawn block by block, then one uniform number.

    Raises
    ------
    SettingError
        If the batch is not that of the first step.
    DivergenceError
        If the loss or its gradient is not finite at the start of the chain.
    """
    known = mark(batch, state.loss)
    if state.step == 0:
        loss, gradient = checked_gradient(objective, state.params, batch, 0)
        slopes = blocks.gradients(gradient, state.positions)
    else:
        if not same_batch(state.batch, known):
            raise SettingError(FULL_BATCH, step=state.step)
        loss, slopes, known = state.loss, state.gradients, state.batch
    q, p = state.positions, refreshed(blocks, state, rng, scheme)
    trajectory = _Trajectory(blocks, state, objective, batch, scheme)
    end = trajectory.run(q, p, slopes)
    chance, error = 0.0 * loss, 0.0 * loss
    if end is not None:
        error = end.loss + kinetic(end.momenta) - (loss + kinetic(p))
        chance = acceptance(error, scheme.temperature)
    accepted = _drawn(chance, scheme.temperature, rng)
    if accepted and end is not None:
        q, p, slopes, loss = end.positions, end.momenta, end.gradients, end.loss
    else:
        p = [-u for u in p]
    new = MetropolisState(blocks.params(state.params, q), state.step + 1, q, p, slopes, loss, known)
    info = MetropolisInfo(
        loss, chance, accepted, error, *trajectory.failures,
        worst(blocks.each(lambda c, x: largest(c.residual(x)), q)),
        worst(blocks.each(lambda c, x, u: largest(c.tangency(x, u)), q, p)),
        trajectory.iterations,
    )  # fmt: skip
    return new, info


def refreshed(
    blocks: Blocks, state: MetropolisState, rng: Rng | None, scheme: MetropolisScheme
) -> list[Array]:
    """Line 1: the momenta with their share of noise."""
    p = [scheme.decay * u for u in state.momenta]
    spread = math.sqrt(scheme.temperature * (1.0 - scheme.decay**2))
    if spread == 0.0:
        return p
    noise = draw_noise(state.positions, rng)
    mixed = [u + spread * xi for u, xi in zip(p, noise, strict=True)]
    return blocks.each(lambda c, q, u: c.project_tangent(q, u), state.positions, mixed)


def kinetic(p: list[Array]) -> Array:
    """½ |p|²."""
    xp = namespace(*p)
    return 0.5 * xp.sum(xp.stack([xp.sum(u * u) for u in p]))


def acceptance(error: Array, temperature: float) -> Array:
    """min(1, exp(−error/τ)); at τ = 0 what is not uphill is accepted.

    Examples
    --------
    >>> import numpy as np
    >>> float(acceptance(np.asarray(0.5), 1.0)), float(acceptance(np.asarray(-0.5), 0.0))
    (0.6065306597126334, 1.0)
    """
    xp = namespace(error)
    if temperature == 0.0:
        return xp.where(error <= 0.0, 1.0 + 0.0 * error, 0.0 * error)
    return xp.exp(xp.clip(-error / temperature, None, 0.0))


def _drawn(chance: Array, temperature: float, rng: Rng | None) -> bool:
    if temperature == 0.0:
        return bool(chance > 0.0)
    return bool(required_rng(rng).uniform((), like=chance) < chance)


class _End(NamedTuple):
    """The end of a trajectory."""

    positions: list[Array]
    momenta: list[Array]
    gradients: list[Array]
    loss: Array


class _Trajectory:
    """Line 2: RATTLE with its ways back, and how it ended."""

    def __init__(
        self,
        blocks: Blocks,
        state: MetropolisState,
        objective: Objective,
        batch: Any,
        scheme: MetropolisScheme,
    ) -> None:
        self.blocks, self.state, self.scheme = blocks, state, scheme
        self.objective, self.batch = objective, batch
        self.iterations = 0
        self.unsolved = self.irreversible = self.diverged = False

    @property
    def failures(self) -> tuple[bool, bool, bool]:
        """Whether it stopped unsolved, irreversible or with an energy that is not finite."""
        return self.unsolved, self.irreversible, self.diverged

    def run(self, q: list[Array], p: list[Array], slopes: list[Array]) -> _End | None:
        """The end of K drifts, or None."""
        try:
            for _ in range(self.scheme.drifts):
                end = self._drift(q, p, slopes)
                if end is None:
                    return None
                q, p, slopes, loss = end
            return _End(q, p, slopes, loss)
        except (InfeasibleError, ConvergenceError, ConstraintError):
            self.unsolved = True
        except DivergenceError:
            self.diverged = True
        return None

    def _drift(self, q: list[Array], p: list[Array], slopes: list[Array]) -> _End | None:
        p = self._kick(q, p, slopes)
        moved = self.blocks.each(self._move, q, p)
        if any(item is None for item in moved):
            self.irreversible = True
            return None
        q, p = [item[0] for item in moved], [item[1] for item in moved]
        params = self.blocks.params(self.state.params, q)
        loss, gradient = checked_gradient(self.objective, params, self.batch, self.state.step)
        slopes = self.blocks.gradients(gradient, q)
        return _End(q, self._kick(q, p, slopes), slopes, loss)

    def _kick(self, q: list[Array], p: list[Array], slopes: list[Array]) -> list[Array]:
        half = 0.5 * self.scheme.step_size
        kicked = [u - half * slope for u, slope in zip(p, slopes, strict=True)]
        return self.blocks.each(lambda c, x, u: c.project_tangent(x, u), q, kicked)

    def _move(self, constraint: Constraint, q: Array, p: Array) -> tuple[Array, Array] | None:
        """Where a block ends, with its tangent momentum; None if the way back ends elsewhere."""
        h = self.scheme.step_size
        end = constraint.move(q, p, h)
        self.iterations += end.iterations
        p = constraint.project_tangent(end.position, end.momentum)
        if isinstance(constraint, Unconstrained):
            return end.position, p
        if isinstance(constraint, Circle) and constraint.motion == "rotation":
            return end.position, p
        try:
            back = constraint.move(end.position, -p, h)
        except (InfeasibleError, ConvergenceError, ConstraintError):
            return None
        self.iterations += back.iterations
        gap = float(largest(back.position - q))
        allowed = math.sqrt(eps(q)) * (1.0 + float(largest(q)))
        return (end.position, p) if gap <= allowed else None
