"""Exact means of the algebraic targets, their derivatives, and the diffusion problem by elements.

>>> decay = tuple(0.5 / j**2 for j in range(1, 21))
>>> [round(algebraic_mean(decay, periodic=periodic), 10) for periodic in (False, True)]
[1.0236109674, 1.0234627269]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence


def algebraic_mean(decay: Sequence[float], *, periodic: bool) -> float:
    """∫ 1 / (1 + Σ b_j m(y_j)) over [0, 1]^s, from 1/x = ∫ e^{−tx} dt.

    The mean of e^{−t b m} is sinh(tb/2) / (tb/2) for m = y − ½, and I_0(tb/√6) for
    m = sin(2πy)/√6, which leaves one integral over t.

    Examples
    --------
    >>> abs(algebraic_mean((1.0,), periodic=False) - math.log(3.0)) < 1e-12
    True
    """
    from scipy.integrate import quad
    from scipy.special import ive

    def integrand(t: float) -> float:
        exponent, factor = -t, 1.0
        for b in decay:
            if periodic:
                x = t * b / math.sqrt(6.0)
                factor *= float(ive(0, x))
            else:
                x = 0.5 * t * b
                factor *= -math.expm1(-2.0 * x) / (2.0 * x) if x > 0.0 else 1.0
            exponent += x
        return factor * math.exp(exponent)

    return float(quad(integrand, 0.0, math.inf, epsabs=0.0, epsrel=1e-13, limit=200)[0])


def algebraic_derivative(decay: Sequence[float], order: Sequence[int], value: float) -> float:
    """∂^ν F = (−1)^n n! b^ν F^{n+1} where F has this value; the target that is not periodic."""
    n = sum(order)
    powers = math.prod(b**k for b, k in zip(decay, order, strict=True))
    return (-1.0) ** n * math.factorial(n) * powers * value ** (n + 1)


def element_solution(coefficient: Callable[[float], float], elements: int) -> float:
    """u(½) of −(a u')' = 1, u(0) = u(1) = 0, by linear elements with a at their midpoints.

    Parameters
    ----------
    coefficient : callable
        a(x) > 0.
    elements : int
        Even.

    Examples
    --------
    >>> round(element_solution(lambda x: 2.0, 8), 15)
    0.0625
    """
    h = 1.0 / elements
    stiffness = [coefficient((k + 0.5) * h) / h for k in range(elements)]
    upper: list[float] = []
    right: list[float] = []
    for k in range(1, elements):  # elimination in the tridiagonal system of the inner nodes
        pivot, load = stiffness[k - 1] + stiffness[k], h
        if upper:
            pivot += stiffness[k - 1] * upper[-1]
            load += stiffness[k - 1] * right[-1]
        upper.append(-stiffness[k] / pivot)
        right.append(load / pivot)
    values = [0.0] * (elements + 1)
    for k in range(elements - 1, 0, -1):
        values[k] = right[k - 1] - upper[k - 1] * values[k + 1]
    return values[elements // 2]


def diffusion_bound(decay: Sequence[float], order: Sequence[int], smallest: float) -> float:
    """What |∂^ν u(½)| stays below: |ν|! Π (b_j / a_min)^{ν_j} / (2 √12 a_min).

    From |u(½)| <= ½ |u| in the norm of the gradient and the dual norm 1/√12 of the constant 1; the
    derivative follows by induction on |ν|, with |sin| <= 1.

    Examples
    --------
    >>> round(diffusion_bound((0.5,), (0,), 0.75), 6)
    0.19245
    """
    powers = math.prod((b / smallest) ** k for b, k in zip(decay, order, strict=True))
    return math.factorial(sum(order)) * powers / (2.0 * math.sqrt(12.0) * smallest)
