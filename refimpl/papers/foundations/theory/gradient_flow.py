"""Gradient flow of deep linear chains and networks (Saxe, McClelland and Ganguli 2014).

The loss of a depth-D scalar chain of gain u = w_D ... w_1 on whitened data is (u - s)^2 / 2, where
s is the slope to be learned, and the flow is dw_l/dt = (s - u) prod_{m != l} w_m (time in units of
the time constant tau = 1).

1. Every difference w_l^2 - w_k^2 is conserved.
2. On the balanced subspace w_l = w, u = w^D, the gain obeys du/dt = D u^(2 - 2/D) (s - u).
3. A deep linear network whose inputs are whitened (X^T X = I) and whose weights start balanced and
   aligned with the singular vectors of the target map Y^T X = sum_i s_i a_i b_i^T keeps that form:
   mode i is a chain with slope s_i, and no other mode appears.

====================  ==========================
symbol                name
====================  ==========================
D                     ``depth``
s                     ``slope``
u(0), u(t)            ``start``, ``gain``
====================  ==========================

>>> round(float(gain_at(1.0, start=0.1, slope=2.0, depth=2)), 10)
1.4836826743
"""

from __future__ import annotations

import cmath
import math
from typing import Any

from refimpl.arrays import Array, namespace


def _check(start: float, slope: float, depth: int) -> None:
    if depth < 1:
        raise ValueError(f"depth must be at least 1, not {depth}")
    if depth > 1 and not start > 0:
        raise ValueError(f"a chain of depth >= 2 leaves 0 only from a start > 0, not {start}")
    if depth > 1 and not slope > 0:
        raise ValueError(f"the slope must be positive for depth >= 2, not {slope}")


def time_to_gain(gain: float, *, start: float, slope: float, depth: int) -> float:
    """Time at which the balanced chain that starts at ``start`` reaches ``gain``.

    With x = (u/s)^(1/D) the flow is dx/dt = s^(2 - 2/D) x^(D-1) (1 - x^D), so that
    t = s^(2/D - 2) [F(x) - F(x0)] with F(x) = x^(2-D)/(2-D) - (1/D) sum_k omega_k^2
    log(1 - x / omega_k) over the D-th roots of unity (log x in place of the power for D = 2).

    Parameters
    ----------
    gain, start : float
        On the same side of ``slope`` and below it.
    slope : float
    depth : int

    Returns
    -------
    float
        In units of tau; negative if ``gain`` lies before ``start``.

    Raises
    ------
    ValueError
        If ``gain`` cannot be reached.

    Examples
    --------
    >>> round(time_to_gain(1.0, start=0.1, slope=2.0, depth=2), 6)
    0.73611
    """
    _check(start, slope, depth)
    if depth == 1:
        ratio = (slope - start) / (slope - gain) if gain != slope else math.inf
        if not 0 < ratio < math.inf:
            raise ValueError(f"gain {gain} is not reached from {start} with slope {slope}")
        return math.log(ratio)
    if not (0 < gain < slope and start < slope):
        raise ValueError(f"gain {gain} and start {start} must lie in (0, {slope})")
    ends = [_log_gap(value, slope, depth) for value in (start, gain)]
    return slope ** (2 / depth - 2) * (_travel(ends[1], depth) - _travel(ends[0], depth))


def _log_gap(gain: float, slope: float, depth: int) -> float:
    """log(1 - x) for x = (gain / slope)^(1/D), to the digits of x or of 1 - x where small."""
    log_x = math.log(gain / slope) / depth
    return math.log1p(-math.exp(log_x)) if log_x < -0.7 else math.log(-math.expm1(log_x))


def _travel(log_gap: float, depth: int) -> float:
    """F(x) of :func:`time_to_gain`, as a function of log(1 - x): x rounds to 1 long before the
    flow ends, its distance from 1 does not."""
    x = -math.expm1(log_gap)
    total = math.log(x) if depth == 2 else x ** (2 - depth) / (2 - depth)
    total -= log_gap / depth
    for k in range(1, depth):
        root = cmath.exp(2j * math.pi * k / depth)
        total -= (root * root * cmath.log(1 - x / root)).real / depth
    return total


def gain_at(time: Any, *, start: float, slope: float, depth: int) -> Any:
    """Gain u(t) of the balanced chain.

    D = 1: s + (u0 - s) e^(-t). D = 2: s / (1 + (s/u0 - 1) e^(-2 s t)), the sigmoid of Saxe et al.
    D >= 3: the inverse of :func:`time_to_gain`, found by bracketing (floats only).

    Parameters
    ----------
    time : float, or array for D <= 2
        In units of tau, >= 0.
    start, slope : float
        For D >= 3 the start lies in (0, slope).
    depth : int

    Returns
    -------
    float or array like ``time``
    """
    _check(start, slope, depth)
    exp = math.exp if isinstance(time, (int, float)) else namespace(time).exp
    if depth == 1:
        return slope + (start - slope) * exp(-time)
    if depth == 2:
        return slope / (1.0 + (slope / start - 1.0) * exp(-2.0 * slope * time))
    if time == 0:
        return start
    from scipy.optimize import brentq

    highest = _log_gap(start, slope, depth)
    target = time * slope ** (2 - 2 / depth) + _travel(highest, depth)
    reach = 1.0
    while _travel(highest - reach, depth) < target:
        reach *= 2.0
    log_gap = brentq(  # to its last digits, however near 0: a small chain is a small gap
        lambda guess: _travel(guess, depth) - target,
        highest - reach,
        highest,
        xtol=1e-300,
        rtol=1e-15,
        maxiter=1000,
    )
    small = log_gap > -0.7
    log_x = math.log(-math.expm1(log_gap)) if small else math.log1p(-math.exp(log_gap))
    return slope * math.exp(depth * log_x)


def network_at(
    time: float, *, left: Array, right: Array, starts: list[float], slopes: list[float], depth: int
) -> Array:
    """The map W_D ... W_1 of a balanced, aligned deep linear network at ``time``.

    Parameters
    ----------
    left : array, shape (K, r), orthonormal columns
    right : array, shape (N, r), orthonormal columns
    starts, slopes : list of r floats
        Initial and target singular values.
    depth : int

    Returns
    -------
    array, shape (K, N)

    Examples
    --------
    >>> import numpy as np
    >>> eye = np.eye(2)
    >>> modes = {"left": eye, "right": eye, "starts": [0.1, 0.1], "slopes": [2.0, 1.0]}
    >>> network_at(50.0, **modes, depth=2).round(9)
    array([[2., 0.],
           [0., 1.]])
    """
    total = None
    for index, (start, slope) in enumerate(zip(starts, slopes, strict=True)):
        gain = gain_at(time, start=start, slope=slope, depth=depth)
        mode = gain * (left[:, index : index + 1] @ right[:, index : index + 1].mT)
        total = mode if total is None else total + mode
    if total is None:
        raise ValueError("at least one mode is needed")
    return total
