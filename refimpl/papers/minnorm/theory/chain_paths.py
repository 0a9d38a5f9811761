"""Paths of the scalar chain under minimum-norm training, weight decay and gradient descent.

The flow and its symbols are those of :mod:`refimpl.papers.minnorm.theory.chain`. In units of tau_w:

1. Differences of squares w_l^2 - w_k^2 decay as e^{-2t} whatever the multiplier does; as
   e^{-2 gamma t} under weight decay gamma; not at all under gradient descent.
2. With a multiplier so fast that u = s always, w_l^2(t) = v(t) + b_l e^{-2t} with
   b_l = w_l^2(0) - w_1^2(0) and v(t) from prod_l (v + b_l e^{-2t}) = s^2. For D = 2 the sum of
   squares is sqrt(4 s^2 + b_2^2 e^{-4t}).
3. Balanced, D = 2, no damping: E = (lam - 1)^2 / tau_w + (u - s log u) / tau_lam is conserved, the
   orbits are closed, and u swings between -s W_0(-e^{-E/s} / s) and -s W_{-1}(-e^{-E/s} / s)
   (Lambert's W; tau_lam = 1), near the end point with the period 2 pi sqrt(tau_w tau_lam / (2 s)).
   Damping takes energy out: dE/dt = -2 rho (s - u)^2 / (tau_w tau_lam).
4. Weight decay gamma, D = 2: u(t) = (s - gamma) / (1 + ((s - gamma)/u_0 - 1) e^{-2 (s - gamma) t}),
   so the end is biased by exactly gamma; u -> 0 if gamma >= s. For D > 2 an end other than 0 exists
   just where gamma <= (s D / (2D - 2)) (s (D - 2) / (2D - 2))^{(D - 2)/D}.
5. Small starts, D = 2, lam(0) = 0, no damping: while u << s, log sqrt(u / u_0) = s t^2 / 2 - t, so
   that the saddle at 0 is left later than by gradient descent unless log sqrt(u / u_0) > 2 (1 + s).
   For D >= 3 the weights may decay faster than the multiplier grows, and collapse to 0.

Derived for the method of the abstract of arXiv 1806.00730; for gamma = 0 item 4 is the sigmoid of
Saxe, McClelland and Ganguli (2014).

>>> low, high = gain_extremes(energy(0.25, 0.0, slope=2.0), slope=2.0)
>>> round(low, 5), round(high, 5)
(0.14379, 8.24078)
"""

from __future__ import annotations

import math

from refimpl.papers.minnorm.theory.chain import check_chain


def constraint_surface(time: float, *, weights: list[float], slope: float) -> list[float]:
    """Squares of the weights at ``time`` where the constraint holds throughout.

    Parameters
    ----------
    time : float
        In units of tau_w.
    weights : list of D floats
        At time 0, with product ``slope``.
    slope : float

    Returns
    -------
    list of D floats
        w_l^2(t).

    Raises
    ------
    ValueError
        If the weights do not meet the constraint.

    Examples
    --------
    >>> [round(square, 6) for square in constraint_surface(20.0, weights=[4.0, 0.5], slope=2.0)]
    [2.0, 2.0]
    """
    from scipy.optimize import brentq

    check_chain(slope, len(weights))
    product = math.prod(weights)
    if not math.isclose(product, slope, rel_tol=1e-9):
        raise ValueError(f"the weights' product {product} is not the slope {slope}")
    shifts = [(w * w - weights[0] ** 2) * math.exp(-2.0 * time) for w in weights]
    # the root lies where every square is positive and the logarithm of the product is increasing
    offset = min(shifts)
    relative = [shift - offset for shift in shifts]
    high = slope ** (2.0 / len(weights))
    low = high
    target = 2.0 * math.log(slope)

    def excess(v: float) -> float:
        return math.fsum(math.log(v + shift) for shift in relative) - target

    while excess(low) > 0:
        low /= 16.0
    v = low if low == high else brentq(excess, low, high, xtol=1e-300, rtol=1e-15)
    return [v + shift for shift in relative]


def sum_of_squares(time: float, *, imbalance: float, slope: float) -> float:
    """w_1^2 + w_2^2 = sqrt(4 s^2 + b^2 e^{-4t}) of the chain of depth 2 on the constraint.

    Parameters
    ----------
    time : float
    imbalance : float
        b = w_2^2(0) - w_1^2(0).
    slope : float

    Examples
    --------
    >>> sum_of_squares(0.0, imbalance=3.0, slope=2.0)
    5.0
    """
    check_chain(slope, 2)
    return math.hypot(2.0 * slope, imbalance * math.exp(-2.0 * time))


def energy(
    u: float, multiplier: float, *, slope: float, tau_w: float = 1.0, tau_lam: float = 1.0
) -> float:
    """E = (lam - 1)^2 / tau_w + (u - s log u) / tau_lam of the balanced chain of depth 2.

    Parameters
    ----------
    u : float
        The product of the two weights, positive.
    multiplier : float
    slope, tau_w, tau_lam : float

    Raises
    ------
    ValueError
        If ``u`` is not positive.

    Examples
    --------
    >>> energy(1.0, 0.0, slope=2.0)
    2.0
    """
    check_chain(slope, 2)
    if not u > 0:
        raise ValueError(f"the energy needs u > 0, not {u}")
    return (multiplier - 1.0) ** 2 / tau_w + (u - slope * math.log(u)) / tau_lam


def gain_extremes(level: float, *, slope: float, tau_lam: float = 1.0) -> tuple[float, float]:
    """The smallest and largest u on the undamped orbit of energy ``level``.

    At both, lam = 1, hence u - s log u = tau_lam E, which Lambert's W solves. From lam(0) = 0 and
    a small u_0 the largest is the overshoot of an integrator that has wound up.

    Parameters
    ----------
    level : float
        E, at least (s - s log s) / tau_lam, the energy of the end point.
    slope, tau_lam : float

    Returns
    -------
    smallest, largest : float

    Raises
    ------
    ValueError
        If no orbit has this energy.

    Examples
    --------
    >>> low, high = gain_extremes(energy(1e-4, 0.0, slope=2.0), slope=2.0)
    >>> round(high, 2)
    25.93
    """
    from scipy.special import lambertw

    check_chain(slope, 2)
    argument = -math.exp(-level * tau_lam / slope) / slope
    if argument < -math.exp(-1.0) * (1.0 + 1e-12):
        least = (slope - slope * math.log(slope)) / tau_lam
        raise ValueError(f"no orbit has the energy {level}: the least is {least}")
    if argument == 0.0:
        raise ValueError(f"the energy {level} is too large: exp(-E tau_lam / s) underflows")
    argument = max(argument, -math.exp(-1.0))
    ends = [-slope * lambertw(argument, branch).real for branch in (0, -1)]
    return float(ends[0]), float(ends[1])


def period(slope: float, *, tau_w: float = 1.0, tau_lam: float = 1.0) -> float:
    """2 pi sqrt(tau_w tau_lam / (2 s)): the period of small undamped oscillations at depth 2.

    Examples
    --------
    >>> round(period(2.0), 5)
    3.14159
    """
    check_chain(slope, 2)
    return 2.0 * math.pi * math.sqrt(tau_w * tau_lam / (2.0 * slope))


def decay_gain(time: float, *, start: float, slope: float, decay: float) -> float:
    """u(t) of the balanced chain of depth 2 under the squared error and weight decay gamma.

    Parameters
    ----------
    time : float
    start : float
        u(0) > 0.
    slope, decay : float
        s and gamma >= 0; where they are equal u decays as 1 / t.

    Examples
    --------
    >>> round(decay_gain(50.0, start=0.1, slope=2.0, decay=0.5), 12)
    1.5
    """
    check_chain(slope, 2)
    if not start > 0:
        raise ValueError(f"the chain leaves 0 only from a start > 0, not {start}")
    end = slope - decay
    if end == 0.0:
        return start / (1.0 + 2.0 * start * time)
    return end / (1.0 + (end / start - 1.0) * math.exp(-2.0 * end * time))


def largest_decay(slope: float, depth: int) -> float:
    """The weight decay above which a chain of depth D >= 2 has no end point but 0.

    Examples
    --------
    >>> [round(largest_decay(2.0, depth), 6) for depth in (2, 3, 4)]
    [2.0, 1.190551, 1.088662]
    """
    check_chain(slope, depth)
    if depth < 2:
        raise ValueError("a chain of depth 1 keeps an end point other than 0 at every decay")
    if depth == 2:
        return slope
    share = (depth - 2) / (2 * depth - 2)
    return slope * depth / (2 * depth - 2) * (slope * share) ** ((depth - 2) / depth)


def decay_for_accuracy(slope: float, accuracy: float) -> float:
    """The weight decay at which each weight of the chain of depth 2 is too small by ``accuracy``.

    Examples
    --------
    >>> round(decay_for_accuracy(4.0, 0.5), 12)
    1.75
    """
    check_chain(slope, 2)
    return slope - (math.sqrt(slope) - accuracy) ** 2


def escape_time(target: float, *, start: float, slope: float) -> float:
    """When the undamped chain of depth 2 that starts at u_0 << s with lam = 0 reaches ``target``.

    (1 + sqrt(1 + 2 s L)) / s with L = log sqrt(u_f / u_0): the linear stage, in which lam = s t.

    Examples
    --------
    >>> round(escape_time(1.0, start=1e-4, slope=2.0), 3)
    2.703
    """
    check_chain(slope, 2)
    growth = 0.5 * math.log(target / start)
    return (1.0 + math.sqrt(1.0 + 2.0 * slope * growth)) / slope


def descent_escape_time(target: float, *, start: float, slope: float) -> float:
    """The same for gradient descent, exactly: log[(u_f (s - u_0)) / (u_0 (s - u_f))] / (2 s).

    Examples
    --------
    >>> round(descent_escape_time(1.0, start=1e-4, slope=2.0), 3)
    2.476
    """
    check_chain(slope, 2)
    if not 0 < start < slope or not 0 < target < slope:
        raise ValueError(f"start {start} and target {target} must lie in (0, {slope})")
    odds = target * (slope - start) / (start * (slope - target))
    return 0.5 * math.log(odds) / slope


def escape_crossover(slope: float) -> float:
    """L = 2 (1 + s): the growth log sqrt(u / u_0) beyond which the multipliers get there first.

    Examples
    --------
    >>> escape_crossover(0.5)
    3.0
    """
    check_chain(slope, 2)
    return 2.0 * (1.0 + slope)


def collapse_estimate(slope: float, depth: int, *, rho: float = 0.0, tau_lam: float = 1.0) -> float:
    """A crude balanced start below which a chain of depth D >= 3 collapses to 0.

    From lam(0) = 0 the multiplier is at most s t / tau_lam while the weight decays as w_0 e^{-t},
    and the chain can grow only where s (t / tau_lam + rho) (w_0 e^{-t})^{D - 2} exceeds 1 at some
    time. The weight decays more slowly as this factor approaches 1, so the estimate is above the
    true threshold (observed: by 4 % to a factor 2.7).

    Examples
    --------
    >>> round(collapse_estimate(2.0, 3), 3), collapse_estimate(2.0, 3, rho=1.0)
    (1.359, 0.5)
    """
    check_chain(slope, depth)
    if depth < 3:
        raise ValueError(f"a chain of depth {depth} does not collapse; the depth must be 3 or more")
    power = depth - 2
    # maximise (t / tau_lam + rho) e^{-(D-2) t} over t >= 0
    best = max(0.0, 1.0 / power - rho * tau_lam)
    peak = (best / tau_lam + rho) * math.exp(-power * best)
    return (slope * peak) ** (-1.0 / power)
