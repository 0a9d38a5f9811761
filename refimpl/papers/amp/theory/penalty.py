"""Which penalty on the gradient AMP follows: a Huber function of ‖∇J‖.

One inner step gives Δ = ζg, or εg/‖g‖ where ζ‖g‖ > ε, with g = ∇J. In *values* J(θ + Δ) = J + Ω to
first order, with the authors' Ω = ζ‖g‖² or ε‖g‖. But the step follows ∇J(θ + Δ), Δ held constant,
and of that the first order is

    ζHg = ∇(½ ζ‖g‖²)   where ζ‖g‖ ≤ ε,        εHg/‖g‖ = ∇(ε‖g‖)   beyond.

So the penalty of the update has ζ/2 where that of the value has ζ. Joined continuously it is the
Huber function, whose gradient has no jump at ζ‖g‖ = ε, while that of Ω jumps from 2ζHg to ζHg. On
a quadratic ζ/2 is exact, not only to first order.

The informal statement with Ω is the authors'; everything about the direction is derived here. The
full statement of their theorem was not at hand: it may have the factor.

>>> huber(2.0, 0.25, 1.0), printed(2.0, 0.25, 1.0)
(0.5, 1.0)
>>> huber(5.0, 0.25, 1.0), printed(5.0, 0.25, 1.0)
(3.0, 5.0)
"""

from __future__ import annotations

from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, device, namespace


def huber(norm: Any, rate: float, radius: float) -> Any:
    """Ω_H: (ζ/2) n² where ζn ≤ ε, else εn − ε²/(2ζ). Differentiable in ``norm``.

    Parameters
    ----------
    norm : float or 0-d array
        n = ‖∇J‖.
    rate : float
        ζ, positive.
    radius : float
        ε.
    """
    if is_clipped(norm, rate, radius):
        return radius * norm - radius**2 / (2.0 * rate)
    return 0.5 * rate * norm * norm


def printed(norm: Any, rate: float, radius: float) -> Any:
    """Ω as stated: ζn² where ζn ≤ ε, else εn. Differentiable in ``norm``."""
    return radius * norm if is_clipped(norm, rate, radius) else rate * norm * norm


def is_clipped(norm: Any, rate: float, radius: float) -> bool:
    """Whether ζ‖g‖ > ε, so that the inner step is projected.

    Examples
    --------
    >>> is_clipped(0.5, 1.0, 0.5), is_clipped(0.6, 1.0, 0.5)
    (False, True)
    """
    return float(ad.value(norm)) * rate > radius


def quadratic_direction(curvature: Array, offset: Array, rate: float, inner_steps: int) -> Array:
    """H (I + ζH)^N (θ − μ): the gradient at θ + Δ after N unclipped inner steps on a quadratic.

    Parameters
    ----------
    curvature : array, shape (n, n)
        H, symmetric.
    offset : array, shape (n,)
        θ − μ.
    rate : float
        ζ.
    inner_steps : int
        N.

    Returns
    -------
    array, shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> quadratic_direction(np.diag([3.0, 1.0]), np.array([1.0, 2.0]), 1.0, 2)
    array([48.,  8.])
    """
    xp = namespace(curvature, offset)
    spectrum, basis = xp.linalg.eigh(curvature)
    factor = spectrum * (1.0 + rate * spectrum) ** inner_steps
    return basis @ (factor * (basis.mT @ offset))


def quadratic_iterate(
    curvature: Array, offset: Array, learning_rate: float, rate: float, steps: int
) -> Array:
    """θ − μ after T ``steps`` of plain descent, N = 1, never clipped: (I − η(I + ζH)H)^T (θ₀ − μ).

    Examples
    --------
    >>> import numpy as np
    >>> quadratic_iterate(np.diag([2.0]), np.array([1.0]), 0.125, 0.5, 3)
    array([0.125])
    """
    xp = namespace(curvature, offset)
    size = curvature.shape[0]
    unit = xp.eye(size, dtype=curvature.dtype, device=device(curvature))
    once = unit - learning_rate * (unit + rate * curvature) @ curvature
    return xp.linalg.matrix_power(once, steps) @ offset
