"""An estimate of Barron's kind for the Tikhonov problem of a cosine: m units, excess of order 1/m.

A function with ∫ |u″| = B on [0, 1] is a mean of ReLU units,

    u(x) = u(0) + u′(0) x + E_t[B s(t) (x − t)₊],  t of density |u″| / B, s the sign of u″,

so that the mean of m units with kinks drawn from that density is a two-layer network whose squared
distance from u in any Hilbert norm is on average (E‖unit‖² − ‖E unit‖²) / m. The excess energy of
the Tikhonov problem is such a squared norm of the distance from its solution, exactly:

* mean excess = (1/m) (E[½ ∫ φ_t² + (λ/2) ∫ φ_t′²] − ½ ∫ (u − u(0))² − (λ/2) ∫ u′²), φ_t the unit
* ≤ (B²/m) (1/6 + λ/2), since a unit of slope 1 has ∫ φ² <= 1/3 and ∫ φ′² <= 1

so some network of m units is at least as good. For g = cos πx: u = A cos πx with A = 1/(1 + λπ²),
B = 2πA, density (π/2)|cos πt|; E(1 − t) = ½ and E(1 − t)³ = 1/8 + (3/2)(1/π − 2/π²).

Source: that an a priori estimate for two-layer networks and solutions in the Barron space is
proved stands in the abstract of L. Li, X.-C. Tai and J. Yang, Commun. Comput. Phys. 32 (2022);
this form is derived. The argument by the mean of random units is B. Maurey's; A. R. Barron, IEEE
Trans. Inf. Theory 39 (1993); both recalled.

>>> import numpy as np
>>> quantile(np.array([0.0, 0.25, 0.5, 1.0])).round(4)
array([0.    , 0.1667, 0.5   , 1.    ])
>>> round(mean_excess(10, 0.05), 6) < round(bound(roughness(0.05), 10, 0.05), 6)
True
"""

from __future__ import annotations

import math

from refimpl.arrays import Array, namespace


def roughness(strength: float) -> float:
    """B = ∫ |u″| of the solution for g = cos πx."""
    return 2.0 * math.pi / (1.0 + strength * math.pi**2)


def quantile(levels: Array) -> Array:
    """The kink t below which a share ``levels`` of ∫ |u″| lies."""
    xp = namespace(levels)
    nearer = xp.where(levels < 0.5, levels, 1.0 - levels)
    t = xp.asin(2.0 * nearer) / math.pi
    return xp.where(levels < 0.5, t, 1.0 - t)


def outer_weights(kinks: Array, strength: float) -> Array:
    """B s(t) / m for each of m units."""
    xp = namespace(kinks)
    return (roughness(strength) / kinks.shape[0]) * xp.where(kinks < 0.5, -1.0, 1.0)


def mean_excess(units: int, strength: float) -> float:
    """The mean of J(u_m) − J(u) over random kinks."""
    top = 1.0 / (1.0 + strength * math.pi**2)
    mass = roughness(strength)
    cube = 0.125 + 1.5 * (1.0 / math.pi - 2.0 / math.pi**2)
    own = 0.5 * mass**2 * cube / 3.0 + 0.5 * strength * mass**2 * 0.5
    mean = 0.5 * 1.5 * top**2 + 0.5 * strength * (math.pi * top) ** 2 / 2.0
    return (own - mean) / units


def bound(mass: float, units: int, strength: float) -> float:
    """(B²/m)(1/6 + λ/2): no mean over random units has a larger excess."""
    return mass**2 / units * (1.0 / 6.0 + 0.5 * strength)
