"""Formulas of single entries: evaluated in pieces that stay in the processor's cache, and the sine
and cosine of small angles.

A formula of ten operations on a large array reads and writes the memory ten times. Taken in pieces
of a few thousand numbers it does so once, and every entry gets the same operations in the same
order.

>>> import numpy as np
>>> x = np.linspace(0.0, 1.0, 100_000)
>>> square, other = in_pieces(lambda a: (a * a, 1.0 - a), x)
>>> bool(np.all(square == x * x)), bool(np.all(other == 1.0 - x))
(True, True)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from refimpl.arrays import Array, is_host, namespace, reduce

PIECE = 1 << 18
"""Bytes of a piece: some eight arrays of them fill a second-level cache."""


def in_pieces(function: Callable[..., tuple[Array, ...]], *arrays: Array | None) -> Any:
    """``function(*arrays)``, piece by piece where the arrays are large and NumPy's.

    Parameters
    ----------
    function : callable
        From arrays of one shape to a tuple of arrays of that shape, each entry by itself.
    *arrays : array or None
        Of one shape; None is handed on.

    Returns
    -------
    tuple of array

    Examples
    --------
    >>> import numpy as np
    >>> in_pieces(lambda a, b: (a + 1.0, a if b is None else b), np.zeros(2), None)
    (array([1., 1.]), array([0., 0.]))
    """
    if not _are_large(arrays):
        return function(*arrays)
    whole = next(array for array in arrays if array is not None)
    xp = namespace(whole)
    results: list[Array] = []
    for piece, given in _pieces(arrays):
        found = function(*given)
        if not results:
            count = math.prod(whole.shape)
            results = [xp.empty((count,), dtype=part.dtype) for part in found]
        for result, part in zip(results, found, strict=True):
            result[piece] = part
    return tuple(xp.reshape(result, whole.shape) for result in results)


def extremes_in_pieces(function: Callable[..., Array], *arrays: Array) -> tuple[Array, Array]:
    """The smallest and the largest entry of ``function(*arrays)``, 0-d, without an array of all.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = extremes_in_pieces(lambda a: a * a, np.arange(-40_000.0, 2.0))
    >>> float(low), float(high)
    (0.0, 1600000000.0)
    """
    if not _are_large(arrays):
        values = function(*arrays)
        return reduce("min", values), reduce("max", values)
    xp = namespace(*arrays)
    low, high = [], []
    for _, given in _pieces(arrays):
        values = function(*given)
        low.append(reduce("min", values))
        high.append(reduce("max", values))
    return xp.min(xp.stack(low)), xp.max(xp.stack(high))


def _are_large(arrays: tuple[Array | None, ...]) -> bool:
    """Whether pieces pay, and can be had."""
    return all(a is None or (is_host(a) and a.nbytes > 2 * PIECE) for a in arrays)


def _pieces(arrays: tuple[Array | None, ...]) -> Iterator[tuple[slice, list[Array | None]]]:
    """Slices, and these of the arrays in one dimension."""
    whole = next(array for array in arrays if array is not None)
    count, length = math.prod(whole.shape), PIECE // whole.itemsize
    flat = [None if a is None else namespace(a).reshape(a, (-1,)) for a in arrays]
    for start in range(0, count, length):
        piece = slice(start, start + length)
        yield piece, [None if a is None else a[piece] for a in flat]


def sine_and_cosine(angle: Array) -> tuple[Array, Array]:
    """sin and cos of every entry.

    NumPy has no vector instructions for those of doubles. Where all angles are at most 1 in modulus
    the sine is its series, to the last digit or the last but one, and the cosine √(1 − sin²).

    Examples
    --------
    >>> import numpy as np
    >>> sine, cosine = sine_and_cosine(np.array([0.5, -0.25]))
    >>> bool(np.all(abs(sine - np.sin([0.5, -0.25])) < 1e-16))
    True
    """
    xp = namespace(angle)
    bound = math.inf
    if is_host(angle) and angle.dtype == xp.float64 and math.prod(angle.shape) > 0:
        bound = float(xp.maximum(reduce("max", angle), -reduce("min", angle)))
    if not bound <= 1.0:
        return xp.sin(angle), xp.cos(angle)
    terms = 1
    while bound ** (2 * terms) / math.factorial(2 * terms + 1) > 1e-17:
        terms += 1
    square = angle * angle
    series: Any = _SINE[terms - 1]
    for coefficient in reversed(_SINE[: terms - 1]):
        series = series * square + coefficient
    sine = angle + angle * (square * series)
    return sine, xp.sqrt((1.0 - sine) * (1.0 + sine))


# sin x = x + x³ (c0 + c1 x² + ...)
_SINE = [(-1.0) ** (k + 1) / math.factorial(2 * k + 3) for k in range(9)]
