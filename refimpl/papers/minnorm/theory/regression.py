"""Minimum-norm regression in a linear model: the solution, its multipliers and how it is reached.

Program: minimise ||W||^2 / 2 over W (K x N) subject to X W^T = Y, examples in the rows of X.

1. W* = (X^+ Y)^T, with multipliers Lam = G^+ Y, G = X X^T, so that W* = Lam^T X.
2. Alternating steps with rho = 0 are Polyak's heavy ball on the dual lam^T G lam / 2 - y^T lam with
   step eta_w eta_lam and momentum 1 - eta_w, whatever w(0); for t >= 1
   lam(t+1) - lam(t) = eta_w eta_lam (y - G lam(t)) + (1 - eta_w) (lam(t) - lam(t-1)).
3. With kappa = sigma_max / sigma_min and r = (kappa - 1) / (kappa + 1), the best such steps
   eta_w = 1 - r^2, eta_lam = (1 + r)^2 / (eta_w sigma_max^2) give an error of order t r^t;
   gradient descent at its best step has (kappa^2 - 1) / (kappa^2 + 1).
4. End points: X^+ y from any w(0) for the multipliers; X^+ y + P_null w(0) for gradient descent on
   the squared error; X^T (G + gamma)^{-1} y for weight decay gamma.
5. If no W fits, the multipliers grow by eta_lam (I - X X^+) Y a step, while W tends to (X^+ Y)^T.

The limits of the steps are in
:mod:`refimpl.papers.minnorm.theory.modes`. Derived for the method of the
abstract of arXiv 1806.00730; the heavy ball is Polyak's (1964).

>>> import numpy as np
>>> X, Y = np.array([[3.0, 4.0]]), np.array([[5.0]])
>>> minimum_norm(X, Y).weights.round(12)
array([[0.6, 0.8]])
"""

from __future__ import annotations

from typing import NamedTuple

from refimpl.arrays import Array, eps, namespace
from refimpl.errors import InfeasibleError


class MinimumNorm(NamedTuple):
    """A minimum-norm solution.

    Attributes
    ----------
    weights : array, shape (K, N)
    multipliers : array, shape (P, K)
        Of least norm where the rows of X are dependent.
    """

    weights: Array
    multipliers: Array


class HeavyBall(NamedTuple):
    """The best steps of undamped alternating updates and the rate they give.

    Attributes
    ----------
    eta_w, eta_lam : float
    rate : float
        r: the error is of order t r^t.
    gradient_descent_rate : float
        Factor a step of gradient descent at its best step size.
    """

    eta_w: float
    eta_lam: float
    rate: float
    gradient_descent_rate: float


def _check_pair(inputs: Array, targets: Array) -> None:
    if inputs.ndim != 2 or targets.ndim != 2 or inputs.shape[0] != targets.shape[0]:
        raise ValueError(
            f"inputs (P, N) and targets (P, K) are needed, not shapes {tuple(inputs.shape)} and "
            f"{tuple(targets.shape)}"
        )


def singular_values(inputs: Array) -> Array:
    """The non-zero singular values of X, largest first.

    Examples
    --------
    >>> import numpy as np
    >>> singular_values(np.array([[2.0, 0.0], [0.0, 0.0]]))
    array([2.])
    """
    xp = namespace(inputs)
    values = xp.linalg.svdvals(inputs)
    floor = max(inputs.shape) * eps(inputs) * float(values[0])
    return values[values > floor]


def unreachable(inputs: Array, targets: Array) -> Array:
    """(I - X X^+) Y: the part of the targets that no weights fit.

    Its rows show which examples conflict; it is also the direction in which the multipliers of an
    infeasible program grow, by eta_lam times it at every step.

    Parameters
    ----------
    inputs : array, shape (P, N)
    targets : array, shape (P, K)

    Returns
    -------
    array, shape (P, K)

    Examples
    --------
    Two labels for one input:

    >>> import numpy as np
    >>> unreachable(np.ones((2, 1)), np.array([[1.0], [-1.0]])).round(12)
    array([[ 1.],
           [-1.]])
    """
    _check_pair(inputs, targets)
    xp = namespace(inputs, targets)
    return targets - inputs @ (xp.linalg.pinv(inputs) @ targets)


def minimum_norm(inputs: Array, targets: Array, *, tolerance: float | None = None) -> MinimumNorm:
    """Weights of least norm that fit the targets exactly, and their multipliers.

    Parameters
    ----------
    inputs : array, shape (P, N)
    targets : array, shape (P, K)
    tolerance : float, optional
        Largest residual, relative to the largest target, that counts as a fit.
        Default: 1000 eps max(P, N).

    Returns
    -------
    MinimumNorm

    Raises
    ------
    InfeasibleError
        If no weights fit; carries the residual and the example with the largest.

    Examples
    --------
    >>> import numpy as np
    >>> X, Y = np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([[2.0], [0.0]])
    >>> solution = minimum_norm(X, Y)
    >>> np.allclose(solution.multipliers.mT @ X, solution.weights, rtol=1e-15)
    True
    """
    residual = unreachable(inputs, targets)
    xp = namespace(inputs, targets)
    limit = 1000 * eps(inputs) * max(inputs.shape) if tolerance is None else tolerance
    worst = xp.max(xp.abs(residual), axis=1)
    largest = float(xp.max(worst))
    if largest > limit * float(xp.max(xp.abs(targets))):
        raise InfeasibleError(
            "the targets are no linear function of the inputs, so no weights fit them",
            residual=largest,
            example=int(xp.argmax(worst)),
            examples=inputs.shape[0],
            rank=int(singular_values(inputs).shape[0]),
        )
    inverse = xp.linalg.pinv(inputs)
    weights = inverse @ targets
    return MinimumNorm(weights.mT, inverse.mT @ weights)


def tuned_heavy_ball(inputs: Array) -> HeavyBall:
    """The steps of alternating updates with rho = 0 that converge fastest.

    Parameters
    ----------
    inputs : array, shape (P, N)

    Returns
    -------
    HeavyBall

    Raises
    ------
    ValueError
        If all singular values are equal: the rate is then 0, and so would be the momentum.

    Examples
    --------
    >>> import numpy as np
    >>> tuned = tuned_heavy_ball(np.diag([3.0, 1.0]))
    >>> tuned.rate, tuned.eta_w, round(tuned.eta_lam, 6), tuned.gradient_descent_rate
    (0.5, 0.75, 0.333333, 0.8)
    """
    values = singular_values(inputs)
    largest, smallest = float(values[0]), float(values[-1])
    rate = (largest - smallest) / (largest + smallest)
    if rate == 0:
        raise ValueError(f"all singular values equal {largest}, so one step converges")
    eta_w = 1.0 - rate**2
    eta_lam = (1.0 + rate) ** 2 / (eta_w * largest**2)
    squares = largest**2, smallest**2
    return HeavyBall(eta_w, eta_lam, rate, (squares[0] - squares[1]) / (squares[0] + squares[1]))


def gradient_descent_end(inputs: Array, targets: Array, start: Array) -> Array:
    """Where gradient descent on the squared error ends: (X^+ Y)^T + W(0) P_null.

    Parameters
    ----------
    inputs : array, shape (P, N)
    targets : array, shape (P, K)
    start : array, shape (K, N)

    Returns
    -------
    array, shape (K, N)

    Examples
    --------
    >>> import numpy as np
    >>> gradient_descent_end(np.array([[1.0, 0.0]]), np.array([[2.0]]), np.array([[7.0, 5.0]]))
    array([[2., 5.]])
    """
    _check_pair(inputs, targets)
    xp = namespace(inputs, targets, start)
    inverse = xp.linalg.pinv(inputs)
    return start + (inverse @ (targets - inputs @ start.mT)).mT


def ridge(inputs: Array, targets: Array, decay: float) -> Array:
    """The minimum of sum e^2 / 2 + decay ||W||^2 / 2: W = Y^T (G + decay I)^{-1} X.

    Parameters
    ----------
    inputs : array, shape (P, N)
    targets : array, shape (P, K)
    decay : float
        Positive.

    Returns
    -------
    array, shape (K, N)

    Raises
    ------
    ValueError
        If ``decay`` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> ridge(np.array([[2.0]]), np.array([[5.0]]), decay=1.0)
    array([[2.]])
    """
    _check_pair(inputs, targets)
    if not decay > 0:
        raise ValueError(f"decay must be positive, not {decay}")
    return _ridge_dual(inputs, targets, decay).mT @ inputs


def _ridge_dual(inputs: Array, targets: Array, decay: float) -> Array:
    xp = namespace(inputs, targets)
    gram = inputs @ inputs.mT
    shifted = gram + decay * xp.eye(
        gram.shape[0], dtype=gram.dtype, device=getattr(gram, "device", None)
    )
    return xp.linalg.solve(shifted, targets)
