"""The exact inner maximum of a convex quadratic over a ball, by its secular equation.

With H symmetric positive semi-definite, b a vector and a radius ε,

    maximise ½ x'Hx + b'x   subject to ‖x‖ ≤ ε.

A maximiser lies on the sphere and solves (ν I − H) x = b with ν ≥ λ_max(H). In the eigenbasis of H
the length ‖x(ν)‖ falls from λ_max on, so that ‖x(ν)‖ = ε has one root: Newton's method on 1/‖x‖
finds it (J. J. Moré and D. C. Sorensen, "Computing a trust region step", 1983). Where b has no
part along the top eigenvectors the root may not exist, the *hard case*: then ν = λ_max, and what is
missing in length is laid along a top eigenvector, with either sign. The centre of an inverted
Gaussian bowl is such a case.

>>> import numpy as np
>>> found = maximum(np.diag([4.0, 1.0]), np.zeros(2), 0.5)
>>> float(found.value), abs(found.argument), found.hard
(0.5, array([0.5, 0. ]), True)
"""

from __future__ import annotations

import math
from typing import NamedTuple

from refimpl.arrays import Array, device, eps, namespace
from refimpl.errors import ConvergenceError

_ITERATIONS = 200


class BallMaximum(NamedTuple):
    """Where a quadratic is largest on a ball.

    Attributes
    ----------
    value : float
        ½ x'Hx + b'x there.
    argument : array, shape (n,)
        x; in the hard case one of two (or a sphere of) maximisers.
    multiplier : float
        ν, at least λ_max(H).
    hard : bool
        Whether the maximiser had to be completed along a top eigenvector.
    """

    value: float
    argument: Array
    multiplier: float
    hard: bool


def maximum(curvature: Array, slope: Array, radius: float) -> BallMaximum:
    """The global maximum of ½ x'Hx + b'x over ‖x‖ ≤ ε.

    Parameters
    ----------
    curvature : array, shape (n, n)
        H, symmetric positive semi-definite.
    slope : array, shape (n,)
        b.
    radius : float
        ε, positive.

    Returns
    -------
    BallMaximum

    Raises
    ------
    ValueError
        If H has an eigenvalue clearly below zero (the maximum may then lie inside), or if the
        radius is not positive.
    ConvergenceError
        If the secular equation is not solved, with its residual.
    """
    if not radius > 0.0:
        raise ValueError(f"radius must be positive, not {radius!r}")
    xp = namespace(curvature, slope)
    spectrum, basis = xp.linalg.eigh(curvature)
    values = [float(v) for v in spectrum]
    top = values[-1]
    rounding = len(values) * eps(curvature) * max(abs(top), abs(values[0]))
    if values[0] < -rounding:
        raise ValueError(
            f"curvature must be positive semi-definite, its least eigenvalue is {values[0]}"
        )
    parts = [float(v) for v in basis.mT @ slope]
    gaps = [top - v for v in values]
    shift, hard = _shift(parts, gaps, radius, rounding)
    found = [b / (shift + gap) if shift + gap > rounding or not hard else 0.0
             for b, gap in zip(parts, gaps, strict=True)]  # fmt: skip
    if hard:
        found[-1] = math.sqrt(max(0.0, radius**2 - sum(x * x for x in found[:-1])))
    multiplier = top + shift
    value = 0.5 * (multiplier * radius**2 + sum(b * x for b, x in zip(parts, found, strict=True)))
    coordinates = xp.asarray(found, dtype=slope.dtype, device=device(slope))
    return BallMaximum(value, basis @ coordinates, multiplier, hard)


def _shift(
    parts: list[float], gaps: list[float], radius: float, rounding: float
) -> tuple[float, bool]:
    """ν − λ_max, and whether this is the hard case, where it is zero."""
    size = math.hypot(*parts)
    flat = [b for b, gap in zip(parts, gaps, strict=True) if gap <= rounding]
    if math.hypot(*flat) <= 1e-15 * size or size == 0.0:
        rest = math.hypot(
            *(b / gap for b, gap in zip(parts, gaps, strict=True) if gap > rounding), 0.0
        )
        if rest <= radius:
            return 0.0, True
    low, high = math.hypot(*flat) / radius, size / radius
    shift = high
    for _ in range(_ITERATIONS):
        terms = [b / (shift + gap) for b, gap in zip(parts, gaps, strict=True)]
        length = math.hypot(*terms)
        if abs(length - radius) <= 4.0 * math.ulp(1.0) * radius:
            return shift, False
        low, high = (shift, high) if length > radius else (low, shift)
        if not low < high * (1.0 - math.ulp(1.0)):
            return shift, False
        bend = sum(x * x / (shift + gap) for x, gap in zip(terms, gaps, strict=True))
        proposed = shift + (length - radius) / radius * length**2 / bend
        shift = proposed if low < proposed < high else 0.5 * (low + high)
    raise ConvergenceError(
        "the secular equation is not solved", residual=length - radius, iterations=_ITERATIONS
    )
