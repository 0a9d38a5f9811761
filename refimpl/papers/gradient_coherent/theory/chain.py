"""Bistability of the regularised linear chain: when learning survives a strong penalty.

The depth-D chain J = (Π w_i − y)²/2 + (λ/2) Σ w_i² on its balanced subspace w_i = w follows

    dw/dt = w (h(w) − λ),    h(w) = w^(D−2) (y − w^D),

and with the penalty λ Σ |w_i| it follows dw/dt = w^(D−1)(y − w^D) − λ. Writing |w| as the least
(u² + v²)/2 over w = u v turns L1 at depth D into L2 at depth 2D, so one set of thresholds serves
both: ``order`` below is D for L2 and 2D for L1. All of it is derived.

1. Order 1: w = y/(1 + λ), never zero. Order 2: p = y − λ until λ = y, continuous.
2. Order D ≥ 3: h peaks at w*^D = y (D − 2)/(2(D − 1)). Below the **spinodal** λ_sp = h(w*) a stable
   root w_s and an unstable root w_u exist beside 0, which is stable for every λ > 0.
3. Learning from w₀ survives exactly for λ < **tolerance** h(min(w₀, w*)), ~ y w₀^(D−2).
4. A delay replaces w₀ by the weight that it has reached; nothing helps above λ_sp.
5. Above the **equal-energy** strength λ_m < λ_sp the zero chain is the global minimum.

===== ==================
paper code
===== ==================
y     ``target``
D     ``depth``, ``order``
λ     ``strength``
w₀    ``start``
===== ==================

>>> round(spinodal(1.3, 3), 8), round(equal_energy(1.3, 3), 8)
(0.67034607, 0.56305542)
"""

from __future__ import annotations

import math

from refimpl.papers.foundations.theory.gradient_flow import gain_at, time_to_gain


def _check(target: float, order: int) -> None:
    if not target > 0:
        raise ValueError(f"the target must be positive, not {target}")
    if order < 1:
        raise ValueError(f"the order must be at least 1, not {order}")


def pull(weight: float, target: float, depth: int) -> float:
    """h(w) = w^(D−2)(y − w^D): the loss's pull on a balanced chain, per weight.

    Examples
    --------
    >>> round(pull(0.4, 1.0, 6), 8)
    0.02549514
    """
    return weight ** (depth - 2) * (target - weight**depth)


def peak(target: float, order: int) -> float:
    """w*, where h is largest; 0 for orders 1 and 2, whose pull only falls.

    Examples
    --------
    >>> round(peak(1.0, 4) ** 4, 12)
    0.333333333333
    """
    _check(target, order)
    if order <= 2:
        return 0.0
    return (target * (order - 2) / (2 * (order - 1))) ** (1 / order)


def spinodal(target: float, order: int) -> float:
    """λ_sp, beyond which only the zero chain is stationary (y at order 2).

    Raises
    ------
    ValueError
        At order 1, where no strength makes the chain collapse.

    Examples
    --------
    >>> round(spinodal(1.0, 6), 8)
    0.32573011
    """
    _check(target, order)
    if order == 1:
        raise ValueError("at order 1 the chain survives every strength")
    level = target * (order - 2) / (2 * (order - 1))
    return level ** ((order - 2) / order) * target * order / (2 * (order - 1))


def equal_energy(target: float, order: int) -> float:
    """λ_m, beyond which the zero chain has the lowest objective (y at order 2).

    Examples
    --------
    >>> round(equal_energy(1.3, 6), 8)
    0.26688791
    """
    _check(target, order)
    if order == 1:
        raise ValueError("at order 1 the zero chain is never the minimum")
    level = target * (order - 2) / (order - 1)
    return level ** ((order - 2) / order) * target / (order - 1)


def stationary_weights(
    target: float, depth: int, strength: float
) -> tuple[float | None, float | None]:
    """The unstable and the stable non-zero weight (w_u, w_s) of the L2 chain.

    None stands for a root that does not exist: both beyond the spinodal, w_u for depths 1 and 2.

    Examples
    --------
    >>> [round(w, 4) for w in stationary_weights(1.0, 6, 0.2)]
    [0.6877, 0.9553]
    >>> stationary_weights(1.0, 6, 0.35)
    (None, None)
    """
    from scipy.optimize import brentq

    _check(target, depth)
    if strength < 0:
        raise ValueError(f"the strength must be non-negative, not {strength}")
    if depth == 1:
        return None, target / (1 + strength)
    if depth == 2:
        return None, math.sqrt(target - strength) if strength < target else None
    if strength >= spinodal(target, depth):
        return None, None
    top, fit = peak(target, depth), target ** (1 / depth)

    def excess(weight: float) -> float:
        return pull(weight, target, depth) - strength

    solve = {"xtol": 1e-300, "rtol": 1e-14, "maxiter": 1000}  # relative: weights may be small
    unstable = brentq(excess, 0.0, top, **solve) if strength else 0.0
    return unstable, brentq(excess, top, fit, **solve)


def tolerance(start: float, target: float, depth: int) -> float:
    """Largest L2 strength that a balanced chain survives from w₀ = ``start``.

    Examples
    --------
    >>> round(tolerance(0.4, 1.0, 4), 6)
    0.155904
    """
    _check(target, depth)
    if not start > 0:
        raise ValueError(f"the start must be positive, not {start}")
    if depth <= 2:
        return math.inf if depth == 1 else target
    return pull(min(start, peak(target, depth)), target, depth)


def tolerance_l1(start: float, target: float, depth: int) -> float:
    """Largest L1 strength that a balanced chain survives: w₀^(D−1)(y − w₀^D), capped at its peak.

    Depth 1 is soft thresholding, which survives up to y from any start.

    Examples
    --------
    >>> round(tolerance_l1(0.4, 1.0, 3), 6)
    0.14976
    """
    _check(target, depth)
    if not start > 0:
        raise ValueError(f"the start must be positive, not {start}")
    if depth == 1:
        return target
    weight = min(start, (target * (depth - 1) / (2 * depth - 1)) ** (1 / depth))
    return weight ** (depth - 1) * (target - weight**depth)


def delayed_tolerance(start: float, target: float, depth: int, delay: float) -> float:
    """Tolerance after an unregularised flow of time ``delay`` from w₀.

    Examples
    --------
    >>> round(delayed_tolerance(0.2, 1.0, 4, 10.0), 4)
    0.1866
    """
    gain = gain_at(delay, start=start**depth, slope=target, depth=depth)
    return tolerance(gain ** (1 / depth), target, depth)


def escape_time(start: float, target: float, depth: int) -> float:
    """Unregularised flow time from w₀ to the peak w* of the pull, exact.

    To leading order in a small w₀ it is 1/((D − 2) y w₀^(D−2)).

    Examples
    --------
    >>> round(escape_time(0.05, 1.0, 4), 2)
    199.46
    """
    if depth < 3:
        raise ValueError(f"the pull has a peak for depth >= 3, not {depth}")
    top = peak(target, depth) ** depth
    return time_to_gain(top, start=start**depth, slope=target, depth=depth)


def gated_end(start: float, target: float, depth: int, strength: float) -> float:
    """Where the noise-free gate on the total gradient takes a balanced L2 chain.

    g = −w h(w) and R = w are collinear, so κ = 1 where λ < h(w) and −1 elsewhere, and every
    threshold in (−1, 1] acts alike: from w₀ ≤ w_s the chain ends at w_s, the regularised optimum,
    however small w₀ is; from beyond w_s, or where there is no w_s, at the unregularised y^(1/D).

    Examples
    --------
    >>> round(gated_end(0.4, 1.0, 6, 0.2), 4), gated_end(0.4, 1.0, 6, 0.35)
    (0.9553, 1.0)
    """
    _, stable = stationary_weights(target, depth, strength)
    return stable if stable is not None and start <= stable else target ** (1 / depth)
