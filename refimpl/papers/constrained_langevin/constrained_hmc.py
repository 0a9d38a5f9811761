"""Constrained hybrid Monte Carlo: exact sampling on {g(q) = 0} at every step size.

The law is exp(−V/τ) with respect to the surface measure of the constraint set; V is the loss.

Algorithm
---------
1. The momentum is refreshed: p ← Π(q) (c p + √(τ (1 − c²)) R), with c = 0 ("full") or
   c = exp(−γ K ε) ("partial", generalized hybrid Monte Carlo)
2. K steps of RATTLE lead from (q, p) to (q*, p*); each is tested for a solution of its projection
   and for the way back to its start
3. (q*, p*) is accepted with probability min(1, exp(−(H* − H)/τ)), H = V + ½ |p|²; where it is not,
   or where a test of line 2 failed, q stays and p ← −p

:mod:`refimpl.papers.constrained_langevin.metropolis` has the formulas of the lines.

Sources: T. Lelièvre, M. Rousset and G. Stoltz, "Hybrid Monte Carlo methods for sampling probability
measures on submanifolds", Numer. Math. 143 (2019); E. Zappa, M. Holmes-Cerf and J. Goodman, "Monte
Carlo on manifolds", Comm. Pure Appl. Math. 71 (2018); M. A. Brubaker, M. Salzmann and R. Urtasun,
"A family of MCMC methods on implicitly defined manifolds", AISTATS 2012; partial refreshment is
A. M. Horowitz, "A generalized guided Monte Carlo algorithm", Phys. Lett. B 268 (1991).

===== ===========================
paper code
===== ===========================
ε     ``step_size``
K     ``leapfrog_steps``
γ     ``friction``
τ     ``temperature``
q     ``state.positions``
p     ``state.momenta``
===== ===========================

Deviations
----------
Against the unadjusted schemes of the same constraints (``c_cola_ud``, ``o_cola_ud``,
``constrained_ud`` with the splitting OBABO):

====================== ==================================== ====================================
what                   unadjusted                           here
====================== ==================================== ====================================
law that is sampled    biased by O(h²), or O(h) for OBA     exact at every ε
batches                any; their noise adds to the bias    the whole set; others raise
step without solution  raises, or is halved, or replaced    rejected with p ← −p
other branch reached   unnoticed, unless one asks           rejected with p ← −p, always
step too large         diverges                             is rejected
gradients              one a step                           K a step, thrown away by a rejection
temperature 0          momentum                             steps from rest that go downhill
====================== ==================================== ====================================

* The heat is exchanged before the trajectory only, not on both sides of it: the order does not
  matter for the law.
* Unit masses. The step size is fixed: warm-up is a matter of the run.
* A loss that draws random numbers, such as one with dropout, cannot be told from one that does not:
  it must be deterministic.

>>> import numpy as np
>>> from refimpl import Rng
>>> algorithm = ConstrainedHMC(step_size=0.4, temperature=1.0, free_first=False)
>>> state = algorithm.init([np.eye(3, 2)])
>>> for k in range(5):
...     state, info = algorithm.step(state, lambda w, batch: -w[0][0, 0], None, Rng(1).child(k))
>>> float(info.residual) < 1e-14, 0.0 <= float(info.acceptance) <= 1.0
(True, True)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from refimpl.algorithms.base import Objective, Tree
from refimpl.checks import count, non_negative, one_of, plain_numbers
from refimpl.papers.constrained_langevin.choice import ConstraintChoice
from refimpl.papers.constrained_langevin.common import (
    check_solving,
    feasible_start,
)
from refimpl.papers.constrained_langevin.many_chains import ManyChains
from refimpl.papers.constrained_langevin.metropolis import (
    NO_PARTS,
    MetropolisInfo,
    MetropolisScheme,
    MetropolisState,
    first_metropolis,
    metropolis_step,
)
from refimpl.random import Rng

Refreshment = Literal["full", "partial"]


@dataclass(frozen=True, kw_only=True)
class ConstrainedHMC(ConstraintChoice):
    """Hybrid Monte Carlo on a constraint set, with a reversibility check.

    Parameters
    ----------
    step_size : float
        ε of RATTLE, positive.
    leapfrog_steps : int
        K, between two tests.
    refreshment : {"full", "partial"}
        Whether a step begins with new momenta, or with a mixture of old and new ones.
    friction : float
        γ of the partial refreshment, non-negative.
    temperature : float
        τ, non-negative; zero descends.
    constraint, radii, circle_motion, free_first, user, solver, start
        As for :class:`refimpl.papers.constrained_langevin.overdamped.ConstrainedOverdamped`.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> ConstrainedHMC(leapfrog_steps=0)
    Traceback (most recent call last):
    ...
    ValueError: leapfrog_steps must be at least 1, not 0
    """

    composes: ClassVar[str] = NO_PARTS
    requires: ClassVar[tuple[str, ...]] = ("steps_per_epoch",)

    step_size: float = field(default=0.1, metadata={"help": "step size of RATTLE, positive"})
    leapfrog_steps: int = field(default=5, metadata={"help": "steps of RATTLE between two tests"})
    refreshment: Refreshment = field(
        default="full", metadata={"help": "new momenta, or a mixture with the old ones"}
    )
    friction: float = field(
        default=1.0, metadata={"help": "of the partial refreshment, gamma >= 0"}
    )
    temperature: float = field(default=1e-5, metadata={"help": "temperature, >= 0; 0: descent"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        check_solving(self)
        self.check_choice()
        count("leapfrog_steps", self.leapfrog_steps)
        one_of("refreshment", self.refreshment, ("full", "partial"))
        non_negative("friction", self.friction)

    @property
    def scheme(self) -> MetropolisScheme:
        """The numbers of a step."""
        time = self.leapfrog_steps * self.step_size
        decay = 0.0 if self.refreshment == "full" else math.exp(-self.friction * time)
        return MetropolisScheme(self.step_size, self.leapfrog_steps, self.temperature, decay)

    def many(self) -> ManyChains:
        """Independent chains of this sampler, on a leading axis of every parameter."""
        return ManyChains(self)

    def init(
        self, params: Tree, rng: Rng | None = None, steps_per_epoch: int = 1
    ) -> MetropolisState:
        """The state before the first step.

        Parameters
        ----------
        params : tree
        rng : Rng, optional
            Draws the momenta from N(0, τ Π); without it the chain starts at rest, which a partial
            refreshment remembers for a while.
        steps_per_epoch : int
            Into how many batches the training set is cut: one, or it is refused.

        Raises
        ------
        SettingError
            If the training set comes in more than one batch.
        InfeasibleError, ConstraintError
            If the parameters do not satisfy the constraint and cannot be made to, or a user
            constraint's Jacobian has no full rank.
        """
        params, blocks, positions = feasible_start(self, params)
        return first_metropolis(
            blocks,
            params,
            positions,
            rng,
            temperature=self.temperature,
            steps_per_epoch=steps_per_epoch,
        )

    def step(
        self, state: MetropolisState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[MetropolisState, MetropolisInfo]:
        """One trajectory and its test; see :func:`metropolis_step` for draws and errors."""
        return metropolis_step(self.blocks(state.params), state, objective, batch, rng, self.scheme)
