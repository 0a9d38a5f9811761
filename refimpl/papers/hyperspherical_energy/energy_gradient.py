"""The compact gradient and Hessian product of hyperspherical energy.

In N x N matrices (derived), with A_ij = ∂E/∂c_ij of the sum over i < j and zero diagonal,

    ∂E/∂W = diag(1/ν) S Û,   S = A − diag((A∘G) 1),   G = Û Ûᵀ

one matrix product beside that of G. In half space the pair is φ(c) + φ(−c) and no 2N points are
formed. A neuron and its own antipode are a constant where ε = 0 and a function of ‖w_i‖ where not.

>>> import numpy as np
>>> from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
>>> energy = HypersphericalEnergy(s=2.0, space="half", reduction="lines")
>>> value, parts = forward(np.asarray([[1.0, 0.0], [1.0, 1.0]]), energy, None)
>>> np.round(gradient_of(parts), 12) + 0.0
array([[ 0.,  4.],
       [ 2., -2.]])
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

from refimpl import autodiff as ad
from refimpl.arrays import Array, device, eps, namespace
from refimpl.papers.hyperspherical_energy.cosines import check_weight, gaps, gram_matrix, normalize


class Kernel(Protocol):
    """What is asked of an energy: its settings, φ of pairs, and the factor of their sum."""

    @property
    def s(self) -> float: ...
    @property
    def space(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def kernel(self) -> str: ...
    @property
    def reduction(self) -> str: ...
    @property
    def epsilon(self) -> float: ...

    def pair(self, below: Array, above: Array, derivatives: int) -> Any:
        """φ of the gaps 1 - c and 1 + c, with as many derivatives."""

    def scale(self, neurons: int) -> float:
        """The factor of the sum over ordered pairs."""


class Parts(NamedTuple):
    """One layer on the way from its weights to the energy and its derivatives."""

    unit: Array  # Û
    inverse: Array  # 1/ν, shape (N, 1)
    slope: Array  # S


def forward(weight: Array, energy: Kernel, share: Array | None) -> tuple[Any, Any]:
    """The value, and per layer the parts of which the gradient is made."""
    check_weight(weight)
    xp = namespace(weight)
    eye = xp.eye(weight.shape[-2], dtype=weight.dtype, device=device(weight))
    if weight.ndim == 2:
        return _layer(weight, energy, share, eye)
    pairs = [_layer(weight[c, ...], energy, share, eye) for c in range(weight.shape[0])]
    return xp.stack([value for value, _ in pairs]), [parts for _, parts in pairs]


def _half_space(gram: Array, energy: Kernel) -> tuple[Array, Array, Array] | None:
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
        slope = gram * (factor / rest)
    else:
        inverse = 1.0 / rest
        total = xp.sum(inverse) - size
        inverse *= inverse
        inverse *= gram
        inverse *= 2.0
        slope = inverse
    # of the very products of which the rest of the gradient is made: written as the difference of
    # two sums near N it would leave their rounding along the neurons
    return total, slope, xp.vecdot(slope, gram)


def _gaps_of(unit: Array, delta: Array, gram: Array, energy: Kernel) -> tuple[Array, Array]:
    half, angular = energy.space == "half", energy.metric == "angular"
    return gaps(unit, delta, gram, half=half, angular=angular)


def _pairs(below: Array, above: Array, energy: Kernel, derivatives: int) -> tuple[Array, ...]:
    """The energy of a pair of neurons (of lines, in half space) and its derivatives in c."""
    plus = energy.pair(below, above, derivatives)
    if energy.space == "full":
        return plus
    minus = energy.pair(above, below, derivatives)
    return tuple(
        p + (-m if order % 2 else m) for order, (p, m) in enumerate(zip(plus, minus, strict=True))
    )


def _pair_weights(energy: Kernel, share: Array | None, size: int) -> Any:
    """What the energy of pair (i, j) is multiplied by: a float, or an (N, N) array."""
    if share is not None:
        return share[:, None] + share[None, :]
    return energy.scale(size) * (2.0 if energy.space == "half" else 1.0)


def _own(energy: Kernel) -> bool:
    """Whether the pairs of a neuron and its own antipode are counted."""
    return energy.space == "half" and energy.reduction != "lines"


def _layer(weight: Array, energy: Kernel, share: Array | None, eye: Array) -> tuple[Array, Parts]:
    xp = namespace(weight)
    unit, inverse, delta = normalize(weight, energy.epsilon)
    gram = gram_matrix(unit, eye)
    size = gram.shape[0]
    weights = _pair_weights(energy, share, size)
    quick = _half_space(gram, energy) if energy.space == "half" else None
    if quick is not None:
        total, slope, diagonal = quick
        value = (0.5 * weights) * total
        slope *= weights
        diagonal = weights * diagonal
    else:
        below, above = _gaps_of(unit, delta, gram, energy)
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
    return value, Parts(unit, inverse, slope)


def gradient_of(parts: Parts | list[Parts]) -> Array:
    """diag(1/ν) S Û, stacked for a stack of layers."""
    if isinstance(parts, list):
        return namespace(parts[0].unit).stack([gradient_of(part) for part in parts])
    return (parts.inverse * parts.slope) @ parts.unit


def hessian(weight: Array, energy: Kernel, share: Array | None, direction: Array) -> Array:
    """The Hessian times ``direction``: the derivative of every line of the gradient along it."""
    if weight.ndim == 3:
        parts = [
            hessian(weight[c, ...], energy, share, direction[c, ...])
            for c in range(weight.shape[0])
        ]
        return namespace(weight).stack(parts)
    xp = namespace(weight)
    unit, inverse, delta = normalize(weight, energy.epsilon)
    size = weight.shape[0]
    eye = xp.eye(size, dtype=weight.dtype, device=device(weight))
    gram = gram_matrix(unit, eye)
    below, above = _gaps_of(unit, delta, gram, energy)
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


energy_value = ad.Primitive(forward, saves=True)
_gradient = ad.Primitive(
    lambda weight, energy, share: gradient_of(forward(weight, energy, share)[1])
)
hessian_product = ad.Primitive(hessian)


def _energy_rule(g: Any, ans: Any, weight: Any, energy: Any, share: Any, saved: Any = None) -> Any:
    gradient = _gradient(weight, energy, share) if saved is None else gradient_of(saved)
    batched = len(ans.shape) == 1
    return (ad.reshape(g, (ans.shape[0], 1, 1)) if batched else g) * gradient


energy_value.derivatives(_energy_rule, None, None)
_gradient.derivatives(
    lambda h, ans, weight, energy, share: hessian_product(weight, energy, share, h), None, None
)
hessian_product.derivatives(
    None,
    None,
    None,
    lambda h, ans, weight, energy, share, direction: hessian_product(weight, energy, share, h),
)
