"""What the assertions share: plain arrays out of whatever is given, and messages with numbers.

>>> import numpy as np
>>> largest_at(np.array([[1.0, -4.0], [2.0, 3.0]]))
(4.0, (0, 1))
"""

from __future__ import annotations

import math
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, check_float, namespace


def plain(array: Array, name: str = "array") -> Array:
    """The array without its place in a computation graph.

    Raises
    ------
    TypeError
        If it is no array, or holds no floating-point numbers.
    """
    array = array.detach() if hasattr(array, "detach") else array
    namespace(array)
    check_float(array, name)
    return array


def plain_tree(tree: Any, name: str = "array") -> Any:
    """:func:`plain` leaf by leaf."""
    return ad.map_tree(lambda leaf: plain(leaf, name), tree)


def columns(weight: Array) -> tuple[Array, str]:
    """The weight as a tall matrix, and what its columns are in the weight.

    A vector is one column; a kernel of more than two axes is a matrix (first axis, the rest); a
    wide matrix is transposed.

    Examples
    --------
    >>> import numpy as np
    >>> columns(np.zeros((2, 3)))[0].shape, columns(np.zeros((2, 3)))[1]
    ((3, 2), 'rows')
    """
    xp = namespace(weight)
    if weight.ndim == 1:
        return weight[:, None], "vector"
    if weight.ndim > 2:
        weight = xp.reshape(weight, (weight.shape[0], -1))
    if weight.shape[0] < weight.shape[1]:
        return weight.mT, "rows"
    return weight, "columns"


def largest_at(values: Array) -> tuple[float, tuple[int, ...]]:
    """The largest modulus of the entries and where it stands; NaN counts as largest.

    Of an array without entries it is zero, nowhere.
    """
    xp = namespace(values)
    if math.prod(values.shape) == 0:
        return 0.0, ()
    flat = xp.reshape(xp.abs(values), (-1,))
    flat = xp.where(xp.isnan(flat), xp.full_like(flat, math.inf), flat)
    place = int(xp.argmax(flat))
    size = float(flat[place])
    at: list[int] = []
    rest = place
    for extent in reversed(tuple(values.shape)):
        rest, index = divmod(rest, extent)
        at.insert(0, index)
    return size, tuple(at)


def size_of(values: Array) -> float:
    """Euclidean norm of all entries."""
    xp = namespace(values)
    scale = largest_at(values)[0]
    if scale == 0.0 or scale == math.inf:
        return scale
    flat = xp.reshape(values, (-1,)) / scale
    return scale * math.sqrt(float(xp.sum(flat * flat)))


def number(value: float) -> str:
    """Four digits of a number."""
    return f"{value:.4g}"


def ratio(part: float, whole: float) -> float:
    """Their quotient, infinite where the whole is zero."""
    return part / whole if whole else math.inf


def where(at: tuple[int, ...]) -> str:
    """The place of an entry, as it is shown."""
    return f" at [{', '.join(map(str, at))}]" if at else ""


def require(met: bool, message: str) -> None:
    """Raise an AssertionError with this message unless the condition is met."""
    __tracebackhide__ = True
    if not met:
        raise AssertionError(message)
