"""Circle-constrained Langevin training: c-CoLA-od and c-CoLA-ud.

Every weight is bounded, |θ| ≤ r, by a slack ξ with θ² + ξ² = r². On the circle there is one
coordinate, the angle φ with θ = r sin φ, ξ = r cos φ, and one velocity v along the arc; the pair
(p, s) of momenta of (θ, ξ) is v (ξ, −θ)/r. In these coordinates the constraint holds identically.

Algorithm
---------
c-CoLA-od, overdamped, with G = ∇V(θ; batch) and independent R, R':

1. u ← −h G + √(2τh) R,  w ← √(2τh) R'
2. t ← (u ξ − w θ)/r,  n ← (u θ + w ξ)/r
3. radial: φ ← φ + arctan(t/(r + n));  SHAKE: φ ← φ + arcsin(t/r), which needs |t| ≤ r

c-CoLA-ud, underdamped, for the letters of the splitting with shares s of h:

* A: φ ← φ + s v/r
* B: v ← v − s G ξ/r
* O: v ← c v + d R,  c = exp(−γ s),  d = √(τ (1 − c²))

Free parameters (biases) take the same steps without a constraint. At τ = 0 the overdamped method
is SGD on the circles and the underdamped one momentum.

Sources: B. Leimkuhler, T. Pouchon, T. Vlaar and A. Storkey, arXiv 2006.10114; B. Leimkuhler,
T. Vlaar, T. Pouchon and A. Storkey, "Better Training using Weight-Constrained Stochastic
Dynamics", ICML 2021. The constraint, its slack and the parts of the underdamped step are those of
the released research code; the overdamped step is derived here (the abstracts do not state it).

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

The flat prior on the circles is the arcsine law on θ; the law that is sampled is
exp(−V/τ)/√(r² − θ²) on (−r, r). A small overdamped step moves θ by −h G (1 − θ²/r²): weights
freeze near the bound.

Deviations
----------
* Angles instead of the pairs (θ, ξ) of the released code: the same method in exact arithmetic.
* The released drift uses the already updated θ in the formula of ξ and leaves the circle; here it
  is the rotation. The released order takes the gradient from before the drift; it is the
  splitting ``as_released``, for comparison only: of first order, and it heats up.
* BAOAB by default. AOAB with its first half B has the same positions.
* Angles are not wrapped to one turn.

>>> import numpy as np
>>> algorithm = CCoLAod(step_size=0.1, radii=(2.0,))
>>> state = algorithm.init([np.array([[1.0]])])
>>> for _ in range(300):
...     state, info = algorithm.step(state, lambda w, batch: w[0][0, 0], None)
>>> np.round(state.params[0], 6), float(info.residual) < 1e-15
(array([[-2.]]), True)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    Objective,
    Tree,
    check_params,
    flag,
    non_negative,
    one_of,
    positive,
    required_rng,
)
from refimpl.algorithms.constrained_common import check_radii, checked_gradient
from refimpl.algorithms.constrained_splitting import SPLITTING_HELP, Splitting, keeps_gradient
from refimpl.arrays import Array, namespace
from refimpl.constraints import layer_radii, worst
from refimpl.constraints.circle import check_inside, check_sine
from refimpl.errors import InfeasibleError, RefimplError
from refimpl.random import Rng

Include = Literal["weights", "all"]
Outside = Literal["raise", "clip"]
OnInfeasible = Literal["raise", "radial"]

_RADII_HELP = "radius per layer; the last one serves all further layers"
_INCLUDE_HELP = "bound weight matrices only, or biases too"
_OUTSIDE_HELP = "what to do with initial weights outside their circle"
_DIAGNOSTICS_HELP = "measure the constraint residual at every step"


class CircleState(NamedTuple):
    """State of the circle methods; free leaves have None for angle and slack.

    Attributes
    ----------
    params : tree
        θ.
    step : int
    angles, slack : tree
        φ and ξ = r cos φ.
    momentum : tree like ``params``, or None
        The velocity v along the arc (p of free leaves); None for the overdamped method.
    force : tree like ``params``, or None
        G ξ (G of free leaves) for the next step's first B, where the splitting reuses it.
    """

    params: Tree
    step: int
    angles: Tree
    slack: Tree
    momentum: Tree
    force: Tree


class CircleInfo(NamedTuple):
    """Diagnostics of a step: the loss where the gradient was taken, and the largest
    |θ² + ξ² − r²|/r² after it (zero where diagnostics are off)."""

    loss: Array
    residual: Array


class OverdampedCircleInfo(NamedTuple):
    """Diagnostics of an overdamped step: as :class:`CircleInfo`, and the number of layers whose
    SHAKE projection was replaced by the radial one."""

    loss: Array
    residual: Array
    fallbacks: int


def _start(
    params: Tree, radii: tuple[float, ...], include: Include, outside: Outside
) -> tuple[list[Array], Any, list[float | None], list[Array | None], list[Array | None]]:
    """Leaves, structure, radii, angles and slacks."""
    check_params(params)
    leaves, structure = ad.flatten(params)
    bounds = layer_radii(params, radii, include)
    thetas, angles, slacks = [], [], []
    for theta, r in zip(leaves, bounds, strict=True):
        phi = xi = None
        if r is not None:
            xp = namespace(theta)
            if outside == "clip":
                theta = xp.clip(theta, -r, r)
            check_inside(theta, r)
            phi = xp.asin(theta / r)
            theta, xi = r * xp.sin(phi), r * xp.cos(phi)
        thetas.append(theta)
        angles.append(phi)
        slacks.append(xi)
    return thetas, structure, bounds, angles, slacks


def _leaves(structure_of: Tree, tree: Tree) -> list[Any]:
    """The entries of ``tree`` in the order of ``structure_of``'s leaves, None included."""
    found: list[Any] = []
    ad.map_tree(lambda leaf, other: found.append(other), structure_of, tree)
    return found


def _residual(
    loss: Array,
    wanted: bool,
    bounds: list[float | None],
    thetas: list[Array],
    slacks: list[Array | None],
) -> Array:
    if not wanted:
        return 0.0 * loss
    parts = [0.0 * loss]
    for theta, xi, r in zip(thetas, slacks, bounds, strict=True):
        if r is not None and xi is not None:
            xp = namespace(theta)
            square = theta * theta + xi * xi
            high, low = xp.max(square), xp.min(square)
            parts.append(xp.maximum(high * (1.0 / (r * r)) - 1.0, 1.0 - low * (1.0 / (r * r))))
    return worst(parts)


def _check_common(algorithm: Any) -> None:
    positive("step_size", algorithm.step_size)
    non_negative("temperature", algorithm.temperature)
    check_radii(algorithm.radii)
    one_of("include", algorithm.include, get_args(Include))
    one_of("outside", algorithm.outside, get_args(Outside))
    flag("diagnostics", algorithm.diagnostics)


@dataclass(frozen=True)
class CCoLAod:
    """Overdamped Langevin dynamics with bounded weights.

    Parameters
    ----------
    step_size : float
        h, positive.
    temperature : float
        τ, non-negative; zero is SGD on the circles.
    radii : tuple of float
        r of every layer; the last one serves all further layers.
    projection : {"radial", "shake"}
        To the nearest point of the circle, or along the old normal.
    on_infeasible : {"raise", "radial"}
        Whether SHAKE without a solution is an error or replaced, for the layer, by the radial
        projection; ``info.fallbacks`` counts it.
    include : {"weights", "all"}
        Bound weight matrices only, or biases too.
    outside : {"raise", "clip"}
        Initial weights outside their circle are an error, or clipped to ±r.
    diagnostics : bool
        Measure the residual at every step.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> CCoLAod(radii=(0.0,))
    Traceback (most recent call last):
    ...
    ValueError: radii must be positive and finite, not 0.0
    """

    step_size: float = field(default=0.1, metadata={"help": "step size h, positive"})
    temperature: float = field(default=0.0, metadata={"help": "temperature, >= 0; 0: no noise"})
    radii: tuple[float, ...] = field(default=(1.0,), metadata={"help": _RADII_HELP})
    projection: Literal["radial", "shake"] = field(
        default="radial", metadata={"help": "nearest point, or along the old normal"}
    )
    on_infeasible: OnInfeasible = field(
        default="raise", metadata={"help": "where shake has no solution: raise, or radial"}
    )
    include: Include = field(default="weights", metadata={"help": _INCLUDE_HELP})
    outside: Outside = field(default="raise", metadata={"help": _OUTSIDE_HELP})
    diagnostics: bool = field(default=True, metadata={"help": _DIAGNOSTICS_HELP})

    def __post_init__(self) -> None:
        _check_common(self)
        one_of("projection", self.projection, ("radial", "shake"))
        one_of("on_infeasible", self.on_infeasible, get_args(OnInfeasible))

    def init(self, params: Tree) -> CircleState:
        """The state before the first step, with ξ ≥ 0.

        Raises
        ------
        InfeasibleError
            If a weight lies outside its circle and ``outside="raise"``.
        """
        thetas, structure, _, angles, slacks = _start(
            params, self.radii, self.include, self.outside
        )
        build = ad.unflatten
        return CircleState(
            build(structure, thetas), 0, build(structure, angles), build(structure, slacks), None,
            None,
        )  # fmt: skip

    def step(
        self, state: CircleState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[CircleState, OverdampedCircleInfo]:
        """One step; of each bounded leaf, R is drawn before R'.

        Raises
        ------
        InfeasibleError
            With SHAKE, if a tangential increment exceeds the radius; in the radial projection, if
            a point falls on the centre.
        DivergenceError
            If the gradient is not finite.
        """
        h = self.step_size
        loss, gradient = checked_gradient(objective, state.params, batch, state.step)
        grads, structure = ad.flatten(gradient)
        bounds = layer_radii(state.params, self.radii, self.include)
        parts = zip(
            _leaves(state.params, state.params),
            _leaves(state.params, state.angles),
            _leaves(state.params, state.slack),
            grads,
            bounds,
            strict=True,
        )
        scale = math.sqrt(2.0 * self.temperature * h)
        thetas, angles, slacks, fallbacks = [], [], [], 0
        for theta, phi, xi, g, r in parts:
            u = -h * g
            if scale > 0.0:
                u = u + scale * required_rng(rng).normal(theta.shape, like=theta)
            if r is None:
                theta = theta + u
            else:
                xp = namespace(theta)
                w = None
                if scale > 0.0:
                    w = scale * required_rng(rng).normal(theta.shape, like=theta)
                turn, failed = self._turn(theta, xi, u, w, r, state.step)
                fallbacks += failed
                phi = phi + turn
                theta, xi = r * xp.sin(phi), r * xp.cos(phi)
            thetas.append(theta)
            angles.append(phi)
            slacks.append(xi)
        residual = _residual(loss, self.diagnostics, bounds, thetas, slacks)
        build = ad.unflatten
        new = CircleState(
            build(structure, thetas), state.step + 1, build(structure, angles),
            build(structure, slacks), None, None,
        )  # fmt: skip
        return new, OverdampedCircleInfo(loss, residual, fallbacks)

    def _turn(
        self, theta: Array, xi: Array, u: Array, w: Array | None, r: float, step: int
    ) -> tuple[Array, int]:
        """The change of the angle, and whether SHAKE was replaced."""
        xp = namespace(theta)
        t = u * xi if w is None else u * xi - w * theta
        if self.projection == "shake":
            sine = t * (1.0 / (r * r))
            try:
                check_sine(sine, r)
                return xp.asin(sine), 0
            except InfeasibleError as error:
                if self.on_infeasible == "raise":
                    raise _explained(error, step, self.step_size) from None
        n = u * theta if w is None else u * theta + w * xi
        along = n + r * r
        if bool(xp.any((along == 0.0) & (t == 0.0))):
            raise _explained(
                InfeasibleError(
                    "a step leads to the centre of its circle, which has no nearest point; use a "
                    "smaller step",
                    radius=r,
                ),
                step,
                self.step_size,
            )
        return xp.atan2(t, along), int(self.projection == "shake")


def _explained(error: RefimplError, step: int, step_size: float) -> RefimplError:
    numbers = {**error.numbers, "step": step, "step_size": step_size}
    return type(error)(error.message, **numbers)


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
        As for :class:`CCoLAod`.

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
    radii: tuple[float, ...] = field(default=(1.0,), metadata={"help": _RADII_HELP})
    splitting: Splitting = field(default="BAOAB", metadata={"help": SPLITTING_HELP})
    include: Include = field(default="weights", metadata={"help": _INCLUDE_HELP})
    outside: Outside = field(default="raise", metadata={"help": _OUTSIDE_HELP})
    diagnostics: bool = field(default=True, metadata={"help": _DIAGNOSTICS_HELP})

    def __post_init__(self) -> None:
        _check_common(self)
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
        thetas, structure, _, angles, slacks = _start(
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
        theta = _leaves(state.params, state.params)
        phi = _leaves(state.params, state.angles)
        xi = _leaves(state.params, state.slack)
        v = _leaves(state.params, state.momentum)
        params, loss = state.params, None
        grads: Any = None
        force: Any = None  # G ξ at the present point
        if state.step > 0 and state.force is not None:
            force = _leaves(state.params, state.force)
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
        residual = _residual(loss, self.diagnostics, bounds, theta, xi)
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
