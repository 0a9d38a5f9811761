"""Tikhonov regularization under Gaussian data: each Hermite component is damped on its own.

With inputs N(0, I) the operator −p⁻¹ div(p∇f) is that of Ornstein and Uhlenbeck, whose
eigenfunctions are the Hermite polynomials of total degree n with eigenvalue n. The minimizer of
E[½(f − g)² + (λ/2)|∇f|²] has each component of g multiplied by 1/(1 + λn).

Source: derived; the eigenfunctions are textbook.

>>> [round(c, 10) for c in solution([0.0, -2.0, 0.0, 0.0, 1.0], 0.3)]
[0.6136363636, -1.5384615385, 1.0227272727, 0.0, 0.4545454545]
"""

from __future__ import annotations

from collections.abc import Sequence


def factor(degree: int, strength: float) -> float:
    """1 / (1 + λn)."""
    return 1.0 / (1.0 + strength * degree)


def hermite(degree: int) -> list[float]:
    """Coefficients of He_n in monomials: He_{n+1} = x He_n − n He_{n−1}.

    Examples
    --------
    >>> hermite(4)
    [3.0, 0.0, -6.0, 0.0, 1.0]
    """
    before, now = [0.0], [1.0]
    for n in range(degree):
        shifted = [0.0, *now]
        padded = before + [0.0] * (len(shifted) - len(before))
        before, now = now, [a - n * b for a, b in zip(shifted, padded, strict=True)]
    return now


def to_hermite(coefficients: Sequence[float]) -> list[float]:
    """From monomials to Hermite polynomials, highest degree first taken off.

    Examples
    --------
    >>> to_hermite([0.0, -2.0, 0.0, 0.0, 1.0])
    [3.0, -2.0, 6.0, 0.0, 1.0]
    """
    rest = [float(value) for value in coefficients]
    found = [0.0] * len(rest)
    for degree in range(len(rest) - 1, -1, -1):
        found[degree] = rest[degree]
        rest = [a - rest[degree] * b for a, b in zip(rest, _padded(degree, len(rest)), strict=True)]
    return found


def from_hermite(components: Sequence[float]) -> list[float]:
    """From Hermite polynomials to monomials."""
    total = [0.0] * len(components)
    for degree, component in enumerate(components):
        padded = _padded(degree, len(components))
        total = [a + component * b for a, b in zip(total, padded, strict=True)]
    return total


def solution(coefficients: Sequence[float], strength: float) -> list[float]:
    """The minimizer for a polynomial g of one variable, both in monomials."""
    components = to_hermite(coefficients)
    return from_hermite([c * factor(n, strength) for n, c in enumerate(components)])


def _padded(degree: int, length: int) -> list[float]:
    own = hermite(degree)
    return own + [0.0] * (length - len(own))
