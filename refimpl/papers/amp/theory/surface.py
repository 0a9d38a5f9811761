"""L_AMP on a line: a running maximum over a window of half-width ε.

On the line the ball of radius ε is an interval, so on a grid of spacing δ with ε = wδ the surface
under the exact inner maximum is the running maximum over 2w + 1 neighbours. From it follow L_AMP ≥
L, monotonicity in ε, L_AMP ≤ L + ε Lip(L), and convexity where L is convex.

The double well (θ² − 1)² has one interior maximum, of value 1 at 0; so its L_AMP is the largest of
the values at the ends of the interval and, where the interval holds 0, of 1.

>>> double_well_maximum(0.25, 0.5), round(double_well_maximum(1.0, 0.5), 4)
(1.0, 1.5625)
"""

from __future__ import annotations

from refimpl.arrays import Array, namespace


def running_maximum(values: Array, half_width: int) -> Array:
    """The largest value within ``half_width`` places on either side, clipped at the ends.

    Parameters
    ----------
    values : array, shape (n,)
    half_width : int
        Non-negative.

    Returns
    -------
    array, shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> running_maximum(np.array([0.0, 3.0, 1.0, 0.0, 0.0]), 1)
    array([3., 3., 3., 1., 0.])
    """
    if half_width < 0:
        raise ValueError(f"half_width must not be negative, not {half_width}")
    xp = namespace(values)
    found = values
    for shift in range(1, min(half_width, values.shape[0] - 1) + 1):
        found = xp.concat([xp.maximum(found[:-shift], values[shift:]), found[-shift:]])
        found = xp.concat([found[:shift], xp.maximum(found[shift:], values[:-shift])])
    return found


def double_well(place: float) -> float:
    """(θ² − 1)², with minima at ±1."""
    return (place**2 - 1.0) ** 2


def double_well_maximum(place: float, radius: float) -> float:
    """The largest (t² − 1)² over |t − θ| ≤ ε, in closed form."""
    ends = max(double_well(place - radius), double_well(place + radius))
    return max(ends, 1.0) if abs(place) <= radius else ends


def double_well_slope_bound(reach: float) -> float:
    """The largest |L'| of the double well over |θ| ≤ ``reach``, for reach ≥ 1/√3.

    |4θ(θ² − 1)| has its interior maximum 8/(3√3) at 1/√3 and grows beyond 1.
    """
    return max(8.0 / (3.0 * 3.0**0.5), abs(4.0 * reach * (reach**2 - 1.0)))
