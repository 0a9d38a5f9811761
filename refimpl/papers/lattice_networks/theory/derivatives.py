"""Bounds on all mixed derivatives of a network, by composition of majorants.

With A_n >= sup |s^{(n)}|, a(t) = Σ_{n≥1} A_n t^n / n!, R_l the largest absolute row sums of
W_1 .. W_L and β_j = max_p |W_{0,pj}|,

    M(t) = R_L a(R_{L−1} a(… R_1 a(t) …)),    |∂^ν G_p(y)| <= β^ν M^{(|ν|)}(0)  for ν ≠ 0,

since in Faà di Bruno's formula all coefficients are non-negative. If y enters as sin(2πy),

    |∂^ν G_p| <= (2π)^{|ν|} Σ_m M^{(|m|)}(0) Π_j S(ν_j, m_j) β_j^{m_j},

m running over 0 < m_j <= ν_j where ν_j > 0 (else m_j = 0) and S the Stirling numbers of the second
kind. Derived here; the form agrees with what is said of arXiv 2502.12496.

Nothing here knows the closed form for A_n = ξ τ^n n!.

>>> [round(value, 9) for value in majorant((1.0,) * 6, (1.0, 1.0))]
[1.0, 2.0, 5.0, 15.0, 52.0, 203.0]
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from refimpl.errors import SettingError


def majorant(constants: Sequence[float], row_sums: Sequence[float]) -> tuple[float, ...]:
    """M^{(n)}(0) for n = 1, 2, .. by truncated power series.

    Parameters
    ----------
    constants : sequence of float
        A_1, A_2, ..; as many derivatives are returned.
    row_sums : sequence of float
        R_1 .. R_L, L >= 1.
    """
    order = len(constants)
    outer = [0.0] + [a / math.factorial(n) for n, a in enumerate(constants, 1)]
    series = outer
    for row_sum in row_sums[:-1]:
        series = _composed(outer, [row_sum * c for c in series], order)
    return tuple(row_sums[-1] * series[n] * math.factorial(n) for n in range(1, order + 1))


def _composed(outer: list[float], inner: list[float], order: int) -> list[float]:
    """outer(inner(t)) up to t^order, by Horner's rule; inner(0) = 0."""
    result = [0.0] * (order + 1)
    for coefficient in reversed(outer):
        product = [0.0] * (order + 1)
        for i, left in enumerate(result):
            for j in range(order + 1 - i):
                product[i + j] += left * inner[j]
        result = product
        result[0] += coefficient
    return result


def bell_majorant(constants: Sequence[float], row_sums: Sequence[float]) -> tuple[float, ...]:
    """The same numbers by Faà di Bruno's formula with partial Bell polynomials.

    Examples
    --------
    >>> bell_majorant((1.0,) * 6, (1.0, 1.0))
    (1.0, 2.0, 5.0, 15.0, 52.0, 203.0)
    """
    derivatives = list(constants)
    for row_sum in row_sums[:-1]:
        inner = [row_sum * d for d in derivatives]
        derivatives = [
            sum(constants[k - 1] * _bell(n, k, inner) for k in range(1, n + 1))
            for n in range(1, len(constants) + 1)
        ]
    return tuple(row_sums[-1] * d for d in derivatives)


def _bell(n: int, k: int, x: Sequence[float]) -> float:
    """The partial Bell polynomial B_{n,k}(x_1, x_2, ..)."""
    if n == 0 or k == 0:
        return 1.0 if n == k else 0.0
    return sum(
        math.comb(n - 1, i - 1) * x[i - 1] * _bell(n - i, k - 1, x) for i in range(1, n - k + 2)
    )


def stirling(n: int, k: int) -> int:
    """The Stirling number of the second kind: partitions of n things into k parts.

    Examples
    --------
    >>> stirling(4, 2), stirling(0, 0), stirling(3, 0)
    (7, 1, 0)
    """
    if n == k:
        return 1
    if k == 0 or k > n:
        return 0
    return k * stirling(n - 1, k) + stirling(n - 1, k - 1)


def derivative_bound(
    order: Sequence[int], peaks: Sequence[float], derivatives: Sequence[float]
) -> float:
    """The bound on |∂^ν G| of a standard network.

    Parameters
    ----------
    order : sequence of int
        ν, not zero.
    peaks : sequence of float
        β_1 .. β_s, in the inputs that ν counts.
    derivatives : sequence of float
        M'(0), M''(0), ..: what :func:`majorant` gives.

    Raises
    ------
    SettingError
        If |ν| is 0, or larger than the number of derivatives.

    Examples
    --------
    >>> derivative_bound((1, 1), (0.5, 2.0), (1.0, 3.0))
    3.0
    """
    total = _checked(order, derivatives)
    powers = math.prod(b**n for b, n in zip(peaks, order, strict=True))
    return powers * derivatives[total - 1]


def periodic_bound(
    order: Sequence[int], peaks: Sequence[float], derivatives: Sequence[float]
) -> float:
    """The bound on |∂^ν G| of a network that sees sin(2πy).

    Parameters
    ----------
    order, peaks, derivatives
        As for :func:`derivative_bound`; β in the sines.

    Examples
    --------
    >>> round(periodic_bound((1,), (0.5,), (1.0, 3.0)) / math.pi, 12)
    1.0
    """
    total = _checked(order, derivatives)
    ranges = [range(1, n + 1) if n else range(1) for n in order]
    bound = 0.0
    for parts in itertools.product(*ranges):
        counts = math.prod(stirling(n, m) for n, m in zip(order, parts, strict=True))
        powers = math.prod(b**m for b, m in zip(peaks, parts, strict=True))
        bound += derivatives[sum(parts) - 1] * counts * powers
    return (2.0 * math.pi) ** total * bound


def _checked(order: Sequence[int], derivatives: Sequence[float]) -> int:
    total = sum(order)
    if not 1 <= total <= len(derivatives):
        raise SettingError(
            "the order of the derivative must be positive and within the series",
            order=total,
            series=len(derivatives),
        )
    return total
