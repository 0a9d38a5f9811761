"""Inverted-Gaussian wells under the exact inner maximum: their minima, and which one is lower.

    γ(θ) = C − A exp(−½ (θ − μ)' K⁻¹ (θ − μ)),      γ_AMP(θ) = max over ‖Δ‖ ≤ ε of γ(θ + Δ).

γ_AMP has its only minimum at μ, as γ has, and there the value C − A exp(−ε² / (2σ²)) with σ² the
smallest eigenvalue of K: a well is lifted by its narrowest direction. The maximum over a ball does
not move an isolated symmetric minimum; it can only change which of two is the lower one. With a
flat well of depth A₁, width s₁ and a sharp one of depth A₂ > A₁, s₂ < s₁ the flat well is the lower
one as soon as

    ε² > 2 ln(A₂/A₁) / (1/s₂² − 1/s₁²),

or, with β = A₁/A₂, r = s₁²/s₂² and c = ε²/(2 s₂²), as soon as β > exp(−c (1 − 1/r)). Below
β = exp(−c) no flatness suffices.

The value at μ and the law in β, r, c are the authors'; that μ is the only minimum, and the
threshold of ε, are derived here.

>>> round(reranking_radius(Well(1.0, 1.0), Well(1.2, 0.4)), 10)
0.2635447422
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from refimpl.arrays import Array, namespace
from refimpl.papers.amp.theory.ball import maximum


@dataclass(frozen=True)
class Well:
    """An isolated inverted-Gaussian well C − A exp(−(θ − μ)² / (2s²)).

    Attributes
    ----------
    depth : float
        A, positive.
    width : float
        s, positive; in several dimensions that of the narrowest direction.
    center : float
        μ.
    """

    depth: float
    width: float
    center: float = 0.0

    def __post_init__(self) -> None:
        if not (self.depth > 0.0 and self.width > 0.0):
            raise ValueError(
                f"depth and width must be positive, not {self.depth!r} and {self.width!r}"
            )


def perturbed_minimum(depth: float, variance: float, radius: float, top: float = 0.0) -> float:
    """min γ_AMP = C − A exp(−ε²/(2σ²)), taken at μ.

    Parameters
    ----------
    depth : float
        A.
    variance : float
        σ², the smallest eigenvalue of K.
    radius : float
        ε, not negative.
    top : float
        C.

    Examples
    --------
    >>> round(perturbed_minimum(1.5, 0.25, 0.4, 2.0), 12)
    0.910776444389
    """
    return top - depth * math.exp(-(radius**2) / (2.0 * variance))


def exponent(precision: Array, offset: Array, radius: float) -> float:
    """Q(d) = max over ‖Δ‖ ≤ ε of (d + Δ)' K⁻¹ (d + Δ), by the secular equation.

    Parameters
    ----------
    precision : array, shape (n, n)
        K⁻¹.
    offset : array, shape (n,)
        d = θ − μ.
    radius : float
        ε, positive.

    Examples
    --------
    >>> import numpy as np
    >>> float(exponent(np.diag([4.0, 1.0]), np.zeros(2), 0.5))
    1.0
    """
    xp = namespace(precision, offset)
    pull = precision @ offset
    return float(xp.sum(offset * pull)) + 2.0 * maximum(precision, pull, radius).value


def perturbed_value(
    depth: float, precision: Array, offset: Array, radius: float, top: float = 0.0
) -> float:
    """γ_AMP(μ + d) = C − A exp(−Q(d)/2), with the exact inner maximum.

    Parameters
    ----------
    depth : float
        A.
    precision : array, shape (n, n)
    offset : array, shape (n,)
    radius : float
    top : float
        C.
    """
    return top - depth * math.exp(-0.5 * exponent(precision, offset, radius))


def reranking_radius(flat: Well, sharp: Well) -> float:
    """ε*, from which on the flat well is the lower one under γ_AMP.

    Raises
    ------
    ValueError
        Unless ``sharp`` is deeper and narrower: otherwise no radius changes the order.
    """
    if not (sharp.depth > flat.depth and sharp.width < flat.width):
        raise ValueError(
            f"the sharp well must be deeper and narrower: depths {flat.depth} and {sharp.depth}, "
            f"widths {flat.width} and {sharp.width}"
        )
    bend = 1.0 / sharp.width**2 - 1.0 / flat.width**2
    return math.sqrt(2.0 * math.log(sharp.depth / flat.depth) / bend)


def depth_ratio_threshold(strength: float, flatness: float) -> float:
    """exp(−c (1 − 1/r)), above which A_flat/A_sharp makes the flat well the lower one.

    Parameters
    ----------
    strength : float
        c = ε²/(2 s_sharp²).
    flatness : float
        r = s_flat²/s_sharp², at least 1; ``math.inf`` gives the floor exp(−c).

    Examples
    --------
    >>> depth_ratio_threshold(1.0, 1.0), round(depth_ratio_threshold(1.0, math.inf), 6)
    (1.0, 0.367879)
    """
    if not flatness >= 1.0:
        raise ValueError(f"flatness must be at least 1, not {flatness!r}")
    return math.exp(-strength * (1.0 - 1.0 / flatness))


def quadratic_minimum(offset: float, largest_curvature: float, radius: float) -> float:
    """min of L_AMP for L = c + ½ (θ − μ)'H(θ − μ), H positive definite: c + ½ ε² λ_max(H), at μ.

    Examples
    --------
    >>> quadratic_minimum(1.0, 3.0, 2.0)
    7.0
    """
    return offset + 0.5 * radius**2 * largest_curvature
