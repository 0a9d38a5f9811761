"""Arrays that lie one after the other in one vector.

>>> flat = Flat([np.ones((2, 2)), np.zeros(3)])
>>> flat.leaves[0][0, 1] = 5.0
>>> float(flat.vector[1]), [leaf.shape for leaf in flat.copied()]
(5.0, [(2, 2), (3,)])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from refimpl.recording.program import ALIGNMENT, aligned


def is_plain(leaf: Any) -> bool:
    """Whether this is an array of NumPy, and not one of its subclasses."""
    return type(leaf) is np.ndarray


def same_bits(left: Any, right: Any) -> bool:
    """Whether two arrays are equal to the last bit, signs of zeros included.

    >>> same_bits(np.zeros(1), -np.zeros(1))
    False
    """
    x, y = np.asarray(left), np.asarray(right)
    return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()


class Flat:
    """Copies of arrays of one dtype, each a view of one vector that begins at a cache line.

    Parameters
    ----------
    arrays : sequence of numpy.ndarray

    Attributes
    ----------
    vector : numpy.ndarray
        With zeros between the arrays.
    leaves : list of numpy.ndarray
        The arrays, as views of it.
    """

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        dtype, self._cuts, start = arrays[0].dtype, [], 0
        for array in arrays:
            size = math.prod(array.shape)
            self._cuts.append((start, start + size, array.shape))
            step = ALIGNMENT // dtype.itemsize
            start += -(-size // step) * step
        self.vector = aligned(start * dtype.itemsize).view(dtype)
        self.vector[:] = 0
        self.leaves = self._cut(self.vector)
        self.fill(arrays)

    def fill(self, arrays: Sequence[np.ndarray]) -> None:
        """Overwrite the arrays."""
        for leaf, array in zip(self.leaves, arrays, strict=True):
            leaf[...] = array

    def copied(self) -> list[np.ndarray]:
        """The arrays as they are now, on a vector of their own."""
        return self._cut(self.vector.copy())

    def _cut(self, vector: np.ndarray) -> list[np.ndarray]:
        return [vector[start:end].reshape(shape) for start, end, shape in self._cuts]
