"""One-dimensional total-variation denoising, exactly: the taut string.

Algorithm
---------
The minimizer of ½ Σ (u_i − g_i)² + λ Σ |u_{i+1} − u_i| is the slope of the shortest path from
(0, 0) to (n, S_n) within λ of the cumulative sums S_i = g_1 + ... + g_i.

1. from the last fixed vertex, keep the greatest convex minorant U of the ceiling S + λ and the
   least concave majorant V of the floor S − λ
2. when a new point of the ceiling lies under the first edge of V, the string follows V: fix its
   first vertex and begin there; likewise for a point of the floor over the first edge of U
3. at the end both meet in the last edge

Every point enters and leaves each hull at most once in the usual case: O(n).

Source: P. L. Davies and A. Kovac, "Local extremes, runs, strings and multiresolution", Annals of
Statistics 29 (2001), recalled; the hulls are textbook.

>>> import numpy as np
>>> denoised(np.array([0.0, 0.0, 1.0, 1.0]), 0.5)
array([0.25, 0.25, 0.75, 0.75])
"""

from __future__ import annotations

import itertools
import math

from refimpl.arrays import Array, device, namespace
from refimpl.checks import non_negative
from refimpl.errors import SettingError

Vertex = tuple[int, float]


def denoised(values: Array, strength: float) -> Array:
    """The minimizer u of ½ Σ (u − g)² + λ Σ |u_{i+1} − u_i|.

    Parameters
    ----------
    values : array, shape (n,), n >= 1
        g. It is read on the host.
    strength : float
        λ, non-negative. On a grid of n cells of [0, 1] the λ of the integrals becomes λ n.

    Returns
    -------
    array, shape (n,)

    Raises
    ------
    SettingError
        For an empty array.
    """
    non_negative("strength", strength)
    if len(values.shape) != 1 or values.shape[0] == 0:
        raise SettingError("a taut string needs a row of values", shape=str(values.shape))
    numbers = [float(value) for value in values]
    if strength == 0.0:
        return values
    path = _shortest_path(numbers, strength)
    found: list[float] = []
    for left, right in itertools.pairwise(path):
        found += [_slope(left, right)] * (right[0] - left[0])
    return namespace(values).asarray(found, dtype=values.dtype, device=device(values))


def threshold(values: Array) -> float:
    """The smallest λ whose minimizer is constant: max_i |Σ_{j<=i} (g_j − mean)|.

    Examples
    --------
    >>> import numpy as np
    >>> threshold(np.array([0.0, 0.0, 1.0, 1.0]))
    1.0
    """
    numbers = [float(value) for value in values]
    mean = math.fsum(numbers) / len(numbers)
    sums = [math.fsum(number - mean for number in numbers[: i + 1]) for i in range(len(numbers))]
    return max(map(abs, sums))


def _slope(left: Vertex, right: Vertex) -> float:
    return (right[1] - left[1]) / (right[0] - left[0])


def _shortest_path(values: list[float], strength: float) -> list[Vertex]:
    path: list[Vertex] = [(0, 0.0)]
    upper, lower = [path[0]], [path[0]]
    total, last = 0.0, len(values)
    for index, value in enumerate(values, start=1):
        total += value
        width = strength if index < last else 0.0
        _add(upper, (index, total + width), convex=True)
        if len(upper) == 2:
            lower = _follow(path, lower, upper, sign=1.0)
        _add(lower, (index, total - width), convex=False)
        if len(lower) == 2:
            upper = _follow(path, upper, lower, sign=-1.0)
    return path + upper[1:]


def _add(hull: list[Vertex], point: Vertex, *, convex: bool) -> None:
    """A point to the right joins the hull; vertices that it hides leave."""
    while len(hull) > 1:
        before, new = _slope(hull[-2], hull[-1]), _slope(hull[-1], point)
        if (before < new) if convex else (before > new):
            break
        hull.pop()
    hull.append(point)


def _follow(
    path: list[Vertex], hull: list[Vertex], single: list[Vertex], *, sign: float
) -> list[Vertex]:
    """While the single edge crosses the first edge of the hull, the string bends around the hull.

    ``single`` (its one edge) begins where the string has been fixed; both are moved.
    """
    while len(hull) > 1 and sign * (_slope(*single) - _slope(hull[0], hull[1])) < 0.0:
        hull = hull[1:]
        path.append(hull[0])
        single[0] = hull[0]
    return hull
