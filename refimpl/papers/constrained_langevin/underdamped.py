"""Underdamped constrained Langevin training for any constraint g(q) = 0.

    dq = p dt,  dp = (−∇V − γ p) dt + √(2γτ) dB + Jᵀ dλ,  J(q) p = 0

Algorithm
---------
1. For the letters of the splitting from left to right: A drifts along p and returns to Σ = {g = 0},
   B kicks p by −∇V, O mixes p with noise of temperature τ; every p is projected on the tangent
   space (:mod:`refimpl.papers.constrained_langevin.splitting` has the formulas).

At τ = 0 and for OBA this is constrained heavy-ball momentum with learning rate h² and
μ = exp(−γ h).

Sources: B. Leimkuhler, T. Pouchon, T. Vlaar and A. Storkey, arXiv 2006.10114; B. Leimkuhler,
T. Vlaar, T. Pouchon and A. Storkey, "Better Training using Weight-Constrained Stochastic
Dynamics", ICML 2021; how the step is derived is told beside its formulas.

===== ============================
paper code
===== ============================
h     ``step_size``
τ     ``temperature``
γ     ``friction``
q     ``state.positions``
p     ``state.momenta``
===== ============================

Deviations
----------
* One gradient a step: BAOAB and OBABO keep their last gradient for the next step's first B.
* A drift that has no solution raises; as options it is rejected, halved or replaced.

>>> import numpy as np
>>> from refimpl import autodiff as ad
>>> from refimpl.constraints import UserConstraint
>>> sphere = UserConstraint(lambda w: ad.sum(w * w) - 1.0)
>>> algorithm = ConstrainedUnderdamped(step_size=0.3, temperature=0.0, user=sphere)
>>> state = algorithm.init(np.array([1.0, 0.0]))
>>> for _ in range(200):
...     state, info = algorithm.step(state, lambda w, batch: -w[1], None)
>>> np.round(state.params, 6) + 0.0
array([0., 1.])
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, get_args

from refimpl.algorithms.base import Objective, Tree
from refimpl.checks import flag, non_negative, one_of, plain_numbers
from refimpl.papers.constrained_langevin.choice import ConstraintChoice
from refimpl.papers.constrained_langevin.common import (
    FAILURE_HELP,
    ConstrainedInfo,
    OnFailure,
    check_common,
    feasible_start,
)
from refimpl.papers.constrained_langevin.splitting import (
    SPLITTING_HELP,
    Splitting,
    UnderdampedScheme,
    UnderdampedState,
    first_underdamped,
    underdamped_step,
)
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class ConstrainedUnderdamped(ConstraintChoice):
    """Underdamped constrained Langevin dynamics for any constraint.

    Parameters
    ----------
    step_size : float
        h, positive.
    friction : float
        γ, non-negative.
    temperature : float
        τ, non-negative; zero is constrained momentum.
    splitting : {"BAOAB", "OBABO", "OABAO", "OBA", "AOAB"}
        Order of the parts in time.
    constraint, radii, circle_motion, free_first, user, solver, on_failure, max_halvings, start
        As for :class:`refimpl.papers.constrained_langevin.overdamped.ConstrainedOverdamped`.
    reversibility_check : bool
        Reject drifts that the reversed drift does not undo (another branch was reached).

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> ConstrainedUnderdamped(friction=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: friction must be non-negative and finite, not -1.0
    """

    step_size: float = field(default=0.1, metadata={"help": "step size h, positive"})
    friction: float = field(default=1.0, metadata={"help": "friction gamma, >= 0"})
    temperature: float = field(default=1e-5, metadata={"help": "temperature, >= 0"})
    splitting: Splitting = field(default="BAOAB", metadata={"help": SPLITTING_HELP})
    on_failure: OnFailure = field(default="raise", metadata={"help": FAILURE_HELP})
    max_halvings: int = field(default=10, metadata={"help": "most halvings of one step"})
    reversibility_check: bool = field(
        default=False, metadata={"help": "reject drifts that cannot be undone"}
    )

    def __post_init__(self) -> None:
        plain_numbers(self)
        check_common(self)
        self.check_choice()
        if self.user is not None and self.on_failure == "polar":
            raise ValueError(
                "on_failure='polar' needs a nearest point, which user constraints lack"
            )
        non_negative("friction", self.friction)
        one_of("splitting", self.splitting, get_args(Splitting))
        flag("reversibility_check", self.reversibility_check)

    def init(self, params: Tree, rng: Rng | None = None) -> UnderdampedState:
        """The state before the first step; ``rng`` draws the momenta from N(0, τ Π).

        Raises
        ------
        InfeasibleError, ConstraintError
            If the parameters do not satisfy the constraint and cannot be made to, or a user
            constraint's Jacobian has no full rank.
        """
        params, blocks, positions = feasible_start(self, params)
        return first_underdamped(
            blocks, params, positions, rng, splitting=self.splitting, temperature=self.temperature
        )

    def step(
        self, state: UnderdampedState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[UnderdampedState, ConstrainedInfo]:
        """One step; see :func:`underdamped_step` for the errors."""
        return underdamped_step(
            self.blocks(state.params),
            state,
            objective,
            batch,
            rng,
            UnderdampedScheme(
                letters=self.splitting,
                step_size=self.step_size,
                friction=self.friction,
                temperature=self.temperature,
                on_failure=self.on_failure,
                max_halvings=self.max_halvings,
                reversibility_check=self.reversibility_check,
            ),
        )
