"""o-CoLA-od: overdamped Langevin training with orthonormal layers.

Every layer but the first has orthonormal columns, or rows where it is wide; biases and the first
layer are free.

Algorithm
---------
1. W̄ ← W − h ∇V(W; batch) + √(2τh) R
2. W ← W̄ − W Λ with Λ symmetric and WᵀW = I (SHAKE), or the polar factor of W̄

Sources: B. Leimkuhler, T. Pouchon, T. Vlaar and A. Storkey, arXiv 2006.10114; B. Leimkuhler,
T. Vlaar, T. Pouchon and A. Storkey, "Better Training using Weight-Constrained Stochastic
Dynamics", ICML 2021. How the papers discretize the process is not stated in their abstracts
and is derived here.

===== ===========================================
paper code
===== ===========================================
h     ``step_size``
τ     ``temperature``
W     ``state.positions`` (tall), ``state.params``
===== ===========================================

Deviations
----------
* Square layers keep the sign of their determinant: the run samples the half of the orthogonal
  matrices in which it starts. ``determinant`` chooses it.
* The projection is solved to rounding, with a typed error where it has no solution.
* This is not o-CoLA-ud with c = 0 in OBA, which samples half the temperature.

>>> import numpy as np
>>> algorithm = OCoLAod(step_size=0.1, free_first=False)
>>> state = algorithm.init([np.eye(3, 2)])
>>> for _ in range(5):
...     state, info = algorithm.step(state, lambda w, batch: -w[0][2, 0], None)
>>> float(info.residual) < 1e-14
True
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from refimpl.algorithms.base import Objective, Tree
from refimpl.checks import one_of, plain_numbers
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
from refimpl.papers.constrained_langevin.overdamped import (
    OverdampedScheme,
    OverdampedState,
    overdamped_step,
)
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class OCoLAod:
    """Overdamped Langevin dynamics with orthonormal layers.

    Parameters
    ----------
    step_size : float
        h, positive.
    temperature : float
        τ, non-negative; zero is gradient descent on the Stiefel manifold.
    projection : {"shake", "polar"}
        Along the old normal, or to the nearest orthonormal matrix.
    increment : {"raw", "projected"}
        With ``"polar"``, raw and projected increments are two schemes.
    free_first : bool
        Leave the first layer free.
    solver : {"auto", "quasi_newton", "newton"}
    on_failure : {"raise", "reject", "halve", "polar"}
    max_halvings : int
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
    >>> OCoLAod(step_size=0.0)
    Traceback (most recent call last):
    ...
    ValueError: step_size must be positive and finite, not 0.0
    """

    step_size: float = field(default=0.1, metadata={"help": "step size h, positive"})
    temperature: float = field(default=0.0, metadata={"help": "temperature, >= 0; 0: no noise"})
    projection: Literal["shake", "polar"] = field(
        default="shake", metadata={"help": "along the old normal, or to the nearest point"}
    )
    increment: Literal["raw", "projected"] = field(
        default="raw", metadata={"help": "project the increment on the tangent space first"}
    )
    free_first: bool = field(default=True, metadata={"help": "leave the first layer free"})
    solver: Solver = field(default="auto", metadata={"help": "of the projection"})
    on_failure: OnFailure = field(default="raise", metadata={"help": FAILURE_HELP})
    max_halvings: int = field(default=10, metadata={"help": "most halvings of one step"})
    start: Start = field(default="qr", metadata={"help": START_HELP})
    determinant: Determinant = field(default="start", metadata={"help": DETERMINANT_HELP})

    def __post_init__(self) -> None:
        plain_numbers(self)
        check_common(self)
        one_of("projection", self.projection, ("shake", "polar"))
        one_of("increment", self.increment, ("raw", "projected"))

    def blocks(self, params: Tree) -> Blocks:
        """Which layers are orthogonal."""
        return orthogonal_blocks(params, self.free_first, self.solver)

    def init(self, params: Tree) -> OverdampedState:
        """The state before the first step, with orthonormal layers.

        Raises
        ------
        InfeasibleError
            If a layer has lost rank, or is not orthonormal with ``start="require"``.
        """
        params, _, positions = feasible_start(self, params)
        return OverdampedState(params, 0, positions)

    def step(
        self, state: OverdampedState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[OverdampedState, ConstrainedInfo]:
        """One step.

        Raises
        ------
        InfeasibleError, ConvergenceError, DivergenceError
            See :func:`refimpl.papers.constrained_langevin.overdamped.overdamped_step`.
        """
        return overdamped_step(
            self.blocks(state.params),
            state,
            objective,
            batch,
            rng,
            OverdampedScheme(
                step_size=self.step_size,
                temperature=self.temperature,
                projection="nearest" if self.projection == "polar" else "shake",
                increment=self.increment,
                on_failure=self.on_failure,
                max_halvings=self.max_halvings,
            ),
        )
