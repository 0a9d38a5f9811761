r"""What projection does to hyperspherical energy: in the mean, in noise, and at its worst.

P is k x n with independent normal entries, c the cosine of two neurons and r that of their
projections (law in
:mod:`refimpl.papers.hyperspherical_energy.theory.projected_angle`). For a pair of lines the
half-space energy of s = 2 is 1/(1 − c²). All of this is derived; none of it is in the paper as
far as is known.

1. *Random projection is half-space energy, in the mean.* 1/(1 − r²) = 1 + (b² S)/R with residual
   R ~ (1 − c²) χ²_{k−1} independent of the rest, hence

       E 1/(1 − r²) = (k/(k−3)) / (1 − c²) − 2/(k−3),    k > 3

   so E_P[HS(P W)] = (k/(k−3)) HS(W) − N(N−1)/(k−3), and the mean gradients are parallel with
   ratio k/(k−3). For s = 0 the slope is 1. Of the full space's kernels none is affine.
2. *Existence.* Half space, s = 2: mean iff k > 3, its gradient's iff k > 4, variance iff k > 5,
   the gradient's iff k > 7. Full space: mean iff k > s + 1.
3. *Angle preservation has a floor.* cos(P W) has rank <= k and unit diagonal, so that for
   orthonormal W its distance to I is at least √(N(N−k)/k); a Gaussian P has √(N(N−1)/k).
4. *The adversary has no best answer.* For k < n some P sends ŵ_1 − ŵ_2 to 0: the maximum is +∞.
5. *An ε inside the norms is a loophole.* Cosines shrink with the norms, so energy falls to that
   of orthogonal points (and, by the own antipodes, slightly below it) while directions stay.

Source of the objectives: R. Lin et al., "Regularizing Neural Networks via Minimizing
Hyperspherical Energy", CVPR 2020 (arXiv 1906.04892).

>>> affine = half_space_affine(2.0, 12)
>>> round(affine.slope, 6), round(affine.constant, 6)
(1.333333, -0.222222)
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from refimpl.arrays import namespace
from refimpl.errors import InfeasibleError
from refimpl.papers.hyperspherical_energy.theory.projected_angle import expectation


class Affine(NamedTuple):
    """E φ(r) = slope φ(c) + constant for a pair."""

    slope: float
    constant: float


def least_dimension(s: float, space: str = "full", moment: str = "mean") -> int:
    """The least k at which a moment of the projected energy of a pair exists.

    Parameters
    ----------
    s : float
        The law has density (1 ∓ r)^{(k−3)/2} at the ends, and the energy (1 ∓ r)^{−s/2}.
    space : {"full", "half"}
        The condition is the same; half space has the pole at both ends.
    moment : {"mean", "variance", "gradient mean", "gradient variance"}
        The gradient in W has the pole (1 ∓ r)^{−(s+1)/2}: its tangential part.

    Examples
    --------
    >>> moments = ("mean", "gradient mean", "variance", "gradient variance")
    >>> [least_dimension(2.0, "half", name) for name in moments]
    [4, 5, 6, 8]
    """
    powers = {
        "mean": s,
        "variance": 2.0 * s,
        "gradient mean": s + 1.0,
        "gradient variance": 2.0 * (s + 1.0),
    }
    if space not in ("full", "half"):
        raise ValueError(f"space must be full or half, not {space!r}")
    return math.floor(powers[moment]) + 2


def _need(k: int, least: int, what: str) -> None:
    if k < least:
        raise InfeasibleError(
            f"the {what} of the projected energy does not exist", projected=k, least=least
        )


def half_space_affine(s: float, projected: int) -> Affine:
    """The affine map from a pair's half-space energy to its mean after projection.

    Parameters
    ----------
    s : {0, 2}
        No other s >= 0 with an affine map is known; s = 4 closes with a quadratic
        (:func:`half_space_fourth`).
    projected : int
        k > 3 for s = 2; k > 1 for s = 0.

    Raises
    ------
    InfeasibleError
        Where the mean does not exist.
    ValueError
        For another s.

    Examples
    --------
    >>> half_space_affine(2.0, 5)
    Affine(slope=2.5, constant=-1.0)
    """
    if s == 2:
        _need(projected, 4, "mean")
        return Affine(projected / (projected - 3.0), -2.0 / (projected - 3.0))
    if s == 0:
        _need(projected, 2, "mean")
        # the energy of a pair of lines is −log 2 − ½ log(1 − c²)
        return Affine(1.0, -0.5 * log_shift(projected))
    raise ValueError(f"the half-space energy is affine under projection for s = 0 and 2, not {s}")


def log_shift(projected: int) -> float:
    """E log(1 − r²) − log(1 − c²) = ψ((k−1)/2) − ψ(k/2), whatever c.

    Examples
    --------
    >>> round(log_shift(3), 12)
    -0.61370563888
    """
    from scipy.special import digamma

    return float(digamma(0.5 * (projected - 1)) - digamma(0.5 * projected))


def half_space_mean(energy: float, neurons: int, projected: int) -> float:
    """E_P of the s = 2 half-space energy Σ_{i<j} 1/(1 − r_ij²), from that of W.

    Examples
    --------
    >>> half_space_mean(45.0, 10, 12)
    50.0
    """
    affine = half_space_affine(2.0, projected)
    return affine.slope * energy + affine.constant * 0.5 * neurons * (neurons - 1)


def inverse_square_moment(cosine: float, projected: int) -> float:
    """E (1 − r²)^{−2} = 1 + 2(1+kt)/(k−3) + (3 + 6kt + k(k+2)t²)/((k−3)(k−5)), t = c²/(1−c²).

    Examples
    --------
    >>> round(inverse_square_moment(0.0, 8), 12)
    1.6
    """
    _need(projected, 6, "second moment")
    k, t = projected, cosine**2 / (1.0 - cosine**2)
    linear = 2.0 * (1.0 + k * t) / (k - 3)
    return 1.0 + linear + (3.0 + 6.0 * k * t + k * (k + 2) * t * t) / ((k - 3) * (k - 5))


def half_space_fourth(cosine: float, projected: int) -> float:
    """E of the s = 4 half-space energy of a pair, ½ [2/(1 − r²)² − 1/(1 − r²)].

    Examples
    --------
    >>> round(half_space_fourth(0.0, 8), 12)
    1.0
    """
    affine = half_space_affine(2.0, projected)
    first = affine.slope / (1.0 - cosine**2) + affine.constant
    return inverse_square_moment(cosine, projected) - 0.5 * first


def half_space_variance(cosine: float, projected: int) -> float:
    """Variance of 1/(1 − r²); at c = 0, 2(k − 2)/((k − 3)²(k − 5)).

    Examples
    --------
    >>> round(half_space_variance(0.0, 8), 12)
    0.16
    """
    affine = half_space_affine(2.0, projected)
    first = affine.slope / (1.0 - cosine**2) + affine.constant
    return inverse_square_moment(cosine, projected) - first * first


def smoothed_kernel(s: float, cosine: float, projected: int, space: str = "full") -> float:
    """φ_k(c) = E f_s(√(2 − 2r)): the kernel that random projection has in the mean.

    Parameters
    ----------
    s : float
    cosine : float
    projected : int
        k > s + 1.
    space : {"full", "half"}
        Half adds f_s(√(2 + 2r)).

    Examples
    --------
    >>> round(smoothed_kernel(2.0, 0.9, 40), 3), round(smoothed_kernel(2.0, 0.0, 12, "half"), 9)
    (5.372, 1.111111111)
    """
    _need(projected, least_dimension(s, space), "mean")

    def energy(below: Any, above: Any) -> Any:
        xp = namespace(below)
        ends = (below,) if space == "full" else (below, above)
        if s == 0:
            return sum(-0.5 * xp.log(2.0 * end) for end in ends)
        return sum((2.0 * end) ** (-0.5 * s) for end in ends)

    return expectation(energy, cosine=cosine, projected=projected, poles=0.5 * s)


def noise_ratio(dimension: int, projected: int, projections: int) -> float:
    """Norm of the noise of the projected gradient over that of the half-space gradient.

    (n/k)/√C near a random initialisation, leading order; measured values lie above it, by a factor
    of 1.2 to 1.4 for k >= 20 and of about 2 at k = 8 (observed here, n = 576).

    Examples
    --------
    >>> round(noise_ratio(576, 40, 20), 2)
    3.22
    """
    return dimension / projected / math.sqrt(projections)


def preservation_floor(neurons: int, projected: int) -> float:
    """Least ‖cos(P W) − I‖_F over all P, for orthonormal W: √(N(N−k)/k), or 0 for k >= N.

    Attained by unit-norm tight frames.

    Examples
    --------
    >>> round(preservation_floor(128, 30), 2)
    20.45
    """
    return math.sqrt(neurons * max(0, neurons - projected) / projected)


def preservation_random(neurons: int, projected: int) -> float:
    """Root mean square of ‖cos(P W) − I‖_F over Gaussian P, for orthonormal W: √(N(N−1)/k).

    Examples
    --------
    >>> round(preservation_random(128, 30), 2)
    23.28
    """
    return math.sqrt(neurons * (neurons - 1) / projected)


def blow_up(cosine: float, shrink: float) -> float:
    """Energy f_2 of two neurons whose difference is scaled by t and whose mean is kept.

    ((1+c) + (1−c) t²)/(4 (1−c) t²): it grows as t^{-2} without a bound, so that a maximum over P
    does not exist where P has a kernel.

    Examples
    --------
    >>> blow_up(0.0, 1.0), blow_up(0.0, 0.125)
    (0.5, 16.25)
    """
    if not shrink > 0.0:
        raise InfeasibleError("projections of two neurons coincide", shrink=shrink)
    square = shrink * shrink
    return ((1.0 + cosine) + (1.0 - cosine) * square) / (4.0 * (1.0 - cosine) * square)


def loophole_cosine(cosine: float, first: float, second: float, epsilon: float) -> float:
    """The cosine that an ε inside the norms leaves of c: c ‖w‖‖v‖/√((‖w‖²+ε)(‖v‖²+ε)).

    Parameters
    ----------
    first, second : float
        The norms.

    Examples
    --------
    >>> loophole_cosine(1.0, 0.01, 0.01, 1e-4)
    0.5
    """
    lengths = (first * first + epsilon) * (second * second + epsilon)
    return cosine * first * second / math.sqrt(lengths)


def loophole_energy(pairs: Any, neurons: int, norm: float, epsilon: float) -> float:
    """Mean s = 2 half-space energy with ε inside the norms, of N neurons of one norm.

    It falls with the norm, to a little below 1/2, and ends at exactly 1/2, the energy of
    orthogonal points: the own antipodes, at 1/2 − δ/2 for δ = norm²/(norm² + ε), come in from
    below at first order, the pairs of neurons from above at second order. Not monotone at the
    very end.

    Parameters
    ----------
    pairs : iterable of (cosine, count)
        Over unordered pairs of neurons.

    Examples
    --------
    >>> round(loophole_energy([(0.9, 3)], 3, 1e-6, 1e-4), 6)
    0.5
    """
    own = loophole_cosine(-1.0, norm, norm, epsilon)
    total = neurons / (2.0 - 2.0 * own)
    for cosine, count in pairs:
        total += count * 2.0 / (1.0 - loophole_cosine(cosine, norm, norm, epsilon) ** 2)
    return total / (neurons * (2 * neurons - 1))
