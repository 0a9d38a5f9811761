"""Group CoMHE: hyperspherical energy on groups of the neurons' coordinates.

Algorithm
---------
Every ``redraw_every`` steps, for each hidden layer with neurons in R^n:

1. draw 0/1 masks m_1..m_C on the n coordinates: a random partition into C groups of equal size
   (up to one), or C independent groups of ``size`` coordinates

In every step:

2. E(W) = (1/C) Σ_c mean pair energy of the directions of m_c ∘ w_i
3. g ← g + λ_h Σ ∇E(W) + λ_o ∇E(W_out)

Source: R. Lin et al., "Regularizing Neural Networks via Minimizing Hyperspherical Energy", CVPR
2020 (arXiv 1906.04892), group variant: random projection with diagonal 0/1 matrices. It is not in
the released code, and its group sizes are not known here.

========== ======================================
paper      code
========== ======================================
C          ``groups``
Σ P_c = I  ``partition``
========== ======================================

Deviations
----------
* The formula is recalled, not checked against the paper's text.
* A group has at least two coordinates: in one dimension all neurons are collinear.

>>> import numpy as np
>>> from refimpl.random import Rng
>>> weights = [{"weight": Rng(0).normal((6, 8))}, {"weight": np.eye(2)}]
>>> from refimpl.algorithms.composition import alone
>>> algorithm = alone(GroupCoMHE, groups=2, s=0.0, output_strength=0.0)
>>> state = algorithm.init(weights)
>>> state, info = algorithm.step(state, lambda p, b: 0.0 * p[1]["weight"][0, 0], None, Rng(1))
>>> bool(info.penalty > info.energy)
True
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree, required_rng
from refimpl.arrays import Array, backend_of, namespace
from refimpl.checks import count, flag
from refimpl.errors import InfeasibleError
from refimpl.papers.hyperspherical_energy.common import (
    EnergyPenalty,
    Projections,
    check_layers,
    empty_projection,
    energy_gradient,
)
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.random import Rng


def group_masks(rng: Rng, inputs: int, groups: int, size: int | None, like: Array) -> Array:
    """Masks (C, n) of 0 and 1: a random partition, or independent groups of ``size``.

    Examples
    --------
    >>> import numpy as np
    >>> masks = group_masks(Rng(0), 5, 2, None, np.zeros(1))
    >>> masks.sum(axis=0), sorted(masks.sum(axis=1))
    (array([1., 1., 1., 1., 1.]), [np.float64(2.0), np.float64(3.0)])
    """
    order = rng.permutation(inputs)
    rows = [[0.0] * inputs for _ in range(groups)]
    for group in range(groups):
        chosen = order[group::groups] if size is None else rng.choice(inputs, size)
        for position in chosen:
            rows[group][int(position)] = 1.0
    return backend_of(like).asarray(rows)


def grouped_energy(weight: Array, masks: Array, energy: HypersphericalEnergy) -> Array:
    """The mean over groups of the energy of the masked rows; differentiable.

    What a mask hides adds nothing to a product, so the columns of each group are gathered and all
    else is left out; a group smaller than the largest is filled up with zeros.

    Parameters
    ----------
    weight : array, shape (N, n)
    masks : array, shape (C, n)
    energy : HypersphericalEnergy

    Examples
    --------
    >>> import numpy as np
    >>> halves = np.asarray([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
    >>> rows = np.asarray([[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 2.0, 0.0]])
    >>> float(grouped_energy(rows, halves, HypersphericalEnergy(s=2.0)))
    0.5
    """
    xp = namespace(masks)
    sizes = xp.sum(masks, axis=1)
    largest = int(xp.max(sizes))
    # hidden or not as one byte: a stable order of the bits keeps the coordinates' own
    order = xp.argsort(xp.astype(masks == 0, xp.int8), axis=1, stable=True)[:, :largest]
    columns = ad.take(weight, xp.reshape(order, (-1,)), axis=1)
    stacked = ad.reshape(columns, (weight.shape[0], masks.shape[0], largest))
    groups = ad.permute_dims(stacked, (1, 0, 2))
    if float(xp.min(sizes)) < largest:
        shown = xp.take_along_axis(masks, order, axis=1) > 0
        groups = ad.where(shown[:, None, :], groups, 0.0)
    return ad.mean(energy(groups))


@dataclass(frozen=True, kw_only=True)
class GroupCoMHE(EnergyPenalty):
    """Group CoMHE, a penalty.

    Parameters
    ----------
    strength, output_strength, s, space, metric, epsilon, kernel, decay, decay_form
        See :class:`refimpl.papers.hyperspherical_energy.common.EnergyPenalty`.
    groups : int
        C.
    partition : bool
        Disjoint groups that cover every coordinate, or independent ones.
    size : int
        Coordinates of an independent group; 0 = n // C. A partition ignores it.
    redraw_every : int
        Steps between draws.

    Examples
    --------
    >>> GroupCoMHE(groups=0)
    Traceback (most recent call last):
    ...
    ValueError: groups must be at least 1, not 0
    """

    groups: int = field(default=4, metadata={"help": "number of groups of coordinates"})
    partition: bool = field(default=True, metadata={"help": "disjoint groups"})
    size: int = field(default=0, metadata={"help": "coordinates of an independent group"})
    redraw_every: int = field(default=1, metadata={"help": "steps between draws"})

    def __post_init__(self) -> None:
        super().__post_init__()
        count("groups", self.groups)
        flag("partition", self.partition)
        count("size", self.size, at_least=0)
        count("redraw_every", self.redraw_every)

    def init(self, params: Tree) -> Projections:
        """What is remembered before the first step.

        Raises
        ------
        InfeasibleError
            If a group would have fewer than two coordinates.
        """
        hidden = check_layers(self, params)[:-1]
        kept = []
        for layer, weight in enumerate(hidden):
            if self.strength == 0.0:
                continue
            size = self._size(weight.shape[1])
            if not 2 <= size <= weight.shape[1]:
                raise InfeasibleError(
                    "a group needs two coordinates or more, and at most all; take fewer groups or "
                    "another size",
                    groups=self.groups,
                    size=size,
                    inputs=weight.shape[1],
                    layer=layer,
                )
            if self.redraw_every > 1:
                kept.append(empty_projection((self.groups, weight.shape[1]), weight))
        return Projections(0, tuple(kept))

    def value_and_gradient(
        self,
        params: Tree,
        batch: Any,
        objective: Any,
        aux: Projections,
        rng: Rng | None = None,
    ) -> tuple[Array, Tree | None, Projections]:
        """R, 0-d, its gradient, and the masks; ``rng`` draws the groups."""
        energy = self.hidden_energy
        fresh = aux.step % self.redraw_every == 0
        kept: list[Array] = []

        def hidden(weight: Array, layer: int) -> Array:
            plain = ad.value(weight)
            if fresh:
                stream = required_rng(rng).child("groups", layer)
                inputs = plain.shape[1]
                size = None if self.partition else self._size(inputs)
                masks = group_masks(stream, inputs, self.groups, size, plain)
            else:
                masks = aux.arrays[len(kept)]
            if self.redraw_every > 1:
                kept.append(masks)
            return grouped_energy(weight, masks, energy)

        value, gradient = energy_gradient(self, params, batch, hidden)
        return value, gradient, Projections(aux.step + 1, tuple(kept))

    def _size(self, inputs: int) -> int:
        return inputs // self.groups if self.partition or self.size == 0 else self.size
