"""Hyperspherical energy: how far a layer's neurons are from an even spread of directions.

Neurons w_i are the rows of W (N, n), ŵ = w / ν with ν = √(‖w‖² + ε), and c_ij = ŵ_i·ŵ_j. With the
kernel f_s(z) = z^{-s} (s > 0), f_0(z) = log(1 / z), a pair has the energy

* φ(c) = f_s(√(2 − 2c)), Euclidean;  φ(c) = f_s(arccos c), angular
* full space: the N points;  half space: the 2N points ±ŵ_i, so that lines repel, not points

Gradient, in N x N matrices (derived): with A_ij = ∂E/∂c_ij of the sum over i < j and zero diagonal,

    ∂E/∂W = diag(1/ν) S Û,   S = A − diag((A∘G) 1),   G = Û Ûᵀ

one matrix product beside that of G. In half space the pair is φ(c) + φ(−c) and no 2N points are
formed. A neuron and its own antipode are a constant where ε = 0 and a function of ‖w_i‖ where not.

Sources: W. Liu et al., "Learning towards Minimum Hyperspherical Energy", NeurIPS 2018
(arXiv 1805.09298): the energies; R. Lin et al., "Regularizing Neural Networks via Minimizing
Hyperspherical Energy", CVPR 2020 (arXiv 1906.04892). The released code's constants are switches.

>>> import numpy as np
>>> triangle = np.asarray([[1.0, 0.0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]])
>>> round(float(HypersphericalEnergy(s=2.0, reduction="sum")(triangle)), 12)
1.0
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.arrays import Array, check_float, device, eps, namespace, one_hot
from refimpl.errors import InfeasibleError

Space = Literal["full", "half"]
Metric = Literal["euclidean", "angular"]
Reduction = Literal["mean", "sum", "ordered", "square", "lines"]
Kernel = Literal["paper", "released"]

RELEASED_EPSILON = 1e-4
"""What the released code adds to the squared norm of a neuron, and to the normalised angle."""


@dataclass(frozen=True)
class HypersphericalEnergy:
    """The energy of the rows of a weight matrix, with its normalisation.

    Parameters
    ----------
    s : float
        Power of the kernel, >= 0; the papers use 0, 1 and 2.
    space : {"full", "half"}
    metric : {"euclidean", "angular"}
    reduction : {"mean", "sum", "ordered", "square", "lines"}
        Over the M = N points, or the M = 2N of half space: "sum" counts each pair once and
        "ordered" twice (the papers' E_{s,d}); "mean" divides the sum by the number of pairs
        (their regulariser, and the released code); "square" is the ordered sum over M²;
        "lines" (half space) is Σ_{i<j} [φ(c_ij) + φ(−c_ij)], without own antipodes.
    epsilon : float
        ε inside the norms; 1e-4 in the released code. Where ε > 0 the energy also falls when
        norms shrink, and a zero neuron counts as orthogonal to all: measure with ε = 0.
    kernel : {"paper", "released"}
        The released code doubles f_0 of the Euclidean metric, and measures angles as
        arccos(c)/π + 1e-4, with a factor 0.1 for s > 0.

    Raises
    ------
    ValueError
        For s < 0, ε < 0 or an unknown name.

    Examples
    --------
    >>> import numpy as np
    >>> energy = HypersphericalEnergy(s=2.0, space="half", reduction="lines")
    >>> float(energy(np.eye(3)))
    3.0
    >>> value, gradient = energy.value_and_gradient(np.asarray([[1.0, 0.0], [1.0, 1.0]]))
    >>> round(float(value), 12), np.round(gradient, 12) + 0.0
    (2.0, array([[ 0., 4.],
           [ 2., -2.]]))
    >>> HypersphericalEnergy(s=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: s must be non-negative and finite, not -1.0
    """

    s: float = 2.0
    space: Space = "full"
    metric: Metric = "euclidean"
    reduction: Reduction = "mean"
    epsilon: float = 0.0
    kernel: Kernel = "paper"

    def __post_init__(self) -> None:
        for name in ("s", "epsilon"):
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                raise TypeError(f"{name} must be a real number, not {type(number).__name__}")
            if not 0.0 <= number < math.inf:
                raise ValueError(f"{name} must be non-negative and finite, not {number!r}")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                listed = ", ".join(choices)
                raise ValueError(f"{name} must be one of {listed}, not {getattr(self, name)!r}")
        if self.reduction == "lines" and self.space != "half":
            raise ValueError("reduction 'lines' is of half space, not full")

    def __call__(self, weight: Array) -> Array:
        """The energy: a 0-d array, differentiable twice.

        Parameters
        ----------
        weight : array, shape (N, n) or (C, N, n)
            Row = neuron. A leading axis makes C separate energies, of shape (C,).

        Raises
        ------
        InfeasibleError
            For fewer than two neurons; where ε = 0, for a zero neuron (no direction), and for two
            neurons that coincide (in half space: are collinear), where the energy is infinite.
            The numbers name the neurons.
        TypeError, ValueError
            If the weights are not a floating array of two or three axes.
        """
        return _energy(weight, self, None)

    def value_and_gradient(self, weight: Array) -> tuple[Array, Array]:
        """The energy and ∂E/∂W of the shape of ``weight``, by the compact form above."""
        value, parts = _forward(weight, self, None)
        return value, _gradient_of(parts)

    def certificate(self, weight: Array) -> Array:
        """S at the directions of ``weight``: ∂E/∂W = diag(1/ν) S Û, shape (N, N).

        Where S Û = 0 the point is critical. The energy is convex in the cosines for the Euclidean
        kernels, so that a critical point whose S is positive semi-definite is a global minimum
        (derived: S is the dual certificate of the problem in the Gram matrix).
        """
        return _forward(weight, self, None)[1].slope

    def hvp(self, weight: Array, direction: Array) -> Array:
        """The Hessian at ``weight`` times ``direction``, of their shape (N, n)."""
        return _hessian_product(weight, self, None, direction)

    def minibatch(self, weight: Array, labels: Array) -> Array:
        """1/(m (N−1)) Σ_i Σ_{j≠y_i} f_s(‖ŵ_{y_i} − ŵ_j‖) over the labels y_1..y_m of a batch.

        The form for a large output layer; its mean over uniform labels is "mean" in full space.
        ``reduction`` is not used. Full space only.

        Parameters
        ----------
        weight : array, shape (N, n)
        labels : integer array, shape (m,), with entries in 0..N−1
        """
        if self.space != "full":
            raise ValueError("the minibatch form of the output layer is of full space")
        plain = ad.value(weight)
        xp = namespace(plain)
        counts = xp.sum(one_hot(labels, plain.shape[0], plain), axis=0)
        share = counts / (labels.shape[0] * (plain.shape[0] - 1))
        return _energy(weight, self, share)

    def scale(self, neurons: int) -> float:
        """What the sum over unordered pairs of points is multiplied by."""
        points = 2 * neurons if self.space == "half" else neurons
        factors = {
            "mean": 2.0 / (points * (points - 1)),
            "sum": 1.0,
            "ordered": 2.0,
            "square": 2.0 / points**2,
            "lines": 0.5,
        }
        return factors[self.reduction]

    def pair(self, below: Array, above: Array, derivatives: int = 0) -> tuple[Array, ...]:
        """φ(c) and its derivatives in c up to the second, from 1 − c and 1 + c.

        Parameters
        ----------
        below, above : array
            1 − c and 1 + c; both are needed, since either may be too small to be read off c.
        derivatives : {0, 1, 2}

        Returns
        -------
        tuple of array
            φ, φ', φ'' as far as asked for.
        """
        if self.metric == "angular":
            return self._angular(below, above, derivatives)
        xp = namespace(below)
        inverse = 0.5 / below
        if self.s == 0:
            factor = 2.0 if self.kernel == "released" else 1.0
            result = [0.5 * factor * xp.log(inverse)]
            if derivatives >= 1:
                result.append(factor * inverse)
            if derivatives >= 2:
                result.append(2.0 * factor * inverse * inverse)
            return tuple(result)
        value = _power(inverse, self.s)
        result = [value]
        if derivatives >= 1:
            result.append(self.s * value * inverse)
        if derivatives >= 2:
            result.append((self.s + 2.0) * result[1] * inverse)
        return tuple(result)

    def _angular(self, below: Array, above: Array, derivatives: int) -> tuple[Array, ...]:
        xp = namespace(below)
        # arccos c from the gap at the nearer end, where arccos itself would cancel
        near = 2.0 * xp.asin(xp.sqrt(0.5 * xp.minimum(below, above)))
        theta = xp.where(below <= above, near, math.pi - near)
        released = self.kernel == "released"
        rate = 1.0 / math.pi if released else 1.0
        angle = rate * theta + RELEASED_EPSILON if released else theta
        if self.s == 0:
            f = [-xp.log(angle), -rate / angle, (rate / angle) ** 2]
        else:
            first = (0.1 if released else 1.0) * angle ** (-self.s)
            f = [first, -self.s * rate * first / angle]
            f.append((self.s + 1.0) * rate * -f[1] / angle)
        result = [f[0]]
        if derivatives >= 1:
            sine = xp.sqrt(below * above)
            # an exact antipode is a kink of the angle: zero is one of its sub-gradients
            flat = sine == 0
            inverse = xp.where(flat, xp.zeros_like(sine), 1.0 / xp.where(flat, 1.0 + sine, sine))
            result.append(-f[1] * inverse)
        if derivatives >= 2:
            cosine = 0.5 * (above - below)
            result.append(inverse * inverse * (f[2] - f[1] * cosine * inverse))
        return tuple(result)


_CHOICES: dict[str, tuple[str, ...]] = {
    "space": get_args(Space),
    "metric": get_args(Metric),
    "reduction": get_args(Reduction),
    "kernel": get_args(Kernel),
}


def _power(inverse: Array, s: float) -> Array:
    """inverse ** (s / 2), by products and roots where s is an integer."""
    xp = namespace(inverse)
    if s == 1:
        return xp.sqrt(inverse)
    if s == 2:
        return inverse
    if s == 4:
        return inverse * inverse
    return inverse ** (0.5 * s)


class _Parts(NamedTuple):
    """One layer on the way from its weights to the energy and its derivatives."""

    unit: Array  # Û
    inverse: Array  # 1/ν, shape (N, 1)
    slope: Array  # S


def _check(weight: Array) -> None:
    check_float(weight, "the weight matrix of an energy")
    if weight.ndim not in (2, 3):
        raise ValueError(f"weights must be (neurons, inputs), got shape {tuple(weight.shape)}")
    if weight.shape[-2] < 2:
        raise InfeasibleError("an energy needs two neurons or more", neurons=weight.shape[-2])


def _forward(weight: Array, energy: HypersphericalEnergy, share: Array | None) -> tuple[Any, Any]:
    """The value, and per layer the parts of which the gradient is made."""
    _check(weight)
    xp = namespace(weight)
    eye = xp.eye(weight.shape[-2], dtype=weight.dtype, device=device(weight))
    if weight.ndim == 2:
        return _layer(weight, energy, share, eye)
    pairs = [_layer(weight[c, ...], energy, share, eye) for c in range(weight.shape[0])]
    return xp.stack([value for value, _ in pairs]), [parts for _, parts in pairs]


def _normalise(weight: Array, epsilon: float) -> tuple[Array, Array, Array]:
    """Û, 1/ν of shape (N, 1), and δ = ε/ν² = 1 − ‖û‖² of shape (N,)."""
    xp = namespace(weight)
    squares = xp.sum(weight * weight, axis=1)
    if epsilon == 0.0:
        # a plain sum of squares underflows for small neurons and overflows for large ones
        finfo = xp.finfo(weight.dtype)
        low, high = float(xp.min(squares)), float(xp.max(squares))
        if not (float(finfo.smallest_normal) / eps(weight) < low and high < math.inf):
            size = xp.max(xp.abs(weight), axis=1)
            if float(xp.min(size)) == 0.0:
                raise InfeasibleError(
                    "a zero neuron has no direction", neuron=int(xp.argmin(size)), norm=0.0
                )
            scaled = weight / size[:, None]
            lengths = xp.sqrt(xp.sum(scaled * scaled, axis=1))[:, None]
            return scaled / lengths, 1.0 / (lengths * size[:, None]), xp.zeros_like(squares)
    squares = squares + epsilon
    inverse = 1.0 / xp.sqrt(squares)[:, None]
    return weight * inverse, inverse, epsilon / squares


def _gram(unit: Array, eye: Array) -> Array:
    """G with zeros on the diagonal, so that no kernel meets its pole there."""
    gram = unit @ unit.mT
    gram *= 1.0 - eye
    return gram


def _half_space(gram: Array, energy: HypersphericalEnergy) -> tuple[Array, Array, Array] | None:
    """Half space with s = 0 or 2, in few passes: φ(c) + φ(−c) depends on 1 − c² alone.

    Returns None where a pair is too near for 1 − c² to have its digits; else the sum of pair
    energies over i != j, A and (A∘G) 1.
    """
    xp = namespace(gram)
    if energy.metric != "euclidean" or energy.s not in (0, 2):
        return None
    rest = gram * gram
    if not 1.0 - float(xp.max(rest)) > 2.0 * eps(gram) ** (1.0 / 3.0):
        return None
    rest *= -1.0
    rest += 1.0
    size = gram.shape[0]
    if energy.s == 0:
        factor = 2.0 if energy.kernel == "released" else 1.0
        total = -0.5 * factor * (xp.sum(xp.log(rest)) + size * (size - 1) * math.log(4.0))
        inverse = factor / rest
        return total, gram * inverse, xp.sum(inverse, axis=1) - factor * size
    inverse = 1.0 / rest
    lines = xp.sum(inverse, axis=1)
    inverse *= inverse
    # c² / (1 − c²)² = 1 / (1 − c²)² − 1 / (1 − c²)
    diagonal = 2.0 * (xp.sum(inverse, axis=1) - lines)
    inverse *= gram
    inverse *= 2.0
    return xp.sum(lines) - size, inverse, diagonal


def _gaps(
    unit: Array, delta: Array, gram: Array, energy: HypersphericalEnergy
) -> tuple[Array, Array]:
    """1 − G and 1 + G, accurate where they are small.

    From a rounded cosine 1 − c has lost its digits for near neurons. There
    2 − 2c = ‖û_i − û_j‖² + δ_i + δ_j is summed from the differences instead, row by row, for the
    few rows that have such a pair (in half space and for angles: near-antipodal ones too).
    """
    xp = namespace(unit)
    size = gram.shape[0]
    below, above = 1.0 - gram, 1.0 + gram
    half = energy.space == "half"
    cases = [(below, 1.0, True)]
    if half or energy.metric == "angular":
        cases.append((above, -1.0, half))
    bound = eps(unit) ** (1.0 / 3.0)  # there the plain gap still has two thirds of the digits
    for gap, sign, pole in cases:
        lowest = xp.min(gap, axis=1)
        if not float(xp.min(lowest)) < bound:
            continue
        for row in range(size):
            if bool(lowest[row] < bound):
                difference = unit - sign * unit[row, :]
                exact = 0.5 * (xp.sum(difference * difference, axis=1) + delta + delta[row])
                gap[row, :] = xp.where(gap[row, :] < bound, exact, gap[row, :])
        if pole and float(xp.min(gap)) <= 0.0:
            flat = int(xp.argmin(xp.reshape(gap, (-1,))))
            raise InfeasibleError(
                f"two neurons {'coincide' if sign > 0 else 'are antipodes'}, "
                "so their energy is infinite",
                first=flat // size,
                second=flat % size,
                cosine=sign,
            )
    return below, above


def _pairs(
    below: Array, above: Array, energy: HypersphericalEnergy, derivatives: int
) -> tuple[Array, ...]:
    """The energy of a pair of neurons (of lines, in half space) and its derivatives in c."""
    plus = energy.pair(below, above, derivatives)
    if energy.space == "full":
        return plus
    minus = energy.pair(above, below, derivatives)
    return tuple(
        p + (-m if order % 2 else m) for order, (p, m) in enumerate(zip(plus, minus, strict=True))
    )


def _pair_weights(energy: HypersphericalEnergy, share: Array | None, size: int) -> Any:
    """What the energy of pair (i, j) is multiplied by: a float, or an (N, N) array."""
    if share is not None:
        return share[:, None] + share[None, :]
    return energy.scale(size) * (2.0 if energy.space == "half" else 1.0)


def _own(energy: HypersphericalEnergy) -> bool:
    """Whether the pairs of a neuron and its own antipode are counted."""
    return energy.space == "half" and energy.reduction != "lines"


def _layer(
    weight: Array, energy: HypersphericalEnergy, share: Array | None, eye: Array
) -> tuple[Array, _Parts]:
    xp = namespace(weight)
    unit, inverse, delta = _normalise(weight, energy.epsilon)
    gram = _gram(unit, eye)
    size = gram.shape[0]
    weights = _pair_weights(energy, share, size)
    quick = _half_space(gram, energy) if energy.space == "half" else None
    if quick is not None:
        total, slope, diagonal = quick
        value = (0.5 * weights) * total
        slope *= weights
        diagonal = weights * diagonal
    else:
        below, above = _gaps(unit, delta, gram, energy)
        energies, slope = _pairs(below, above, energy, 1)
        del below, above
        value = 0.5 * xp.sum(energies * weights * (1.0 - eye))
        del energies
        slope = slope * weights * (1.0 - eye)
        diagonal = xp.sum(slope * gram, axis=1)
    if _own(energy):
        own, own_slope = energy.pair(2.0 - delta, delta, 1)
        value = value + energy.scale(size) * xp.sum(own)
        diagonal = diagonal + (2.0 * energy.scale(size)) * own_slope * delta
    slope -= eye * diagonal
    return value, _Parts(unit, inverse, slope)


def _gradient_of(parts: _Parts | list[_Parts]) -> Array:
    if isinstance(parts, list):
        return namespace(parts[0].unit).stack([_gradient_of(part) for part in parts])
    return (parts.inverse * parts.slope) @ parts.unit


def _hessian(
    weight: Array, energy: HypersphericalEnergy, share: Array | None, direction: Array
) -> Array:
    """The Hessian times ``direction``: the derivative of every line of the gradient along it."""
    if weight.ndim == 3:
        parts = [
            _hessian(weight[c, ...], energy, share, direction[c, ...])
            for c in range(weight.shape[0])
        ]
        return namespace(weight).stack(parts)
    xp = namespace(weight)
    unit, inverse, delta = _normalise(weight, energy.epsilon)
    size = weight.shape[0]
    eye = xp.eye(size, dtype=weight.dtype, device=device(weight))
    gram = _gram(unit, eye)
    below, above = _gaps(unit, delta, gram, energy)
    _, slope, curvature = _pairs(below, above, energy, 2)
    weights = _pair_weights(energy, share, size) * (1.0 - eye)
    slope, curvature = slope * weights, curvature * weights

    stretch = xp.sum(unit * direction, axis=1)[:, None] * inverse  # ν̇ / ν
    unit_dot = direction * inverse - stretch * unit
    gram_dot = unit_dot @ unit.mT
    gram_dot = gram_dot + gram_dot.mT
    slope_dot = curvature * gram_dot
    diagonal = xp.sum(slope * gram, axis=1)
    diagonal_dot = xp.sum(slope_dot * gram + slope * gram_dot, axis=1)
    if _own(energy):
        _, own_slope, own_curvature = energy.pair(2.0 - delta, delta, 2)
        factor = 2.0 * energy.scale(size)
        delta_dot = -2.0 * delta * stretch[:, 0]
        diagonal = diagonal + factor * own_slope * delta
        diagonal_dot = diagonal_dot + factor * delta_dot * (own_slope + own_curvature * delta)
    slope = slope - eye * diagonal
    slope_dot = slope_dot - eye * diagonal_dot
    gradient = (inverse * slope) @ unit
    return inverse * (slope_dot @ unit + slope @ unit_dot) - stretch * gradient


_energy = ad.Primitive(_forward, saves=True)
_gradient = ad.Primitive(
    lambda weight, energy, share: _gradient_of(_forward(weight, energy, share)[1])
)
_hessian_product = ad.Primitive(_hessian)


def _energy_rule(g: Any, ans: Any, weight: Any, energy: Any, share: Any, saved: Any = None) -> Any:
    gradient = _gradient(weight, energy, share) if saved is None else _gradient_of(saved)
    batched = len(ans.shape) == 1
    return (ad.reshape(g, (ans.shape[0], 1, 1)) if batched else g) * gradient


_energy.derivatives(_energy_rule, None, None)
_gradient.derivatives(
    lambda h, ans, weight, energy, share: _hessian_product(weight, energy, share, h), None, None
)
_hessian_product.derivatives(
    None,
    None,
    None,
    lambda h, ans, weight, energy, share, direction: _hessian_product(weight, energy, share, h),
)


def norm_report(weight: Array) -> tuple[float, int]:
    """The smallest norm of a neuron, and how many norms lie below 1 % of the median.

    Where ε > 0 the energy falls as norms shrink: dead neurons then pass for diversity.

    Examples
    --------
    >>> import numpy as np
    >>> norm_report(np.asarray([[1.0, 0.0], [0.0, 1.0], [1e-6, 0.0]]))
    (1e-06, 1)
    """
    plain = ad.value(weight)
    xp = namespace(plain)
    norms = xp.sort(xp.linalg.vector_norm(plain, axis=1))
    median = float(norms[norms.shape[0] // 2])
    return float(norms[0]), int(xp.count_nonzero(norms < 0.01 * median))
