"""Weights on circles: what c-CoLA-od and c-CoLA-ud share.

Every weight is bounded, |θ| ≤ r, by a slack ξ with θ² + ξ² = r². On the circle there is one
coordinate, the angle φ with θ = r sin φ, ξ = r cos φ, and one velocity v along the arc; the pair
(p, s) of momenta of (θ, ξ) is v (ξ, −θ)/r. In these coordinates the constraint holds identically.

The flat prior on the circles is the arcsine law on θ; the law that is sampled is
exp(−V/τ)/√(r² − θ²) on (−r, r).

>>> import numpy as np
>>> thetas, structure, bounds, angles, slacks = start_on_circles(
...     [np.array([[1.0]])], (2.0,), "weights", "raise"
... )
>>> bounds, np.round(angles[0] / np.pi, 6), np.round(slacks[0] ** 2, 6)
([2.0], array([[0.166667]]), array([[3.]]))
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree, check_params
from refimpl.arrays import Array, namespace
from refimpl.checks import flag, non_negative, one_of, positive
from refimpl.constraints import layer_radii, worst
from refimpl.constraints.circle import check_inside
from refimpl.papers.constrained_langevin.common import check_radii

Include = Literal["weights", "all"]
Outside = Literal["raise", "clip"]

RADII_HELP = "radius per layer; the last one serves all further layers"
INCLUDE_HELP = "bound weight matrices only, or biases too"
OUTSIDE_HELP = "what to do with initial weights outside their circle"
DIAGNOSTICS_HELP = "measure the constraint residual at every step"


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


def start_on_circles(
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
            xp = namespace(theta)
            square = theta * theta + xi * xi
            high, low = xp.max(square), xp.min(square)
            parts.append(xp.maximum(high * (1.0 / (r * r)) - 1.0, 1.0 - low * (1.0 / (r * r))))
    return worst(parts)


def check_circles(algorithm: Any) -> None:
    """Check the fields that both algorithms have."""
    positive("step_size", algorithm.step_size)
    non_negative("temperature", algorithm.temperature)
    check_radii(algorithm.radii)
    one_of("include", algorithm.include, get_args(Include))
    one_of("outside", algorithm.outside, get_args(Outside))
    flag("diagnostics", algorithm.diagnostics)
