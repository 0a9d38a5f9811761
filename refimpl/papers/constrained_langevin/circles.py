"""Weights on circles: what c-CoLA-od and c-CoLA-ud share.

Every weight is bounded, |θ| ≤ r, by a slack ξ with θ² + ξ² = r². On the circle there is one
coordinate, the angle φ with θ = r sin φ, ξ = r cos φ, and one velocity v along the arc; the pair
(p, s) of momenta of (θ, ξ) is v (ξ, −θ)/r. A motion turns φ; the state keeps the point (θ, ξ),
which is turned without knowing φ (:mod:`refimpl.constraints.circle_points`).

The flat prior on the circles is the arcsine law on θ; the law that is sampled is
exp(−V/τ)/√(r² − θ²) on (−r, r).

>>> import numpy as np
>>> thetas, structure, bounds, slacks = start_on_circles(
...     [np.array([[1.0]])], (2.0,), "weights", "raise"
... )
>>> bounds, thetas[0], np.round(slacks[0] ** 2, 6)
([2.0], array([[1.]]), array([[3.]]))
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Objective, Tree, check_params, required_rng
from refimpl.arrays import Array, namespace
from refimpl.checks import flag, non_negative, one_of, positive
from refimpl.constraints import circle_points, layer_radii, worst
from refimpl.constraints.circle import check_inside
from refimpl.constraints.circle_points import rotated, slack_of
from refimpl.errors import InfeasibleError
from refimpl.papers.constrained_langevin.common import check_radii, checked_gradient
from refimpl.random import Rng

Include = Literal["weights", "all"]
Outside = Literal["raise", "clip"]

RADII_HELP = "radius per layer; the last one serves all further layers"
INCLUDE_HELP = "bound weight matrices only, or biases too"
OUTSIDE_HELP = "what to do with initial weights outside their circle"
DIAGNOSTICS_HELP = "measure the constraint residual at every step"


class CircleState(NamedTuple):
    """State of the circle methods; free leaves have None for the slack.

    Attributes
    ----------
    params : tree
        θ.
    step : int
    slack : tree
        ξ.
    momentum : tree like ``params``, or None
        The velocity v along the arc (p of free leaves); None for the overdamped method.
    force : tree like ``params``, or None
        G ξ (G of free leaves) for the next step's first B, where the splitting reuses it.
    """

    params: Tree
    step: int
    slack: Tree
    momentum: Tree
    force: Tree

    @property
    def angles(self) -> Tree:
        """φ in [−π, π], a tree like ``slack``."""
        thetas, structure = ad.flatten(self.params)
        slacks = leaves_like(self.params, self.slack)
        angles = [
            None if xi is None else namespace(theta).atan2(theta, xi)
            for theta, xi in zip(thetas, slacks, strict=True)
        ]
        return ad.unflatten(structure, angles)


def start_on_circles(
    params: Tree, radii: tuple[float, ...], include: Include, outside: Outside
) -> tuple[list[Array], Any, list[float | None], list[Array | None]]:
    """Leaves, structure, radii and slacks."""
    check_params(params)
    leaves, structure = ad.flatten(params)
    bounds = layer_radii(params, radii, include)
    thetas: list[Array] = []
    slacks: list[Array | None] = []
    for theta, r in zip(leaves, bounds, strict=True):
        if r is not None:
            if outside == "clip":
                theta = namespace(theta).clip(theta, -r, r)
            _check_inside(theta, r, outside)
        thetas.append(theta)
        slacks.append(None if r is None else slack_of(theta, r))
    return thetas, structure, bounds, slacks


def _check_inside(theta: Array, r: float, outside: Outside) -> None:
    """Raise InfeasibleError with the option that helps."""
    try:
        check_inside(theta, r)
    except InfeasibleError as error:
        helps = ', as outside="clip" does (--outside clip)' if outside == "raise" else ""
        raise InfeasibleError(f"{error.message}{helps}", **error.numbers) from None


def place(
    thetas: list[Array],
    slacks: list[Array | None],
    by: list[Array] | None,
    bounds: list[float | None],
) -> tuple[list[Array], list[Array | None]]:
    """θ and ξ where φ has gone on by ``by``, leaf by leaf; θ + by, and None, of free leaves."""
    if by is None:
        return thetas, slacks
    ends: list[Array] = []
    ends_of_slacks: list[Array | None] = []
    for theta, xi, turn, r in zip(thetas, slacks, by, bounds, strict=True):
        if r is None or xi is None:
            end, slack = theta + turn, None
        else:
            end, slack = rotated(theta, xi, turn, r)
        ends.append(end)
        ends_of_slacks.append(slack)
    return ends, ends_of_slacks


def shift(
    x: list[Array] | None, by: list[Array], bounds: list[float | None], s: float
) -> list[Array]:
    """x + (s/r) by, leaf by leaf; x + s by for free leaves; without x, what is added to it.

    With velocities it moves coordinates for the time s; with the forces that :func:`force_at`
    gives it moves velocities for the time −s.
    """
    rates = [s if r is None else s / r for r in bounds]
    if x is None:
        return [rate * b for b, rate in zip(by, rates, strict=True)]
    return [a + rate * b for a, b, rate in zip(x, by, rates, strict=True)]


def force_at(
    objective: Objective,
    params: Tree,
    slacks: list[Array | None],
    batch: Any,
    step: int,
) -> tuple[Array, list[Array]]:
    """The loss and G ξ, leaf by leaf (G of free leaves), with G = ∇V(θ; batch).

    Raises
    ------
    DivergenceError
        If the loss or its gradient is not finite.
    """
    loss, gradient = checked_gradient(objective, params, batch, step)
    slopes, _ = ad.flatten(gradient)
    return loss, weigh(slopes, slacks)


def weigh(slopes: list[Array], slacks: list[Array | None]) -> list[Array]:
    """G ξ from G, leaf by leaf; G itself for free leaves."""
    return [g if xi is None else g * xi for g, xi in zip(slopes, slacks, strict=True)]


def exchange_heat(
    v: list[Array], s: float, friction: float, temperature: float, rng: Rng | None
) -> list[Array]:
    """The exact solution of dv = −γ v dt + √(2 γ τ) dB after the time s.

    Raises
    ------
    TypeError
        If ``rng`` is None and γ τ > 0.
    """
    c = math.exp(-friction * s)
    d = math.sqrt(temperature * -math.expm1(-2.0 * friction * s))
    if d == 0.0:
        return [c * x for x in v]
    stream = required_rng(rng)
    return [c * x + d * stream.normal(x.shape, like=x) for x in v]


def leaves_like(structure_of: Tree, tree: Tree) -> list[Any]:
    """The entries of ``tree`` in the order of ``structure_of``'s leaves, None included."""
    found: list[Any] = []
    ad.map_tree(lambda leaf, other: found.append(other), structure_of, tree)
    return found


def largest_residual(
    loss: Array,
    wanted: bool,
    bounds: list[float | None],
    thetas: list[Array],
    slacks: list[Array | None],
) -> Array:
    """The largest |θ² + ξ² − r²|/r² of all bounded leaves, or zero where it is not wanted."""
    if not wanted:
        return 0.0 * loss
    parts = [0.0 * loss]
    for theta, xi, r in zip(thetas, slacks, bounds, strict=True):
        if r is not None and xi is not None:
            parts.append(circle_points.largest_residual(theta, xi, r))
    return worst(parts)


def check_circles(algorithm: Any) -> None:
    """Check the fields that both algorithms have."""
    positive("step_size", algorithm.step_size)
    non_negative("temperature", algorithm.temperature)
    check_radii(algorithm.radii)
    one_of("include", algorithm.include, get_args(Include))
    one_of("outside", algorithm.outside, get_args(Outside))
    flag("diagnostics", algorithm.diagnostics)
