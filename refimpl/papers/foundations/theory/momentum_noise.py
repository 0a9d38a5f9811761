r"""Stationary covariances of SGHMC and SGNHT on a Gaussian, exactly at every step size.

U(x) = k x^2 / 2, the gradient with independent noise of variance V. Derived.

1. SGHMC: r' = (1 - h C) r - h k x + s xi, x' = x + h r' with s^2 = 2 h (C tau - B) + h^2 V, B the
   estimate. The three stationary equations give
   E r^2 = s^2 / (h C (2 - h C - h^2 k / 2)), k E x^2 = (1 - h C / 2) E r^2, E x r = h E r^2 / 2,
   where h C + h^2 k / 2 < 2. Unbiased noise (s^2 = 2 h C tau) leaves a bias of the second order in
   the position, and one of the first in the momentum.
2. SGNHT with a friction that stands still at xi is the same step with C = xi and
   s^2 = 2 A h + h^2 V, so it has the moments of 1. The friction stands still where the mean of
   E p^2 over all parameters is tau. At finite numbers of parameters it fluctuates;
   E |p|^2 / n = tau remains exact, and so does k E |x|^2 / n = tau - E(xi x.p) / n.

Source: derived; the methods are of Chen, Fox and Guestrin (2014) and of Ding, Fang, Babbush, Chen,
Skeel and Neven (2014).

>>> law = sghmc_law(1.0, step_size=1e-6, friction=1.0, temperature=0.7)
>>> round(law.position, 5), round(law.momentum, 5)
(0.7, 0.7)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Law(NamedTuple):
    """Stationary moments of one parameter: E x², E p² and E x p."""

    position: float
    momentum: float
    cross: float


def sghmc_law(
    curvature: float,
    *,
    step_size: float,
    friction: float,
    temperature: float = 1.0,
    noise_estimate: float = 0.0,
    gradient_variance: float = 0.0,
) -> Law:
    """The stationary moments of SGHMC.

    Parameters
    ----------
    curvature, step_size, friction, temperature : float
        k, h, C and tau.
    noise_estimate, gradient_variance : float
        B and V.

    Raises
    ------
    ValueError
        Where the step is not stable: carries h C + h² k / 2.

    Examples
    --------
    >>> one = sghmc_law(1.0, step_size=0.1, friction=2.0, gradient_variance=4.0)
    >>> other = sghmc_law(1.0, step_size=0.1, friction=2.0, gradient_variance=4.0,
    ...                   noise_estimate=0.2)
    >>> one.position > 1.08 > other.position > 1.0
    True
    """
    heat = 2.0 * step_size * (friction * temperature - noise_estimate)
    return _law(curvature, step_size, friction, heat + step_size**2 * gradient_variance)


def sgnht_law(
    curvatures: Sequence[float],
    *,
    step_size: float,
    noise: float,
    temperature: float = 1.0,
    gradient_variance: float = 0.0,
) -> tuple[float, list[Law]]:
    """The friction at which the thermostat stands still, and the moments of every parameter.

    Parameters
    ----------
    curvatures : sequence of float
    step_size, noise, temperature, gradient_variance : float
        h, A, tau and V.

    Raises
    ------
    ValueError
        If the friction that keeps the temperature lies beyond the half of the limit of stability,
        or nowhere: noise and step size are too large.

    Examples
    --------
    >>> friction, [law] = sgnht_law([1.0], step_size=0.2, noise=1.0)
    >>> round(friction, 4), round(law.momentum, 12)
    (1.1418, 1.0)
    """
    from scipy import optimize

    h = step_size
    heat = 2.0 * noise * h + h**2 * gradient_variance

    def excess(friction: float) -> float:
        laws = [_law(k, h, friction, heat) for k in curvatures]
        return sum(law.momentum for law in laws) / len(laws) - temperature

    # Up to half of the limit of stability every E p² falls with the friction: one root at most.
    limit = 2.0 / h - 0.5 * h * max(curvatures)
    if limit <= 0.0 or excess(0.5 * limit) > 0.0:
        raise ValueError(f"no small friction keeps the temperature {temperature} at step size {h}")
    friction = float(optimize.brentq(excess, 1e-12, 0.5 * limit, xtol=1e-14, rtol=1e-14))
    return friction, [_law(k, h, friction, heat) for k in curvatures]


def _law(k: float, h: float, friction: float, variance: float) -> Law:
    damping = h * friction
    margin = 2.0 - damping - 0.5 * h * h * k
    if not margin > 0.0:
        raise ValueError(f"unstable: h C + h² k / 2 = {2.0 - margin:g} is not below 2")
    momentum = variance / (damping * margin) if damping > 0.0 else math.inf
    return Law((1.0 - 0.5 * damping) * momentum / k, momentum, 0.5 * h * momentum)
