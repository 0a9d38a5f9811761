"""o-CoLA-ud: underdamped Langevin training with orthonormal layers.

Every layer but the first has orthonormal columns, or rows where it is wide; biases and the first
layer are free.

Algorithm
---------
As O, B, A (other orders by ``splitting``), with Π P = P − ½ W (WᵀP + PᵀW):

1. O: P ← Π(c P + d R),  c = exp(−γ h),  d = √(τ (1 − c²))
2. B: P ← Π(P − h ∇V(W; batch))
3. A: W̄ ← W + h P;  W' ← W̄ − W Λ;  P ← Π_{W'} (W' − W)/h

Sources: B. Leimkuhler, T. Pouchon, T. Vlaar and A. Storkey, arXiv 2006.10114; B. Leimkuhler,
T. Vlaar, T. Pouchon and A. Storkey, "Better Training using Weight-Constrained Stochastic
Dynamics", ICML 2021. The step agrees with the formulas of the released research code.

===== ===========================================
paper code
===== ===========================================
h     ``step_size``
τ     ``temperature``
γ     ``friction``
W     ``state.positions`` (tall), ``state.params``
P     ``state.momenta``
===== ===========================================

In the variables of a momentum optimizer: buffer = P/h, learning rate = h², μ = exp(−γ h). A
learning rate of 0.1 with μ = 0.9 is h = 0.3162, γ = 0.3332.

Deviations
----------
* Square layers keep the sign of their determinant: the run samples the half of the orthogonal
  matrices in which it starts. ``determinant`` chooses it.
* The projection is solved to rounding, with a typed error where it has no solution; the released
  code runs ten iterations without a test.
* The default splitting is BAOAB, of second order; the released order is OBA, of first order.
* Setting c = 0 in OBA is not the overdamped method: it samples half the temperature.

>>> import numpy as np
>>> from refimpl import Rng
>>> algorithm = OCoLAud(step_size=0.05, temperature=0.1, free_first=False)
>>> state = algorithm.init([np.eye(3, 2)], rng=Rng(0))
>>> for k in range(5):
...     state, info = algorithm.step(state, lambda w, batch: -w[0][0, 0], None, Rng(1).child(k))
>>> float(info.residual) < 1e-14, float(info.tangency) < 1e-14
(True, True)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, get_args

from refimpl.algorithms.base import Objective, Tree
from refimpl.checks import flag, non_negative, one_of, plain_numbers
from refimpl.constraints import Blocks, Solver, orthogonal_blocks
from refimpl.papers.constrained_langevin.common import (
    DETERMINANT_HELP,
    FAILURE_HELP,
    START_HELP,
    ConstrainedInfo,
    Determinant,
    OnFailure,
    Start,
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
class OCoLAud:
    """Underdamped Langevin dynamics with orthonormal layers.

    Parameters
    ----------
    step_size : float
        h, positive: the square root of a momentum optimizer's learning rate.
    friction : float
        γ, non-negative.
    temperature : float
        τ, non-negative; zero is momentum on the Stiefel manifold.
    splitting : {"BAOAB", "OBABO", "OABAO", "OBA", "AOAB"}
        OBA is the order of the released code.
    free_first : bool
        Leave the first layer free.
    solver : {"auto", "quasi_newton", "newton"}
    on_failure : {"raise", "reject", "halve", "polar"}
    max_halvings : int
    reversibility_check : bool
    start : {"qr", "polar", "require"}
    determinant : {"start", "positive", "negative"}
        Which of the two components of the orthogonal matrices square layers start in, and stay in;
        "start" leaves it to the weights.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> OCoLAud(splitting="ABBA")
    Traceback (most recent call last):
    ...
    ValueError: splitting must be one of BAOAB, OBABO, OABAO, OBA, AOAB, not 'ABBA'
    """

    step_size: float = field(default=0.3, metadata={"help": "step size h, positive"})
    friction: float = field(default=0.3, metadata={"help": "friction gamma, >= 0"})
    temperature: float = field(default=0.0, metadata={"help": "temperature, >= 0; 0: no noise"})
    splitting: Splitting = field(default="BAOAB", metadata={"help": SPLITTING_HELP})
    free_first: bool = field(default=True, metadata={"help": "leave the first layer free"})
    solver: Solver = field(default="auto", metadata={"help": "of the projection"})
    on_failure: OnFailure = field(default="raise", metadata={"help": FAILURE_HELP})
    max_halvings: int = field(default=10, metadata={"help": "most halvings of one step"})
    reversibility_check: bool = field(
        default=False, metadata={"help": "reject drifts that cannot be undone"}
    )
    start: Start = field(default="qr", metadata={"help": START_HELP})
    determinant: Determinant = field(default="start", metadata={"help": DETERMINANT_HELP})

    def __post_init__(self) -> None:
        plain_numbers(self)
        check_common(self)
        non_negative("friction", self.friction)
        one_of("splitting", self.splitting, get_args(Splitting))
        flag("reversibility_check", self.reversibility_check)

    def blocks(self, params: Tree) -> Blocks:
        """Which layers are orthogonal."""
        return orthogonal_blocks(params, self.free_first, self.solver)

    def init(self, params: Tree, rng: Rng | None = None) -> UnderdampedState:
        """The state before the first step; ``rng`` draws the momenta from N(0, τ Π).

        Raises
        ------
        InfeasibleError
            If a layer has lost rank, or is not orthonormal with ``start="require"``.
        """
        params, blocks, positions = feasible_start(self, params)
        return first_underdamped(
            blocks, params, positions, rng, splitting=self.splitting, temperature=self.temperature
        )

    def step(
        self, state: UnderdampedState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[UnderdampedState, ConstrainedInfo]:
        """One step.

        Raises
        ------
        InfeasibleError, ConvergenceError, DivergenceError
            See :func:`refimpl.papers.constrained_langevin.splitting.underdamped_step`.
        """
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
