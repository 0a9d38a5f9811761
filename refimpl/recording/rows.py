"""Rows replaced in an array that a loop of steps owns: two arrays take turns.

A pure step that replaces a few rows copies all others. Where the loop holds every state itself, the
array of the state before last is free again: it lacks two sets of rows only.

>>> import numpy as np
>>> put, first = TurningRows(), np.zeros(3)
>>> second = put(first, np.array([0]), np.array([1.0]))
>>> third = put(second, np.array([1]), np.array([2.0]))
>>> fourth = put(third, np.array([2]), np.array([3.0]))
>>> first, third, fourth, fourth is second
(array([0., 0., 0.]), array([1., 2., 0.]), array([1., 2., 3.]), True)
"""

from __future__ import annotations

from typing import Any

from refimpl.arrays import Array, is_host, put_rows


class TurningRows:
    """:func:`refimpl.arrays.put_rows` for one array after the other.

    What it returns is overwritten by the next call but one; the array that it is given is not. An
    array that it did not return last is copied, so that a step may be taken again.
    """

    def __init__(self) -> None:
        self._last: Array | None = None
        self._spare: Array | None = None
        self._changed: Any = None

    def __call__(self, array: Array, indices: Any, rows: Array) -> Array:
        """``array`` with ``rows`` at ``indices`` of its first axis."""
        own = array is self._last and is_host(array)
        if own and self._spare is not None:
            result = self._spare
            result[self._changed] = array[self._changed]
            result[indices] = rows
        else:
            result = put_rows(array, indices, rows)
        self._spare = array if own else None
        self._last, self._changed = result, indices
        return result
