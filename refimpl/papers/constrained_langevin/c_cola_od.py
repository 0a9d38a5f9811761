"""c-CoLA-od: overdamped Langevin training with every weight on a circle.

|θ| ≤ r by a slack ξ with θ² + ξ² = r²; the state is the point (θ, ξ)
(:mod:`refimpl.papers.constrained_langevin.circles`).

Algorithm
---------
With G = ∇V(θ; batch) and independent R, R':

1. u ← −h G + √(2τh) R,  w ← √(2τh) R'
2. radial: (θ, ξ) ← r (θ + u, ξ + w)/√((θ + u)² + (ξ + w)²)
3. or SHAKE: t ← (u ξ − w θ)/r,  (θ, ξ) ← (θ c + ξ s, ξ c − θ s) with s = t/r, c = √(1 − s²), which
   needs |t| ≤ r

In the angle φ with θ = r sin φ, ξ = r cos φ, and with n = (u θ + w ξ)/r, the radial step is
φ ← φ + arctan(t/(r + n)) and SHAKE φ ← φ + arcsin(t/r).

Free parameters (biases) take θ ← θ + u. At τ = 0 this is SGD on the circles: a small step moves θ
by −h G (1 − θ²/r²), so that weights freeze near the bound.

Sources: B. Leimkuhler, T. Pouchon, T. Vlaar and A. Storkey, arXiv 2006.10114; B. Leimkuhler,
T. Vlaar, T. Pouchon and A. Storkey, "Better Training using Weight-Constrained Stochastic
Dynamics", ICML 2021. The constraint and its slack are those of the released research code;
the overdamped step is derived here (the abstracts do not state it).

===== ============================================
paper code
===== ============================================
h     ``step_size``
τ     ``temperature``
r     ``radii``, one a layer
θ     ``state.params``
ξ     ``state.slack``
===== ============================================

Deviations
----------
None known.

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
from refimpl.algorithms.base import Objective, Tree, required_rng
from refimpl.arrays import Array, namespace
from refimpl.checks import one_of, plain_numbers
from refimpl.constraints import layer_radii
from refimpl.constraints.circle import check_sine
from refimpl.constraints.circle_points import nearest, turned
from refimpl.elementwise import in_pieces
from refimpl.errors import InfeasibleError
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
from refimpl.papers.constrained_langevin.common import checked_gradient, explained
from refimpl.random import Rng

OnInfeasible = Literal["raise", "radial"]


class OverdampedCircleInfo(NamedTuple):
    """Diagnostics of a step.

    Attributes
    ----------
    loss : 0-d array
        Where the gradient was taken.
    residual : 0-d array
        Largest |θ² + ξ² − r²|/r² after the step; zero where diagnostics are off.
    fallbacks : int
        Layers whose SHAKE projection was replaced by the radial one.
    """

    loss: Array
    residual: Array
    fallbacks: int


@dataclass(frozen=True, kw_only=True)
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
    radii: tuple[float, ...] = field(default=(1.0,), metadata={"help": RADII_HELP})
    projection: Literal["radial", "shake"] = field(
        default="radial", metadata={"help": "nearest point, or along the old normal"}
    )
    on_infeasible: OnInfeasible = field(
        default="raise", metadata={"help": "where shake has no solution: raise, or radial"}
    )
    include: Include = field(default="weights", metadata={"help": INCLUDE_HELP})
    outside: Outside = field(default="raise", metadata={"help": OUTSIDE_HELP})
    diagnostics: bool = field(default=True, metadata={"help": DIAGNOSTICS_HELP})

    def __post_init__(self) -> None:
        plain_numbers(self)
        check_circles(self)
        one_of("projection", self.projection, ("radial", "shake"))
        one_of("on_infeasible", self.on_infeasible, get_args(OnInfeasible))

    def init(self, params: Tree) -> CircleState:
        """The state before the first step, with ξ ≥ 0.

        Raises
        ------
        InfeasibleError
            If a weight lies outside its circle and ``outside="raise"``.
        """
        thetas, structure, _, slacks = start_on_circles(
            params, self.radii, self.include, self.outside
        )
        build = ad.unflatten
        return CircleState(build(structure, thetas), 0, build(structure, slacks), None, None)

    def step(
        self, state: CircleState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[CircleState, OverdampedCircleInfo]:
        """One step; of each bounded leaf, R is drawn before R'.

        Raises
        ------
        InfeasibleError
            With SHAKE, if a tangential increment exceeds the radius; in the radial projection, if
            a point falls on the center.
        DivergenceError
            If the gradient is not finite.
        """
        h = self.step_size
        loss, gradient = checked_gradient(objective, state.params, batch, state.step)
        grads, structure = ad.flatten(gradient)
        bounds = layer_radii(state.params, self.radii, self.include)
        parts = zip(
            leaves_like(state.params, state.params),
            leaves_like(state.params, state.slack),
            grads,
            bounds,
            strict=True,
        )
        scale = math.sqrt(2.0 * self.temperature * h)
        thetas, slacks, fallbacks = [], [], 0
        for theta, xi, g, r in parts:
            u = -h * g
            if scale > 0.0:
                u = u + scale * required_rng(rng).normal(theta.shape, like=theta)
            if r is None:
                theta = theta + u
            else:
                w = None
                if scale > 0.0:
                    w = scale * required_rng(rng).normal(theta.shape, like=theta)
                try:
                    theta, xi, failed = self._move(theta, xi, u, w, r)
                except InfeasibleError as error:
                    raise explained(error, state.step, h) from None
                fallbacks += failed
            thetas.append(theta)
            slacks.append(xi)
        residual = largest_residual(loss, self.diagnostics, bounds, thetas, slacks)
        build = ad.unflatten
        new = CircleState(
            build(structure, thetas), state.step + 1, build(structure, slacks), None, None
        )
        return new, OverdampedCircleInfo(loss, residual, fallbacks)

    def _move(
        self, theta: Array, xi: Array, u: Array, w: Array | None, r: float
    ) -> tuple[Array, Array, int]:
        """Line 2 or 3: the new θ and ξ, and whether SHAKE was replaced."""
        if self.projection == "shake":
            t = u * xi if w is None else u * xi - w * theta
            sine = t * (1.0 / (r * r))
            try:
                check_sine(sine, r)
                cosine = namespace(theta).sqrt((1.0 - sine) * (1.0 + sine))
                return *turned(theta, xi, sine, cosine, r), 0
            except InfeasibleError:
                if self.on_infeasible == "raise":
                    raise
        end = in_pieces(
            lambda theta, xi, u, w: nearest(theta + u, xi if w is None else xi + w, r),
            theta, xi, u, w,
        )  # fmt: skip
        return *end, int(self.projection == "shake")
