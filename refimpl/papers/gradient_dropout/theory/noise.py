"""Laws of multiplicative noise of mean 1: Bernoulli m / (1 − p) and Gaussian N(1, p / (1 − p)).

Both have variance v = p / (1 − p); their third moments differ unless p = 1/2, and only Gaussian
noise turns signs around. All derived from the two definitions.

>>> round(variance(0.2), 12), round(flipped(0.5), 5)
(0.25, 0.15866)
"""

from __future__ import annotations

import math


def variance(rate: float) -> float:
    """v = p / (1 − p), of both families."""
    return rate / (1.0 - rate)


def flipped(rate: float) -> float:
    """P(n < 0) of the Gaussian family, Φ(−√((1 − p)/p)); Bernoulli noise is never negative."""
    return 0.0 if rate == 0.0 else 0.5 * math.erfc(math.sqrt((1.0 - rate) / (2.0 * rate)))


def third_moment(rate: float, noise: str) -> float:
    """E n³: 1/(1 − p)² for Bernoulli, 1 + 3v for Gaussian noise.

    Examples
    --------
    >>> third_moment(0.5, "bernoulli") == third_moment(0.5, "gaussian")
    True
    """
    return 1.0 / (1.0 - rate) ** 2 if noise == "bernoulli" else 1.0 + 3.0 * variance(rate)


def fourth_central_moment(rate: float, noise: str) -> float:
    """E (n − 1)⁴: v² (v + 1/v − 1) for Bernoulli, 3 v² for Gaussian noise.

    With p = 1/2 Bernoulli noise has E (n − 1)⁴ = v²: (n − 1)² = 1 always, so its sample variance
    about 1 has no error at all.

    Examples
    --------
    >>> fourth_central_moment(0.5, "bernoulli")
    1.0
    """
    v = variance(rate)
    return v * v * (v + 1.0 / v - 1.0) if noise == "bernoulli" else 3.0 * v * v


def ramp(epoch: int, stop: int) -> float:
    """The share of a linear schedule that is reached in an epoch; 1 from epoch ``stop`` − 1 on.

    Examples
    --------
    >>> [ramp(epoch, 5) for epoch in (0, 1, 4, 9)]
    [0.0, 0.25, 1.0, 1.0]
    """
    return min(1.0, epoch / (stop - 1))
