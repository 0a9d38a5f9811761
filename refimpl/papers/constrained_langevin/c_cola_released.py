"""The circle optimizer as released: a negative control with one switch per fault.

With every switch off this is c-CoLA-ud in the order A O A B with a fresh gradient, in the
Cartesian variables (θ, ξ, p, s). Each switch puts one thing back that the released research code
does differently. It exists to be compared with; to train, use
:mod:`refimpl.papers.constrained_langevin.c_cola_ud`.

Algorithm
---------
Before the first step, G = ∇V(θ): start (p, s), then half a B. Then, with a = ω h/2:

1. A: ω ← (ξ p − θ s)/r²;  (p, s) ← ω (ξ cos a − θ sin a, −θ cos a − ξ sin a), of the old θ and ξ;
   θ' ← θ cos a + ξ sin a;  ξ' ← ξ cos a − θ sin a
2. O: (p, s) ← c (p, s) + d (R, R'), then tangent;  c = exp(−γ h),  d = √(τ (1 − c²))
3. A
4. B: p ← p − h G (1 − θ²/r²),  s ← s + h G θ ξ/r²

The switches:

* ``xi_after_theta``: A takes the new θ' in the formula of ξ', after the momenta are done. The map
  has determinant cos² a, and θ² + ξ² shrinks by about 2 ξ² a² in half a step.
* ``stale_gradient``: B takes the gradient from before the drift. The order of the bias falls from
  two to one, and the system heats up.
* ``raw_start``: p and s start at +∇V, and the projection's second half uses the projected p, so
  that the start is not tangent. Off, they start at zero, or at N(0, τ Π) with an rng.
* ``unchecked_slack``: ξ = √|r² − θ²| for weights outside their circle, which puts them off it for
  ever. Off, such weights raise.

Source: the released code of B. Leimkuhler, T. Vlaar, T. Pouchon and A. Storkey, "Better Training
using Weight-Constrained Stochastic Dynamics", ICML 2021 (repository ConstrainedNNtraining). Whether
the published figures were made with it is not known.

========= ======================
paper     code
========= ======================
h         ``step_size``
γ, τ      ``friction``, ``temperature``
r         ``radii``
θ, ξ      ``state.params``, ``state.slack``
p, s      ``state.momentum``, ``state.slack_momentum``
========= ======================

Deviations
----------
The noise's standard deviation is derived from τ; the released constructor takes it as a number.

>>> import numpy as np
>>> from refimpl import Rng
>>> released = ReleasedCCoLAud(temperature=1e-3, radii=(0.1,))
>>> state = released.init([np.full((20, 20), 0.05)])
>>> for k in range(200):
...     state, info = released.step(state, lambda w, batch: 0.0 * w[0][0, 0], None, Rng(k))
>>> bool(info.residual > 0.1)
True
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    Objective,
    Tree,
    check_params,
    required_rng,
)
from refimpl.arrays import Array, namespace
from refimpl.checks import flag, non_negative, plain_numbers, positive
from refimpl.constraints import largest, layer_radii, worst
from refimpl.constraints.circle import check_inside
from refimpl.papers.constrained_langevin.circles import leaves_like
from refimpl.papers.constrained_langevin.common import check_radii, checked_gradient
from refimpl.random import Rng


class ReleasedCircleState(NamedTuple):
    """Positions and momenta of weights and slacks; free leaves have None for theirs."""

    params: Tree
    step: int
    slack: Tree
    momentum: Tree
    slack_momentum: Tree


class ReleasedCircleInfo(NamedTuple):
    """Diagnostics after a step.

    Attributes
    ----------
    loss : 0-d array
        Where the gradient was taken.
    residual : 0-d array
        Largest |θ² + ξ² − r²|/r².
    tangency : 0-d array
        Largest |θ p + ξ s|/r.
    """

    loss: Array
    residual: Array
    tangency: Array


@dataclass(frozen=True, kw_only=True)
class ReleasedCCoLAud:
    """c-CoLA-ud as released, with a switch for every fault.

    Parameters
    ----------
    step_size, friction, temperature : float
        h (positive), γ and τ (non-negative).
    radii : tuple of float
        r of every layer; the last one serves all further layers.
    xi_after_theta, stale_gradient, raw_start, unchecked_slack : bool
        See the module; True is the released behavior.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> ReleasedCCoLAud(radii=())
    Traceback (most recent call last):
    ...
    ValueError: radii must hold one radius or more
    """

    step_size: float = field(default=0.3, metadata={"help": "step size h, positive"})
    friction: float = field(default=1.0, metadata={"help": "friction gamma, >= 0"})
    temperature: float = field(default=0.0, metadata={"help": "temperature, >= 0; 0: no noise"})
    radii: tuple[float, ...] = field(default=(1.0,), metadata={"help": "radius per layer"})
    xi_after_theta: bool = field(default=True, metadata={"help": "fault: drift off the circle"})
    stale_gradient: bool = field(default=True, metadata={"help": "fault: gradient of old point"})
    raw_start: bool = field(default=True, metadata={"help": "fault: start off the tangent"})
    unchecked_slack: bool = field(default=True, metadata={"help": "fault: slack of any weight"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("step_size", self.step_size)
        non_negative("friction", self.friction)
        non_negative("temperature", self.temperature)
        check_radii(self.radii)
        for name in ("xi_after_theta", "stale_gradient", "raw_start", "unchecked_slack"):
            flag(name, getattr(self, name))

    def init(self, params: Tree, rng: Rng | None = None) -> ReleasedCircleState:
        """Weights with slacks; momenta are set by the first step, unless ``rng`` draws them.

        Raises
        ------
        InfeasibleError
            If a weight lies outside its circle and ``unchecked_slack`` is off.
        """
        check_params(params)
        leaves, structure = ad.flatten(params)
        slack: list[Any] = []
        p: list[Any] = []
        s: list[Any] = []
        for theta, r in zip(leaves, layer_radii(params, self.radii), strict=True):
            xp = namespace(theta)
            if r is None:
                draw = 0.0 * theta if rng is None else rng.normal(theta.shape, like=theta)
                slack.append(None)
                p.append(math.sqrt(self.temperature) * draw)
                s.append(None)
                continue
            if not self.unchecked_slack:
                check_inside(theta, r)
            xi = xp.sqrt(xp.abs(r * r - theta * theta))
            speed = 0.0 * theta if rng is None else rng.normal(theta.shape, like=theta)
            speed = (math.sqrt(self.temperature) / r) * speed
            slack.append(xi)
            p.append(speed * xi)
            s.append(-speed * theta)
        build = ad.unflatten
        return ReleasedCircleState(
            params, 0, build(structure, slack), build(structure, p), build(structure, s)
        )

    def step(
        self, state: ReleasedCircleState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[ReleasedCircleState, ReleasedCircleInfo]:
        """One step; of each bounded leaf, R is drawn before R'.

        Raises
        ------
        DivergenceError
            If the gradient is not finite.
        """
        h = self.step_size
        structure = ad.flatten(state.params)[1]
        bounds = layer_radii(state.params, self.radii)
        theta = leaves_like(state.params, state.params)
        xi = leaves_like(state.params, state.slack)
        p = leaves_like(state.params, state.momentum)
        s = leaves_like(state.params, state.slack_momentum)

        def gradient(step: int) -> tuple[Array, list[Array]]:
            params = ad.unflatten(structure, theta)
            loss, tree = checked_gradient(objective, params, batch, step)
            return loss, ad.flatten(tree)[0]

        loss, grads = None, None
        if self.stale_gradient or state.step == 0:
            loss, grads = gradient(state.step)
        if state.step == 0:
            assert grads is not None
            for i, r in enumerate(bounds):
                if self.raw_start:
                    p[i], s[i] = raw_momenta(theta[i], xi[i], grads[i], r)
                p[i], s[i] = kick(theta[i], xi[i], p[i], s[i], grads[i], r, 0.5 * h)
        c = math.exp(-self.friction * h)
        d = math.sqrt(self.temperature * -math.expm1(-2.0 * self.friction * h))
        for i, r in enumerate(bounds):
            if r is None:
                theta[i] = theta[i] + 0.5 * h * p[i]
                p[i] = c * p[i]
                if d > 0.0:
                    p[i] = p[i] + d * required_rng(rng).normal(p[i].shape, like=p[i])
                theta[i] = theta[i] + 0.5 * h * p[i]
                continue
            theta[i], xi[i], p[i], s[i] = self._drift(theta[i], xi[i], p[i], s[i], r)
            p[i], s[i] = c * p[i], c * s[i]
            if d > 0.0:
                stream = required_rng(rng)
                p[i] = p[i] + d * stream.normal(p[i].shape, like=p[i])
                s[i] = s[i] + d * stream.normal(s[i].shape, like=s[i])
            k = (theta[i] * p[i] + xi[i] * s[i]) / (r * r)
            p[i], s[i] = p[i] - k * theta[i], s[i] - k * xi[i]
            theta[i], xi[i], p[i], s[i] = self._drift(theta[i], xi[i], p[i], s[i], r)
        if not self.stale_gradient:
            loss, grads = gradient(state.step)
        assert loss is not None and grads is not None
        for i, r in enumerate(bounds):
            p[i], s[i] = kick(theta[i], xi[i], p[i], s[i], grads[i], r, h)
        build = ad.unflatten
        new = ReleasedCircleState(
            build(structure, theta), state.step + 1, build(structure, xi), build(structure, p),
            build(structure, s),
        )  # fmt: skip
        return new, _measure(loss, bounds, theta, xi, p, s)

    def _drift(
        self, theta: Array, xi: Array, p: Array, s: Array, r: float
    ) -> tuple[Array, Array, Array, Array]:
        xp = namespace(theta)
        omega = (xi * p - theta * s) / (r * r)
        a = (0.5 * self.step_size) * omega
        cosine, sine = xp.cos(a), xp.sin(a)
        turned = theta * cosine + xi * sine
        momenta = omega * (xi * cosine - theta * sine), -omega * turned
        xi = xi * cosine - (turned if self.xi_after_theta else theta) * sine
        return turned, xi, *momenta


def raw_momenta(theta: Array, xi: Array, g: Array, r: float | None) -> tuple[Array, Array | None]:
    """Ascent along the gradient in both components; the second projection uses the first's p."""
    if r is None:
        return g, None
    p = g - theta * ((theta * g + xi * g) / (r * r))
    return p, g - xi * ((theta * p + xi * g) / (r * r))


def kick(
    theta: Array, xi: Any, p: Array, s: Any, g: Array, r: float | None, h: float
) -> tuple[Array, Any]:
    if r is None:
        return p - h * g, None
    return (
        p - h * g * (1.0 - theta * theta / (r * r)),
        s + h * g * theta * xi / (r * r),
    )


def _measure(
    loss: Array,
    bounds: list[float | None],
    theta: list[Array],
    xi: list[Any],
    p: list[Array],
    s: list[Any],
) -> ReleasedCircleInfo:
    residuals, tangencies = [0.0 * loss], [0.0 * loss]
    for i, r in enumerate(bounds):
        if r is not None:
            radius = theta[i] * theta[i] + xi[i] * xi[i]
            residuals.append(largest(radius / (r * r) - 1.0))
            tangencies.append(largest(theta[i] * p[i] + xi[i] * s[i]) / r)
    return ReleasedCircleInfo(loss, worst(residuals), worst(tangencies))
