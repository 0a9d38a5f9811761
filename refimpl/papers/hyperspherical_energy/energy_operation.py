"""The Hessian product of hyperspherical energy, and the energy as an operation of the tape.

Every line of the gradient of :mod:`refimpl.papers.hyperspherical_energy.energy_gradient` is
differentiated along a direction V, with τ = ν̇/ν and a dot for derivatives:

    Û̇ = diag(1/ν) V − diag(τ) Û,   Ġ = Û̇ Ûᵀ + Û Û̇ᵀ,   Ṡ = A' ∘ Ġ − diag((A'∘Ġ∘G + A∘Ġ) 1)
    H V = diag(1/ν) [(Ṡ − diag(τ) S) Û + S Û̇]

tile by tile for large layers, as the gradient; a layer that is looked at as a whole is one tile.

>>> import numpy as np
>>> from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
>>> energy = HypersphericalEnergy(s=2.0, space="half", reduction="lines")
>>> float(energy_value(np.eye(3), energy, None))
3.0
>>> hessian(np.eye(2), energy, None, np.asarray([[0.0, 1.0], [0.0, 0.0]])) + 0.0
array([[0., 2.],
       [2., 0.]])
"""

from __future__ import annotations

from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace
from refimpl.papers.hyperspherical_energy.cosines import Neurons, normalize
from refimpl.papers.hyperspherical_energy.energy_gradient import (
    added,
    cut,
    forward,
    gradient_of,
)
from refimpl.papers.hyperspherical_energy.energy_pairs import (
    Kernel,
    counts_own,
    curved,
    pair_weights,
    place,
)


class _Tile(NamedTuple):
    """Some neurons and how they move."""

    own: Neurons
    unit_dot: Array
    stretch: Array  # ν̇ / ν, shape (N, 1)


class _Sums:
    """What the tiles of a layer have given to one of them."""

    pull: Any = None  # (Ṡ − diag(τ) S) Û + S Û̇, of the pairs
    diagonal: Any = None  # (A∘G) 1
    change: Any = None  # its derivative


def hessian(weight: Array, energy: Kernel, share: Array | None, direction: Array) -> Array:
    """The Hessian times ``direction``, of their shape (N, n) or (C, N, n)."""
    xp = namespace(weight)
    if weight.ndim == 3:
        layers = range(weight.shape[0])
        found = [hessian(weight[c, ...], energy, share, direction[c, ...]) for c in layers]
        return xp.stack(found)
    unit, inverse, delta = normalize(weight, energy.epsilon)
    size = weight.shape[0]
    stretch = xp.sum(unit * direction, axis=1)[:, None] * inverse
    unit_dot = direction * inverse
    unit_dot -= stretch * unit
    tiles = [
        _Tile(own, unit_dot[place(own), :], stretch[place(own), :]) for own in cut(unit, delta)
    ]
    sums = [_Sums() for _ in tiles]
    for i, a in enumerate(tiles):
        for j, b in enumerate(tiles[i:], i):
            weights = pair_weights(energy, share, size, a.own, b.own)
            _exchange(a, b, energy, weights, sums[i], sums[j])
    parts = []
    for tile, total in zip(tiles, sums, strict=True):
        diagonal, change = total.diagonal, total.change
        if counts_own(energy):
            more, turn = _own_pairs(energy, size, tile)
            diagonal, change = diagonal + more, change + turn
        turning = (change[:, None] - tile.stretch * diagonal[:, None]) * tile.own.unit
        total.pull -= turning + diagonal[:, None] * tile.unit_dot
        total.pull *= inverse[place(tile.own), :]
        parts.append(total.pull)
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=0)


def _exchange(a: _Tile, b: _Tile, energy: Kernel, weights: Any, left: _Sums, right: _Sums) -> None:
    """Add what the pairs between two tiles give to each of them."""
    xp = namespace(a.unit_dot)
    same = a is b
    slope, curvature, gram = curved(a.own, b.own, energy, weights)
    gram_dot = a.unit_dot @ b.own.unit.mT
    gram_dot = gram_dot + (gram_dot.mT if same else a.own.unit @ b.unit_dot.mT)
    slope_dot = curvature * gram_dot
    del curvature
    gram_dot *= slope
    gram_dot += slope_dot * gram
    gram *= slope
    left.diagonal = added(left.diagonal, xp.sum(gram, axis=1))
    left.change = added(left.change, xp.sum(gram_dot, axis=1))
    pull = (slope_dot - a.stretch * slope) @ b.own.unit
    pull += slope @ b.unit_dot
    left.pull = added(left.pull, pull)
    if not same:
        right.diagonal = added(right.diagonal, xp.sum(gram, axis=0))
        right.change = added(right.change, xp.sum(gram_dot, axis=0))
        slope_dot -= slope * b.stretch.mT
        pull = slope_dot.mT @ a.own.unit
        pull += slope.mT @ a.unit_dot
        right.pull = added(right.pull, pull)


def _own_pairs(energy: Kernel, size: int, tile: _Tile) -> tuple[Array, Array]:
    """What the pairs of neurons and their own antipodes add to (A∘G) 1, and its derivative."""
    delta = tile.own.delta
    _, slope, curvature = energy.pair(2.0 - delta, delta, 2)
    factor = 2.0 * energy.scale(size)
    delta_dot = -2.0 * delta * tile.stretch[:, 0]
    return factor * slope * delta, factor * delta_dot * (slope + curvature * delta)


energy_value = ad.Primitive(forward, saves=True)
energy_slope = ad.Primitive(
    lambda weight, energy, share: gradient_of(forward(weight, energy, share, valued=False)[1])
)
hessian_product = ad.Primitive(hessian)


def _energy_rule(g: Any, ans: Any, weight: Any, energy: Any, share: Any, saved: Any = None) -> Any:
    if saved is not None and len(ans.shape) == 0:
        return gradient_of(saved, g)
    factor = ad.reshape(g, (ans.shape[0], 1, 1)) if len(ans.shape) == 1 else g
    return factor * (energy_slope(weight, energy, share) if saved is None else saved)


energy_value.derivatives(_energy_rule, None, None)
energy_slope.derivatives(
    lambda h, ans, weight, energy, share: hessian_product(weight, energy, share, h), None, None
)
hessian_product.derivatives(
    None,
    None,
    None,
    lambda h, ans, weight, energy, share, direction: hessian_product(weight, energy, share, h),
)
