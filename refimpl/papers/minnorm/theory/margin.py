"""The largest margin in a linear classifier, and how minimum-norm training reaches it.

Program: minimise ||w||^2 / 2 subject to z_n . w >= 1, where z_n = y_n x_n are the rows of Z.

1. At the optimum w = Z^T alpha, alpha >= 0, sum alpha = ||w||^2, the margin is 1 / ||w||, and
   alpha_S = (Z_S Z_S^T)^{-1} 1 on the support rows S (if they are independent).
2. It is found here as a least-distance problem: with E = [Z^T; 1^T] and f = (0, ..., 0, 1), the
   u >= 0 that minimises ||E u - f||, phi = 1 - sum u, gives alpha = u / phi; phi = 0 means that
   no w separates the data (C. L. Lawson, R. J. Hanson, "Solving least squares problems", 1974).
3. Projected multiplier steps alpha = max(0, alpha + eta_alpha (1 - Z w)) first identify S, where an
   example with margin m > 1 loses eta_alpha (m - 1) of its multiplier a step. Afterwards the
   constraints of S are equalities, and the error shrinks by the largest spectral radius of the
   modes of Z_S, or by 1 - eta_w on what lies outside the span of the support rows.
4. With eta_w = 1 and alternating steps, w = Z^T alpha always: projected gradient ascent on the
   dual, stable just where eta_alpha sigma_max^2 < 2.
5. Gradient descent on the logistic or exponential loss tends to the same direction, but only as
   1 / log t (Soudry et al. 2017, arXiv 1710.10345). The flow of the exponential loss of one point
   x = (1, 0) is w_1(t) = log(t + e^{w_1(0)}), with w_2 frozen.
6. The logistic constraint log(1 + e^{-m}) <= eps is the margin m >= m_eps = -log(e^eps - 1);
   for eps < log 2, w = m_eps w_svm and each multiplier is m_eps alpha_svm / sigmoid(-m_eps).

Derived for the method of the abstract of arXiv 1806.00730, unless another source is named.

>>> import numpy as np
>>> margin = hard_margin(np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]))
>>> margin.weights.round(12), margin.support
(array([1., 1.]), [0, 1])
"""

from __future__ import annotations

import math
from typing import NamedTuple

from refimpl.arrays import Array, device, eps, namespace, qr, solve_triangular
from refimpl.errors import ConvergenceError, InfeasibleError
from refimpl.papers.minnorm.theory.modes import Order, check_steps, step_radius
from refimpl.papers.minnorm.theory.regression import singular_values


class HardMargin(NamedTuple):
    """The solution of a bias-free hard-margin program.

    Attributes
    ----------
    weights : array, shape (N,)
    multipliers : array, shape (P,)
        Non-negative.
    support : list of int
        Rows with a positive multiplier, ascending.
    """

    weights: Array
    multipliers: Array
    support: list[int]


def _columns(matrix: Array, chosen: list[int]) -> Array:
    xp = namespace(matrix)
    return xp.take(matrix, xp.asarray(chosen, device=device(matrix)), axis=1)


def _nonnegative_least_squares(matrix: Array, target: Array, limit: int) -> list[tuple[int, float]]:
    """The non-zero entries of argmin ||matrix u - target|| over u >= 0, by active sets."""
    xp = namespace(matrix)
    columns = matrix.shape[1]
    scale = float(xp.max(xp.linalg.vector_norm(matrix, axis=0)))
    floor = 10.0 * eps(matrix) * max(matrix.shape) * scale
    active: dict[int, float] = {}
    for _ in range(limit):
        residual = target
        if active:
            values = xp.asarray(list(active.values()), dtype=matrix.dtype, device=device(matrix))
            residual = target - _columns(matrix, list(active)) @ values
        slopes = residual @ matrix
        inside = set(active)
        best = max(
            ((float(slopes[j]), j) for j in range(columns) if j not in inside),
            default=(0.0, -1),
        )
        if best[0] <= floor or len(active) == matrix.shape[0]:  # as many as span the target
            return sorted(active.items())
        active[best[1]] = 0.0
        while True:
            q, r = qr(_columns(matrix, list(active)))
            solved = solve_triangular(r, target @ q, lower=False)
            trial = [float(value) for value in solved]
            if min(trial) > 0:
                active = dict(zip(active, trial, strict=True))
                break
            # the furthest feasible point on the way; entries that reach zero there leave
            share = min(
                old / (old - new)
                for old, new in zip(active.values(), trial, strict=True)
                if new <= 0
            )
            moved = {
                j: old + share * (new - old)
                for (j, old), new in zip(active.items(), trial, strict=True)
            }
            active = {j: value for j, value in moved.items() if value > floor * 1e-3}
            if not active:
                break
    raise ConvergenceError("the active set kept changing", iterations=limit, columns=columns)


def hard_margin(signed_inputs: Array) -> HardMargin:
    """The w of least norm with z_n . w >= 1 for every row z_n = y_n x_n, and its multipliers.

    Parameters
    ----------
    signed_inputs : array, shape (P, N)
        Z: each input times its label, -1 or 1.

    Returns
    -------
    HardMargin

    Raises
    ------
    InfeasibleError
        If no w separates the data; carries the examples whose convex combination is (almost)
        zero, and the norm of that combination. The answer does not depend on the scale of the
        inputs: w(c Z) = w(Z) / c.
    ConvergenceError
        If the active set does not settle within 10 (P + N) changes, or rounding hides which
        examples support a margin that is tiny beside the inputs: no answer breaks one.

    Examples
    --------
    >>> import numpy as np
    >>> try:
    ...     hard_margin(np.array([[1.0], [-1.0]]))
    ... except InfeasibleError as error:
    ...     print(error.message, error.examples, error.shares)
    no weights separate these examples [0, 1] [0.5, 0.5]
    """
    if signed_inputs.ndim != 2:
        raise ValueError(f"signed inputs (P, N) are needed, not {tuple(signed_inputs.shape)}")
    xp = namespace(signed_inputs)
    size = float(xp.max(xp.abs(signed_inputs)))
    if not 0.0 < size < math.inf:
        raise InfeasibleError("no weights separate examples of this size", largest=size)
    unit = signed_inputs / size
    support, shares = _shares(unit)
    place, dtype = device(unit), unit.dtype
    rows = xp.take(unit, xp.asarray(support, device=place), axis=0)
    if not shares or 1.0 - math.fsum(shares) <= _least_gap(unit):
        combination = xp.asarray(shares, dtype=dtype, device=place) @ rows
        raise InfeasibleError(
            "no weights separate these examples",
            examples=support,
            combination_norm=size * float(xp.linalg.vector_norm(combination)),
            shares=[round(value, 4) for value in shares],
        )
    # rows with the same margin are independent where their extensions by 1 are, which the active
    # set sees to; the support alone then gives its multipliers to full accuracy
    ones = xp.ones((len(support),), dtype=dtype, device=place)
    q, r = qr(rows.mT)
    half = solve_triangular(r, ones, lower=False, transpose=True)
    inside = solve_triangular(r, half, lower=False)
    weights = q @ half  # inside @ rows would cancel where the margin is small beside the rows
    least = float(xp.min(unit @ weights))
    if not least > 1.0 - eps(unit) ** 0.25:
        raise ConvergenceError(
            "the margin is too small beside the inputs for this dtype",
            margin=size / float(xp.linalg.vector_norm(weights)),
            least=least,
            largest=size,
        )
    lookup = {j: index for index, j in enumerate(support)}
    zero = xp.zeros((), dtype=dtype, device=place)
    multipliers = xp.stack(
        [inside[lookup[j]] if j in lookup else zero for j in range(unit.shape[0])]
    )
    if float(xp.max(multipliers)) > float(xp.finfo(dtype).max) * size * size:
        raise InfeasibleError(
            "the multipliers leave the range of the dtype: scale the inputs up", largest=size
        )
    return HardMargin(weights / size, multipliers / size / size, support)


def _least_gap(unit: Array) -> float:
    """The phi of line 2 that is told from 0."""
    return math.sqrt(eps(unit)) * 1e-2


def _shares(unit: Array) -> tuple[list[int], list[float]]:
    """The support and the u of line 2, for inputs whose largest entry is 1.

    phi = 1 / (1 + ||w||^2) is small where the margin is; against a row of larger ones it then
    stands out, as long as rounding does not.
    """
    xp = namespace(unit)
    points, width = unit.shape
    place, dtype = device(unit), unit.dtype
    target = xp.concat(
        [xp.zeros((width,), dtype=dtype, device=place), xp.ones((1,), dtype=dtype, device=place)]
    )
    first: tuple[list[int], list[float]] | None = None
    for power in (0.0, 0.25, 0.45):
        scale = eps(unit) ** -power
        ones = xp.ones((1, points), dtype=dtype, device=place)
        matrix = xp.concat([scale * unit.mT, ones], axis=0)
        try:
            found = _nonnegative_least_squares(matrix, target, 10 * (points + width))
        except ConvergenceError:
            if first is None:
                raise
            continue  # rounding alone decides at this scale
        answer = [j for j, _ in found], [value for _, value in found]
        first = first or answer
        if answer[0] and 1.0 - math.fsum(answer[1]) > _least_gap(unit):
            return answer
    assert first is not None
    return first


def crammer_singer(inputs: Array, labels: list[int], classes: int) -> tuple[Array, Array]:
    """Minimise ||W||^2 / 2 subject to f_y - f_k >= 1 for every wrong class k.

    Stacking the rows of W in one vector makes it a hard-margin program whose signed inputs are
    x_mu in the block of the label and -x_mu in that of the wrong class.

    Parameters
    ----------
    inputs : array, shape (P, N)
    labels : list of P ints in 0, ..., K - 1
    classes : int
        K

    Returns
    -------
    weights : array, shape (K, N)
        The column sums are zero.
    multipliers : array, shape (P, K)
        Zero at the label.

    Raises
    ------
    ValueError
        For a label outside the classes.
    InfeasibleError
        See :func:`hard_margin`.

    Examples
    --------
    >>> import numpy as np
    >>> weights, _ = crammer_singer(np.array([[1.0], [-1.0]]), [0, 1], classes=2)
    >>> weights.round(12)
    array([[ 0.5],
           [-0.5]])
    """
    xp = namespace(inputs)
    for label in labels:
        if not 0 <= label < classes:
            raise ValueError(f"label {label} is outside 0, ..., {classes - 1}")
    width = inputs.shape[1]
    zero = xp.zeros((width,), dtype=inputs.dtype, device=device(inputs))
    rows, places = [], []
    for mu, label in enumerate(labels):
        for k in range(classes):
            if k != label:
                blocks = [zero] * classes
                blocks[label], blocks[k] = inputs[mu, :], -inputs[mu, :]
                rows.append(xp.concat(blocks))
                places.append((mu, k))
    found = hard_margin(xp.stack(rows))
    weights = xp.reshape(found.weights, (classes, width))
    lookup = {place: found.multipliers[index] for index, place in enumerate(places)}
    table = [
        xp.stack([lookup.get((mu, k), zero[0]) for k in range(classes)])
        for mu in range(len(labels))
    ]
    return weights, xp.stack(table)


def convergence_rate(
    signed_inputs: Array,
    support: list[int],
    *,
    eta_w: float,
    eta_alpha: float,
    order: Order = "simultaneous",
) -> float:
    """Factor by which the error shrinks each step once the support rows are identified.

    Parameters
    ----------
    signed_inputs : array, shape (P, N)
    support : list of int
        Independent rows, as of :func:`hard_margin`.
    eta_w, eta_alpha : float
        Steps of the weights and of the multipliers.
    order : {"simultaneous", "alternating"}

    Returns
    -------
    float
        At least 1 where the steps are too large.

    Raises
    ------
    ValueError
        If the support rows are dependent (their multipliers are then not unique).

    Examples
    --------
    >>> import numpy as np
    >>> rate = convergence_rate(np.eye(2), [0, 1], eta_w=0.5, eta_alpha=0.5)
    >>> round(rate, 6)
    0.866025
    """
    check_steps(eta_w, eta_alpha)
    xp = namespace(signed_inputs)
    rows = xp.take(signed_inputs, xp.asarray(support, device=device(signed_inputs)), axis=0)
    values = singular_values(rows)
    if values.shape[0] < len(support):
        raise ValueError(f"{len(support)} support rows have rank {values.shape[0]} only")
    radii = step_radius(
        xp.ones_like(values), values**2, eta_w=eta_w, eta_lam=eta_alpha, order=order
    )
    radius = float(xp.max(radii))
    outside = signed_inputs.shape[1] > values.shape[0]
    return max(radius, abs(1.0 - eta_w)) if outside else radius


def identification_steps(margin: float, multiplier: float, eta_alpha: float) -> float:
    """Steps in which an example that is no support vector sheds its multiplier.

    Parameters
    ----------
    margin : float
        z_n . w > 1 of the example at the solution.
    multiplier : float
        Its current alpha_n >= 0.
    eta_alpha : float

    Returns
    -------
    float
        multiplier / (eta_alpha (margin - 1)), infinite for a tie.

    Examples
    --------
    >>> round(identification_steps(1.002, 0.4, 0.02))
    10000
    """
    if not margin > 1.0:
        return math.inf
    return multiplier / (eta_alpha * (margin - 1.0))


def exponential_loss_weight(time: float, start: float) -> float:
    """w_1(t) = log(t + e^{w_1(0)}) of the flow of e^{-w_1}: the data set x = (1, 0), y = 1.

    Examples
    --------
    >>> round(exponential_loss_weight(math.e - 1.0, 0.0), 12)
    1.0
    """
    return math.log(time + math.exp(start))


def logistic_margin(loss: float) -> float:
    """The margin m_eps = -log(e^eps - 1) at which the logistic loss equals ``loss``.

    Raises
    ------
    ValueError
        If ``loss`` is not positive: no finite margin has it.

    Examples
    --------
    >>> round(logistic_margin(math.log(2.0)), 12) + 0.0
    0.0
    """
    if not loss > 0:
        raise ValueError(f"the logistic loss of a finite margin is positive, not {loss}")
    return -math.log(math.expm1(loss))


def logistic_solution(solution: HardMargin, loss: float) -> tuple[Array, Array]:
    """Weights and multipliers of: minimise ||w||^2 / 2 with every logistic loss at most ``loss``.

    Parameters
    ----------
    solution : HardMargin
        For margin 1.
    loss : float
        In (0, log 2); above, w = 0 is feasible.

    Returns
    -------
    weights : array, shape (N,)
    multipliers : array, shape (P,)

    Raises
    ------
    ValueError
        For a loss outside (0, log 2).

    Examples
    --------
    >>> import numpy as np
    >>> weights, _ = logistic_solution(hard_margin(np.eye(1)), loss=math.log1p(math.exp(-3.0)))
    >>> weights.round(12)
    array([3.])
    """
    if not 0 < loss < math.log(2.0):
        raise ValueError(f"the loss must lie in (0, log 2 = {math.log(2.0):.6f}), not {loss}")
    margin = logistic_margin(loss)
    slope = 1.0 / (1.0 + math.exp(margin))
    return margin * solution.weights, margin / slope * solution.multipliers
