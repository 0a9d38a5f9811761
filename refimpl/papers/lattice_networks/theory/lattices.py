"""Exact values and bounds for lattice rules, by sums that share no code with the kernel form.

>>> round(one_dimensional_error(13, 1), 10)
0.0194666753
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence


def zeta(s: float) -> float:
    """Riemann's zeta function for s > 1."""
    from scipy.special import zeta as riemann

    return float(riemann(s))


def one_dimensional_error(size: int, smoothness: int, gamma: float = 1.0) -> float:
    """e² for s = 1, whatever z: 2 ζ(2α) γ / N^{2α}."""
    return 2.0 * zeta(2.0 * smoothness) * gamma / float(size) ** (2 * smoothness)


def mean_squared_error(size: int, gammas: Iterable[float]) -> float:
    """The mean of e² over all z in {1, .., N−1}^s, N prime, smoothness 1, product weights.

    A coordinate whose frequency is a multiple of N is in the dual lattice for every z; any other
    pair of frequencies is by chance 1 / N.

    Parameters
    ----------
    size : int
        N, prime.
    gammas : iterable of float

    Examples
    --------
    >>> round(mean_squared_error(13, (1.0, 0.5, 0.25)), 10)
    1.1547853651
    """
    twice = 2.0 * zeta(2.0)
    values = list(gammas)
    whole = math.prod(1.0 + twice * g for g in values)
    rest = math.prod(1.0 - twice * g / size for g in values)
    return -1.0 + whole / size + (size - 1) * rest / size


def construction_bound(
    size: int, gammas: Iterable[float], exponent: float, smoothness: int = 1
) -> float:
    """What e² of component-by-component construction stays below, for λ in (1/(2α), 1].

    [ (Π_j (1 + 2 ζ(2αλ) γ_j^λ) − 1) / (N − 1) ]^{1/λ}; standard, recalled.

    Examples
    --------
    >>> round(construction_bound(1009, [j**-2.0 for j in range(1, 11)], 1.0), 6)
    0.018026
    """
    twice = 2.0 * zeta(2.0 * smoothness * exponent)
    product = math.prod(1.0 + twice * g**exponent for g in gammas)
    return ((product - 1.0) / (size - 1)) ** (1.0 / exponent)


def dual_sum(
    size: int, vector: Sequence[int], gammas: Sequence[float], smoothness: int, largest: int
) -> float:
    """e² as the sum of 1 / r(h) over the dual lattice, |h_j| <= ``largest``.

    Parameters
    ----------
    size, vector, gammas, smoothness
    largest : int
        Where the sum is cut; the loop has (2 largest + 1)^s terms.

    Examples
    --------
    >>> round(dual_sum(13, (1, 5), (1.0, 1.0), 2, 100), 6)
    0.010739
    """
    total = 0.0
    axis = range(-largest, largest + 1)
    for h in itertools.product(axis, repeat=len(vector)):
        if sum(a * z for a, z in zip(h, vector, strict=True)) % size or not any(h):
            continue
        term = 1.0
        for a, gamma in zip(h, gammas, strict=True):
            if a:
                term *= gamma / abs(a) ** (2 * smoothness)
        total += term
    return total


def subset_sum(
    size: int, vector: Sequence[int], gammas: Sequence[float], orders: Sequence[float]
) -> float:
    """e² for POD weights as the sum over all non-empty sets of coordinates, smoothness 1.

    Examples
    --------
    >>> round(subset_sum(31, (1, 12, 9, 14), (0.8, 0.5, 0.3, 0.2), (1, 2, 6, 24)), 10)
    4.3228597256
    """
    terms = []
    for k in range(size):
        kernel = []
        for z in vector:
            x = (k * z % size) / size
            kernel.append(2.0 * math.pi**2 * (x * x - x + 1.0 / 6.0))
        for number in range(1, len(vector) + 1):
            for chosen in itertools.combinations(range(len(vector)), number):
                weight = orders[number - 1] * math.prod(gammas[j] for j in chosen)
                terms.append(weight * math.prod(kernel[j] for j in chosen))
    return math.fsum(terms) / size


FIBONACCI_ERRORS = {
    13: 0.475864371481,
    21: 0.209089429395,
    34: 0.089745154153,
    55: 0.038148140249,
    89: 0.016033197374,
    144: 0.006685114990,
    233: 0.002767343665,
    377: 0.001138784287,
    610: 0.000466193134,
    987: 0.000189995157,
}
"""e² of the Fibonacci lattices, γ = (1, 1), smoothness 1, to twelve places."""
