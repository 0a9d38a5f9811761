"""Linear networks F(x) = M x + c with the loss ½‖x − y‖²: solutions in closed form.

Derived, for this package.

>>> import numpy as np
>>> equilibrium(np.array([[0.5]]), np.array([1.0]))
array([2.])
"""

from __future__ import annotations

from typing import Any

from refimpl.arrays import device, namespace


def _system(matrix: Any) -> Any:
    xp = namespace(matrix)
    return xp.eye(matrix.shape[0], dtype=matrix.dtype, device=device(matrix)) - matrix


def equilibrium(matrix: Any, offset: Any) -> Any:
    """The fixed point (I − M)^{-1} c."""
    xp = namespace(matrix)
    return xp.linalg.solve(_system(matrix), offset[:, None])[:, 0]


def adjoint(matrix: Any, slope: Any) -> Any:
    """z = (I − M)^{-T} g; the multipliers at the saddle point are −z."""
    xp = namespace(matrix)
    return xp.linalg.solve(_system(matrix).mT, slope[:, None])[:, 0]


def node_sum_solution(matrix: Any, offset: Any, target: Any, width: int) -> Any:
    """The x nearest to y whose gaps x − M x − c sum to zero at every node, and nothing more.

    Parameters
    ----------
    matrix, offset, target : arrays, shape (N, N), (N,), (N,)
        Node after node, ``width`` entries each.
    width : int
    """
    xp = namespace(matrix)
    size = matrix.shape[0]
    rows = xp.reshape(_system(matrix), (size // width, width, size))
    summed = xp.sum(rows, axis=1)
    level = xp.sum(xp.reshape(offset, (size // width, width)), axis=1)
    gap = xp.matmul(summed, target[:, None])[:, 0] - level
    weights = xp.linalg.solve(xp.matmul(summed, summed.mT), gap[:, None])
    return target - xp.matmul(summed.mT, weights)[:, 0]
