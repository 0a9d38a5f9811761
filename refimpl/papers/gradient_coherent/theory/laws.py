"""Laws of strong regularisation: decay, homogeneity, stationarity, coherence.

The objective is J(w) = L(w) + λ Ω(w) with Ω = ‖w‖²/2 or ‖w‖₁, minimised with learning rate α.
Everything here is derived, none of it is quoted from the papers whose subject it is (Park, Ho and
Chang 2018; Park, Ho, Chang and Zhang, arXiv 1811.08056).

1. Without a loss gradient, L2 multiplies weights by 1 − αλ a step; with heavy-ball momentum μ
   around it, by the largest root of z² − (1 + μ − αλ) z + μ.
2. Proximal L1 reaches an exact zero after ⌈|w|/(αλ)⌉ steps; sub-gradient L1 never does.
3. A bias-free ReLU network of D layers is D-homogeneous. While its logits are small, shrinking all
   weights by c shrinks the loss's gradient by c^(D−1): for D ≥ 3 the gradient dies faster than the
   penalty that shrinks the weights, and the collapse feeds itself.
4. At a stationary point all layers have λ ‖W_l‖² = m, with m = E[(y − p)·z] the same in each. For
   softmax cross-entropy with K classes m ≤ m* = W₀((K − 1)/e), the Lambert function, so λ is
   bounded.

===== =========================
paper code
===== =========================
λ     ``strength``
α     ``learning_rate``
μ     ``momentum``
D     ``depth``, weight layers
κ     :func:`total_coherence`
τ     ``threshold``
===== =========================

>>> round(largest_margin(10), 6)
1.101003
"""

from __future__ import annotations

import cmath
import math

from refimpl.arrays import Array, namespace


def l2_factor(learning_rate: float, strength: float, steps: int = 1) -> float:
    """(1 − αλ)^steps, what is left of a weight without a loss gradient.

    Raises
    ------
    ValueError
        If αλ >= 2, where the decay oscillates without end.

    Examples
    --------
    >>> round(l2_factor(0.1, 0.5, 2), 4)
    0.9025
    """
    if not 0 <= learning_rate * strength < 2:
        raise ValueError(
            f"learning_rate * strength must lie in [0, 2), not {learning_rate * strength}"
        )
    return (1.0 - learning_rate * strength) ** steps


def momentum_rate(learning_rate: float, strength: float, momentum: float) -> float:
    """Asymptotic factor a step of L2 decay inside a heavy-ball buffer.

    The largest root modulus of z² − (1 + μ − αλ) z + μ; √μ where the roots are complex, which is
    for (1 − √μ)² < αλ < (1 + √μ)².

    Examples
    --------
    >>> round(momentum_rate(0.1, 0.03, 0.0), 12), round(momentum_rate(0.1, 0.03, 0.9), 7)
    (0.997, 0.9486833)
    """
    trace = 1.0 + momentum - learning_rate * strength
    root = cmath.sqrt(trace * trace - 4.0 * momentum)
    return max(abs(trace + root), abs(trace - root)) / 2.0


def steps_to_zero(weight: float, learning_rate: float, strength: float) -> int:
    """Steps of proximal L1 until a weight without a loss gradient is exactly zero.

    Examples
    --------
    >>> steps_to_zero(1.0, 0.1, 0.301)
    34
    """
    return math.ceil(abs(weight) / (learning_rate * strength))


def subgradient_cycle(weight: float, learning_rate: float, strength: float) -> tuple[float, float]:
    """The two values between which sub-gradient L1 chatters for ever: r and r − αλ, r = |w| mod αλ.

    Examples
    --------
    >>> [round(value, 4) for value in subgradient_cycle(1.0, 0.1, 0.301)]
    [0.0067, -0.0234]
    """
    step = learning_rate * strength
    rest = math.fmod(abs(weight), step)
    sign = math.copysign(1.0, weight)
    return sign * rest, sign * (rest - step)


def gradient_factor(shrink: float, depth: int) -> float:
    """c^(D−1): how the loss's gradient scales when all weights scale by c, logits small.

    Examples
    --------
    >>> round(gradient_factor(0.1, 3), 6)
    0.01
    """
    return shrink ** (depth - 1)


def largest_margin(classes: int) -> float:
    """m* = W₀((K − 1)/e), the largest value of (y − p)·z over logits z.

    With the gap u between the label's logit and all others equal, (y − p)·z = u (K − 1) /
    (e^u + K − 1), largest at u = 1 + m*.

    Raises
    ------
    ValueError
        For fewer than two classes.

    Examples
    --------
    >>> round(largest_margin(2), 5)
    0.27846
    """
    from scipy.special import lambertw

    if classes < 2:
        raise ValueError(f"at least two classes are needed, not {classes}")
    return float(lambertw((classes - 1) / math.e).real)


def largest_strength(depth: int, classes: int, mean_input_norm: float) -> float:
    """A rigorous, loose bound: λ at which only the zero network can be stationary.

    λ ≤ (√2 E‖x‖)^(2/D) m*^(1 − 2/D), for a bias-free ReLU network of D layers.

    Parameters
    ----------
    depth : int
        D >= 2.
    classes : int
    mean_input_norm : float
        E‖x‖ over the training set.

    Examples
    --------
    >>> round(largest_strength(8, 10, 5.735363), 3)
    1.814
    """
    if depth < 2:
        raise ValueError(f"the bound needs depth >= 2, not {depth}")
    reach = math.sqrt(2.0) * mean_input_norm
    return reach ** (2 / depth) * largest_margin(classes) ** (1 - 2 / depth)


def invariant_norm(learning_rate: float, strength: float, gradient_square: float) -> float:
    """Equilibrium ‖w‖⁴ of a scale-invariant layer under SGD with L2.

    L(cw) = L(w) makes the gradient orthogonal to w and inversely proportional to ‖w‖; balancing
    decay and growth gives α² E‖g̃‖² / (1 − (1 − αλ)²), with g̃ the gradient at unit norm.

    Examples
    --------
    >>> round(invariant_norm(0.1, 0.02, 49.0), 2)
    122.62
    """
    kept = 1.0 - learning_rate * strength
    return learning_rate**2 * gradient_square / (1.0 - kept * kept)


def total_coherence(ratio: float, cosine: float) -> float:
    """κ = cos(g, g + λR) from ρ = λ‖R‖/‖g‖ and c = cos(g, R).

    κ = (1 + ρ c) / √(1 + 2 ρ c + ρ²), which tends to c as ρ grows.

    Raises
    ------
    ValueError
        If g + λR is zero (ρ = 1, c = −1): the cosine is undefined.

    Examples
    --------
    >>> round(total_coherence(1.0, 0.0), 6)
    0.707107
    """
    square = 1.0 + 2.0 * ratio * cosine + ratio * ratio
    if square <= 0:
        raise ValueError("g + λR vanishes: the regularised gradient has no direction")
    return (1.0 + ratio * cosine) / math.sqrt(square)


def ratio_at(threshold: float) -> float:
    """ρ = √(τ⁻² − 1): the gate's limit on λ‖R‖/‖g‖ where g and R are orthogonal.

    Examples
    --------
    >>> round(ratio_at(0.7), 3)
    1.02
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"the threshold must lie in (0, 1], not {threshold}")
    return math.sqrt(threshold**-2 - 1.0)


def critical_strength(
    inputs: Array, residuals: Array, starts: Array, iterations: int = 300
) -> Array:
    """λ_c of a bias-free two-layer ReLU network: above it the zero network is a strict minimum.

    λ_c = max over ‖v‖ = 1 of ‖E[(y − 1/K) ReLU(v·x)]‖, the softmax residual at zero logits. Each
    start follows v ← normalise(E[x 1(v·x > 0) u·(y − 1/K)]), u the normalised inner vector, and
    keeps the largest value on its way. The search may miss a maximum at a kink: what it returns
    is a lower bound, close with many starts.

    Parameters
    ----------
    inputs : array, shape (P, n)
    residuals : array, shape (P, K)
        One-hot labels minus 1/K.
    starts : array, shape (R, n)
        Directions to start from.
    iterations : int

    Returns
    -------
    array, shape (R,)
        The value reached from each start.

    Examples
    --------
    >>> import numpy as np
    >>> x, r = np.eye(2), np.array([[0.5, -0.5], [-0.5, 0.5]])
    >>> critical_strength(x, r, np.array([[1.0, 0.0]])).round(6)
    array([0.353553])
    """
    xp = namespace(inputs, residuals, starts)
    count = inputs.shape[0]
    directions = starts / xp.linalg.vector_norm(starts, axis=1, keepdims=True)
    best = xp.zeros_like(directions[:, 0])
    for remaining in range(iterations, -1, -1):
        signal = inputs @ directions.mT  # (P, R)
        active = xp.astype(signal > 0, inputs.dtype)
        outer = residuals.mT @ (signal * active) / count  # (K, R)
        length = xp.linalg.vector_norm(outer, axis=0)
        best = xp.maximum(best, length)
        if remaining:
            new = (inputs.mT @ (active * (residuals @ (outer / length))) / count).mT
            directions = new / xp.linalg.vector_norm(new, axis=1, keepdims=True)
    return best
