"""Matrices that are made rather than drawn: the strategies use them, and tests with a fixed seed.

>>> import numpy as np
>>> from refimpl.testing import matrix_of_spectrum, orthonormal_matrix
>>> np.linalg.svd(matrix_of_spectrum((3.0, 0.5), (4, 2)), compute_uv=False).round(12)
array([3. , 0.5])
>>> w = orthonormal_matrix(4, 2)
>>> bool(np.max(np.abs(w.T @ w - np.eye(2))) < 1e-15)
True
"""

from __future__ import annotations

from collections.abc import Sequence

from refimpl.arrays import Array, Backend, backend, namespace, qr
from refimpl.errors import SettingError
from refimpl.random import Rng


def orthonormal_matrix(
    rows: int, columns: int, rng: Rng | int = 0, *, place: Backend | None = None
) -> Array:
    """Orthonormal columns, uniformly distributed over the seeds.

    Parameters
    ----------
    rows, columns : int
        At least as many rows as columns.
    rng : Rng or int
        A stream, or a seed.
    place : Backend, optional
        NumPy in float64 by default.
    """
    stream = rng if isinstance(rng, Rng) else Rng(rng)
    made = qr(stream.normal((rows, columns)))[0]
    return made if place is None else place.asarray(made)


def matrix_of_spectrum(
    singular_values: Sequence[float],
    shape: tuple[int, int],
    rng: Rng | int = 0,
    *,
    place: Backend | None = None,
) -> Array:
    """A matrix with these singular values and random singular vectors.

    Parameters
    ----------
    singular_values : sequence of float
        In any order; of too many the first are taken.
    shape : tuple of two ints
    rng : Rng or int
        A stream, or a seed.
    place : Backend, optional
        NumPy in float64 by default.

    Raises
    ------
    SettingError
        If there are fewer values than the shorter side is long.
    """
    rank = min(shape)
    if len(singular_values) < rank:
        raise SettingError("the spectrum is too short", given=len(singular_values), needed=rank)
    stream = rng if isinstance(rng, Rng) else Rng(rng)
    left = orthonormal_matrix(shape[0], rank, stream.child("left"))
    right = orthonormal_matrix(shape[1], rank, stream.child("right"))
    values = namespace(left).asarray([float(value) for value in singular_values[:rank]])
    return (place or backend("numpy", "float64")).asarray((left * values) @ right.mT)
