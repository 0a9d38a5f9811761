"""Many Metropolis-exact chains at once, on a leading axis of every parameter.

The chains are independent and share their step size; the potential gives one value for each. The
step is that of :mod:`refimpl.papers.constrained_langevin.metropolis`, line by line, with masks in
the place of exceptions: a chain whose projection has no solution, or whose way back ends elsewhere,
is turned round, and the others go on.

Algorithm
---------
For all chains at once, with ``alive`` true everywhere at first:

1. p ← Π(q) (c p + √(τ (1 − c²)) R); H₀ ← V(q) + ½ |p|²
2. K times: half a kick; the drift, which takes those out of ``alive`` that have no solution; the
   drift back from the flipped momentum, which takes those out that do not come back; half a kick
3. (q, p) ← (q*, p*) with probability min(1, exp(−(H* − H₀)/τ)) where ``alive``, else (q, −p)

Sources: those of :mod:`refimpl.papers.constrained_langevin.constrained_hmc`.

====== ================================================
symbol code
====== ================================================
q, p   ``state.positions``, ``state.momenta``
V, ∇V  ``state.loss``, ``state.gradients``
alive  ``solved`` and ``returned`` of the trajectory
====== ================================================

Deviations
----------
* An energy that is not finite rejects, at the start of a chain too.
* The potential is a function of the parameters alone: there is no batch.

>>> import numpy as np
>>> from refimpl import Rng
>>> from refimpl import autodiff as ad
>>> from refimpl.papers.constrained_langevin.constrained_hmc import ConstrainedHMC
>>> chains = ManyChains(ConstrainedHMC(step_size=0.4, temperature=1.0, free_first=False))
>>> state = chains.init([np.stack([np.eye(3, 2)] * 100)])
>>> state, info = chains.step(state, lambda w: -w[0][:, 0, 0], Rng(1))
>>> info.acceptance.shape, float(info.residual.max()) < 1e-14
((100,), True)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree, check_params, required_rng
from refimpl.arrays import Array, device, eps, namespace, range_unwatched
from refimpl.constraints import choose, largest_of_each, over_chains
from refimpl.errors import SettingError
from refimpl.random import Rng

Potential = Callable[[Tree], Any]
"""From the parameters, with an axis of chains in front, to one value for each, shape (chains,)."""


class ChainsState(NamedTuple):
    """State of many chains; every array has a leading axis of chains.

    Attributes
    ----------
    params : tree
    step : int
    positions, momenta, gradients : list of array
    loss : array, shape (chains,)
        V at ``params``; as the gradients, zero and not used before the first step.
    """

    params: Tree
    step: int
    positions: list[Array]
    momenta: list[Array]
    gradients: list[Array]
    loss: Array


class ChainsInfo(NamedTuple):
    """Diagnostics of a step, one entry a chain.

    Attributes
    ----------
    loss : array
        After the step.
    acceptance : array
        Probabilities; zero where there was no proposal.
    accepted, unsolved, irreversible, diverged : boolean array
    energy_error : array
        H* − H₀; zero where there was no proposal or no finite energy.
    residual : array
        Largest entry of g after the step.
    """

    loss: Array
    acceptance: Array
    accepted: Array
    unsolved: Array
    irreversible: Array
    diverged: Array
    energy_error: Array
    residual: Array


class Trajectory(NamedTuple):
    """Where the chains are on their way, and which have a solution and come back."""

    positions: list[Array]
    momenta: list[Array]
    gradients: list[Array]
    loss: Array
    solved: Array
    returned: Array


@dataclass(frozen=True)
class ManyChains:
    """Independent chains of one sampler.

    Parameters
    ----------
    algorithm : ConstrainedHMC or ConstrainedMALA
        Its constraint, temperature and scheme are read.

    Examples
    --------
    >>> from refimpl.papers.constrained_langevin.constrained_mala import ConstrainedMALA
    >>> ManyChains(ConstrainedMALA(step_size=0.1)).with_step_size(0.2).algorithm.step_size
    0.2
    """

    algorithm: Any

    def with_step_size(self, step_size: float) -> ManyChains:
        """The same chains with another step size."""
        return replace(self, algorithm=replace(self.algorithm, step_size=step_size))

    @property
    def gradients_per_step(self) -> int:
        """What a step costs."""
        return self.algorithm.scheme.drifts

    def blocks(self, params: Tree) -> list[Any]:
        """The constraint of every leaf, over chains."""
        first = ad.map_tree(lambda leaf: leaf[0, ...], params)
        found = [over_chains(c) for c in self.algorithm.blocks(first).constraints]
        if len(found) != len(ad.flatten(params)[0]):
            raise SettingError(
                "many chains of a user's constraint have one array of rows, (chains, d)",
                parameters=len(ad.flatten(params)[0]),
            )
        return found

    def init(self, params: Tree, rng: Rng | None = None) -> ChainsState:
        """The state before the first step; ``rng`` draws the momenta from N(0, τ Π).

        Raises
        ------
        InfeasibleError
            If a chain does not start on the constraint set: there is no projection onto it here.
        SettingError
            If a user's constraint has no function on rows.
        """
        check_params(params)
        leaves = ad.flatten(params)[0]
        positions = [b.extend(x) for b, x in zip(self.blocks(params), leaves, strict=True)]
        still = [0.0 * q for q in positions]
        state = ChainsState(params, 0, positions, still, still, 0.0 * largest_of_each(positions[0]))
        if rng is None:
            return state
        scale = math.sqrt(self.algorithm.temperature)
        drawn = [scale * rng.normal(q.shape, like=q) for q in positions]
        return state._replace(momenta=_tangent(self.blocks(params), positions, drawn))

    def step(
        self, state: ChainsState, potential: Potential, rng: Rng | None = None
    ) -> tuple[ChainsState, ChainsInfo]:
        """One trajectory of every chain and its test; noise block by block, then one uniform each.

        Raises
        ------
        TypeError
            If ``rng`` is None and the temperature is positive.
        """
        scheme = self.algorithm.scheme
        blocks = self.blocks(state.params)
        loss, slopes = state.loss, state.gradients
        if state.step == 0:
            loss, slopes = self._evaluate(blocks, state, potential, state.positions)
        q, p = state.positions, self.refreshed(blocks, state, rng)
        xp = namespace(loss)
        everywhere = xp.ones(loss.shape, dtype=xp.bool, device=device(loss))
        start = Trajectory(q, p, slopes, loss, everywhere, everywhere)
        end = start
        with range_unwatched():
            for _ in range(scheme.drifts):
                end = self._drift(blocks, state, potential, end)
            error = end.loss + kinetic(end.momenta) - (loss + kinetic(p))
        alive = end.solved & end.returned
        diverged = alive & ~xp.isfinite(error)
        error = xp.where(alive & ~diverged, error, 0.0 * loss)
        alive = alive & ~diverged
        chance = self.chances(error, alive)
        accepted = self._drawn(chance, rng)
        new = ChainsState(
            state.params, state.step + 1,
            _choose(accepted, end.positions, q),
            _choose(accepted, end.momenta, [-u for u in p]),
            _choose(accepted, end.gradients, slopes),
            xp.where(accepted, end.loss, loss),
        )  # fmt: skip
        new = new._replace(params=_params(blocks, state.params, new.positions))
        residuals = [b.residual(x) for b, x in zip(blocks, new.positions, strict=True)]
        info = ChainsInfo(
            new.loss, chance, accepted, ~end.solved, end.solved & ~end.returned, diverged, error,
            xp.max(xp.stack(residuals), axis=0),
        )  # fmt: skip
        return new, info

    def chances(self, error: Array, alive: Array) -> Array:
        """Line 3: with which probability each chain goes on."""
        xp, tau = namespace(error), self.algorithm.temperature
        if tau == 0.0:
            return xp.where(alive & (error <= 0.0), 1.0 + 0.0 * error, 0.0 * error)
        return xp.where(alive, xp.exp(xp.clip(-error / tau, None, 0.0)), 0.0 * error)

    def returns(self, block: Any, start: Array, end: Array, p: Array) -> Array:
        """Line 2: in which chains the drift from the end, with its momentum flipped, comes back."""
        if block.reversible:
            return largest_of_each(end) < math.inf
        back = block.move(end, -p, self.algorithm.scheme.step_size)
        gap = largest_of_each(back.position - start)
        return back.solved & (gap <= math.sqrt(eps(start)) * (1.0 + largest_of_each(start)))

    def refreshed(self, blocks: list[Any], state: ChainsState, rng: Rng | None) -> list[Array]:
        scheme = self.algorithm.scheme
        p = [scheme.decay * u for u in state.momenta]
        spread = math.sqrt(scheme.temperature * (1.0 - scheme.decay**2))
        if spread == 0.0:
            return p
        stream = required_rng(rng)
        mixed = [u + spread * stream.normal(u.shape, like=u) for u in p]
        return _tangent(blocks, state.positions, mixed)

    def _drift(
        self, blocks: list[Any], state: ChainsState, potential: Potential, now: Trajectory
    ) -> Trajectory:
        half = 0.5 * self.algorithm.scheme.step_size
        q, p = now.positions, _kicked(blocks, now.positions, now.momenta, now.gradients, half)
        solved, returned, ends, tangent = now.solved, now.returned, [], []
        for block, x, u in zip(blocks, q, p, strict=True):
            moves = block.move(x, u, self.algorithm.scheme.step_size)
            after = block.project_tangent(moves.position, moves.momentum)
            solved = solved & moves.solved
            returned = returned & (self.returns(block, x, moves.position, after) | ~moves.solved)
            ends.append(moves.position)
            tangent.append(after)
        loss, slopes = self._evaluate(blocks, state, potential, ends)
        return Trajectory(
            ends, _kicked(blocks, ends, tangent, slopes, half), slopes, loss, solved, returned
        )

    def _evaluate(
        self, blocks: list[Any], state: ChainsState, potential: Potential, positions: list[Array]
    ) -> tuple[Array, list[Array]]:
        params = _params(blocks, state.params, positions)
        loss, pullback = ad.vjp(potential, params)
        if tuple(loss.shape) != (positions[0].shape[0],):
            raise SettingError(
                "the potential gives one value for every chain",
                shape=tuple(loss.shape),
                chains=positions[0].shape[0],
            )
        gradient = ad.flatten(pullback(namespace(loss).ones_like(loss)))[0]
        parts = zip(blocks, gradient, positions, strict=True)
        return loss, [b.extend_gradient(slope, q) for b, slope, q in parts]

    def _drawn(self, chance: Array, rng: Rng | None) -> Array:
        if self.algorithm.temperature == 0.0:
            return chance > 0.0
        return required_rng(rng).uniform(chance.shape, like=chance) < chance


def kinetic(p: list[Array]) -> Array:
    """½ |p|² of every chain."""
    xp = namespace(*p)
    parts = [xp.sum(xp.reshape(u * u, (u.shape[0], -1)), axis=1) for u in p]
    return 0.5 * xp.sum(xp.stack(parts), axis=0)


def _kicked(
    blocks: list[Any], q: list[Array], p: list[Array], slopes: list[Array], time: float
) -> list[Array]:
    return _tangent(blocks, q, [u - time * slope for u, slope in zip(p, slopes, strict=True)])


def _tangent(blocks: list[Any], q: list[Array], u: list[Array]) -> list[Array]:
    return [b.project_tangent(x, y) for b, x, y in zip(blocks, q, u, strict=True)]


def _params(blocks: list[Any], like: Tree, positions: list[Array]) -> Tree:
    arrays = [b.parameters(q) for b, q in zip(blocks, positions, strict=True)]
    return ad.unflatten(ad.flatten(like)[1], arrays)


def _choose(mask: Array, one: list[Array], other: list[Array]) -> list[Array]:
    return [choose(mask, a, b) for a, b in zip(one, other, strict=True)]
