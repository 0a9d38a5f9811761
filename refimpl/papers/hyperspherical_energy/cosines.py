"""Cosines between the neurons of a layer, and the gaps 1 − c and 1 + c with all their digits.

Neurons w_i are the rows of W (N, n), û = w / ν with ν = √(‖w‖² + ε), and G = Û Ûᵀ. From a rounded
cosine 1 − c has lost its digits for near neurons; there 2 − 2c = ‖û_i − û_j‖² + δ_i + δ_j with
δ = 1 − ‖û‖² is summed from the differences instead.

>>> import numpy as np
>>> unit, inverse, delta = normalize(np.asarray([[1.0, 0.0], [1.0, 1e-9]]), 0.0)
>>> neurons = Neurons(unit, delta)
>>> gram = gram_matrix(neurons, neurons)
>>> below, above = gaps(neurons, neurons, gram, half=False, angular=False)
>>> bool(abs(below[0, 1] - 5e-19) < 1e-30)
True
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.arrays import (
    Array,
    backend_of,
    check_float,
    eps,
    namespace,
    put_rows,
    range_unwatched,
    with_diagonal,
)
from refimpl.errors import InfeasibleError


def check_weight(weight: Array) -> None:
    """Raise unless the weights are a floating array of two neurons or more, or a stack of such."""
    check_float(weight, "the weight matrix of an energy")
    if weight.ndim not in (2, 3):
        raise ValueError(f"weights must be (neurons, inputs), got shape {tuple(weight.shape)}")
    if weight.shape[-2] < 2:
        raise InfeasibleError("an energy needs two neurons or more", neurons=weight.shape[-2])


def normalize(weight: Array, epsilon: float) -> tuple[Array, Array, Array]:
    """Û, 1/ν of shape (N, 1), and δ = ε/ν² = 1 − ‖û‖² of shape (N,)."""
    xp = namespace(weight)
    with range_unwatched():
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


class Neurons(NamedTuple):
    """Some neurons of a layer, of which others may be looked at elsewhere."""

    unit: Array  # û, shape (N, n)
    delta: Array  # 1 − ‖û‖², shape (N,)
    first: int = 0  # the number of the first one in its layer


def gram_matrix(rows: Neurons, columns: Neurons) -> Array:
    """G; of neurons with themselves 0 on the diagonal, so that no kernel meets its pole there."""
    gram = rows.unit @ columns.unit.mT
    return with_diagonal(gram, 0.0) if rows is columns else gram


def gaps(
    rows: Neurons, columns: Neurons, gram: Array, *, half: bool, angular: bool
) -> tuple[Array, Array | None]:
    """1 − G and 1 + G, accurate where they are small; the second is None where nothing reads it.

    The differences are summed row by row, for the few rows that have a near pair (in half space
    and for angles: a near-antipodal one too).

    Raises
    ------
    InfeasibleError
        If two neurons coincide or, in half space, are antipodes.
    """
    xp = namespace(gram)
    both, cases = [1.0 - gram], [(0, 1.0, True)]
    if half or angular:
        both.append(1.0 + gram)
        cases.append((1, -1.0, half))
    bound = eps(gram) ** (1.0 / 3.0)  # there the plain gap still has two thirds of the digits
    for place, sign, pole in cases:
        gap = both[place]
        if not float(xp.min(gap)) < bound:
            continue
        lowest = xp.min(gap, axis=1)
        near, exact = [row for row in range(gap.shape[0]) if bool(lowest[row] < bound)], []
        for row in near:
            difference = columns.unit - sign * rows.unit[row, :]
            squares = xp.sum(difference * difference, axis=1)
            fine = 0.5 * (squares + columns.delta + rows.delta[row])
            exact.append(xp.where(gap[row, :] < bound, fine, gap[row, :]))
        gap = both[place] = put_rows(gap, near, xp.stack(exact))
        if pole and float(xp.min(gap)) <= 0.0:
            flat = int(xp.argmin(xp.reshape(gap, (-1,))))
            raise InfeasibleError(
                f"two neurons {'coincide' if sign > 0 else 'are antipodes'}, "
                "so their energy is infinite",
                first=rows.first + flat // gap.shape[1],
                second=columns.first + flat % gap.shape[1],
                cosine=sign,
            )
    return both[0], both[1] if len(both) == 2 else None


def _cosines(weight: Array, epsilon: float, /) -> tuple[Array, Any]:
    unit, inverse, _ = normalize(weight, epsilon)
    return with_diagonal(unit @ unit.mT, 0.0), (unit, inverse)


def _cosines_rule(g: Any, ans: Any, weight: Any, epsilon: float, saved: Any = None) -> Any:
    """diag(1/ν) (A − diag((A∘C) 1)) Û for the symmetric part A of the cotangent, off the diagonal.

    The same for every energy of the cosines: see
    :mod:`refimpl.papers.hyperspherical_energy.energy_gradient`.
    """
    slope = g + g.mT
    if saved is not None:
        unit, inverse = saved
        diagonal = -namespace(slope).sum(slope * ans, axis=1)
        return (inverse * with_diagonal(slope, diagonal)) @ unit
    if epsilon == 0.0:
        lengths = ad.norm(weight, axis=1, keepdims=True)  # which has no scale
    else:
        lengths = ad.sqrt(ad.sum(weight * weight, axis=1, keepdims=True) + epsilon)
    unit = weight / lengths
    own = backend_of(ad.value(weight)).eye(weight.shape[0]) > 0
    pull = ad.matmul(ad.where(own, 0.0, slope), unit)
    return (pull - ad.sum(slope * ans, axis=1, keepdims=True) * unit) / lengths


cosines = ad.Primitive(_cosines, saves=True, name="cosines")
"""``cosines(weight, epsilon)``: those between the rows, 0 on the diagonal; any order.

Raises InfeasibleError for a zero neuron where ``epsilon`` is 0.
"""
cosines.derivatives(_cosines_rule, None)
