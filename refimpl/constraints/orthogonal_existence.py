"""When the projection of W + X along the normals at W exists, for WᵀW = I.

With Ω = skew(WᵀX) and D₂ = X − W WᵀX, the near-identity solution exists if and only if
ν² I − 2 i ν Ω + I − D₂ᵀD₂ is positive definite for every real ν; ‖D₂‖² + ‖Ω‖² < 1 suffices, and
‖D₂‖ < 1 and ‖Ω‖ < 1 are necessary (derived; spectral norms).

>>> import numpy as np
>>> w, x = np.eye(3, 2), np.array([[0.0, 0.5], [-0.5, 0.0], [0.0, 0.9]])
>>> increment_norms(w, x), solvability(w, x) > 0.0
((0.5, 0.9), True)
"""

from __future__ import annotations

import math

from refimpl.arrays import Array, device, linalg_errors, namespace


def increment_norms(w: Array, x: Array) -> tuple[float, float]:
    """‖Ω‖ and ‖D₂‖: how far an increment turns inside the span of W, and leaves it.

    Parameters
    ----------
    w, x : array, shape (n, m)
        An orthonormal matrix and the increment.

    Returns
    -------
    rotation, outside : float
        Spectral norms of skew(WᵀX) and of X − W WᵀX.

    Examples
    --------
    >>> import numpy as np
    >>> increment_norms(np.eye(2, 1), np.array([[0.0], [0.5]]))
    (0.0, 0.5)
    """
    xp = namespace(w, x)
    product = w.mT @ x
    with linalg_errors():
        rotation = float(xp.max(xp.linalg.svdvals(0.5 * (product - product.mT))))
        outside = float(xp.max(xp.linalg.svdvals(x - w @ product)))
    return rotation, outside


def solvability(w: Array, x: Array) -> float:
    """The smallest eigenvalue of ν² I − 2 i ν Ω + I − D₂ᵀD₂ over all real ν.

    The projection of W + X along the normals at W has a solution near the identity if and only if
    this is positive. The cost is that of some fifty eigenvalue problems of size 2 m.

    Parameters
    ----------
    w, x : array, shape (n, m)

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> w, x = np.eye(2, 1), np.array([[0.0], [0.6]])
    >>> round(solvability(w, x), 12)
    0.64
    """
    xp = namespace(w, x)
    product = w.mT @ x
    omega = 0.5 * (product - product.mT)
    outside = x - w @ product
    base = eye_like(product) - outside.mT @ outside

    def value(nu: float) -> float:
        # A Hermitian matrix A + iB as the real symmetric [[A, -B], [B, A]].
        real = base + (nu * nu) * eye_like(base)
        imaginary = (-2.0 * nu) * omega
        matrix = xp.concat(
            [xp.concat([real, -imaginary], axis=1), xp.concat([imaginary, real], axis=1)], axis=0
        )
        with linalg_errors():
            return float(xp.min(xp.linalg.eigvalsh(matrix)))

    limit, _ = increment_norms(w, x)
    points = 17
    grid = [limit * k / (points - 1) for k in range(points)]
    values = [value(nu) for nu in grid]
    at = values.index(min(values))
    low, high = grid[max(at - 1, 0)], grid[min(at + 1, points - 1)]
    ratio = (math.sqrt(5.0) - 1.0) / 2.0
    best = values[at]
    for _ in range(25):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        f_left, f_right = value(left), value(right)
        best = min(best, f_left, f_right)
        if f_left < f_right:
            high = right
        else:
            low = left
    return best


def eye_like(like: Array) -> Array:
    """The identity matrix of the columns of ``like``, in its type and on its device."""
    xp = namespace(like)
    return xp.eye(like.shape[-1], dtype=like.dtype, device=device(like))
