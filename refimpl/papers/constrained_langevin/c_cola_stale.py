"""c-CoLA-ud with a stale gradient: a negative control with one fault alone.

The released circle optimizer takes the gradient before it drifts, and kicks with it afterwards.
This is c-CoLA-ud in the order A O A B with that one fault, in the same coordinates and with the
same draws, so that the two differ by nothing else. It is of first order where the method is of
second, and it heats up. All faults of the released code together are in
:mod:`refimpl.papers.constrained_langevin.c_cola_released`; to train, use
:mod:`refimpl.papers.constrained_langevin.c_cola_ud`.

Algorithm
---------
G ← ∇V(θ; batch) first of all, and before the first step v ← v − (h/2) G ξ/r. Then:

1. A: φ ← φ + (h/2) v/r
2. O: v ← c v + d R,  c = exp(−γ h),  d = √(τ (1 − c²))
3. A
4. B: v ← v − h G ξ/r, with ξ at the new point and G at the old one

Source: order of the parts in the released code of B. Leimkuhler, T. Vlaar, T. Pouchon and A.
Storkey, "Better Training using Weight-Constrained Stochastic Dynamics", ICML 2021 (repository
ConstrainedNNtraining).

===== ============================================
paper code
===== ============================================
h     ``step_size``
τ     ``temperature``
γ     ``friction``
r     ``radii``, one a layer
θ, ξ  ``state.params``, ``state.slack``
φ     ``state.angles``
v     ``state.momentum``
===== ============================================

Deviations
----------
The released code works on (θ, ξ) and their momenta and has further faults; here it is the order of
the parts alone.

>>> import numpy as np
>>> stale = StaleCCoLAud(step_size=0.3, radii=(2.0,))
>>> state = stale.init([np.array([[1.0]])])
>>> for _ in range(300):
...     state, info = stale.step(state, lambda w, batch: w[0][0, 0], None)
>>> np.round(state.params[0], 6)
array([[-2.]])
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from refimpl import autodiff as ad
from refimpl.algorithms.base import Objective, Tree
from refimpl.checks import plain_numbers
from refimpl.constraints import layer_radii
from refimpl.papers.constrained_langevin.c_cola_ud import CCoLAud, CircleInfo
from refimpl.papers.constrained_langevin.circles import (
    INCLUDE_HELP,
    RADII_HELP,
    CircleState,
    Include,
    exchange_heat,
    largest_residual,
    leaves_like,
    place,
    shift,
    weigh,
)
from refimpl.papers.constrained_langevin.common import checked_gradient
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class StaleCCoLAud:
    """c-CoLA-ud in the order A O A B, kicked by the gradient from before the drift.

    Parameters
    ----------
    step_size, friction, temperature : float
        h (positive), γ and τ (non-negative).
    radii : tuple of float
        r of every layer; the last one serves all further layers.
    include : {"weights", "all"}
        Bound weight matrices only, or biases too.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> StaleCCoLAud(friction=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: friction must be non-negative and finite, not -1.0
    """

    step_size: float = field(default=0.3, metadata={"help": "step size h, positive"})
    friction: float = field(default=1.0, metadata={"help": "friction gamma, >= 0"})
    temperature: float = field(default=0.0, metadata={"help": "temperature, >= 0; 0: no noise"})
    radii: tuple[float, ...] = field(default=(1.0,), metadata={"help": RADII_HELP})
    include: Include = field(default="weights", metadata={"help": INCLUDE_HELP})

    def __post_init__(self) -> None:
        plain_numbers(self)
        _ = self.method

    @property
    def method(self) -> CCoLAud:
        """The method that this is a fault of."""
        return CCoLAud(
            step_size=self.step_size,
            friction=self.friction,
            temperature=self.temperature,
            radii=self.radii,
            splitting="AOAB",
            include=self.include,
        )

    def init(self, params: Tree, rng: Rng | None = None) -> CircleState:
        """The method's own first state; ``rng`` draws the velocities from N(0, τ)."""
        return self.method.init(params, rng)

    def step(
        self, state: CircleState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[CircleState, CircleInfo]:
        """One step; O draws one number for each weight, leaf after leaf.

        Raises
        ------
        DivergenceError
            If the gradient is not finite.
        """
        h = self.step_size
        bounds = layer_radii(state.params, self.radii, self.include)
        loss, gradient = checked_gradient(objective, state.params, batch, state.step)
        slopes, structure = ad.flatten(gradient)
        theta = leaves_like(state.params, state.params)
        xi = leaves_like(state.params, state.slack)
        v = leaves_like(state.params, state.momentum)
        if state.step == 0:
            v = shift(v, weigh(slopes, xi), bounds, -0.5 * h)
        turn = shift(None, v, bounds, 0.5 * h)  # line 1
        v = exchange_heat(v, h, self.friction, self.temperature, rng)  # line 2
        turn = shift(turn, v, bounds, 0.5 * h)  # line 3
        theta, xi = place(theta, xi, turn, bounds)
        v = shift(v, weigh(slopes, xi), bounds, -h)  # line 4
        build = ad.unflatten
        new = CircleState(
            build(structure, theta), state.step + 1, build(structure, xi), build(structure, v), None
        )
        return new, CircleInfo(loss, largest_residual(loss, True, bounds, theta, xi))
