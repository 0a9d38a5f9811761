"""Total-variation problems on [0, 1], solved: minimize ∫ ½(f − g)² + λ ∫ |f′|.

* g = x: f = clip(x, c, 1 − c), c = √(2λ) for λ <= 1/8, else ½; the minimum is c³/3 + λ(1 − 2c)
* g = 1 for x > ½, else 0: f = 2λ and 1 − 2λ for λ < ¼, else ½ throughout

The functional is strongly convex: J(u) − J(f) >= ½ ∫ (u − f)² for every u.

Source: derived: where f moves it equals g, and a level of length l at an end differs from the mean
of g there by λ / l.

>>> import numpy as np
>>> round(height(0.02), 12), round(energy_of_ramp(0.02), 10)
(0.2, 0.0146666667)
>>> step(np.array([0.1, 0.9]), 0.05)
array([0.1, 0.9])
"""

from __future__ import annotations

import math

from refimpl.arrays import Array, namespace


def height(strength: float) -> float:
    """c = √(2λ), at most ½."""
    return min(math.sqrt(2.0 * strength), 0.5)


def ramp(points: Array, strength: float) -> Array:
    """The solution for g = x."""
    c = height(strength)
    return namespace(points).clip(points, c, 1.0 - c)


def energy_of_ramp(strength: float) -> float:
    """The minimum for g = x: c³/3 + λ (1 − 2c), and 1/24 for a constant."""
    c = height(strength)
    return c**3 / 3.0 + strength * (1.0 - 2.0 * c)


def step(points: Array, strength: float) -> Array:
    """The solution for g = 1 where x > ½, else 0."""
    low = min(2.0 * strength, 0.5)
    xp = namespace(points)
    base = xp.full_like(points, low)
    return xp.where(points < 0.5, base, 1.0 - base)
