"""Tikhonov problems on [0, 1] and in boxes, solved: −λ f″ + f = g with f′ = 0 at the ends.

The minimizer of J(f) = ∫ ½(f − g)² + (λ/2) f′² solves this equation; with a density p of the data
it is p (f − g) − λ (p f′)′ = 0. With r = √λ:

* g = Π cos k_j πx_j: f = g / (1 + λπ² |k|²)
* g = x: f = x + r sinh((½ − x)/r) / cosh(1/(2r))
* g = 1 for x > ½, else 0: f = cosh(x/r) / (2 cosh(1/(2r))) for x < ½, and 1 − f(1 − x) beyond
* any g: f(x) = ∫ G(x, t) g(t) dt, G = cosh(min/r) cosh((1 − max)/r) / (r sinh(1/r))

Source: derived; textbook solutions of the Helmholtz equation. The excess of any u is exactly
J(u) − J(f) = ½ ∫ (u − f)² + (λ/2) ∫ (u − f)′².

>>> import numpy as np
>>> round(float(energy_of_cosine(0.05)), 10)
0.0826057509
>>> ramp(np.array([0.0, 0.5, 1.0]), 1e-4).round(3)
array([0.01, 0.5 , 0.99])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from refimpl.arrays import Array, namespace


def damping(waves: Sequence[float], strength: float) -> float:
    """The factor 1 / (1 + λπ² |k|²) of a product of cosines."""
    return 1.0 / (1.0 + strength * math.pi**2 * sum(k * k for k in waves))


def cosine(points: Array, strength: float, wave: int = 1) -> Array:
    """The solution for g = cos kπx."""
    return damping([wave], strength) * namespace(points).cos(wave * math.pi * points)


def energy_of_cosine(strength: float, wave: int = 1) -> float:
    """J at the solution for g = cos kπx: ¼ λπ²k² / (1 + λπ²k²)."""
    scaled = strength * (math.pi * wave) ** 2
    return 0.25 * scaled / (1.0 + scaled)


def ramp(points: Array, strength: float) -> Array:
    """The solution for g = x."""
    r = math.sqrt(strength)
    xp = namespace(points)
    # sinh(a)/cosh(b) with |a| <= b, without the overflow of either
    near = xp.exp(-points / r) - xp.exp(-(1.0 - points) / r)
    return points + r * near / (1.0 + math.exp(-1.0 / r))


def step(points: Array, strength: float) -> Array:
    """The solution for g = 1 where x > ½, else 0."""
    r = math.sqrt(strength)
    xp = namespace(points)
    left = xp.where(points < 0.5, points, 1.0 - points)
    low = 0.5 * (xp.exp((left - 0.5) / r) + xp.exp(-(left + 0.5) / r)) / (1.0 + math.exp(-1.0 / r))
    return xp.where(points < 0.5, low, 1.0 - low)


def green(x: Array, t: Array, strength: float) -> Array:
    """G(x, t), broadcast."""
    r = math.sqrt(strength)
    xp = namespace(x)
    low, high = xp.where(x < t, x, t), xp.where(x < t, t, x)
    return xp.cosh(low / r) * xp.cosh((1.0 - high) / r) / (r * math.sinh(1.0 / r))


def finite_differences(values: Array, strength: float) -> Array:
    """−λ f″ + f = g on n equal cells with f′ = 0 at the ends: the independent solution.

    Parameters
    ----------
    values : array, shape (n,)
        g at the midpoints of the cells. Solved on the host.

    Returns
    -------
    array, shape (n,)
    """
    from scipy.linalg import solveh_banded

    n = values.shape[0]
    weight = strength * n * n
    xp = namespace(values)
    bands: Any = xp.zeros((2, n), dtype=values.dtype)
    diagonal = xp.full((n,), 1.0 + 2.0 * weight, dtype=values.dtype)
    ends = xp.zeros((n,), dtype=values.dtype)
    ends[0] = ends[-1] = 1.0
    bands[0, 1:] = -weight
    bands[1, :] = diagonal - weight * ends
    return solveh_banded(bands, values)


def energy(
    values: Array, slopes: Array, target: Array, weights: Array, strength: float
) -> tuple[float, float]:
    """½ ∫ (u − g)² + (λ/2) ∫ u′² and ∫ u′² by a quadrature with the given weights."""
    xp = namespace(values)
    roughness = float(xp.sum(weights * slopes**2))
    fit = float(xp.sum(weights * (values - target) ** 2))
    return 0.5 * fit + 0.5 * strength * roughness, roughness
