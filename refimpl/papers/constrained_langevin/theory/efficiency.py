r"""What draws are worth: integrated autocorrelation times, with momenta and without.

The time of an observable f is 1 + 2 sum_k corr(f_0, f_k), in steps of one gradient. All derived.

1. Gaussian, V = k q^2 / 2, unconstrained. Half a kick, drift, half a kick of step eps is, in the
   coordinates sqrt(k (1 - eps^2 k / 4)) q and p, a rotation by theta, cos(theta) = 1 - eps^2 k / 2,
   and the heat bath shrinks p by c = exp(-gamma eps). With T = R diag(1, c),
   time(q) = 2 [(I - T)^{-1}]_11 - 1
           = (1 - c)/(1 + c) * (1 + cos(theta))/(1 - cos(theta))
           = tanh(gamma eps / 2) (1 - eps^2 k / 4) / (eps^2 k / 4).
   At c = 0 this is the overdamped step of size h = eps^2 / 2, (2 - h k) / (h k). For small friction
   it tends to zero, since a whole oscillation has mean zero; the square q^2 then remembers the
   energy. On the polynomials He_2(x), x y, He_2(y) the step is R2 diag(1, c, c^2), R2 the rotation
   of second degree.
2. The variance that is sampled is tau / (k (1 - eps^2 k / 4)), whatever the friction: eps sets the
   bias, the friction is free.
3. Circle, V = -b theta^2 = -b r^2 sin(phi)^2, in continuous time: the time of f is
   2 <f, (-L)^{-1} f> / <f, f> in L^2(nu), L the generator on exp(i j phi) (overdamped) or
   exp(i j phi) He_n(v) (underdamped), both truncated.
4. A heat bath once a step of eps is that of the friction (2/eps) tanh(gamma eps / 2), by 1.
   exactly on a Gaussian: never more than 2/eps, which is the overdamped scheme. Steps have the time
   of 3. at that friction, divided by eps, up to O(eps^2).

====================  ==================================
symbol                name
====================  ==================================
k, eps, gamma         ``curvature``, ``step_size``, ``friction``
b                     ``strength``
====================  ==================================

Source: derived.

>>> abs(gaussian_time(1.0, 0.2, math.inf) - (2.0 - 0.02) / 0.02) < 1e-12
True
"""

from __future__ import annotations

import math
from typing import Any

from refimpl.arrays import backend


def _decay(friction: float, step_size: float) -> float:
    return 0.0 if math.isinf(friction) else math.exp(-friction * step_size)


def gaussian_time(curvature: float, step_size: float, friction: float) -> float:
    """Of the position; an infinite friction is the overdamped step.

    Raises
    ------
    ValueError
        Where the step is not stable, eps² k ≥ 4.

    Examples
    --------
    >>> round(gaussian_time(1.0, 0.1, 2.0), 2)
    39.77
    """
    size = 0.25 * step_size**2 * curvature
    if not 0.0 < size < 1.0:
        raise ValueError(f"unstable: eps^2 k = {4.0 * size:g} is not below 4")
    c = _decay(friction, step_size)
    return (1.0 - c) / (1.0 + c) * (1.0 - size) / size


def gaussian_square_time(curvature: float, step_size: float, friction: float) -> float:
    """Of the square of the position.

    Examples
    --------
    >>> a = 1.0 - 0.02  # an overdamped step is an autoregression: (1 + a^2) / (1 - a^2)
    >>> abs(gaussian_square_time(1.0, 0.2, math.inf) - (1 + a * a) / (1 - a * a)) < 1e-10
    True
    """
    place = backend()
    xp = place.xp
    cosine = 1.0 - 0.5 * step_size**2 * curvature
    sine = math.sqrt(1.0 - cosine**2)
    c = _decay(friction, step_size)
    cross = math.sqrt(2.0) * cosine * sine
    rotation = place.asarray(
        [
            [cosine**2, cross, sine**2],
            [-cross, cosine**2 - sine**2, cross],
            [sine**2, -cross, cosine**2],
        ]
    )
    step = rotation * place.asarray([[1.0, c, c * c]])
    inverse = xp.linalg.inv(place.eye(3) - step)
    return 2.0 * float(inverse[0, 0]) - 1.0


def worst_time(curvature: float, step_size: float, friction: float) -> float:
    """The larger of the times of position and square.

    Examples
    --------
    >>> worst_time(1.0, 0.1, 0.05) > worst_time(1.0, 0.1, 1.0) < worst_time(1.0, 0.1, 20.0)
    True
    """
    return max(
        gaussian_time(curvature, step_size, friction),
        gaussian_square_time(curvature, step_size, friction),
    )


def effective_friction(step_size: float, friction: float) -> float:
    """(2/eps) tanh(gamma eps / 2), which a heat bath once a step amounts to.

    Examples
    --------
    >>> effective_friction(0.1, math.inf), round(effective_friction(0.1, 1.0), 3)
    (20.0, 0.999)
    """
    return 2.0 / step_size * math.tanh(0.5 * step_size * friction)


def best_friction(curvature: float, step_size: float) -> tuple[float, float]:
    """The friction at which the worst time is least, and that time.

    Position gains from a small friction and the square from a larger one: where they are equal.

    Examples
    --------
    >>> friction, time = best_friction(1.0, 0.05)
    >>> 0.5 < friction < 2.0 and time < 0.1 * gaussian_time(1.0, 0.05, math.inf)
    True
    """
    from scipy import optimize

    found = optimize.minimize_scalar(
        lambda x: worst_time(curvature, step_size, math.exp(x)),
        bounds=(-6.0, 6.0), method="bounded", options={"xatol": 1e-10},
    )  # fmt: skip
    return math.exp(float(found.x)), float(found.fun)


def circle_time(strength: float, friction: float, *, modes: int = 24, hermite: int = 40) -> float:
    """Of theta on the unit circle under V = -strength theta², tau = 1, in continuous time.

    Parameters
    ----------
    strength, friction : float
        b and gamma; an infinite friction is overdamped dynamics.
    modes, hermite : int
        Size of the basis.

    Examples
    --------
    >>> round(circle_time(0.0, math.inf), 10)  # 2 / (rate 1)
    2.0
    >>> abs(circle_time(1.0, 50.0) / 50.0 - circle_time(1.0, math.inf)) < 0.01
    True
    """
    from scipy import linalg, special

    place = backend()
    xp = place.xp
    size = 2 * modes + 1
    j = place.arange(-modes, modes + 1, dtype=place.dtype)
    eye = place.eye(size)
    # V' = -b sin(2 phi): multiplication by it shifts the mode by two.
    up = xp.astype(xp.eye(size, k=-2), xp.complex128)
    slope = -strength * (up - up.mT) / 2j
    weights = [special.iv(abs(int(n)) // 2, 0.5 * strength) * (-1.0) ** (int(n) // 2)
               if int(n) % 2 == 0 else 0.0 for n in range(-2 * modes, 2 * modes + 1)]  # fmt: skip
    # exp(-V) = exp(b/2) exp(-(b/2) cos(2 phi)) has these coefficients up to a factor.
    sine = _sine(modes)
    if math.isinf(friction):
        generator = xp.astype(-eye * j**2, xp.complex128) - slope * (1j * j)[None, :]
        solution = linalg.lstsq(-generator, sine)[0]
    else:
        solution = _underdamped(slope, j, friction, hermite, sine)
    return float(2.0 * _inner(weights, sine, solution) / _inner(weights, sine, sine))


def _sine(modes: int) -> Any:
    """The coefficients of sin(phi)."""
    place = backend()
    values = [0.0j] * (2 * modes + 1)
    values[modes + 1], values[modes - 1] = -0.5j, 0.5j
    return place.xp.asarray(values)


def _inner(weights: list[float], left: Any, right: Any) -> float:
    """The integral of left × right × exp(-V), both real, from Fourier coefficients."""
    size = len(left)
    total = 0.0
    for m in range(size):
        if abs(complex(left[m])) == 0.0:
            continue
        for n in range(size):
            # modes m - M and n - M, and the weight of mode -(sum)
            total += (complex(left[m]) * complex(right[n]) * weights[2 * size - 2 - m - n]).real
    return total


def _underdamped(slope: Any, j: Any, friction: float, hermite: int, sine: Any) -> Any:
    """The Hermite coefficient of degree 0 of the solution of -L u = sin(phi)."""
    from scipy import sparse
    from scipy.sparse import linalg

    place = backend()
    xp = place.xp
    size = j.shape[0]
    orders = place.arange(hermite, dtype=place.dtype)
    root = xp.sqrt(orders[1:])
    lower = sparse.diags_array(root, offsets=1)  # d/dv: from n to n - 1
    velocity = lower + lower.T
    derivative = sparse.diags_array(1j * j)
    generator = sparse.kron(velocity, derivative) - sparse.kron(lower, sparse.csr_array(slope))
    heat = sparse.kron(sparse.diags_array(-friction * orders), sparse.eye_array(size))
    system = sparse.csc_array(-(generator + heat))
    right = xp.concat([sine, xp.zeros((hermite - 1) * size, dtype=sine.dtype)])
    # The constant is in the kernel: its equation says instead that it is absent.
    system = sparse.lil_array(system)
    middle = size // 2
    system[middle, :] = 0.0
    system[middle, middle] = 1.0
    solution = linalg.spsolve(sparse.csc_array(system), right)
    return solution[:size]
