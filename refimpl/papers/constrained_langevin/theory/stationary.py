r"""Exact laws of Langevin dynamics on the circle, the sphere and the Stiefel manifold.

The invariant measure is nu(dq) = Z^{-1} exp(-V/tau) sigma(dq) with sigma the surface measure of
the constraint set {g = 0}. All of the following is derived (textbook integrals), none is quoted
from the papers of the method.

1. Circle theta = r sin(phi), V = 0: phi is uniform, so theta has the arcsine law with density
   1 / (pi sqrt(r^2 - theta^2)): weights pile up at the bound. With V(theta) the marginal is
   proportional to exp(-V/tau) / sqrt(r^2 - theta^2), not to exp(-V/tau).
2. Circle, V = k theta: phi is von Mises, E theta = -r I_1(x) / I_0(x), E theta^2 =
   r^2 (1 + I_2(x) / I_0(x)) / 2, with x = k r / tau.
3. Unit sphere in R^n, V = -k w_n: E w_n = I_{n/2}(x) / I_{n/2-1}(x), x = k / tau.
4. St(4, 2), V = -(a W_11 + b W_22), tau = 1: the first column is uniform on S^3, so that
   (W_11, W_21) is uniform on the unit disc; given it, the second column is uniform on a unit
   2-sphere. Two of the three integrals are elementary, and one is left for Z.
5. Haar measure of St(n, m): each column is uniform on the sphere.

====================  ==================================
symbol                name
====================  ==================================
k                     ``slope``
r                     ``radius``
tau                   ``temperature``
====================  ==================================

Source: the method is that of Leimkuhler, Vlaar, Pouchon and Storkey, "Better training using
weight-constrained stochastic dynamics" (2021); the integrals are in Mardia and Jupp, "Directional
statistics" (2000), sections 3.5 and 9.3.

>>> round(circle_mean(1.0), 12)
-0.446389965897
>>> round(sphere_mean(2.0, 3), 7), round(stiefel_mean(2.0, 1.0)[0], 6)
(0.5373147, 0.437335)
"""

from __future__ import annotations

import math

from refimpl.arrays import Array, namespace


def _check_circle(radius: float, temperature: float) -> None:
    if not radius > 0:
        raise ValueError(f"the radius must be positive, not {radius}")
    if not temperature > 0:
        raise ValueError(f"the temperature must be positive, not {temperature}")


def circle_mean(slope: float, radius: float = 1.0, temperature: float = 1.0) -> float:
    """E theta on the circle of the given radius under V = slope * theta.

    Parameters
    ----------
    slope, radius, temperature : float

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For a non-positive radius or temperature.

    Examples
    --------
    >>> circle_mean(0.0)
    -0.0
    """
    from scipy import special

    _check_circle(radius, temperature)
    x = slope * radius / temperature
    return float(-radius * special.ive(1, x) / special.ive(0, x))


def circle_second_moment(slope: float, radius: float = 1.0, temperature: float = 1.0) -> float:
    """E theta^2 on the circle under V = slope * theta; r^2 / 2 at slope 0.

    Examples
    --------
    >>> round(circle_second_moment(1.0), 10)
    0.5536100341
    """
    from scipy import special

    _check_circle(radius, temperature)
    x = abs(slope) * radius / temperature
    return float(0.5 * radius**2 * (1.0 + special.ive(2, x) / special.ive(0, x)))


def arcsine_moment(order: int, radius: float = 1.0) -> float:
    """E theta^order at V = 0: r^order (order - 1)!! / order!! for even orders, 0 for odd.

    Examples
    --------
    >>> arcsine_moment(2), arcsine_moment(4), arcsine_moment(3)
    (0.5, 0.375, 0.0)
    """
    if order < 0:
        raise ValueError(f"the order must not be negative, not {order}")
    if order % 2:
        return 0.0
    half = order // 2
    return radius**order * math.comb(order, half) / 4.0**half


def circle_density(
    theta: Array, slope: float = 0.0, radius: float = 1.0, temperature: float = 1.0
) -> Array:
    """Density of theta on (-r, r): exp(-slope theta/tau) / (pi I_0(x) sqrt(r^2 - theta^2)).

    Parameters
    ----------
    theta : array
        Inside of (-radius, radius): the density is infinite at the ends.
    slope, radius, temperature : float

    Returns
    -------
    array like ``theta``

    Examples
    --------
    >>> import numpy as np
    >>> circle_density(np.array([0.0, 0.6]), radius=1.0) * np.pi
    array([1.  , 1.25])
    """
    from scipy import special

    _check_circle(radius, temperature)
    xp = namespace(theta)
    x = slope * radius / temperature
    # The exponentially scaled Bessel function keeps cold targets from overflowing.
    scale = math.pi * float(special.ive(0, x))
    return xp.exp(-slope * theta / temperature - abs(x)) / (scale * xp.sqrt(radius**2 - theta**2))


def circle_cumulative(
    theta: float, slope: float = 0.0, radius: float = 1.0, temperature: float = 1.0
) -> float:
    """P(theta' <= theta) under the law of :func:`circle_density`.

    At slope 0 this is 1/2 + arcsin(theta/r) / pi; otherwise the integral over the angle is done
    by adaptive quadrature (the integrand is smooth there).

    Examples
    --------
    >>> round(circle_cumulative(0.5), 12), round(circle_cumulative(-1.0, 3.0), 12)
    (0.666666666667, 0.0)
    """
    from scipy import integrate, special

    _check_circle(radius, temperature)
    angle = math.asin(max(-1.0, min(1.0, theta / radius)))
    if slope == 0.0:
        return 0.5 + angle / math.pi
    x = slope * radius / temperature
    value, _ = integrate.quad(
        lambda phi: math.exp(-x * math.sin(phi) - abs(x)), -0.5 * math.pi, angle, epsabs=1e-13
    )
    return float(value / (math.pi * special.ive(0, x)))


def sphere_mean(concentration: float, dimension: int) -> float:
    """E w_n on the unit sphere of R^n under the density exp(concentration * w_n).

    Parameters
    ----------
    concentration : float
        k / tau for V = -k w_n.
    dimension : int
        n >= 1, of the space around the sphere.

    Returns
    -------
    float
        I_{n/2}(x) / I_{n/2-1}(x); coth(x) - 1/x for n = 3.

    Examples
    --------
    >>> import math
    >>> abs(sphere_mean(2.0, 3) - (1.0 / math.tanh(2.0) - 0.5)) < 1e-15
    True
    """
    from scipy import special

    if dimension < 1:
        raise ValueError(f"the dimension must be at least 1, not {dimension}")
    x = abs(concentration)
    if x == 0.0:
        return 0.0
    value = special.ive(0.5 * dimension, x) / special.ive(0.5 * dimension - 1.0, x)
    return float(math.copysign(value, concentration))


def _sinhc(x: float) -> float:
    """sinh(x) / x."""
    return math.sinh(x) / x if x != 0.0 else 1.0


def _sinhc_slope(x: float) -> float:
    """Derivative of sinh(x) / x."""
    if abs(x) > 1.0:
        return (x * math.cosh(x) - math.sinh(x)) / x**2
    # sum over k of 2k x^(2k-1) / (2k+1)!, where the difference above loses its digits
    return math.fsum(2 * k * x ** (2 * k - 1) / math.factorial(2 * k + 1) for k in range(1, 10))


def stiefel_partition(a: float, b: float) -> float:
    """Z(a, b) = E_Haar exp(a W_11 + b W_22) on St(4, 2).

    With y = W_21 and s = sqrt(1 - y^2), the part of e_2 orthogonal to the first column has
    length s, and W_11 is uniform on [-s, s] given y, so that
    Z = (2 / pi) int_{-1}^{1} s (sinh(a s) / (a s)) (sinh(b s) / (b s)) dy.

    Examples
    --------
    >>> round(stiefel_partition(0.0, 0.0), 12)
    1.0
    """
    from scipy import integrate

    def integrand(angle: float) -> float:
        s = math.cos(angle)
        return s * s * _sinhc(a * s) * _sinhc(b * s)

    value, _ = integrate.quad(integrand, -0.5 * math.pi, 0.5 * math.pi, epsabs=1e-14)
    return float(2.0 / math.pi * value)


def stiefel_mean(a: float, b: float) -> tuple[float, float]:
    """(E W_11, E W_22) on St(4, 2) under the density exp(a W_11 + b W_22).

    These are the derivatives of log Z, taken under the integral.

    Parameters
    ----------
    a, b : float

    Returns
    -------
    tuple of two floats

    Examples
    --------
    >>> first, second = stiefel_mean(2.0, 1.0)
    >>> round(2.0 * first + second, 6)
    1.124704
    """
    from scipy import integrate

    def slope(along: float, across: float) -> float:
        def integrand(angle: float) -> float:
            s = math.cos(angle)
            return s**3 * _sinhc_slope(along * s) * _sinhc(across * s)

        value, _ = integrate.quad(integrand, -0.5 * math.pi, 0.5 * math.pi, epsabs=1e-14)
        return float(2.0 / math.pi * value)

    total = stiefel_partition(a, b)
    return slope(a, b) / total, slope(b, a) / total


def haar_moment(order: int, dimension: int) -> float:
    """E w_1^order of a uniform point of the unit sphere in R^n, hence of an entry of a Haar
    distributed point of St(n, m).

    (order - 1)!! / (n (n + 2) ... (n + order - 2)) for even orders, 0 for odd.

    Examples
    --------
    >>> haar_moment(2, 4), haar_moment(4, 4)
    (0.25, 0.125)
    """
    if order < 0 or dimension < 1:
        raise ValueError(f"need order >= 0 and dimension >= 1, not {order} and {dimension}")
    if order % 2:
        return 0.0
    return math.prod((2 * j + 1) / (dimension + 2 * j) for j in range(order // 2))


def stiefel_dimension(rows: int, columns: int) -> int:
    """n m - m (m + 1) / 2: also the kinetic energy 2 E K / tau of a constrained block.

    Examples
    --------
    >>> stiefel_dimension(5, 3), stiefel_dimension(3, 1)
    (9, 2)
    """
    if not 1 <= columns <= rows:
        raise ValueError(f"need 1 <= columns <= rows, not {columns} and {rows}")
    return rows * columns - columns * (columns + 1) // 2
