"""A linear model f = w·x + b under the squared loss ½ r²: ridge, total variation, attacks, noise.

With C = XᵀX/n, c = Xᵀy/n of centered data:

* Tikhonov with the ½: w = (C + λI)⁻¹ c, ridge regression
* total variation: w = 0 iff ‖c‖ <= λ; else w = (C + (λ/s)I)⁻¹ c, with s = ‖w‖ the root of
  ‖(sC + λI)⁻¹ c‖ = 1
* attack: sup over ‖δ‖ <= ε of ½(r + w·δ)² = ½(|r| + ε‖w‖)²

Noise: for f = a + b·x + ½ xᵀHx and ξ ~ N(0, σ²I), with r = f − y and ∇f at x,

E ½(f(x + ξ) − y)² = ½r² + (σ²/2)(‖∇f‖² + r tr H) + σ⁴ ((tr H)²/8 + ‖H‖²_F/4), exactly.

Source: derived.

>>> import numpy as np
>>> c = np.array([3.0, 4.0])
>>> total_variation(np.eye(2), c, 1.0).round(12), total_variation(np.eye(2), c, 5.0)
(array([2.4, 3.2]), array([0., 0.]))
"""

from __future__ import annotations

from refimpl.arrays import Array, device, namespace


def moments(inputs: Array, targets: Array) -> tuple[Array, Array]:
    """C and c of data that are centered here."""
    xp = namespace(inputs)
    x = inputs - xp.mean(inputs, axis=0)
    y = targets - xp.mean(targets)
    return x.mT @ x / inputs.shape[0], x.mT @ y / inputs.shape[0]


def ridge(second: Array, cross: Array, strength: float) -> Array:
    """(C + λI)⁻¹ c."""
    xp = namespace(second)
    unit = xp.eye(second.shape[0], dtype=second.dtype, device=device(second))
    return xp.linalg.solve(second + strength * unit, cross[:, None])[:, 0]


def total_variation(second: Array, cross: Array, strength: float) -> Array:
    """The minimizer of ½ wᵀCw − c·w + λ‖w‖, for λ > 0.

    ‖w‖ solves a monotone equation; bisection goes to the last bit.
    """
    xp = namespace(second)
    if float(xp.linalg.vector_norm(cross)) <= strength:
        return xp.zeros_like(cross)
    unit = xp.eye(second.shape[0], dtype=second.dtype, device=device(second))

    def scaled(s: float) -> Array:
        return xp.linalg.solve(s * second + strength * unit, cross[:, None])[:, 0]

    low, high = 0.0, 1.0
    while float(xp.linalg.vector_norm(scaled(high))) > 1.0:
        low, high = high, 2.0 * high
    while low < (middle := 0.5 * (low + high)) < high:
        if float(xp.linalg.vector_norm(scaled(middle))) > 1.0:
            low = middle
        else:
            high = middle
    return high * scaled(high)


def worst_loss(residual: float, length: float, radius: float) -> float:
    """½ (|r| + ε ‖w‖)²."""
    return 0.5 * (abs(residual) + radius * length) ** 2


def noisy_loss(
    residual: float, gradient: Array, hessian: Array, deviation: float
) -> tuple[float, float]:
    """E ½ r² under noise: to second order, and with the term of fourth order."""
    xp = namespace(gradient)
    trace = float(xp.linalg.trace(hessian))
    square = float(xp.sum(gradient**2))
    second = 0.5 * residual**2 + 0.5 * deviation**2 * (square + residual * trace)
    fourth = deviation**4 * (trace**2 / 8.0 + float(xp.sum(hessian**2)) / 4.0)
    return second, second + fourth
