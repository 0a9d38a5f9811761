"""The compact gradient of hyperspherical energy.

In N x N matrices (derived), with A_ij = ∂E/∂c_ij of the sum over i < j and zero diagonal,

    ∂E/∂W = diag(1/ν) S Û,   S = A − diag((A∘G) 1),   G = Û Ûᵀ

one matrix product beside that of G. In half space the pair is φ(c) + φ(−c) and no 2N points are
formed. A neuron and its own antipode are a constant where ε = 0 and a function of ‖w_i‖ where not.

Of more than ``WHOLE`` neurons no N x N matrix is made: tiles of A on and above the diagonal are
summed into the gradient one after the other, each for its rows and, transposed, for its columns.

>>> import numpy as np
>>> from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
>>> energy = HypersphericalEnergy(s=2.0, space="half", reduction="lines")
>>> value, parts = forward(np.asarray([[1.0, 0.0], [1.0, 1.0]]), energy, None)
>>> np.round(gradient_of(parts), 12) + 0.0
array([[ 0.,  4.],
       [ 2., -2.]])
"""

from __future__ import annotations

from typing import Any, NamedTuple

from refimpl.arrays import Array, namespace, with_diagonal
from refimpl.papers.hyperspherical_energy.cosines import Neurons, check_weight, normalize
from refimpl.papers.hyperspherical_energy.energy_pairs import (
    Kernel,
    between,
    counts_own,
    pair_weights,
    place,
)

WHOLE = 512
"""Up to so many neurons a layer is looked at as a whole."""
TILE = 256
"""So many neurons a side has a tile of a larger one."""


class Parts(NamedTuple):
    """One layer on the way from its weights to the energy and its derivatives."""

    unit: Array  # Û
    inverse: Array  # 1/ν, shape (N, 1)
    slope: Array  # S


def forward(
    weight: Array,
    energy: Kernel,
    share: Array | None,
    derivatives: int = 1,
    *,
    valued: bool = True,
    whole: int | None = None,
) -> tuple[Any, Any]:
    """The value, and per layer that of which the gradient is made.

    Parameters
    ----------
    weight : array, shape (N, n) or (C, N, n)
    energy : HypersphericalEnergy
    share : array, shape (N,), optional
        Weights of the neurons.
    derivatives : {0, 1}
        With 0 the value alone.
    valued : bool
        Whether the value is wanted, else it is None.
    whole : int, optional
        The most neurons that are looked at as a whole; default ``WHOLE``.

    Returns
    -------
    value : array, shape () or (C,)
    saved : Parts, or the gradient itself: where the layer was cut into tiles, and of a stack, whose
        layers come and go one by one
    """
    check_weight(weight)
    xp = namespace(weight)
    evaluate = _layer if weight.shape[-2] <= (WHOLE if whole is None else whole) else _tiled
    if weight.ndim == 2:
        return evaluate(weight, energy, share, derivatives, valued)
    values, gradients = [], []
    for c in range(weight.shape[0]):
        value, saved = evaluate(weight[c, ...], energy, share, derivatives, valued)
        values.append(value)
        gradients.append(gradient_of(saved) if derivatives else None)
    return xp.stack(values) if valued else None, xp.stack(gradients) if derivatives else None


def _layer(
    weight: Array, energy: Kernel, share: Array | None, derivatives: int, valued: bool
) -> tuple[Any, Any]:
    unit, inverse, delta = normalize(weight, energy.epsilon)
    neurons = Neurons(unit, delta)
    weights = pair_weights(energy, share, weight.shape[0], neurons, neurons)
    pairs = between(neurons, neurons, energy, weights, derivatives, valued)
    own, diagonal = own_pairs(energy, delta)
    value = pairs.value if own is None or not valued else pairs.value + own
    if not derivatives:
        return value, None
    diagonal = pairs.rows if own is None else pairs.rows + diagonal
    return value, Parts(unit, inverse, with_diagonal(pairs.slope, -diagonal))


def own_pairs(energy: Kernel, delta: Array) -> tuple[Any, Any]:
    """The pairs of neurons and their own antipodes, and what they add to (A∘G) 1; or None."""
    if not counts_own(energy):
        return None, None
    scale = energy.scale(delta.shape[0])
    xp = namespace(delta)
    if energy.epsilon == 0.0:  # then all are antipodes exactly, and stay so
        return scale * xp.sum(energy.pair(2.0 - delta, delta, 0)[0]), 0.0
    own, slope = energy.pair(2.0 - delta, delta, 1)
    return scale * xp.sum(own), (2.0 * scale) * slope * delta


def cut(unit: Array, delta: Array) -> list[Neurons]:
    """The neurons of a layer in tiles; in one piece if they are few."""
    size = unit.shape[0]
    if size <= WHOLE:
        return [Neurons(unit, delta)]
    ends = [(first, min(first + TILE, size)) for first in range(0, size, TILE)]
    return [Neurons(unit[first:end, :], delta[first:end], first) for first, end in ends]


def added(total: Any, more: Array) -> Array:
    """``total`` + ``more`` in the memory of ``total``, which is None for nothing yet."""
    if total is None:
        return more
    total += more
    return total


def _tiled(
    weight: Array, energy: Kernel, share: Array | None, derivatives: int, valued: bool
) -> tuple[Any, Any]:
    """What :func:`_layer` finds, without an N x N matrix."""
    xp = namespace(weight)
    unit, inverse, delta = normalize(weight, energy.epsilon)
    size, tiles = weight.shape[0], cut(unit, delta)
    values: list[Array] = []
    pulls: list[Any] = [None] * len(tiles)
    diagonals: list[Any] = [None] * len(tiles)
    for i, a in enumerate(tiles):
        row = []
        for j, b in enumerate(tiles[i:], i):
            weights = pair_weights(energy, share, size, a, b)
            pairs = between(a, b, energy, weights, derivatives, valued)
            row.append(pairs.value)
            if derivatives:
                pulls[i] = added(pulls[i], pairs.slope @ b.unit)
                diagonals[i] = added(diagonals[i], pairs.rows)
                if j > i:
                    pulls[j] = added(pulls[j], pairs.slope.mT @ a.unit)
                    diagonals[j] = added(diagonals[j], pairs.columns)
        if valued:
            values.append(xp.sum(xp.stack(row)))
    value = xp.sum(xp.stack(values)) if valued else None
    own, more = own_pairs(energy, delta)
    if own is not None and valued:
        value = value + own
    if not derivatives:
        return value, None
    for i, a in enumerate(tiles):
        moves = own is not None and energy.epsilon > 0.0
        diagonal = diagonals[i] + more[place(a)] if moves else diagonals[i]
        pulls[i] -= diagonal[:, None] * a.unit
        pulls[i] *= inverse[place(a), :]
    return value, xp.concat(pulls, axis=0)


def gradient_of(saved: Any, scale: Any = None) -> Array:
    """diag(1/ν) S Û; times ``scale``, one number, or one a layer of a stack."""
    if not isinstance(saved, Parts):
        return saved if scale is None else scale * saved
    inverse = saved.inverse if scale is None else scale * saved.inverse
    return (inverse * saved.slope) @ saved.unit
