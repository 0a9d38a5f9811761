r"""How fast constrained Langevin dynamics forgets, exactly, and one step of its discretisations.

Overdamped dynamics dq = -Pi grad V dt + sqrt(2 tau) Pi o dW on the constraint set. Derived; the
contraction factors follow from equivariance under rotations.

1. V = 0: the coordinates are eigenfunctions of the generator, so E q(t) = exp(-rate t) q(0) with
   rate tau / r^2 on the circle and tau (n - (m+1)/2) on St(n, m), the mean-curvature drift.
2. V = 0, one step of size h from W: E W' = kappa(h) W. With the skew part Om of W^T Wbar and the
   part D2 of Wbar orthogonal to W, both Gaussian, and S = D2^T D2 + Om^T Om,
   * SHAKE, W' = W (X + Om) + D2 with X symmetric and X^2 + X Om - Om X = I - S: kappa = E tr X / m.
     For m = 2, Om = w J and D2^T D2 of eigenvalues a and b,
     tr X = sqrt((sqrt(1 - a) + sqrt(1 - b))^2 - 4 w^2), which also says when a solution exists;
   * nearest point to the tangent increment: kappa = E tr (I + S)^(-1/2) / m.
   In powers of x = tau h: kappa = 1 - (n - (m+1)/2) x + c x^2 with
   c = -E tr S^2 / (2 m s^4) and 3 E tr S^2 / (2 m s^4), s^2 = 2 tau h the noise's variance.
3. Spectral gap on the circle: L f = (tau/r^2) f'' - (V'(theta) xi / r^2) f' in the angle. On
   Fourier modes this is a banded matrix; Holley and Stroock bound its gap from below.
4. Depth: a linear layer of independent Gaussian weights of variance v multiplies the squared norm
   of a backpropagated vector by v chi^2_n, independently of the other layers, so the logarithm
   of the gradient's norm is a sum whose mean and variance are digamma and trigamma functions.
5. Soft constraints: the penalty |W^T W - I|_F^2 / (4 eps) has the largest normal curvature 2/eps,
   and (theta^2 + xi^2 - r^2)^2 / (4 eps) has 2 r^2 / eps: explicit descent is stable only below
   h = eps and h = eps / r^2.

====================  ==================================
symbol                name
====================  ==================================
tau                   ``temperature``
h                     ``step_size``
n, m                  ``rows``, ``columns``
eps                   ``softness``
====================  ==================================

Source: derived; the bound is R. Holley and D. Stroock (1987), "Logarithmic Sobolev inequalities
and stochastic Ising models"; the method is that of Leimkuhler, Vlaar, Pouchon and Storkey (2021).

>>> stiefel_decay_rate(4, 2), round(circle_spectral_gap(1.0), 4)
(2.5, 1.1655)
"""

from __future__ import annotations

import math
from typing import Literal

from refimpl.arrays import backend

Projection = Literal["shake", "polar_tangent"]


def circle_decay_rate(radius: float = 1.0, temperature: float = 1.0) -> float:
    """Rate at which E theta decays at V = 0: tau / r^2.

    Examples
    --------
    >>> circle_decay_rate(radius=2.0)
    0.25
    """
    return temperature / radius**2


def stiefel_decay_rate(rows: int, columns: int, temperature: float = 1.0) -> float:
    """Rate at which E W decays on St(n, m) at V = 0: tau (n - (m + 1) / 2).

    Examples
    --------
    >>> stiefel_decay_rate(3, 1)
    2.0
    """
    return temperature * (rows - 0.5 * (columns + 1))


def circle_contraction(
    step_size: float, radius: float = 1.0, temperature: float = 1.0, projection: str = "shake"
) -> float:
    """E cos(dphi) of one overdamped step at V = 0, the factor by which it shrinks E theta.

    The tangential increment t is Gaussian of variance s^2 = 2 tau h. SHAKE turns the angle by
    arcsin(t/r); a step with ``|t| > r`` does not exist, and the law is conditioned on the rest.
    The nearest point to the raw increment turns it by atan2(t, r + normal increment).

    Parameters
    ----------
    step_size, radius, temperature : float
    projection : {"shake", "radial"}

    Returns
    -------
    float

    Examples
    --------
    >>> x = 1e-3
    >>> abs(circle_contraction(x) - (1 - x - 1.5 * x**2)) < 10 * x**3
    True
    """
    from scipy import integrate, special

    s = math.sqrt(2.0 * temperature * step_size) / radius
    if projection == "radial":
        # The mean direction of a normal vector of mean (1, 0) and variance s^2 in the plane.
        z = 0.25 / s**2
        return float(math.sqrt(0.5 * math.pi * z) * (special.ive(0, z) + special.ive(1, z)))
    if projection != "shake":
        raise ValueError(f"projection must be 'shake' or 'radial', not {projection!r}")
    reach = min(1.0, 40.0 * s)

    def weighted(angle: float) -> float:
        t = math.sin(angle)
        return math.cos(angle) ** 2 * math.exp(-0.5 * (t / s) ** 2)

    total, _ = integrate.quad(
        weighted, 0.0, math.asin(reach), epsabs=1e-16, epsrel=1e-13, limit=200
    )
    mass = s * math.sqrt(0.5 * math.pi) * math.erf(1.0 / (s * math.sqrt(2.0)))
    return float(total / mass)


def second_order_coefficient(rows: int, columns: int, projection: Projection) -> float:
    """c in kappa(h) = 1 - (n - (m+1)/2) x + c x^2 + O(x^3), x = tau h, of one step on St(n, m).

    E tr S^2 needs the fourth moments of a Wishart matrix and of a Gaussian skew matrix: with
    k = n - m, E tr (D2^T D2)^2 = k m (k + m + 1), E tr (Om^T Om)^2 = m (m - 1)(2 m - 1) / 4 and
    2 E tr D2^T D2 Om^T Om = k m (m - 1), in units of s^4.

    Examples
    --------
    >>> second_order_coefficient(4, 2, "shake"), second_order_coefficient(4, 2, "polar_tangent")
    (-6.375, 19.125)
    >>> second_order_coefficient(2, 1, "shake")
    -1.5
    """
    m, k = columns, rows - columns
    square = k * m * (k + m + 1) + m * (m - 1) * (2 * m - 1) / 4.0 + k * m * (m - 1)
    return {"shake": -0.5, "polar_tangent": 1.5}[projection] * square / m


def stiefel_contraction(
    step_size: float, rows: int, temperature: float = 1.0, projection: Projection = "shake"
) -> float:
    """kappa(h) of one overdamped step on St(n, 2) at V = 0, by quadrature.

    Over w (Gauss-Hermite) and the Bartlett factor of D2, of shape (n - 2, 2): D2 = Q T with T
    upper triangular, its diagonal chi-distributed with n - 2 and n - 3 degrees of freedom
    (Gauss-Laguerre in their halved squares) and a Gaussian entry above. Increments without a
    solution, of exponentially small probability for small h, do not count.

    Parameters
    ----------
    step_size : float
    rows : int
        At least 4.
    temperature : float
    projection : {"shake", "polar_tangent"}

    Returns
    -------
    float

    Examples
    --------
    >>> kappa = stiefel_contraction(1e-4, 4)
    >>> abs(kappa - (1 - 2.5e-4 - 6.375e-8)) < 1e-10
    True
    """
    from scipy import special

    if rows < 4:
        raise ValueError(f"rows must be at least 4, not {rows}")
    xp = backend().xp
    points = 24
    variance = 2.0 * temperature * step_size
    normal, normal_weights = (xp.asarray(values) for values in special.roots_hermitenorm(points))
    first, first_weights = special.roots_genlaguerre(points, 0.5 * (rows - 2) - 1.0)
    second, second_weights = special.roots_genlaguerre(points, 0.5 * (rows - 3) - 1.0)
    # Axes: squared skew entry, Bartlett's two squared diagonal entries and the entry above.
    skew = (0.5 * variance * normal**2)[:, None, None, None]
    p = (2.0 * variance * first)[None, :, None, None]
    q = (2.0 * variance * second)[None, None, :, None]
    above = (variance * normal**2)[None, None, None, :]
    weights = (
        normal_weights[:, None, None, None]
        * first_weights[None, :, None, None]
        * second_weights[None, None, :, None]
        * normal_weights[None, None, None, :]
    )
    trace, product = p + q + above, p * q  # of D2^T D2
    if projection == "shake":
        # (sqrt(1-a) + sqrt(1-b))^2 = 2 - (a+b) + 2 sqrt((1-a)(1-b))
        inner = 1.0 - trace + product
        inside = (inner > 0.0) & (trace < 2.0)
        square = 2.0 - trace + 2.0 * xp.sqrt(xp.where(inside, inner, 0.0)) - 4.0 * skew
        inside = inside & (square > 0.0)
        value = 0.5 * xp.sqrt(xp.where(inside, square, 0.0))
    elif projection == "polar_tangent":
        # tr M^(-1/2) = sqrt(tr M + 2 sqrt(det M)) / sqrt(det M) for a 2 x 2 matrix M
        lift = 1.0 + skew
        root = xp.sqrt(lift**2 + lift * trace + product)
        value = 0.5 * xp.sqrt(2.0 * lift + trace + 2.0 * root) / root
        inside = value > 0.0
    else:
        raise ValueError(f"projection must be 'shake' or 'polar_tangent', not {projection!r}")
    weights = xp.where(inside, weights, 0.0)
    return float(xp.sum(weights * value) / xp.sum(weights))


def circle_spectral_gap(
    slope: float, radius: float = 1.0, temperature: float = 1.0, modes: int = 60
) -> float:
    """Spectral gap of the overdamped generator on the circle under V = slope * theta.

    With e_j = exp(i j phi): L e_j = -(tau/r^2) j^2 e_j - (k/(2 r)) i j (e_{j+1} + e_{j-1}),
    truncated at ``|j| <= modes``. The spectrum is real, since L is self-adjoint in L^2(nu).

    Parameters
    ----------
    slope, radius, temperature : float
    modes : int

    Returns
    -------
    float

    Examples
    --------
    >>> round(circle_spectral_gap(0.0, radius=2.0), 12)
    0.25
    """
    from scipy import linalg

    place = backend()
    xp = place.xp
    j = place.arange(-modes, modes + 1, dtype=place.dtype)
    step = -0.5j * slope / radius * j
    size = 2 * modes + 1
    matrix = xp.eye(size) * (-temperature / radius**2 * j**2)
    matrix = matrix + (xp.eye(size, k=-1) + xp.eye(size, k=1)) * step
    rates = sorted(-float(value.real) for value in linalg.eigvals(matrix))
    return rates[1]


def holley_stroock_bound(slope: float, radius: float = 1.0, temperature: float = 1.0) -> float:
    """Lower bound (tau / r^2) exp(-osc(V) / tau) of the gap, osc(V) = 2 |slope| r.

    Examples
    --------
    >>> round(holley_stroock_bound(1.0), 5)
    0.13534
    """
    oscillation = 2.0 * abs(slope) * radius
    return temperature / radius**2 * math.exp(-oscillation / temperature)


def largest_stable_step(softness: float, radius: float | None = None) -> float:
    """Step size below which descent on the penalty is stable at the constraint set.

    Parameters
    ----------
    softness : float
        eps of the penalty |W^T W - I|_F^2 / (4 eps), or (theta^2 + xi^2 - r^2)^2 / (4 eps).
    radius : float, optional
        Of the circle; None for the orthogonality penalty.

    Returns
    -------
    float
        eps, or eps / r^2.

    Examples
    --------
    >>> largest_stable_step(0.1), largest_stable_step(0.1, radius=0.5)
    (0.1, 0.4)
    """
    if not softness > 0:
        raise ValueError(f"the softness must be positive, not {softness}")
    return softness if radius is None else softness / radius**2


def soft_circle_residual(softness: float, radius: float = 1.0, temperature: float = 1.0) -> float:
    """E |theta^2 + xi^2 - r^2| of the softly constrained law at V = 0.

    y = theta^2 + xi^2 is uniform on (0, inf) apart from the factor exp(-(y - r^2)^2/(4 eps tau)),
    a Gaussian of variance 2 eps tau cut at 0. For small eps this is 2 sqrt(eps tau / pi).

    Examples
    --------
    >>> round(soft_circle_residual(1e-4) / (2 * (1e-4 / 3.141592653589793) ** 0.5), 9)
    1.0
    """
    deviation = math.sqrt(2.0 * softness * temperature)
    cut = radius**2 / deviation
    mass = 0.5 * (1.0 + math.erf(cut / math.sqrt(2.0)))
    tails = (2.0 - math.exp(-0.5 * cut**2)) / math.sqrt(2.0 * math.pi)
    return deviation * tails / mass


def gaussian_depth_gain(depth: int, width: int, variance: float) -> tuple[float, float]:
    """Mean and standard deviation of log(|dL/dx| / |dL/dy|) through square Gaussian layers.

    Parameters
    ----------
    depth, width : int
    variance : float
        Of one weight; 1/width keeps the norm, on average over squares.

    Returns
    -------
    mean, deviation : float
        Of the natural logarithm.

    Examples
    --------
    >>> mean, deviation = gaussian_depth_gain(100, 64, 1.0 / 64)
    >>> round(mean, 3), round(deviation, 3)
    (-0.785, 0.891)
    """
    from scipy import special

    mean = 0.5 * depth * (float(special.digamma(0.5 * width)) + math.log(2.0 * variance))
    deviation = 0.5 * math.sqrt(depth * float(special.polygamma(1, 0.5 * width)))
    return mean, deviation
