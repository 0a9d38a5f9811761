"""Overdamped constrained Langevin training for any constraint g(q) = 0.

The process keeps q on Σ = {g = 0} by a multiplier along J(q)ᵀ, J = g':

    dq = −∇V dt + √(2τ) dB + Jᵀ dλ

Algorithm
---------
1. q̄ ← q − h ∇V(q; batch) + √(2τh) R
2. q ← SHAKE(q, q̄): the point q̄ − J(q)ᵀ λ of Σ (or the nearest point of Σ)

At τ = 0 this is constrained gradient descent.

Sources: B. Leimkuhler, T. Pouchon, T. Vlaar and A. Storkey, "Constraint-Based Regularization of
Neural Networks", arXiv 2006.10114; B. Leimkuhler, T. Vlaar, T. Pouchon and A. Storkey, "Better
Training using Weight-Constrained Stochastic Dynamics", ICML 2021. The process is that of the
abstracts; the discretization is derived here from the standard theory of constrained Langevin
dynamics (T. Lelièvre, M. Rousset and G. Stoltz, Math. Comp. 81, 2012).

===== ==========================================
paper code
===== ==========================================
h     ``step_size``
τ     ``temperature``
q     ``state.positions``, slacks included
g     ``blocks.constraints[i].residual``
λ     its largest entry is ``info.multiplier``
===== ==========================================

Deviations
----------
A projection that has no solution raises. As options the step is rejected (q kept), halved (which
changes the sampled law), or ends in the nearest point; ``info`` says so.

>>> import numpy as np
>>> from refimpl import autodiff as ad
>>> from refimpl.constraints import UserConstraint
>>> sphere = UserConstraint(lambda w: ad.sum(w * w) - 1.0)
>>> algorithm = ConstrainedOverdamped(step_size=0.1, temperature=0.0, user=sphere)
>>> state = algorithm.init(np.array([1.0, 0.0]))
>>> for _ in range(200):
...     state, info = algorithm.step(state, lambda w, batch: -w[1], None)
>>> np.round(state.params, 6)
array([0., 1.])
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from refimpl.algorithms.base import Objective, Tree
from refimpl.arrays import Array
from refimpl.checks import one_of, plain_numbers
from refimpl.constraints import Blocks, Constraint, Solved, largest
from refimpl.errors import ConvergenceError, InfeasibleError
from refimpl.papers.constrained_langevin.choice import ConstraintChoice
from refimpl.papers.constrained_langevin.common import (
    FAILURE_HELP,
    ConstrainedInfo,
    OnFailure,
    Tally,
    check_common,
    checked_gradient,
    draw_noise,
    explained,
    feasible_start,
)
from refimpl.random import Rng


class OverdampedState(NamedTuple):
    """State of the overdamped scheme: ``positions`` are ``params`` with their slacks."""

    params: Tree
    step: int
    positions: list[Array]


class OverdampedScheme(NamedTuple):
    """How a step is made.

    Attributes
    ----------
    step_size, temperature : float
        h and τ.
    projection : {"shake", "nearest"}
    increment : {"raw", "projected"}
        Whether the increment is first projected on the tangent space. SHAKE gives the same
        point; the nearest point is another scheme.
    on_failure : {"raise", "reject", "halve", "polar"}
        What becomes of a step without a solution.
    max_halvings : int
        Of one step.
    """

    step_size: float
    temperature: float
    projection: str = "shake"
    increment: str = "raw"
    on_failure: OnFailure = "raise"
    max_halvings: int = 10


def overdamped_step(
    blocks: Blocks,
    state: OverdampedState,
    objective: Objective,
    batch: Any,
    rng: Rng | None,
    scheme: OverdampedScheme,
) -> tuple[OverdampedState, ConstrainedInfo]:
    """One overdamped step of any blocks; see the module's algorithm.

    Raises
    ------
    InfeasibleError, ConvergenceError
        With ``step`` and ``step_size`` among the numbers.
    DivergenceError
        If the gradient is not finite.
    """
    q, h = state.positions, scheme.step_size
    loss, gradient = checked_gradient(objective, state.params, batch, state.step)
    slopes = blocks.gradients(gradient, q)
    tally = Tally([], [])
    noise = draw_noise(q, rng) if scheme.temperature > 0.0 else None
    while True:
        steps = [-h * slope for slope in slopes]
        if noise is not None:
            scale = math.sqrt(2.0 * scheme.temperature * h)
            steps = [u + scale * xi for u, xi in zip(steps, noise, strict=True)]
        if scheme.increment == "projected":
            steps = blocks.each(lambda c, x, u: c.project_tangent(x, u), q, steps)
        try:
            solved = blocks.each(lambda c, x, u: _solve(c, x, u, scheme, tally), q, steps)
        except (InfeasibleError, ConvergenceError) as error:
            if scheme.on_failure == "halve" and tally.halvings < scheme.max_halvings:
                tally.halvings += 1
                h = 0.5 * h
                continue
            if scheme.on_failure != "reject":
                raise explained(error, state.step, h) from None
            tally.rejected = 1
            solved = [Solved(x, 0, 0.0 * largest(x)) for x in q]
        break
    new = [item.point for item in solved]
    tally.count(blocks, solved)
    params = blocks.params(state.params, new)
    return OverdampedState(params, state.step + 1, new), tally.info(loss, 0.0 * loss)


def _solve(
    constraint: Constraint, q: Array, u: Array, scheme: OverdampedScheme, tally: Tally
) -> Solved:
    """The point of one block, and what becomes of one without a solution."""
    if scheme.projection == "nearest":
        return constraint.nearest(q + u)
    try:
        return constraint.project(q, q + u)
    except (InfeasibleError, ConvergenceError):
        if scheme.on_failure != "polar":
            raise
        tally.fallbacks += 1
        return constraint.nearest(q + u)


@dataclass(frozen=True, kw_only=True)
class ConstrainedOverdamped(ConstraintChoice):
    """Overdamped constrained Langevin dynamics for any constraint (constrained SGLD).

    Parameters
    ----------
    step_size : float
        h, positive.
    temperature : float
        τ, non-negative; zero is constrained gradient descent.
    constraint : {"orthogonal", "circle", "none"}
        Used where ``user`` is None.
    radii : tuple of float
        For circles: one for every layer; the last one serves all further layers.
    circle_motion : {"rotation", "shake"}
        Drift of circles (underdamped only).
    free_first : bool
        Whether orthogonality leaves the first layer free.
    user : UserConstraint, optional
        On all parameters together, as one vector.
    projection : {"shake", "nearest"}
        Along the old normal, or to the nearest point.
    increment : {"raw", "projected"}
    solver : {"auto", "quasi_newton", "newton"}
        Of the orthogonality projection.
    on_failure : {"raise", "reject", "halve", "polar"}
    max_halvings : int
    start : {"qr", "polar", "require"}

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> ConstrainedOverdamped(radii=(-1.0,))
    Traceback (most recent call last):
    ...
    ValueError: radii must be positive and finite, not -1.0
    """

    step_size: float = field(default=0.1, metadata={"help": "step size h, positive"})
    temperature: float = field(default=1e-5, metadata={"help": "temperature, >= 0"})
    projection: Literal["shake", "nearest"] = field(
        default="shake", metadata={"help": "along the old normal, or to the nearest point"}
    )
    increment: Literal["raw", "projected"] = field(
        default="raw", metadata={"help": "project the increment on the tangent space first"}
    )
    on_failure: OnFailure = field(default="raise", metadata={"help": FAILURE_HELP})
    max_halvings: int = field(default=10, metadata={"help": "most halvings of one step"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        check_common(self)
        self.check_choice()
        if self.user is not None and self.on_failure == "polar":
            raise ValueError(
                "on_failure='polar' needs a nearest point, which user constraints lack"
            )
        one_of("projection", self.projection, ("shake", "nearest"))
        one_of("increment", self.increment, ("raw", "projected"))
        if self.user is not None and self.projection == "nearest":
            raise ValueError("projection='nearest' is not available for user constraints")

    def init(self, params: Tree) -> OverdampedState:
        """The state before the first step.

        Raises
        ------
        InfeasibleError
            If the parameters do not satisfy the constraint and cannot be made to.
        ConstraintError
            If a user constraint's Jacobian has no full rank.
        """
        params, _, positions = feasible_start(self, params)
        return OverdampedState(params, 0, positions)

    def step(
        self, state: OverdampedState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[OverdampedState, ConstrainedInfo]:
        """One step; see :func:`overdamped_step` for the errors."""
        return overdamped_step(
            self.blocks(state.params),
            state,
            objective,
            batch,
            rng,
            OverdampedScheme(
                step_size=self.step_size,
                temperature=self.temperature,
                projection=self.projection,
                increment=self.increment,
                on_failure=self.on_failure,
                max_halvings=self.max_halvings,
            ),
        )
