"""AMP in the bowl J = ½hθ²: sharp minima lose stability first, and a 2-cycle takes their place.

With plain descent at rate η, one inner step of rate ζ and radius ε:

* unclipped the map is θ ← (1 − ηh(1 + ζh)) θ, stable for ηh(1 + ζh) < 2, which is h < h_c with
  h_c = (−1 + √(1 + 8ζ/η)) / (2ζ); plain descent is stable up to h = 2/η;
* for h_c < h < 2/η the iterates settle on ±a, a = ε ηh/(2 − ηh), where the inner step is clipped;
* beyond 2/η both diverge.

All derived here.

>>> critical_curvature(0.1, 1.0), cycle_amplitude(10.0, 0.1, 1.0, 0.5)
(4.0, 0.5)
"""

from __future__ import annotations

import math

from refimpl.errors import StepSizeError


def critical_curvature(learning_rate: float, rate: float) -> float:
    """h_c, the largest curvature of a stable minimum.

    Parameters
    ----------
    learning_rate : float
        η, positive.
    rate : float
        ζ, positive.
    """
    return (math.sqrt(1.0 + 8.0 * rate / learning_rate) - 1.0) / (2.0 * rate)


def cycle_amplitude(curvature: float, learning_rate: float, rate: float, radius: float) -> float:
    """The amplitude on which the iterates settle: 0 below h_c, εηh/(2 − ηh) above.

    Parameters
    ----------
    curvature : float
        h, positive.
    learning_rate, rate, radius : float
        η, ζ, ε.

    Raises
    ------
    StepSizeError
        For h ≥ 2/η, where the iterates diverge.

    Examples
    --------
    >>> cycle_amplitude(3.9, 0.1, 1.0, 0.5), round(cycle_amplitude(6.0, 0.1, 1.0, 0.5), 7)
    (0.0, 0.2142857)
    """
    step = learning_rate * curvature
    if step >= 2.0:
        raise StepSizeError("the iterates diverge", step_times_curvature=step, limit=2.0)
    if curvature < critical_curvature(learning_rate, rate):
        return 0.0
    return radius * step / (2.0 - step)


def first_step(
    start: float,
    curvature: float,
    *,
    learning_rate: float,
    momentum: float,
    decay: float,
    rate: float,
    radius: float,
) -> float:
    """θ₁ of Nesterov's update from a zero buffer, with weight decay.

    θ₁ = θ₀ − η(1 + m)(h(θ₀ + Δ) + wθ₀), where Δ is ζhθ₀ clipped to ±ε. Weight decay w acts at θ₀,
    not at θ₀ + Δ, and takes no part in the inner step.

    Examples
    --------
    >>> round(first_step(2.0, 3.0, learning_rate=0.1, momentum=0.9, decay=0.01, rate=1.0,
    ...                  radius=0.5), 12)
    0.5712
    """
    ascent = rate * curvature * start
    ascent = math.copysign(min(abs(ascent), radius), ascent)
    slope = curvature * (start + ascent) + decay * start
    return start - learning_rate * (1.0 + momentum) * slope
