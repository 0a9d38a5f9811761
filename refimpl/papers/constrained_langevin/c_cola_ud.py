"""c-CoLA-ud: underdamped Langevin training with every weight on a circle.

|θ| ≤ r by a slack ξ with θ² + ξ² = r²; the state is the angle φ with θ = r sin φ, ξ = r cos φ, and
the velocity v along the arc (:mod:`refimpl.papers.constrained_langevin.circles`).

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
* Angles instead of the pairs (θ, ξ) of the released code: the same method in exact arithmetic.
* The released drift uses the already updated θ in the formula of ξ and leaves the circle; here it
  is the rotation. The released order takes the gradient from before the drift; it is the
  splitting ``as_released``, for comparison only: of first order, and it heats up.
* BAOAB by default. AOAB with its first half B has the same positions.
* Angles are not wrapped to one turn.

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
from refimpl.algorithms.base import Objective, Tree, required_rng
from refimpl.arrays import Array, namespace
from refimpl.checks import non_negative, one_of
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
    largest_residual,
    leaves_like,
    start_on_circles,
)
from refimpl.papers.constrained_langevin.common import checked_gradient
from refimpl.papers.constrained_langevin.splitting import SPLITTING_HELP, Splitting, keeps_gradient
from refimpl.random import Rng


class CircleInfo(NamedTuple):
    """Diagnostics of a step: the loss where the gradient was taken, and the largest
    |θ² + ξ² − r²|/r² after it (zero where diagnostics are off)."""

    loss: Array
    residual: Array


@dataclass(frozen=True)
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
    splitting : {"BAOAB", "OBABO", "OABAO", "OBA", "AOAB", "as_released"}
        Order of the parts in time. ``"as_released"`` is AOAB with the gradient of the point before
        the drift: a negative control.
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
        check_circles(self)
        non_negative("friction", self.friction)
        one_of("splitting", self.splitting, get_args(Splitting))

    @property
    def _letters(self) -> str:
        return "AOAB" if self.splitting == "as_released" else self.splitting

    def init(self, params: Tree, rng: Rng | None = None) -> CircleState:
        """The state before the first step; ``rng`` draws the velocities from N(0, τ).

        Raises
        ------
        InfeasibleError
            If a weight lies outside its circle and ``outside="raise"``.
        """
        thetas, structure, _, angles, slacks = start_on_circles(
            params, self.radii, self.include, self.outside
        )
        momentum = [0.0 * theta for theta in thetas]
        if rng is not None and self.temperature > 0.0:
            scale = math.sqrt(self.temperature)
            momentum = [scale * rng.normal(theta.shape, like=theta) for theta in thetas]
        kept = None
        if keeps_gradient(self._letters):
            kept = ad.unflatten(structure, [0.0 * theta for theta in thetas])
        build = ad.unflatten
        return CircleState(
            build(structure, thetas), 0, build(structure, angles), build(structure, slacks),
            build(structure, momentum), kept,
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
        letters, h = self._letters, self.step_size
        bounds = layer_radii(state.params, self.radii, self.include)
        structure = ad.flatten(state.params)[1]
        theta = leaves_like(state.params, state.params)
        phi = leaves_like(state.params, state.angles)
        xi = leaves_like(state.params, state.slack)
        v = leaves_like(state.params, state.momentum)
        params, loss = state.params, None
        grads: Any = None
        force: Any = None  # G ξ at the present point
        if state.step > 0 and state.force is not None:
            force = leaves_like(state.params, state.force)
        stale = self.splitting == "as_released"
        placed = True  # whether theta and xi are those of the angles

        def gradient() -> None:
            nonlocal loss, grads
            loss, tree = checked_gradient(objective, params, batch, state.step)
            grads = ad.flatten(tree)[0]

        def place() -> None:
            nonlocal theta, xi, placed, params
            if placed:
                return
            for i, r in enumerate(bounds):
                if r is not None:
                    xp = namespace(phi[i])
                    theta[i], xi[i] = r * xp.sin(phi[i]), r * xp.cos(phi[i])
            params, placed = ad.unflatten(structure, theta), True

        def kick(s: float) -> None:
            nonlocal force
            if force is None:
                if grads is None:
                    gradient()
                pairs = zip(grads, xi, strict=True)
                force = [g if x is None else g * x for g, x in pairs]
            for i, r in enumerate(bounds):
                v[i] = v[i] - (s if r is None else s / r) * force[i]

        if stale or (letters == "AOAB" and state.step == 0):
            gradient()
            if state.step == 0:
                kick(0.5 * h)
        for part in letters:
            s = h / letters.count(part)
            if part == "A":
                for i, r in enumerate(bounds):
                    if r is None:
                        theta[i] = theta[i] + s * v[i]
                    else:
                        phi[i] = phi[i] + (s / r) * v[i]
                placed, force = False, None
                grads = grads if stale else None
            elif part == "B":
                place()
                kick(s)
            else:
                v = self._exchange_heat(v, s, rng)
        place()
        assert loss is not None
        residual = largest_residual(loss, self.diagnostics, bounds, theta, xi)
        build = ad.unflatten
        kept = build(structure, force) if keeps_gradient(letters) else None
        new = CircleState(
            params, state.step + 1, build(structure, phi), build(structure, xi),
            build(structure, v), kept,
        )  # fmt: skip
        return new, CircleInfo(loss, residual)

    def _exchange_heat(self, v: list[Array], s: float, rng: Rng | None) -> list[Array]:
        """The exact solution of dv = −γ v dt + √(2 γ τ) dB after time ``s``."""
        c = math.exp(-self.friction * s)
        d = math.sqrt(self.temperature * -math.expm1(-2.0 * self.friction * s))
        if d == 0.0:
            return [c * x for x in v]
        stream = required_rng(rng)
        return [c * x + d * stream.normal(x.shape, like=x) for x in v]
