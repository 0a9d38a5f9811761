"""Spectral radii of the iterations for linear F and G = lin; σ are singular values of I − J.

Derived, for this package. η is the rate of states and multipliers alike.

>>> stable_with_loss(0.3, [1.5]), stable_with_loss(0.5, [1.5])
(True, False)
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def simultaneous_radius(rate: float, sigmas: Sequence[float]) -> float:
    """Without a loss: sqrt(1 + η² σ_max²), above 1 for every rate."""
    return math.sqrt(1.0 + (rate * max(sigmas)) ** 2)


def loss_radius(rate: float, sigmas: Sequence[float]) -> float:
    """With ½‖x − y‖²: the largest of sqrt(1 − η + η²σ²), for σ above ½."""
    return max(math.sqrt(1.0 - rate + (rate * s) ** 2) for s in sigmas)


def stable_with_loss(rate: float, sigmas: Sequence[float]) -> bool:
    """η σ² < 1 for all σ (above ½)."""
    return all(rate * s * s < 1.0 for s in sigmas)


def augmented_radius(rate: float, rho: float, sigmas: Sequence[float]) -> float:
    """Without a loss, with (ρ/2)‖x − F‖²: the largest of sqrt(1 − ηρσ² + η²σ²), for ρσ < 2."""
    return max(math.sqrt(1.0 - rate * rho * s * s + (rate * s) ** 2) for s in sigmas)


def extragradient_radius(rate: float, sigmas: Sequence[float]) -> float:
    """Without a loss: the largest of sqrt(1 − η²σ² + η⁴σ⁴), below 1 for ησ < 1."""
    return max(math.sqrt(1.0 - (rate * s) ** 2 + (rate * s) ** 4) for s in sigmas)
