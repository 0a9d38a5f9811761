"""Minimum-norm training of deep linear networks: the same map at every depth and from every start.

Program: minimise sum_l ||W_l||^2 subject to X (W_D ... W_1)^T = Y, hidden widths at least the rank.

1. A map with singular values s_i costs D sum_i s_i^{2/D} in its cheapest factorisation. Every
   feasible map agrees with (X^+ Y)^T on the span of the inputs, and adding a part outside of it
   shrinks no singular value, so the optimal map is (X^+ Y)^T at every depth.
2. At that end the non-zero singular values of Lam^T X are s_i^{2/D - 1}.
3. Whatever the multipliers do, W_1 P_null decays as e^{-t}; where the error tends to zero the map
   therefore tends to (X^+ Y)^T from any start. Gradient descent ends at
   (X^+ Y)^T + W_D ... W_2 W_1(0) P_null instead, with the layers W_2, ..., W_D of its end.
4. Classification with margins and one output: the map is the SVM's w, n = ||w||,
   sum_l ||W_l||^2 = D n^{2/D}, and the multipliers are n^{2/D - 2} alpha_svm.

Derived for the method of the abstract of arXiv 1806.00730.

>>> import numpy as np
>>> float(schatten_value(np.diag([4.0, 1.0]), depth=2))
10.0
"""

from __future__ import annotations

from typing import NamedTuple

from refimpl.arrays import Array, eps, namespace
from refimpl.papers.minnorm.theory.margin import HardMargin
from refimpl.papers.minnorm.theory.regression import gradient_descent_end, minimum_norm


class DeepMargin(NamedTuple):
    """The end of a deep linear classifier with one output.

    Attributes
    ----------
    weights : array, shape (N,)
        The product of the layers.
    layer_square : float
        ||W_l||^2, the same for every layer.
    multipliers : array, shape (P,)
    """

    weights: Array
    layer_square: float
    multipliers: Array


def check_depth(depth: int) -> None:
    """Raise ValueError unless depth >= 1."""
    if depth < 1:
        raise ValueError(f"depth must be at least 1, not {depth}")


def optimal_map(inputs: Array, targets: Array) -> Array:
    """(X^+ Y)^T: the product of the layers at the optimum, whatever the depth.

    Parameters
    ----------
    inputs : array, shape (P, N)
    targets : array, shape (P, K)

    Returns
    -------
    array, shape (K, N)

    Raises
    ------
    InfeasibleError
        If no map fits.

    Examples
    --------
    >>> import numpy as np
    >>> optimal_map(np.array([[1.0, 1.0]]), np.array([[4.0]])).round(12)
    array([[2., 2.]])
    """
    return minimum_norm(inputs, targets).weights


def _positive_singular_values(matrix: Array) -> Array:
    xp = namespace(matrix)
    values = xp.linalg.svdvals(matrix)
    return values[values > max(matrix.shape) * eps(matrix) * float(values[0])]


def schatten_value(matrix: Array, depth: int) -> Array:
    """D sum_i s_i^{2/D}: the least sum of squared norms of D factors of ``matrix``.

    Parameters
    ----------
    matrix : array, shape (K, N)
    depth : int

    Returns
    -------
    array, 0-d

    Raises
    ------
    ValueError
        For a depth below 1.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(schatten_value(8.0 * np.eye(1), depth=3)), 9)
    12.0
    """
    check_depth(depth)
    xp = namespace(matrix)
    return depth * xp.sum(_positive_singular_values(matrix) ** (2.0 / depth))


def certificate_singular_values(matrix: Array, depth: int) -> Array:
    """The non-zero singular values of Lam^T X at the optimum, s_i^{2/D - 1}, largest first.

    All are 1 at depth 2: Lam^T X is then the dual certificate of the nuclear norm.

    Parameters
    ----------
    matrix : array, shape (K, N)
        The optimal map.
    depth : int

    Returns
    -------
    array, shape (rank,)

    Examples
    --------
    >>> import numpy as np
    >>> certificate_singular_values(np.diag([4.0, 1.0]), depth=4)
    array([1. , 0.5])
    """
    check_depth(depth)
    xp = namespace(matrix)
    values = _positive_singular_values(matrix) ** (2.0 / depth - 1.0)
    return xp.flip(xp.sort(values))


def descent_end(inputs: Array, targets: Array, first_start: Array, upper_end: list[Array]) -> Array:
    """The map in which gradient descent ends once its error is zero.

    Parameters
    ----------
    inputs : array, shape (P, N)
    targets : array, shape (P, K)
    first_start : array, shape (H, N)
        W_1(0).
    upper_end : list of arrays
        W_2, ..., W_D at the end; empty for depth 1.

    Returns
    -------
    array, shape (K, N)

    Examples
    --------
    >>> import numpy as np
    >>> X, Y = np.array([[1.0, 0.0]]), np.array([[2.0]])
    >>> descent_end(X, Y, np.array([[1.0, 3.0]]), [np.array([[0.5]])])
    array([[2. , 1.5]])
    """
    start = first_start
    for weight in upper_end:
        start = weight @ start
    return gradient_descent_end(inputs, targets, start)


def deep_margin(solution: HardMargin, depth: int) -> DeepMargin:
    """The end of a deep linear classifier, from the shallow SVM.

    Parameters
    ----------
    solution : HardMargin
    depth : int

    Returns
    -------
    DeepMargin

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl.papers.minnorm.theory.margin import hard_margin
    >>> deep_margin(hard_margin(np.array([[0.25]])), depth=2).layer_square
    4.0
    """
    check_depth(depth)
    xp = namespace(solution.weights)
    size = float(xp.linalg.vector_norm(solution.weights))
    return DeepMargin(
        solution.weights,
        size ** (2.0 / depth),
        size ** (2.0 / depth - 2.0) * solution.multipliers,
    )
