"""What weight decay in a deep linear network penalises end to end.

Over all factorisations W_D ... W_1 = M the least Σ ‖W_l‖²_F is D Σ_k s_k(M)^(2/D), D times the
2/D-th power of a Schatten quasi-norm, attained by the balanced factorisation along the singular
vectors (derived). For one mode, weight decay λ at depth D is therefore the scalar problem
(p − y)²/2 + (D λ/2) |p|^(2/D): soft thresholding at depth 2, ℓ_{2/3} thresholding at depth 3,
ℓ_{1/2} thresholding at depth 4.

Sources of the thresholding formulas: Z. Xu, X. Chang, F. Xu, H. Zhang, "L1/2 regularization: a
thresholding representation theory and a fast solver", 2012 (ℓ_{1/2}); W. Cao, J. Sun, Z. Xu, "Fast
image deconvolution using closed-form thresholding formulas of Lq (q = 1/2, 2/3) regularization",
2013 (ℓ_{2/3}). Both are checked here by search, not taken on trust.

>>> import numpy as np
>>> deep_penalty(np.diag([8.0, 1.0]), 3)
np.float64(15.0)
"""

from __future__ import annotations

import math

from refimpl.arrays import Array, device, linalg_errors, namespace


def deep_penalty(matrix: Array, depth: int) -> Array:
    """min Σ ‖W_l‖²_F over W_D ... W_1 = M: D Σ s_k^(2/D).

    Parameters
    ----------
    matrix : array, shape (K, N)
    depth : int
        Hidden layers at least as wide as the rank.

    Returns
    -------
    0-d array
    """
    xp = namespace(matrix)
    with linalg_errors():
        values = xp.linalg.svdvals(matrix)
    return depth * xp.sum(values ** (2.0 / depth))


def balanced_factors(matrix: Array, depth: int) -> list[Array]:
    """The factorisation [W_1, ..., W_D] that attains :func:`deep_penalty`.

    Examples
    --------
    >>> import numpy as np
    >>> first, second = balanced_factors(np.diag([4.0, 9.0]), 2)
    >>> np.round(second @ first, 12)
    array([[4., 0.],
           [0., 9.]])
    """
    xp = namespace(matrix)
    with linalg_errors():
        left, values, right = xp.linalg.svd(matrix, full_matrices=False)
    root = values ** (1.0 / depth)
    if depth == 1:
        return [matrix]
    core = xp.eye(values.shape[0], dtype=values.dtype, device=device(values)) * root
    return [root[:, None] * right, *[core] * (depth - 2), left * root]


def soft_threshold(y: float, strength: float) -> float:
    """Depth 2: argmin (p − y)²/2 + λ|p|.

    Examples
    --------
    >>> soft_threshold(1.5, 0.5)
    1.0
    """
    return math.copysign(max(abs(y) - strength, 0.0), y)


def half_threshold(y: float, strength: float) -> float:
    """Depth 4: argmin (p − y)²/2 + 2 λ |p|^(1/2), by the ℓ_{1/2} formula with μ = 4 λ.

    p = (2/3) y (1 + cos(2π/3 − (2/3) arccos((μ/8)(|y|/3)^(−3/2)))) above the threshold
    (54^(1/3)/4) μ^(2/3), and 0 up to it.

    Examples
    --------
    >>> half_threshold(0.5, 1.0)
    0.0
    """
    if abs(y) <= half_limit(strength):
        return 0.0
    angle = math.acos(0.5 * strength * (abs(y) / 3) ** -1.5)
    return (2 / 3) * y * (1 + math.cos(2 * math.pi / 3 - (2 / 3) * angle))


def half_limit(strength: float) -> float:
    """The threshold of :func:`half_threshold`, (54^(1/3)/4) μ^(2/3) with μ = 4 λ."""
    return 54 ** (1 / 3) / 4 * (4 * strength) ** (2 / 3)


def two_thirds_threshold(y: float, strength: float) -> float:
    """Depth 3: argmin (p − y)²/2 + (3/2) λ |p|^(2/3), by the ℓ_{2/3} formula with μ = 3 λ.

    With w = |p|^(1/3) the stationarity condition is w⁴ − |y| w + μ/3 = 0; its larger root is
    (A + √(2|y|/A − A²))/2 with A² = z, z the real root of z³ − (4 μ/3) z − y² = 0 (Ferrari).

    Examples
    --------
    >>> two_thirds_threshold(0.1, 1.0)
    0.0
    """
    if abs(y) <= two_thirds_limit(strength):
        return 0.0
    mu = 3 * strength
    # z³ − (4μ/3) z − y² = 0 by Cardano: one real root, since (y²/2)² is at least .148 μ³ beyond
    # the threshold, and (4μ/9)³ is .088 μ³
    half, third = y * y / 2, 4 * mu / 9
    first = math.cbrt(half + math.sqrt(half * half - third**3))
    z = first + third / first
    a = math.sqrt(z)
    return math.copysign(((a + math.sqrt(2 * abs(y) / a - z)) / 2) ** 3, y)


def two_thirds_limit(strength: float) -> float:
    """The threshold of :func:`two_thirds_threshold`, (2/3)(3 μ³)^(1/4) with μ = 3 λ."""
    return (2 / 3) * (3 * (3 * strength) ** 3) ** 0.25
