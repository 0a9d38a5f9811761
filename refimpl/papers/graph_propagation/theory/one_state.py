"""One state a, loss ½(a − d)², constraint G(a) = 0: laws of the states and of the multiplier.

Derived, for this package.

>>> round(squared_residual(100.0, 1.0), 7)
0.1184973
>>> round(cycle_multiplier(0.01, 1.0, 0.02), 7)
1.969899
"""

from __future__ import annotations

import math


def squared_residual(time: float, target: float) -> float:
    """a(t) for G = a², with a at its minimum: d / (1 + 6 d² t)^{1/3}; it is never 0."""
    return target / (1.0 + 6.0 * target * target * time) ** (1.0 / 3.0)


def squared_multiplier(time: float, target: float) -> float:
    """λ(t) for G = a²: ((1 + 6 d² t)^{1/3} − 1) / 2."""
    return 0.5 * ((1.0 + 6.0 * target * target * time) ** (1.0 / 3.0) - 1.0)


def cubed_time(state: float, target: float) -> float:
    """The time at which a is reached for G = a³, d > 0, with a at its minimum."""
    d, a = target, state
    return 2.0 * d / 15.0 * (a**-5 - d**-5) - (a**-4 - d**-4) / 12.0


def linear_radius(rate: float) -> float:
    """Spectral radius of plain equal steps for G = a: sqrt(1 − η + η²); below 1 for η < 1."""
    return math.sqrt(1.0 - rate + rate * rate)


def absolute_rate(rate: float) -> float:
    """Growth of log λ in a step for G = |a| and equal rates: η² / 2."""
    return 0.5 * rate * rate


def least_epsilon(rate: float, target: float) -> float:
    """The smallest ε for which equal steps from a = d settle under eps: η|d| / (2 − η)."""
    return rate * abs(target) / (2.0 - rate)


def cycle_points(rate: float, target: float, epsilon: float) -> tuple[float, float]:
    """The two points between which a then goes back and forth, for d > 0: ε and the other."""
    return epsilon, (epsilon - rate * abs(target)) / (1.0 - rate)


def cycle_multiplier(rate: float, target: float, epsilon: float) -> float:
    """λ∞ on that cycle: (ε − a₂)/η + |d| − ε."""
    return (epsilon - cycle_points(rate, target, epsilon)[1]) / rate + abs(target) - epsilon
