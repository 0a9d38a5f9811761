"""Averaged gradient penalties on an interval, where their minimizers are known.

With the data term ½ ∫ (f − g)² on [0, 1] and free ends (derived here):

* Tikhonov, (λ/2) ∫ f'²: −λ f'' + f = g, so that g = cos πx gives f = cos(πx) / (1 + λπ²);
* total variation, λ ∫ |f'|: a unit step at ½ becomes the step from 2λ to 1 − 2λ for λ < ¼, and the
  constant ½ beyond. Each half has length ½ and gains λ at its only jump.

The averaged penalties are those of Li, Tai & Yang 2021 (arXiv 2107.02797), of which only the
abstract is known here; the equations are the Euler-Lagrange equations of its functionals.

>>> tikhonov_cosine(0.0, 0.1), total_variation_step(0.75, 0.1)
(0.5032812832172817, 0.8)
"""

from __future__ import annotations

import math


def tikhonov_cosine(x: float, strength: float) -> float:
    """The minimizer for g = cos πx, at x."""
    return math.cos(math.pi * x) / (1.0 + strength * math.pi**2)


def total_variation_step(x: float, strength: float) -> float:
    """The minimizer for the unit step at ½, at x."""
    low = min(2.0 * strength, 0.5)
    return low if x < 0.5 else 1.0 - low
