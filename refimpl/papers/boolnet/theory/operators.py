"""Signs, logic and scaled weights, entry by entry: values and gradients in closed form.

Plain Python numbers; nothing here is shared with the code that it checks.

>>> xnor_value(-1, -1), or_value(-1, 1), or_gradient(1, 1), or_gradient(1, -1)
(1, 1, (0, 0), (1, 1))
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def xnor_value(x: int, y: int) -> int:
    """1 where x and y are the same sign."""
    return 1 if x == y else -1


def or_value(x: int, y: int) -> int:
    """−1 only where both are −1."""
    return -1 if (x, y) == (-1, -1) else 1


def xnor_gradient(x: int, y: int) -> tuple[int, int]:
    """In x and in y: the partner."""
    return y, x


def or_gradient(x: int, y: int) -> tuple[int, int]:
    """1 in each; 0 in both at (+1, +1), where the sum lies beyond the clamp."""
    return (0, 0) if (x, y) == (1, 1) else (1, 1)


def window(x: float) -> int:
    """The straight-through gradient: 1 on [−1, 1]."""
    return 1 if -1.0 <= x <= 1.0 else 0


def scaled_gradient(
    weights: Sequence[float], upstream: Sequence[float], strength: float, detach: bool = False
) -> list[float]:
    """The gradient in w of one unit's weights b m, b = F(w, λ), m = mean |w|.

    m G_j 1[|w_j| <= 1] + (sign(w_j)/n) Σ_i G_i b_i; the second part is gone where m is detached.

    Parameters
    ----------
    weights, upstream : sequences of n floats
        w, and G, the gradient in b m.
    strength : float
        λ; 0 for signs.
    """
    n = len(weights)
    scale = sum(abs(w) for w in weights) / n
    signs = [1.0 if w >= 0 else -1.0 for w in weights]
    binary = [
        s if abs(w) >= strength else w / strength for w, s in zip(weights, signs, strict=True)
    ]
    mixed = sum(g * b for g, b in zip(upstream, binary, strict=True)) / n
    found = []
    for w, s, g in zip(weights, signs, upstream, strict=True):
        through_scale = 0.0 if detach or w == 0 else s * mixed
        found.append(scale * g * window(w) + through_scale)
    return found


def patterns(slices: int) -> int:
    """How many sign patterns k distinct offsets of one number can show."""
    return slices + 1


def printed_offsets(slices: int) -> list[float]:
    """The distinct values ±2n/k, n = 0 .. k/2, as printed: k + 1 of them.

    Examples
    --------
    >>> printed_offsets(4)
    [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    half = [2.0 * n / slices for n in range(slices // 2 + 1)]
    return sorted({*half, *(-value for value in half)})


def spread_at_start(
    inputs: int,
    units: int,
    *,
    first_gain: float,
    epsilon: float,
    scaled: bool,
    signs: bool = False,
    gain: float = 1.0,
) -> float:
    """The size of the normalized numbers behind a binary layer whose weights were just drawn.

    The sum of n signs of mean 0 with weights w has the variance n E w² (n where weights are signs),
    the scale multiplies it by m², m = E|w| = sqrt(2/π) sqrt(E w²), and normalization leaves
    γ sqrt(v/(v + e)). That is also the factor by which e shortens the gradient which passes the
    normalization on its way down; the shortcut beside it is not shortened.

    Parameters
    ----------
    inputs, units : int
        n, and the fan-out: E w² = ``first_gain``² · 2/units.
    first_gain, epsilon, gain : float
        On the weights; e; γ.
    scaled, signs : bool
        Whether there is the scale; whether weights are signs.

    Examples
    --------
    >>> round(spread_at_start(128, 128, first_gain=0.01, epsilon=1e-5, scaled=False), 3)
    0.976
    >>> round(spread_at_start(128, 128, first_gain=0.01, epsilon=1e-5, scaled=True), 4)
    0.0045
    """
    square = first_gain**2 * 2.0 / units
    variance = inputs * (1.0 if signs else square)
    if scaled:
        variance *= 2.0 / math.pi * square
    return gain * math.sqrt(variance / (variance + epsilon))
