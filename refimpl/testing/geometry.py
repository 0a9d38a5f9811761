"""Assertions on where weights lie: orthonormal, tangent, on circles, balanced.

>>> import numpy as np
>>> assert_orthonormal(np.eye(3, 2))
>>> assert_on_circles(np.array([0.3]), np.array([0.41]), radius=0.5)
Traceback (most recent call last):
...
AssertionError: 1 of 1 weights off the circle of radius 0.5: largest |theta^2 + xi^2 - r^2| / r^2
is 0.0324 at [0] (theta = 0.3, xi = 0.41), allowed 4.441e-15
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from refimpl.arrays import Array, device, eps, namespace
from refimpl.testing.measured import (
    columns,
    largest_at,
    number,
    plain,
    ratio,
    require,
    size_of,
    where,
)


def assert_orthonormal(weight: Array, *, tolerance: float | None = None) -> None:
    """Assert that the columns of a tall weight, or the rows of a wide one, are orthonormal.

    Parameters
    ----------
    weight : array, shape (n, m), (n,) or (out, ...)
        A vector must have length 1; a kernel of more axes is a matrix (out, rest).
    tolerance : float, optional
        On the largest entry of WᵀW − I; default 20 eps times the length of a column.

    Raises
    ------
    AssertionError
        With the largest entry, its place, and the smallest and largest singular value.

    Examples
    --------
    >>> import numpy as np
    >>> assert_orthonormal(np.array([[1.0, 1e-3], [0.0, 1.0], [0.0, 0.0]]))
    Traceback (most recent call last):
    ...
    AssertionError: columns of shape (3, 2) are not orthonormal: largest |W^T W - I| is 0.001
    at [0, 1], allowed 1.332e-14; singular values from 0.9995 to 1.001
    """
    __tracebackhide__ = True
    weight = plain(weight, "weight")
    tall, kind = columns(weight)
    xp = namespace(tall)
    eye = xp.eye(tall.shape[1], dtype=tall.dtype, device=device(tall))
    off, at = largest_at(tall.mT @ tall - eye)
    allowed = 20.0 * tall.shape[0] * eps(tall) if tolerance is None else tolerance
    if not off <= allowed:
        finite = bool(xp.all(xp.isfinite(tall)))
        values = xp.linalg.svdvals(tall) if finite else tall
        low, high = float(xp.min(values)), float(xp.max(values))
        raise AssertionError(
            f"{kind} of shape {tuple(weight.shape)} are not orthonormal: largest |W^T W - I| is "
            f"{number(off)}{where(at)}, allowed {number(allowed)}; singular values from "
            f"{number(low)} to {number(high)}"
        )


def assert_tangent(
    point: Array, vector: Array, *, constraint: Any = None, tolerance: float | None = None
) -> None:
    """Assert that a vector is tangent to the constraint set at a point.

    Parameters
    ----------
    point, vector : array
        Of one shape.
    constraint : object with ``tangency(point, vector)``, optional
        Default: orthonormal columns (rows, where the weight is wide), for which a tangent P has
        WᵀP + PᵀW = 0; for a vector that is the sphere.
    tolerance : float, optional
        On the largest entry of the tangency, relative to the norm of ``vector``; default 20 eps
        times the largest extent of ``point``.

    Examples
    --------
    >>> import numpy as np
    >>> assert_tangent(np.array([1.0, 0.0]), np.array([0.5, 1.0]))
    Traceback (most recent call last):
    ...
    AssertionError: the vector is not tangent: largest normal part is 1 at [0, 0], of a vector of
    norm 1.118: 0.8944 of it, allowed 8.882e-15
    """
    __tracebackhide__ = True
    point, vector = plain(point, "point"), plain(vector, "vector")
    require(
        tuple(point.shape) == tuple(vector.shape),
        f"a tangent vector has the shape of its point, {tuple(point.shape)}, "
        f"not {tuple(vector.shape)}",
    )
    if constraint is None:
        product = columns(point)[0].mT @ columns(vector)[0]
        normal = product + product.mT
    else:
        normal = constraint.tangency(point, vector)
    off, at = largest_at(normal)
    size = size_of(vector)
    allowed = 20.0 * max(point.shape, default=1) * eps(point) if tolerance is None else tolerance
    require(
        off <= allowed * size,
        f"the vector is not tangent: largest normal part is {number(off)}{where(at)}, of a vector "
        f"of norm {number(size)}: {number(ratio(off, size))} of it, allowed "
        f"{number(allowed)}",
    )


def assert_on_circles(
    theta: Array, xi: Array, radius: float, *, tolerance: float | None = None
) -> None:
    """Assert that every weight and its slack lie on their circle, θ² + ξ² = r².

    Parameters
    ----------
    theta, xi : array
        Of one shape.
    radius : float
    tolerance : float, optional
        On the residual in units of r²; default 20 eps.
    """
    __tracebackhide__ = True
    theta, xi = plain(theta, "theta"), plain(xi, "xi")
    require(
        tuple(theta.shape) == tuple(xi.shape),
        f"every weight has a slack: shapes {tuple(theta.shape)} and {tuple(xi.shape)}",
    )
    xp = namespace(theta, xi)
    sine, cosine = theta / radius, xi / radius
    residual = sine * sine + cosine * cosine - 1.0
    allowed = 20.0 * eps(theta) if tolerance is None else tolerance
    off, at = largest_at(residual)
    if not off <= allowed:
        outside = int(xp.sum(xp.astype(~(xp.abs(residual) <= allowed), xp.int64)))
        raise AssertionError(
            f"{outside} of {math.prod(theta.shape)} weights off the circle of radius "
            f"{number(radius)}: largest |theta^2 + xi^2 - r^2| / r^2 is {number(off)}{where(at)} "
            f"(theta = {number(float(theta[at]))}, xi = {number(float(xi[at]))}), allowed "
            f"{number(allowed)}"
        )


def assert_balanced(
    weights: Sequence[Array],
    *,
    start: Sequence[Array] | None = None,
    tolerance: float | None = None,
) -> None:
    """Assert that the layers of a linear chain are balanced, or as unbalanced as at the start.

    The imbalance of neighbors, W_{l+1}ᵀ W_{l+1} − W_l W_lᵀ, is conserved by gradient flow.

    Parameters
    ----------
    weights : sequence of array, shapes (n_{l+1}, n_l)
    start : sequence of array, optional
        The weights whose imbalance these must have; default: none at all.
    tolerance : float, optional
        On the largest entry, relative to the largest squared norm of a layer; default 20 eps
        times the largest width.

    Examples
    --------
    >>> import numpy as np
    >>> assert_balanced([np.eye(2), 1.1 * np.eye(2)])
    Traceback (most recent call last):
    ...
    AssertionError: layers 0 and 1 are not balanced: largest |W1^T W1 - W0 W0^T| is 0.21 at [0, 0],
    0.08678 of the squared norm 2.42, allowed 8.882e-15
    """
    __tracebackhide__ = True
    layers = [plain(w, "weight") for w in weights]
    origin = layers if start is None else [plain(w, "weight") for w in start]
    require(len(layers) > 1, f"balance is between layers: {len(layers)} given")
    shapes = [tuple(w.shape) for w in layers]
    require(
        shapes == [tuple(w.shape) for w in origin],
        f"the start has other shapes: {[tuple(w.shape) for w in origin]} and {shapes}",
    )
    width = max(extent for shape in shapes for extent in shape)
    scale = max(size_of(w) ** 2 for w in (*layers, *origin))
    allowed = 20.0 * width * eps(layers[0]) if tolerance is None else tolerance
    before = [_gap(*pair) for pair in itertools.pairwise(origin)]
    for index, pair in enumerate(itertools.pairwise(layers)):
        gap = _gap(*pair)
        off, at = largest_at(gap if start is None else gap - before[index])
        named = f"W{index + 1}^T W{index + 1} - W{index} W{index}^T"
        what = "are not balanced: largest" if start is None else "changed their imbalance: largest"
        kept = "" if start is None else " minus that of the start"
        require(
            off <= allowed * scale,
            f"layers {index} and {index + 1} {what} |{named}|{kept} is {number(off)}{where(at)}, "
            f"{number(ratio(off, scale))} of the squared norm {number(scale)}, "
            f"allowed {number(allowed)}",
        )


def _gap(lower: Array, upper: Array) -> Array:
    return upper.mT @ upper - lower @ lower.mT
