"""One underdamped constrained Langevin step by splitting, for any constraint g(q) = 0.

The process keeps q on Σ = {g = 0} and p tangent by a multiplier along J(q)ᵀ, J = g':

    dq = p dt,  dp = (−∇V − γ p) dt + √(2γτ) dB + Jᵀ dλ,  J(q) p = 0

Algorithm
---------
For the letters of the splitting from left to right, each with its share s of h, and
Π(q) = I − Jᵀ(J Jᵀ)⁻¹ J:

1. A: q' ← SHAKE(q, q + s p),  p ← Π(q') (q' − q)/s  (circles rotate instead)
2. B: p ← Π(q) (p − s ∇V(q; batch))
3. O: p ← Π(q) (c p + d R),  c = exp(−γ s),  d = √(τ (1 − c²))

Sources: B. Leimkuhler, T. Pouchon, T. Vlaar and A. Storkey, "Constraint-Based Regularization of
Neural Networks", arXiv 2006.10114; B. Leimkuhler, T. Vlaar, T. Pouchon and A. Storkey, "Better
Training using Weight-Constrained Stochastic Dynamics", ICML 2021. The process is that of the
abstracts; the discretisation is derived here from the standard theory of constrained Langevin
dynamics (T. Lelièvre, M. Rousset and G. Stoltz, Math. Comp. 81, 2012; B. Leimkuhler and C.
Matthews, Proc. R. Soc. A 472, 2016).

===== ==========================================
paper code
===== ==========================================
h     ``step_size``
τ     ``temperature``
γ     ``friction``
q     ``state.positions``, slacks included
p     ``state.momenta``
g     ``blocks.constraints[i].residual``
λ     its largest entry is ``info.multiplier``
===== ==========================================

Deviations
----------
* Consecutive projections on one tangent space are one: momenta are projected before a drift and
  at the end of a step.
* One gradient a step: BAOAB and OBABO keep their last gradient for the next step's first B.
* A drift that has no solution raises. As options it is rejected (q kept, p ← −p), the step is
  halved (which changes the sampled law), or the nearest point is taken; ``info`` says so.

>>> [letters for letters in ("OBA", "AOAB", "BAOAB", "OBABO") if keeps_gradient(letters)]
['BAOAB', 'OBABO']
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

from refimpl.algorithms.base import Objective, Tree
from refimpl.arrays import Array, eps
from refimpl.constraints import Blocks, Circle, Constraint, Moved, Unconstrained, largest, worst
from refimpl.errors import ConvergenceError, InfeasibleError
from refimpl.papers.constrained_langevin.common import (
    ConstrainedInfo,
    OnFailure,
    Tally,
    checked_gradient,
    draw_noise,
    explained,
)
from refimpl.random import Rng

Splitting = Literal["BAOAB", "OBABO", "OABAO", "OBA", "AOAB"]
"""The parts in time: A drifts, B kicks, O exchanges heat."""

SPLITTING_HELP = "order of the parts in time"


class UnderdampedScheme(NamedTuple):
    """How a step is made.

    Attributes
    ----------
    letters : str
        The parts of the splitting in time; the share of a part is h over its number of
        appearances. For ``"AOAB"`` the first step begins with half a B, so that its positions
        are those of BAOAB.
    step_size, friction, temperature : float
        h, γ and τ.
    on_failure : {"raise", "reject", "halve", "polar"}
        What becomes of a drift without a solution.
    max_halvings : int
        Of one step.
    reversibility_check : bool
        Reject a drift, with p ← −p, from which the reversed drift does not lead back.
    """

    letters: str
    step_size: float
    friction: float
    temperature: float
    on_failure: OnFailure = "raise"
    max_halvings: int = 10
    reversibility_check: bool = False


class UnderdampedState(NamedTuple):
    """State of the underdamped scheme.

    Attributes
    ----------
    params : tree
    step : int
    positions, momenta : list of array
        Extended configurations and tangent momenta, one of each a block.
    gradients : list of array, or None
        The gradient at ``positions`` for the next step's first B; None where it is not reused.
        Zero, and not used, before the first step.
    """

    params: Tree
    step: int
    positions: list[Array]
    momenta: list[Array]
    gradients: list[Array] | None


def initial_momenta(
    blocks: Blocks, positions: list[Array], temperature: float, rng: Rng | None
) -> list[Array]:
    """Zero momenta, or with an rng the tangent Gaussian law N(0, τ Π(q))."""
    if rng is None or temperature == 0.0:
        return [0.0 * q for q in positions]
    scale = math.sqrt(temperature)
    draws = [scale * xi for xi in draw_noise(positions, rng)]
    return blocks.each(lambda c, q, u: c.project_tangent(q, u), positions, draws)


def keeps_gradient(letters: str) -> bool:
    """Whether the step ends with a gradient taken at its last position."""
    return letters != "AOAB" and letters.rindex("B") > letters.rindex("A")


def first_underdamped(
    blocks: Blocks,
    params: Tree,
    positions: list[Array],
    rng: Rng | None,
    *,
    splitting: str,
    temperature: float,
) -> UnderdampedState:
    """The state before the first step; ``rng`` draws the momenta (:func:`initial_momenta`)."""
    momenta = initial_momenta(blocks, positions, temperature, rng)
    kept = None
    if keeps_gradient(splitting):
        kept = [0.0 * q for q in positions]
    return UnderdampedState(params, 0, positions, momenta, kept)


def underdamped_step(
    blocks: Blocks,
    state: UnderdampedState,
    objective: Objective,
    batch: Any,
    rng: Rng | None,
    scheme: UnderdampedScheme,
) -> tuple[UnderdampedState, ConstrainedInfo]:
    """One underdamped step of any blocks; see the module's algorithm.

    Raises
    ------
    InfeasibleError, ConvergenceError
        With ``step`` and ``step_size`` among the numbers.
    DivergenceError
        If the gradient is not finite.
    """
    halvings = 0
    while True:
        try:
            tally = Tally([], [], halvings=halvings)
            return _attempt(blocks, state, objective, batch, rng, scheme, tally)
        except (InfeasibleError, ConvergenceError) as error:
            if scheme.on_failure != "halve" or halvings >= scheme.max_halvings:
                raise explained(error, state.step, scheme.step_size) from None
            scheme = scheme._replace(step_size=0.5 * scheme.step_size)
            halvings += 1
            rng = None if rng is None else rng.child("halving", halvings)


def _attempt(
    blocks: Blocks,
    state: UnderdampedState,
    objective: Objective,
    batch: Any,
    rng: Rng | None,
    scheme: UnderdampedScheme,
    tally: Tally,
) -> tuple[UnderdampedState, ConstrainedInfo]:
    """One step of the scheme's size."""
    letters, h = scheme.letters, scheme.step_size
    q, p = state.positions, state.momenta
    slopes = state.gradients if state.step > 0 else None  # ∇V at q; None from a drift on
    loss: Any = None
    tangent = True  # whether p is

    def gradient_at(q: list[Array]) -> tuple[Array, list[Array]]:
        params = blocks.params(state.params, q)
        loss, gradient = checked_gradient(objective, params, batch, state.step)
        return loss, blocks.gradients(gradient, q)

    if letters == "AOAB" and state.step == 0:
        loss, first = gradient_at(q)
        p, tangent = _kick(p, first, 0.5 * h), False
    for part in letters:
        s = h / letters.count(part)
        if part == "A":
            options = (s, tangent, scheme, tally)
            moved = blocks.each(lambda c, x, u, o=options: _move(c, x, u, *o), q, p)
            q, p = [m.position for m in moved], [m.momentum for m in moved]
            tally.count(blocks, moved)
            slopes = None
        elif part == "B":
            if slopes is None:
                loss, slopes = gradient_at(q)
            p = _kick(p, slopes, s)
        else:
            c = math.exp(-scheme.friction * s)
            d = math.sqrt(scheme.temperature * -math.expm1(-2.0 * scheme.friction * s))
            p = [c * u for u in p]
            if d > 0.0:
                p = [u + d * xi for u, xi in zip(p, draw_noise(q, rng), strict=True)]
        tangent = False
    p = blocks.each(lambda c, x, u: c.project_tangent(x, u), q, p)
    params = blocks.params(state.params, q)
    kept = slopes if keeps_gradient(letters) else None
    new = UnderdampedState(params, state.step + 1, q, p, kept)
    tangency = worst(blocks.each(lambda c, x, u: largest(c.tangency(x, u)), q, p))
    return new, tally.info(loss, tangency)


def _kick(p: list[Array], slopes: list[Array], s: float) -> list[Array]:
    return [u - s * slope for u, slope in zip(p, slopes, strict=True)]


def _move(
    constraint: Constraint,
    q: Array,
    p: Array,
    h: float,
    tangent: bool,
    scheme: UnderdampedScheme,
    tally: Tally,
) -> Moved:
    """The drift of one block, and what becomes of one without a solution."""
    try:
        end = constraint.move(q, p, h, tangent)
    except (InfeasibleError, ConvergenceError):
        if scheme.on_failure == "reject":
            tally.rejected += 1
            return Moved(q, -p, 0, 0.0 * largest(q))
        if scheme.on_failure != "polar":
            raise
        tally.fallbacks += 1
        point = constraint.nearest(q + h * constraint.project_tangent(q, p))
        return Moved(point.point, (point.point - q) / h, 0, point.multiplier)
    if not scheme.reversibility_check or isinstance(constraint, (Circle, Unconstrained)):
        return end
    back = constraint.project_tangent(end.position, -end.momentum)
    try:
        returned = constraint.move(end.position, back, h).position
        gap = float(largest(returned - q))
    except (InfeasibleError, ConvergenceError):
        gap = math.inf
    if gap <= math.sqrt(eps(q)) * (1.0 + float(largest(q))):
        return end
    tally.rejected += 1
    return Moved(q, -p, end.iterations, end.multiplier)
