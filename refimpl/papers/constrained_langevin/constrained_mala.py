"""Constrained MALA: the overdamped step on {g(q) = 0}, made exact by a Metropolis test.

The law is exp(−V/τ) with respect to the surface measure of the constraint set; V is the loss.

Algorithm
---------
1. q* ← SHAKE(q, q − h ∇V(q) + √(2τh) R): the point of Σ on the normals at q, R standard normal
2. the way back is solved too: with v* the tangent part at q* of q − q*, SHAKE(q*, q* + v*) must be
   q; where it is not, or where a projection has no solution, q stays
3. with v the tangent part at q of q* − q, q* is accepted with probability
   min(1, exp(−(V* − V)/τ − (|v* + h Π*∇V*|² − |v + h Π∇V|²)/(4τh))); otherwise q stays

This is one step of RATTLE of size ε = √(2h) from a new momentum p, with v = ε (p − ½ ε Π∇V): the
exponent of line 3 is the energy error −(H* − H)/τ, and line 2 is the reversibility check of
:mod:`refimpl.papers.constrained_langevin.metropolis`, whose step is called.

Sources: E. Zappa, M. Holmes-Cerf and J. Goodman, "Monte Carlo on manifolds: sampling densities and
integrating functions", Comm. Pure Appl. Math. 71 (2018), without the drift; T. Lelièvre, M. Rousset
and G. Stoltz, Numer. Math. 143 (2019); M. A. Brubaker, M. Salzmann and R. Urtasun, AISTATS 2012.

===== ===========================
paper code
===== ===========================
h     ``step_size``
τ     ``temperature``
q     ``state.positions``
===== ===========================

Deviations
----------
Against the unadjusted schemes of the same constraints (``c_cola_od``, ``o_cola_od``,
``constrained_od``):

====================== ==================================== ====================================
what                   unadjusted                           here
====================== ==================================== ====================================
law that is sampled    biased by O(h)                       exact at every h
batches                any; their noise adds to the bias    the whole set; others raise
step without solution  raises, or is halved, or replaced    rejected
other branch reached   unnoticed                            rejected
projection             SHAKE or the nearest point           SHAKE (circles rotate by default)
====================== ==================================== ====================================

* The state carries the momentum of the equivalent step, which the next one forgets.

>>> import numpy as np
>>> from refimpl import Rng
>>> algorithm = ConstrainedMALA(step_size=0.1, temperature=1.0, free_first=False)
>>> state = algorithm.init([np.eye(3, 2)])
>>> state, info = algorithm.step(state, lambda w, batch: -w[0][0, 0], None, Rng(1))
>>> float(info.residual) < 1e-14
True
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

from refimpl.algorithms.base import Objective, Tree
from refimpl.checks import plain_numbers
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


@dataclass(frozen=True, kw_only=True)
class ConstrainedMALA(ConstraintChoice):
    """The Metropolis-adjusted Langevin algorithm on a constraint set.

    Parameters
    ----------
    step_size : float
        h of the overdamped step, positive.
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
    >>> ConstrainedMALA(step_size=0.0)
    Traceback (most recent call last):
    ...
    ValueError: step_size must be positive and finite, not 0.0
    """

    composes: ClassVar[str] = NO_PARTS
    requires: ClassVar[tuple[str, ...]] = ("steps_per_epoch",)

    step_size: float = field(default=0.1, metadata={"help": "step size h, positive"})
    temperature: float = field(default=1e-5, metadata={"help": "temperature, >= 0; 0: descent"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        check_solving(self)
        self.check_choice()

    @property
    def scheme(self) -> MetropolisScheme:
        """The numbers of the equivalent step of RATTLE."""
        return MetropolisScheme(math.sqrt(2.0 * self.step_size), 1, self.temperature, 0.0)

    def many(self) -> ManyChains:
        """Independent chains of this sampler, on a leading axis of every parameter."""
        return ManyChains(self)

    def init(self, params: Tree, steps_per_epoch: int = 1) -> MetropolisState:
        """The state before the first step; see :meth:`ConstrainedHMC.init` for the errors."""
        params, blocks, positions = feasible_start(self, params)
        return first_metropolis(
            blocks,
            params,
            positions,
            None,
            temperature=self.temperature,
            steps_per_epoch=steps_per_epoch,
        )

    def step(
        self, state: MetropolisState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[MetropolisState, MetropolisInfo]:
        """One proposal and its test; see :func:`metropolis_step` for draws and errors."""
        return metropolis_step(self.blocks(state.params), state, objective, batch, rng, self.scheme)
