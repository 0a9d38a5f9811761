"""c-CoLA-ud: underdamped Langevin training with every weight on a circle.

|θ| ≤ r by a slack ξ with θ² + ξ² = r²; the state is the point θ = r sin φ, ξ = r cos φ and the
velocity v along the arc (:mod:`refimpl.papers.constrained_langevin.circles`).

Algorithm
---------
For the letters of the splitting from left to right, each with its share s of h, G = ∇V(θ; batch):

1. A: φ ← φ + s v/r
2. B: v ← v − s G ξ/r
3. O: v ← c v + d R,  c = exp(−γ s),  d = √(τ (1 − c²))

Free parameters (biases) take the same steps without a constraint. At τ = 0 this is momentum on the
circles.

Sources: B. Leimkuhler, T. Pouchon, T. Vlaar and A. Storkey, arXiv 2006.10114; B. Leimkuhler,
T. Vlaar, T. Pouchon and A. Storkey, "Better Training using Weight-Constrained Stochastic
Dynamics", ICML 2021. The constraint, its slack and the parts of the step are those of the
released research code.

===== ============================================
paper code
===== ============================================
h     ``step_size``
τ     ``temperature``
γ     ``friction``
r     ``radii``, one a layer
θ     ``state.params``
ξ     ``state.slack``
φ     ``state.angles``
v     ``state.momentum``, |p|² + |s|² = |v|²
===== ============================================

Deviations
----------
* One velocity v of the angle instead of the pairs (p, s) of the released code: the same method in
  exact arithmetic. A drift turns the point (θ, ξ) by its angle, without a φ.
* The released drift uses the already updated θ in the formula of ξ and leaves the circle; here it
  is the rotation. The released order takes the gradient from before the drift
  (:mod:`refimpl.papers.constrained_langevin.c_cola_stale`).
* BAOAB by default. AOAB with its first half B has the same positions.

>>> import numpy as np
>>> algorithm = CCoLAud(step_size=0.3, radii=(2.0,))
>>> state = algorithm.init([np.array([[1.0]])])
>>> for _ in range(300):
...     state, info = algorithm.step(state, lambda w, batch: w[0][0, 0], None)
>>> np.round(state.params[0], 6), float(info.residual) < 1e-15
(array([[-2.]]), True)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Objective, Tree
from refimpl.arrays import Array
from refimpl.checks import non_negative, one_of, plain_numbers
from refimpl.constraints import layer_radii
from refimpl.papers.constrained_langevin.circles import (
    DIAGNOSTICS_HELP,
    INCLUDE_HELP,
    OUTSIDE_HELP,
    RADII_HELP,
    CircleState,
    Include,
    Outside,
    check_circles,
    exchange_heat,
    force_at,
    largest_residual,
    leaves_like,
    place,
    shift,
    start_on_circles,
)
from refimpl.papers.constrained_langevin.splitting import SPLITTING_HELP, Splitting, keeps_gradient
from refimpl.random import Rng


class CircleInfo(NamedTuple):
    """Diagnostics of a step: the loss where the gradient was taken, and the largest
    |θ² + ξ² − r²|/r² after it (zero where diagnostics are off)."""

    loss: Array
    residual: Array


@dataclass(frozen=True, kw_only=True)
class CCoLAud:
    """Underdamped Langevin dynamics with bounded weights.

    Parameters
    ----------
    step_size : float
        h, positive.
    friction : float
        γ, non-negative.
    temperature : float
        τ, non-negative; zero is momentum on the circles.
    radii : tuple of float
        r of every layer; the last one serves all further layers.
    splitting : {"BAOAB", "OBABO", "OABAO", "OBA", "AOAB"}
        Order of the parts in time.
    include, outside, diagnostics
        As for :class:`refimpl.papers.constrained_langevin.c_cola_od.CCoLAod`.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> CCoLAud(temperature=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: temperature must be non-negative and finite, not -1.0
    """

    step_size: float = field(default=0.3, metadata={"help": "step size h, positive"})
    friction: float = field(default=1.0, metadata={"help": "friction gamma, >= 0"})
    temperature: float = field(default=0.0, metadata={"help": "temperature, >= 0; 0: no noise"})
    radii: tuple[float, ...] = field(default=(1.0,), metadata={"help": RADII_HELP})
    splitting: Splitting = field(default="BAOAB", metadata={"help": SPLITTING_HELP})
    include: Include = field(default="weights", metadata={"help": INCLUDE_HELP})
    outside: Outside = field(default="raise", metadata={"help": OUTSIDE_HELP})
    diagnostics: bool = field(default=True, metadata={"help": DIAGNOSTICS_HELP})

    def __post_init__(self) -> None:
        plain_numbers(self)
        check_circles(self)
        non_negative("friction", self.friction)
        one_of("splitting", self.splitting, get_args(Splitting))

    def init(self, params: Tree, rng: Rng | None = None) -> CircleState:
        """The state before the first step; ``rng`` draws the velocities from N(0, τ).

        Raises
        ------
        InfeasibleError
            If a weight lies outside its circle and ``outside="raise"``.
        """
        thetas, structure, _, slacks = start_on_circles(
            params, self.radii, self.include, self.outside
        )
        momentum = [0.0 * theta for theta in thetas]
        if rng is not None and self.temperature > 0.0:
            scale = math.sqrt(self.temperature)
            momentum = [scale * rng.normal(theta.shape, like=theta) for theta in thetas]
        kept = None
        if keeps_gradient(self.splitting):
            kept = ad.unflatten(structure, [0.0 * theta for theta in thetas])
        build = ad.unflatten
        return CircleState(
            build(structure, thetas), 0, build(structure, slacks), build(structure, momentum), kept
        )  # fmt: skip

    def step(
        self, state: CircleState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[CircleState, CircleInfo]:
        """One step; every O draws one number for each weight, leaf after leaf.

        Raises
        ------
        DivergenceError
            If the gradient is not finite.
        TypeError
            If ``rng`` is None and noise is needed (γ τ > 0).
        """
        letters, h = self.splitting, self.step_size
        bounds = layer_radii(state.params, self.radii, self.include)
        structure = ad.flatten(state.params)[1]
        theta = leaves_like(state.params, state.params)
        xi = leaves_like(state.params, state.slack)
        v = leaves_like(state.params, state.momentum)
        turn: Any = None  # by which φ has gone on since (θ, ξ), until the point is asked for
        force: Any = None  # G ξ there: None from a drift on
        if state.step > 0 and state.force is not None:
            force = leaves_like(state.params, state.force)
        loss: Any = None
        if letters == "AOAB" and state.step == 0:  # half a B first: the positions of BAOAB
            loss, force = force_at(objective, state.params, xi, batch, state.step)
            v = shift(v, force, bounds, -0.5 * h)

        for part in letters:
            s = h / letters.count(part)
            if part == "A":  # line 1
                turn, force = shift(turn, v, bounds, s), None
            elif part == "B":  # line 2
                if force is None:
                    (theta, xi), turn = place(theta, xi, turn, bounds), None
                    params = ad.unflatten(structure, theta)
                    loss, force = force_at(objective, params, xi, batch, state.step)
                v = shift(v, force, bounds, -s)
            else:  # line 3
                v = exchange_heat(v, s, self.friction, self.temperature, rng)

        theta, xi = place(theta, xi, turn, bounds)
        build = ad.unflatten
        kept = build(structure, force) if keeps_gradient(letters) else None
        new = CircleState(
            build(structure, theta), state.step + 1, build(structure, xi), build(structure, v), kept
        )
        residual = largest_residual(loss, self.diagnostics, bounds, theta, xi)
        return new, CircleInfo(loss, residual)
