"""Minimum-norm training of the scalar chain f(x) = w_D ... w_1 x: end point, spectrum, damping.

P points y = s x act on the chain only through q = sum x_mu^2 and A = sum lam_mu x_mu, so that the
constraint is one: u = w_D ... w_1 = s, with tau_lam A' = q (s - u) and a damping q rho. With q = 1

    tau_w w_l' = -w_l + (lam + rho (s - u)) prod_{m != l} w_m,   tau_lam lam' = s - u.

1. End point (s > 0): w_l^2 = s^{2/D}, lam* = s^{(2 - D)/D}.
2. With c = D s^{2 - 2/D} and h = 2 - D + rho c, the rates there are -2 / tau_w (D - 1 times: the
   differences of squares) and the roots of r^2 + (h / tau_w) r + c / (tau_w tau_lam) = 0.
3. The flow is stable just where rho > (D - 2) / c: without damping it never converges for D >= 2.
   Discrete steps need 0 < eta_w < 1 (differences of squares shrink by 1 - 2 eta_w), the limits of
   :mod:`refimpl.papers.minnorm.theory.modes` for (h, c), and so rho > (D - 2) / c for alternating
   steps,
   rho > (D - 2) / c + eta_lam for simultaneous ones.
4. If the norms are not squared, the decay is -w_l / |w_l|, lam* = s^{1/D - 1}, and
   h = rho c - (D - 1) s^{-1/D}: damping is needed from D = 2 on.

============================  ==========================
symbol                        name
============================  ==========================
D, s, q                       ``depth, slope, gain``
rho                           ``rho``
c, h                          ``curvature, damping``
============================  ==========================

Derived for the method of the abstract of arXiv 1806.00730, whose title speaks of linear chains; the
step from no damping to a quadratic one is that of J. Platt and A. Barr (1987).

>>> round(critical_damping(slope=2.0, depth=3), 5)
0.13228
"""

from __future__ import annotations

import math

from refimpl.papers.minnorm.theory.modes import (
    Order,
    check_order,
    check_steps,
    flow_rates,
    step_is_stable,
    step_radius,
)


def check_chain(slope: float, depth: int) -> None:
    """Raise ValueError unless slope > 0 and depth >= 1."""
    if depth < 1:
        raise ValueError(f"depth must be at least 1, not {depth}")
    if not slope > 0:
        raise ValueError(f"the slope must be positive, not {slope}")


def fixed_point(slope: float, depth: int) -> tuple[float, float]:
    """The weight s^{1/D} and the multiplier s^{(2-D)/D} at the end of training.

    Parameters
    ----------
    slope : float
        s > 0.
    depth : int
        D >= 1.

    Returns
    -------
    weight, multiplier : float

    Raises
    ------
    ValueError
        For a slope or a depth that is not positive.

    Examples
    --------
    >>> [round(fixed_point(2.0, depth)[1], 6) for depth in (2, 3, 4)]
    [1.0, 0.793701, 0.707107]
    """
    check_chain(slope, depth)
    return slope ** (1 / depth), slope ** ((2 - depth) / depth)


def curvature(slope: float, depth: int, *, gain: float = 1.0) -> float:
    """c = q D s^{2 - 2/D}: the squared norm of the gradient of the constraint.

    Examples
    --------
    >>> curvature(2.0, 2)
    4.0
    """
    check_chain(slope, depth)
    return gain * depth * slope ** (2 - 2 / depth)


def damping(slope: float, depth: int, *, rho: float = 0.0, gain: float = 1.0) -> float:
    """h = 2 - D + rho c of the balanced mode.

    Examples
    --------
    >>> damping(2.0, 3), damping(2.0, 2, rho=1.0)
    (-1.0, 4.0)
    """
    return 2.0 - depth + rho * curvature(slope, depth, gain=gain)


def unsquared_damping(slope: float, depth: int, *, rho: float = 0.0) -> float:
    """h = rho c - (D - 1) s^{-1/D} where the sum of norms is minimised instead of squares.

    Examples
    --------
    >>> unsquared_damping(1.0, 2)
    -1.0
    """
    return rho * curvature(slope, depth) - (depth - 1) * slope ** (-1 / depth)


def rates(
    slope: float,
    depth: int,
    *,
    rho: float = 0.0,
    gain: float = 1.0,
    tau_w: float = 1.0,
    tau_lam: float = 1.0,
) -> list[complex]:
    """The D + 1 eigenvalues of the flow at the balanced end point.

    Parameters
    ----------
    slope, depth, rho, gain
        See the module.
    tau_w, tau_lam : float
        Time constants, positive.

    Returns
    -------
    list of complex
        The two roots of the balanced mode, then -2 / tau_w once for each pair of neighbours.

    Examples
    --------
    >>> [rate.real for rate in rates(2.0, 3, rho=0.0)]
    [0.5, 0.5, -2.0, -2.0]
    """
    c = curvature(slope, depth, gain=gain)
    h = damping(slope, depth, rho=rho, gain=gain)
    pair = flow_rates(h, c, tau_w=tau_w, tau_lam=tau_lam)
    balanced = [complex(float(real), float(turn)) for real, turn in pair]
    return balanced + [complex(-2.0 / tau_w)] * (depth - 1)


def critical_damping(
    slope: float,
    depth: int,
    *,
    gain: float = 1.0,
    eta_lam: float = 0.0,
    order: Order | None = None,
) -> float:
    """The damping above which the end point is stable.

    (D - 2) / c for the flow and for alternating steps, (D - 2) / c + eta_lam for simultaneous
    steps. It is necessary for discrete steps, and sufficient if they are small
    (:func:`chain_is_stable`).

    Parameters
    ----------
    slope, depth, gain
        See the module.
    eta_lam : float
        Multiplier step; needed for simultaneous steps.
    order : {"simultaneous", "alternating"}, optional
        Default: the flow.

    Returns
    -------
    float
        Negative for D = 1, where no damping is needed.

    Examples
    --------
    >>> round(critical_damping(2.0, 4), 5)
    0.17678
    >>> critical_damping(2.0, 2, eta_lam=0.01, order="simultaneous")
    0.01
    """
    if order is not None:
        check_order(order)
    flow = (depth - 2) / curvature(slope, depth, gain=gain)
    return flow + eta_lam if order == "simultaneous" else flow


def unsquared_critical_damping(slope: float, depth: int) -> float:
    """(D - 1) s^{-1/D} / c: the same for the sum of norms without squares.

    Examples
    --------
    >>> unsquared_critical_damping(1.0, 2)
    0.5
    """
    return (depth - 1) * slope ** (-1 / depth) / curvature(slope, depth)


def chain_radius(
    slope: float,
    depth: int,
    *,
    rho: float,
    eta_w: float,
    eta_lam: float,
    order: Order,
    gain: float = 1.0,
) -> float:
    """Spectral radius of one step at the balanced end point.

    Returns
    -------
    float
        The largest of the balanced mode's radius and |1 - 2 eta_w| (for D >= 2).

    Examples
    --------
    Without damping, alternating steps at depth 2 keep their distance for ever:

    >>> chain_radius(2.0, 2, rho=0.0, eta_w=0.01, eta_lam=0.01, order="alternating")
    1.0
    """
    check_steps(eta_w, eta_lam)
    h = damping(slope, depth, rho=rho, gain=gain)
    c = curvature(slope, depth, gain=gain)
    radius = float(step_radius(h, c, eta_w=eta_w, eta_lam=eta_lam, order=order))
    return max(radius, abs(1.0 - 2.0 * eta_w)) if depth > 1 else radius


def chain_is_stable(
    slope: float,
    depth: int,
    *,
    rho: float,
    eta_w: float,
    eta_lam: float,
    order: Order,
    gain: float = 1.0,
) -> bool:
    """Whether the inequalities of a stable step hold, eta_w < 1 (for D >= 2) included.

    Examples
    --------
    >>> [chain_is_stable(2.0, 3, rho=rho, eta_w=0.01, eta_lam=0.01, order="alternating")
    ...  for rho in (0.13, 0.14)]
    [False, True]
    """
    check_steps(eta_w, eta_lam)
    h = damping(slope, depth, rho=rho, gain=gain)
    c = curvature(slope, depth, gain=gain)
    balanced = step_is_stable(h, c, eta_w=eta_w, eta_lam=eta_lam, order=order)
    return bool(balanced) and (depth == 1 or eta_w < 1.0)


def damping_ratio(slope: float, *, rho: float, tau_w: float = 1.0, tau_lam: float = 1.0) -> float:
    """zeta = rho sqrt(s tau_lam / (2 tau_w)) of the chain of depth 2: 1 is critical.

    Examples
    --------
    >>> damping_ratio(2.0, rho=1.0)
    1.0
    """
    check_chain(slope, 2)
    return rho * math.sqrt(slope * tau_lam / (2.0 * tau_w))


def reduce_points(inputs: list[float], multipliers: list[float], rho: float) -> dict[str, float]:
    """The one-constraint chain that P points y = s x reduce to.

    Parameters
    ----------
    inputs, multipliers : list of P floats
    rho : float

    Returns
    -------
    dict
        ``gain`` q = sum x^2, ``multiplier`` A = sum lam x, ``rho`` q rho. The weights of the P
        points follow the chain with this multiplier and damping and tau_lam / q.

    Examples
    --------
    >>> reduce_points([1.0, 2.0], [0.5, -0.25], rho=0.1)
    {'gain': 5.0, 'multiplier': 0.0, 'rho': 0.5}
    """
    if len(inputs) != len(multipliers):
        raise ValueError(f"{len(inputs)} inputs but {len(multipliers)} multipliers")
    gain = math.fsum(x * x for x in inputs)
    total = math.fsum(lam * x for lam, x in zip(multipliers, inputs, strict=True))
    return {"gain": gain, "multiplier": total, "rho": gain * rho}
