"""Explicit coordinates of optimal configurations: what closed forms of energies are checked on.

>>> e8_roots().shape, frame(7).shape
((240, 8), (28, 7))
"""

from __future__ import annotations

import itertools

import numpy as np

FRAMES = {3: 6, 6: 16, 7: 28}
"""Dimension -> lines, of the equiangular tight frames of :func:`frame`."""


def circle(neurons: int) -> np.ndarray:
    """The N-th roots of unity, shape (N, 2)."""
    angle = 2.0 * np.pi * np.arange(neurons) / neurons
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def simplex(neurons: int) -> np.ndarray:
    """A regular simplex of N unit vectors in R^{N−1}."""
    centered = np.eye(neurons) - 1.0 / neurons
    return np.linalg.eigh(centered)[1][:, 1:] * np.sqrt(neurons / (neurons - 1.0))


def cross_polytope(dimension: int) -> np.ndarray:
    """The 2n points ±e_i."""
    return np.concatenate([np.eye(dimension), -np.eye(dimension)])


def e8_roots() -> np.ndarray:
    """The 240 roots of E8 as unit vectors: a root and its negative lie 120 rows apart."""
    rows = []
    for i, j in itertools.combinations(range(8), 2):
        for sign in (1.0, -1.0):
            row = np.zeros(8)
            row[i], row[j] = 1.0, sign
            rows.append(row)
    for signs in itertools.product((0.5, -0.5), repeat=7):
        last = 0.5 if np.prod(np.sign(signs)) > 0 else -0.5
        row = np.asarray((*signs, last))
        if row[0] > 0:
            rows.append(row)
    lines = np.asarray(rows) / np.sqrt(2.0)
    return np.concatenate([lines, -lines])


def frame(dimension: int) -> np.ndarray:
    """An equiangular tight frame: 6 lines in R³, 16 in R⁶ or 28 in R⁷, as unit vectors.

    The diagonals of the icosahedron; the even half-cube up to sign; and the permutations of
    (3, 3, −1, …, −1) in the seven dimensions orthogonal to (1, …, 1).
    """
    if dimension == 3:
        golden = 0.5 * (1.0 + 5.0**0.5)
        rows = [np.roll((0.0, sign, golden), shift) for sign in (1, -1) for shift in range(3)]
    elif dimension == 6:
        signs = itertools.product((1.0, -1.0), repeat=6)
        rows = [np.asarray(row) for row in signs if np.prod(row) > 0 and row[0] > 0]
    elif dimension == 7:
        raw = np.full((28, 8), -1.0)
        for index, pair in enumerate(itertools.combinations(range(8), 2)):
            raw[index, list(pair)] = 3.0
        # an orthonormal basis of the plane of all of them
        rows = list(raw @ np.linalg.svd(raw, full_matrices=False)[2][:7].T)
    else:
        raise ValueError(f"a frame is stored for dimensions {list(FRAMES)}, not {dimension}")
    points = np.asarray(rows)
    return points / np.linalg.norm(points, axis=1, keepdims=True)
