"""What AMP, SAM and random perturbation share: a ball of parameters, and the gradient in it.

All three take the gradient of the loss at θ + Δ and let any update subtract it at θ. They differ in
how Δ is found; how long it may be is said here, once, in three readings of ‖Δ‖ ≤ ε:

``per_tensor``  every tensor has a ball of its own, ‖Δ_l‖ ≤ s_l ε; together at most ε √(Σ s_l²)
``global``      one ball for all parameters together, ‖Δ‖ ≤ ε
``linf``        every entry on its own, |Δ_i| ≤ s_l ε

>>> import numpy as np
>>> point = project([np.asarray([3.0, 4.0]), np.asarray([0.3])], [1.0, 1.0], "per_tensor")
>>> point.delta, float(point.clipped)
([array([0.6, 0.8]), array([0.3])], 0.5)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.algorithms.composed_gradient import Gradients, added
from refimpl.arrays import Array, namespace, one, reduce
from refimpl.checks import non_negative
from refimpl.errors import DivergenceError, SettingError

Norm = Literal["per_tensor", "global", "linf"]

Loss = Callable[[Tree], tuple[Array, Tree]]
"""The batch's loss at any parameters: ``loss(params)`` is a 0-d value and a gradient tree."""

NORM_HELP = "a ball for each tensor, for all together, or an interval for each entry"
SCALES_HELP = "factors on the radius, one for each tensor; none: 1"


class Point(NamedTuple):
    """A point of the ball.

    Attributes
    ----------
    delta : list of arrays
        Δ, leaf by leaf; empty where there is none, so that θ + Δ is θ itself.
    length : 0-d array
        ‖Δ‖ of all leaves together.
    clipped : 0-d array
        The share of tensors (of all parameters, for ``norm="global"``: 0 or 1; of entries, for
        ``linf``) that the projection shortened.
    """

    delta: list[Array]
    length: Array
    clipped: Array


class Perturbation(NamedTuple):
    """A Δ and how it was found: a :class:`Point`, and the inner passes.

    Attributes
    ----------
    delta, length, clipped
        Of the last point.
    passes : list of (value, list of arrays)
        Losses and gradients of the inner passes, the first one at θ.
    """

    delta: list[Array]
    length: Array
    clipped: Array
    passes: list[tuple[Array, list[Array]]]


def check_scales(scales: Sequence[float], norm: str) -> None:
    """Raise unless ``scales`` are non-negative numbers, and none for the global norm."""
    if not isinstance(scales, tuple):
        raise TypeError(f"scales must be a tuple of numbers, not {type(scales).__name__}")
    for scale in scales:
        non_negative("scales", scale)
    if scales and norm == "global":
        raise ValueError("scales are factors for single tensors, of which norm='global' knows none")


def radii_of(params: Sequence[Array], radius: float, scales: Sequence[float]) -> list[float]:
    """The radius of each tensor.

    Raises
    ------
    SettingError
        If there are scales, and not one for each tensor.
    """
    if scales and len(scales) != len(params):
        raise SettingError("one scale a tensor is needed", scales=len(scales), tensors=len(params))
    return [radius * scale for scale in scales or (1.0,) * len(params)]


def norms_of(leaves: Sequence[Array]) -> Array:
    """Euclidean norm of each leaf, scaled before it is squared: shape (leaves,).

    Examples
    --------
    >>> import numpy as np
    >>> norms_of([np.asarray([3e200, 4e200]), np.zeros(2)]) / 1e200
    array([5., 0.])
    """
    xp = namespace(*leaves)
    nothing = 0.0 * one(leaves[0])
    tops = xp.stack([reduce("max", xp.abs(x)) if math.prod(x.shape) else nothing for x in leaves])
    units = xp.where(tops > 0.0, tops, xp.ones_like(tops))
    scaled = [leaf / units[index] for index, leaf in enumerate(leaves)]
    return tops * xp.sqrt(xp.stack([reduce("sum", x * x) for x in scaled]))


def norm_of(leaves: Sequence[Array]) -> Array:
    """Euclidean norm of all leaves together, scaled before it is squared: 0-d.

    Examples
    --------
    >>> import numpy as np
    >>> float(norm_of([np.asarray([3e200]), np.asarray([-4e200])])) / 1e200
    5.0
    """
    lengths = norms_of(leaves)
    return lengths[0] if len(leaves) == 1 else norms_of([lengths])[0]


def project(
    leaves: Sequence[Array], radii: Sequence[float], norm: Norm, stabilizer: float = 0.0
) -> Point:
    """The nearest point of the ball.

    Parameters
    ----------
    leaves : sequence of arrays
        Δ.
    radii : sequence of float
        One for each leaf; for ``norm="global"`` all alike.
    norm : {"per_tensor", "global", "linf"}
    stabilizer : float
        Added to the norm that divides; released code does so, which leaves ‖Δ‖ a little below ε.
    """
    xp = namespace(*leaves)
    unit = one(leaves[0])
    if norm == "linf":
        within = [
            xp.minimum(xp.maximum(leaf, -r * unit), r * unit)
            for leaf, r in zip(leaves, radii, strict=True)
        ]
        outside = [xp.abs(leaf) > r for leaf, r in zip(leaves, radii, strict=True)]
        hit = [reduce("sum", xp.astype(part, unit.dtype)) for part in outside]
        entries = sum(math.prod(leaf.shape) for leaf in leaves)
        return Point(within, norm_of(within), sum(hit[1:], hit[0]) / entries)
    lengths = norms_of(leaves)
    if norm == "global":
        together = norms_of([lengths])
        factors, clipped = _factors(together, radii[0] * xp.ones_like(together), stabilizer)
        within = [factors[0] * leaf for leaf in leaves]
        return Point(within, (factors * together)[0], clipped[0])
    factors, clipped = _factors(lengths, xp.stack([r * unit for r in radii]), stabilizer)
    within = [factors[index] * leaf for index, leaf in enumerate(leaves)]
    return Point(within, norm_of([factors * lengths]), xp.mean(clipped))


def _factors(lengths: Array, reach: Array, stabilizer: float) -> tuple[Array, Array]:
    """ε/‖Δ‖ where ‖Δ‖ > ε, else 1; and 1 or 0 for whether."""
    xp = namespace(lengths)
    outside = lengths > reach
    unit = xp.ones_like(lengths)
    divisor = xp.where(outside, lengths + stabilizer, unit)
    return xp.where(outside, reach / divisor, unit), xp.astype(outside, lengths.dtype)


def fill(leaves: Sequence[Array], radii: Sequence[float], norm: Norm) -> list[Array]:
    """The point of the sphere in this direction; zero stays zero.

    Of ``linf`` it is the corner of the cube on that side.

    Examples
    --------
    >>> import numpy as np
    >>> fill([np.asarray([0.3, 0.4]), np.zeros(1)], [1.0, 1.0], "per_tensor")
    [array([0.6, 0.8]), array([0.])]
    """
    xp = namespace(*leaves)
    if norm == "linf":
        return [r * xp.sign(leaf) for leaf, r in zip(leaves, radii, strict=True)]
    if norm == "global":
        return _stretched(leaves, norm_of(leaves), [radii[0]] * len(leaves))
    lengths = norms_of(leaves)
    return [
        _stretched([leaf], lengths[index], radii[index : index + 1])[0]
        for index, leaf in enumerate(leaves)
    ]


def _stretched(leaves: Sequence[Array], length: Array, radii: Sequence[float]) -> list[Array]:
    """Divide by the norm before the radius multiplies: their quotient may overflow."""
    divisor = namespace(length).where(length > 0.0, length, one(length))
    return [r * (leaf / divisor) for leaf, r in zip(leaves, radii, strict=True)]


def limit_gradient(leaves: list[Array], limit: float) -> list[Array]:
    """Scale a gradient down to global norm ``limit`` where it is longer."""
    factor, _ = _factors(norm_of(leaves), limit * one(leaves[0]), 0.0)
    return [factor * leaf for leaf in leaves]


def climb(
    loss: Loss,
    params: Tree,
    inner_steps: int,
    move: Callable[[list[Array], list[Array]], Point],
) -> Perturbation:
    """N inner steps from Δ = 0, each with the gradient at θ + Δ.

    Parameters
    ----------
    loss : callable
    params : tree
        θ.
    inner_steps : int
        N; 0 takes no gradient and leaves Δ empty.
    move : callable
        ``move(delta, gradient)`` gives the next point; ``delta`` is empty in the first step.

    Returns
    -------
    Perturbation
    """
    point = origin(params)
    passes: list[tuple[Array, list[Array]]] = []
    for _ in range(inner_steps):
        value, gradient = loss(shifted(params, point.delta))
        slopes, _ = ad.flatten(gradient)
        passes.append((value, slopes))
        point = move(point.delta, slopes)
    return Perturbation(*point, passes)


def origin(params: Tree) -> Point:
    """The point Δ = 0, with an empty Δ."""
    zero = 0.0 * one(ad.flatten(params)[0][0])
    return Point([], zero, zero)


def shifted(params: Tree, delta: list[Array]) -> Tree:
    """θ + Δ; the very same tree where Δ is empty."""
    if not delta:
        return params
    leaves, structure = ad.flatten(params)
    moved = [leaf + d for leaf, d in zip(leaves, delta, strict=True)]
    return ad.unflatten(structure, moved)


def check_finite(
    passes: Sequence[tuple[Array, list[Array]]], length: Array, **settings: Any
) -> None:
    """Raise where a loss or gradient among ``passes`` is not finite.

    The common case costs one look at a single number.

    Raises
    ------
    DivergenceError
        With the inner iteration (0 is the pass at θ), the loss, the norms of its gradient and of
        the last Δ, and ``settings``.
    """
    xp = namespace(passes[0][0])
    totals = [value + sum(reduce("sum", leaf) for leaf in slopes) for value, slopes in passes]
    if math.isfinite(float(sum(totals[1:], totals[0]))):
        return
    for iteration, (value, slopes) in enumerate(passes):
        fine = [xp.isfinite(value), *(xp.all(xp.isfinite(leaf)) for leaf in slopes)]
        if not all(bool(part) for part in fine):
            raise DivergenceError(
                "the loss or its gradient is not finite; a smaller radius or step size may help",
                inner_iteration=iteration,
                loss=float(value),
                gradient_norm=float(norm_of(slopes)),
                perturbation_norm=float(length),
                **settings,
            )


def joined(
    gradient: Tree, penalty: tuple[Array, Tree | None], loss: Array, diagnostics: dict[str, Array]
) -> Gradients:
    """What the update gets: the loss's gradient from θ + Δ and that of the penalties from θ."""
    value, pull = penalty
    return Gradients(loss, value, added(gradient, pull), diagnostics)
