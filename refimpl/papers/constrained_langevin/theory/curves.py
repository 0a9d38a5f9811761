r"""Laws on closed curves and means on the sphere, by quadrature.

On a closed curve q(phi), phi in [0, 2 pi), the law exp(-V/tau) with respect to the surface measure
has the density exp(-V(q(phi))/tau) |q'(phi)| in the angle. Everything is smooth and periodic, so
that the mean over equidistant angles converges faster than any power. Derived.

1. Cassini's oval ((x - a)^2 + y^2) ((x + a)^2 + y^2) = b^4 with b > a: in polar coordinates
   rho^2 = a^2 cos(2 phi) + sqrt(b^4 - a^4 sin(2 phi)^2), which is one loop around the origin, with
   a waist of half width sqrt(b^2 - a^2).
2. The wave x^2 + y^2 = 1, z = s (x^2 - y^2): the curve (cos(phi), sin(phi), s cos(2 phi)) of speed
   sqrt(1 + 4 s^2 sin(2 phi)^2). Conditioning on the two constraints as written would weigh
   it with another factor, 1/2, for their Jacobian's Gram determinant is 4 (1 + 4 s^2 sin(2 phi)^2).
3. Unit sphere in R^3, V = -k w_3: E w_3^2 = 1 - 2 E w_3 / x, x = k/tau.

Source: derived.

>>> angles = equidistant(400)
>>> points, speeds = wave(angles, 0.0)
>>> [abs(value) < 1e-15 for value in curve_means(points, speeds, 0.0 * angles, 1.0)]
[True, True, True]
"""

from __future__ import annotations

import math

from refimpl.arrays import Array, backend, namespace


def equidistant(count: int) -> Array:
    """Angles 2 pi k / count."""
    place = backend()
    return place.arange(count, dtype=place.dtype) * (2.0 * math.pi / count)


def cassini_oval(angles: Array, focus: float, size: float) -> tuple[Array, Array]:
    """Points, shape (n, 2), and speeds, shape (n,), of Cassini's oval.

    Parameters
    ----------
    angles : array
    focus, size : float
        a and b of the module's formula, b > a.

    Raises
    ------
    ValueError
        If the curve has two loops.

    Examples
    --------
    >>> points, speeds = cassini_oval(equidistant(4), 0.6, 1.0)
    >>> round(float(points[0, 0]), 6), round(float(points[1, 1]), 6)
    (1.16619, 0.8)
    """
    if not size > focus:
        raise ValueError(f"the oval of focus {focus} and size {size} has two loops")
    xp = namespace(angles)
    sine, cosine = xp.sin(2.0 * angles), xp.cos(2.0 * angles)
    root = xp.sqrt(size**4 - focus**4 * sine**2)
    radius = xp.sqrt(focus**2 * cosine + root)
    slope = (-(focus**2) * sine - focus**4 * sine * cosine / root) / radius
    points = xp.stack([radius * xp.cos(angles), radius * xp.sin(angles)], axis=1)
    return points, xp.sqrt(radius**2 + slope**2)


def wave(angles: Array, height: float) -> tuple[Array, Array]:
    """Points, shape (n, 3), and speeds, shape (n,), of the wave; ``height`` is s."""
    xp = namespace(angles)
    x, y = xp.cos(angles), xp.sin(angles)
    points = xp.stack([x, y, height * (x * x - y * y)], axis=1)
    return points, xp.sqrt(1.0 + 4.0 * height**2 * xp.sin(2.0 * angles) ** 2)


def curve_weights(speeds: Array, potential: Array, temperature: float) -> Array:
    """The shares of equidistant angles in the law exp(-V/tau) on the curve."""
    xp = namespace(speeds)
    weights = speeds * xp.exp(-(potential - xp.min(potential)) / temperature)
    return weights / xp.sum(weights)


def curve_means(points: Array, speeds: Array, potential: Array, temperature: float) -> list[float]:
    """E q of the law exp(-V/tau) on the curve, coordinate by coordinate.

    Parameters
    ----------
    points : array, shape (n, d)
        At equidistant angles.
    speeds, potential : array, shape (n,)
    temperature : float
    """
    xp = namespace(points)
    weights = curve_weights(speeds, potential, temperature)
    return [float(xp.sum(weights * points[:, k])) for k in range(points.shape[1])]


def sphere_square(concentration: float, mean: float) -> float:
    """E w_3^2 on the unit sphere of R^3 under exp(concentration * w_3), from E w_3.

    Examples
    --------
    >>> round(sphere_square(2.0, 0.5373147), 6)
    0.462685
    """
    return 1.0 - 2.0 * mean / concentration
