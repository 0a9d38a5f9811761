"""Exact norms in the space of a homogeneous dot-product kernel, and what bounds them.

A kernel K(z, z') = |z| |z'| κ(cos) with κ(u) = Σ b_j u^j, b_j >= 0, κ(1) = 1 has a feature map Φ
with |Φ(z)| = |z|, which never stretches a distance if κ'(1) <= 1. Composed profiles κ_2(κ_1(u))
are of the same kind. In the space H of such a kernel

* f = Σ_i α_i K(z_i, ·) has |f|_H² = αᵀ K α, exactly;
* |f(x) − f(x')| <= |f|_H |Φ(x) − Φ(x')| <= |f|_H |x − x'| (Bietti, Mialon, Chen & Mairal 2019);
* f(x) = |x| s(<g, x> / |x|), s(u) = Σ a_j u^j, has |f|_H² <= C_s²(|g|²) with
  C_s²(t) = Σ_j (a_j² / b_j) t^j: an upper bound, by one feature of each degree, which is not tight
  where lower degrees can do the work (slides of the authors; the sum was derived again);
* the single anchor f = K(z, ·) attains all the lower bounds: its norm, the largest slope
  and the largest difference over a unit step are |z|.

Profiles: "exponential" e^{u−1}; "inverse" 1 / (2 − u); "arc_cosine" (√(1−u²) + (π − θ) u) / π with
cos θ = u, whose powers are those of the infinite ReLU layer. All have κ'(1) = 1.

>>> round(profile("inverse", 0.5), 6), taylor_coefficients("inverse", 2)
(0.666667, [0.5, 0.25, 0.125])
>>> import numpy as np
>>> exact_norm(np.array([[3.0, 4.0]]), np.array([2.0]), ("exponential",))
10.0
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from refimpl.arrays import Array, namespace

PROFILES = ("exponential", "inverse", "arc_cosine")


def profile(name: str, u: float) -> float:
    """κ(u) for one cosine u in [-1, 1].

    Raises
    ------
    ValueError
        For an unknown name.
    """
    if name == "exponential":
        return math.exp(u - 1.0)
    if name == "inverse":
        return 1.0 / (2.0 - u)
    if name == "arc_cosine":
        return (math.sqrt(max(0.0, 1.0 - u * u)) + (math.pi - math.acos(u)) * u) / math.pi
    raise ValueError(f"unknown profile {name!r}: choose one of {', '.join(PROFILES)}")


def taylor_coefficients(name: str, degree: int) -> list[float]:
    """b_0 to b_degree of κ(u) = Σ b_j u^j.

    Examples
    --------
    >>> [round(b, 4) for b in taylor_coefficients("arc_cosine", 4)]
    [0.3183, 0.5, 0.1592, 0.0, 0.0133]
    """
    if name == "exponential":
        return [math.exp(-1.0) / math.factorial(j) for j in range(degree + 1)]
    if name == "inverse":
        return [0.5 ** (j + 1) for j in range(degree + 1)]
    if name != "arc_cosine":
        raise ValueError(f"unknown profile {name!r}: choose one of {', '.join(PROFILES)}")
    found = [1.0 / math.pi, 0.5]
    for j in range(2, degree + 1):
        # the second derivative is 1 / (π √(1−u²)), whose even coefficients are those of arcsine
        half, odd = divmod(j - 2, 2)
        arcsine = 0.0 if odd else math.comb(2 * half, half) / 4.0**half
        found.append(arcsine / (math.pi * j * (j - 1)))
    return found[: degree + 1]


def kernel(x: Sequence[float], y: Sequence[float], profiles: Sequence[str]) -> float:
    """K(x, y) of two points, one profile after the other from the inside."""
    size = math.hypot(*x) * math.hypot(*y)
    if size == 0.0:
        return 0.0
    u = min(1.0, max(-1.0, math.fsum(a * b for a, b in zip(x, y, strict=True)) / size))
    for name in profiles:
        u = min(1.0, profile(name, u))
    return size * u


def exact_norm(centers: Array, coefficients: Array, profiles: Sequence[str]) -> float:
    """|f|_H of f = Σ_i α_i K(z_i, ·).

    Parameters
    ----------
    centers : array, shape (m, n)
        z_i.
    coefficients : array, shape (m,)
        α_i.
    profiles : sequence of str
        One for each layer, the innermost first.

    Returns
    -------
    float
    """
    points = [[float(v) for v in centers[i, :]] for i in range(centers.shape[0])]
    alpha = [float(coefficients[i]) for i in range(coefficients.shape[0])]
    square = math.fsum(
        a * b * kernel(x, y, profiles)
        for a, x in zip(alpha, points, strict=True)
        for b, y in zip(alpha, points, strict=True)
    )
    return math.sqrt(max(0.0, square))


def activation_bound(coefficients: Sequence[float], name: str, square: float) -> float:
    """C_s²(t) of the activation s(u) = Σ a_j u^j under the profile ``name``, at t = ``square``.

    Examples
    --------
    >>> round(activation_bound([0.0, 1.0], "exponential", 0.45), 4)
    1.2232
    """
    scale = taylor_coefficients(name, len(coefficients) - 1)
    total = 0.0
    for j, (a, b) in enumerate(zip(coefficients, scale, strict=True)):
        if a != 0.0:
            total += math.inf if b == 0.0 else a * a / b * square**j
    return total


def network_bound(
    spectral_norms: Sequence[float], activations: Sequence[Sequence[float]], name: str
) -> float:
    """The upper bound |W_{n+1}|² C_s²(|W_n|² C_s²(... C_s²(|W_1|²))) on the squared norm.

    Parameters
    ----------
    spectral_norms : sequence of float
        Of W_1 to W_{n+1}.
    activations : sequence of sequences
        The coefficients of s in each of the n hidden layers; [0, 1] is linear.
    name : str

    Examples
    --------
    >>> network_bound([2.0, 3.0], [], "exponential")
    Traceback (most recent call last):
    ...
    ValueError: 2 layers have 1 activations between them, not 0
    """
    if len(activations) != len(spectral_norms) - 1:
        raise ValueError(
            f"{len(spectral_norms)} layers have {len(spectral_norms) - 1} activations between "
            f"them, not {len(activations)}"
        )
    square = spectral_norms[0] ** 2
    for norm, coefficients in zip(spectral_norms[1:], activations, strict=True):
        square = norm**2 * activation_bound(coefficients, name, square)
    return square


def plane_norm_squared(g: Sequence[float], power: int, modes: int = 40) -> float:
    """|f|_H² of f(x) = |x| (<g, x> / |x|)^p on the plane, for the exponential profile.

    On the circle the kernel is e^{cos(θ−θ')−1}, whose Fourier coefficients are I_m(1) / e, and f is
    |g|^p cos^p: the norm is e |g|^{2p} Σ_m |c_m|² / I_m(1), c_m the coefficients of cos^p.
    Derived here; minimal-norm interpolation on the circle agrees.

    Parameters
    ----------
    g : pair of float
    power : int
        p.
    modes : int
        Terms of the series of I_m(1); it converges like 1 / (4^k k!²).

    Examples
    --------
    >>> [round(plane_norm_squared((0.6, -0.3), p), 10) for p in (1, 2, 3)]
    [1.0821968665, 0.6155640539, 0.4724472557]
    """
    total = 0.0
    for m in range(-power, power + 1, 2):
        coefficient = math.comb(power, (power + m) // 2) / 2.0**power
        bessel = math.fsum(
            0.5 ** (2 * k + abs(m)) / (math.factorial(k) * math.factorial(k + abs(m)))
            for k in range(modes)
        )
        total += coefficient**2 / bessel
    return math.e * math.hypot(*g) ** (2 * power) * total


def feature_distance(x: Array, y: Array, profiles: Sequence[str]) -> Any:
    """|Φ(x_i) − Φ(y_i)| for rows of points, an array (P,).

    The difference 1 − κ loses digits where two points are close: at a distance of 1e-5 some 1e-4 of
    the result. Pairs here are meant to be independent.

    Examples
    --------
    >>> import numpy as np
    >>> feature_distance(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), ("inverse",))
    array([1.])
    """
    xp = namespace(x, y)
    squares = []
    for i in range(x.shape[0]):
        a, b = ([float(v) for v in points[i, :]] for points in (x, y))
        across = kernel(a, b, profiles)
        squares.append(math.fsum(v * v for v in a) + math.fsum(v * v for v in b) - 2.0 * across)
    return xp.asarray([math.sqrt(max(0.0, s)) for s in squares], dtype=x.dtype)
