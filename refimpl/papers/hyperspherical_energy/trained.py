"""What the two variants share whose projection is trained: one projection a layer, kept.

A variant says how a projection is trained against the weights of its layer, and which one the
energy is taken under; the loop over layers, the first draw and the memory are here.

>>> import numpy as np
>>> from refimpl.papers.hyperspherical_energy.comhe_adversarial import AdversarialCoMHE
>>> weights = [{"weight": np.eye(4)}, {"weight": np.eye(2)}]
>>> start = start_projected(AdversarialCoMHE(dimension=3), weights, 3, True)
>>> start.step, [projection.shape for projection in start.arrays]
(0, [(3, 4)])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree, required_rng
from refimpl.algorithms.penalized import weight_matrices
from refimpl.arrays import Array
from refimpl.papers.hyperspherical_energy.common import (
    EnergyPenalty,
    Projections,
    check_dimension,
    check_layers,
    draw_projections,
    empty_projection,
    energy_gradient,
)
from refimpl.random import Rng


def projected_layers(params: Tree, project_first: bool) -> list[Array]:
    """The hidden weight matrices that have a projection."""
    return weight_matrices(params)[0 if project_first else 1 : -1]


def start_projected(
    part: EnergyPenalty, params: Tree, dimension: int, project_first: bool
) -> Projections:
    """The first memory: the place of one projection a layer.

    Raises
    ------
    InfeasibleError
        If a layer that would be projected has fewer inputs than ``dimension``.
    """
    hidden = check_layers(part, params)[:-1]
    kept = []
    for layer, weight in enumerate(hidden):
        if part.strength > 0.0 and (layer > 0 or project_first):
            check_dimension(dimension, weight, layer)
            kept.append(empty_projection((dimension, weight.shape[1]), weight))
    return Projections(0, tuple(kept))


def trained_gradient(
    part: EnergyPenalty,
    params: Tree,
    batch: Any,
    aux: Projections,
    rng: Rng | None,
    *,
    project_first: bool,
    train: Callable[[Array, Array], tuple[Array, Array]],
) -> tuple[Array, Tree | None, Projections]:
    """R, 0-d, its gradient, and the projections.

    Parameters
    ----------
    part : EnergyPenalty
    params, batch, aux, rng
        Of the penalty; ``rng`` draws the projections of the first step.
    project_first : bool
        Whether the first layer is projected too.
    train : callable
        ``train(projection, weight)``: the projection that the energy is taken under, which may
        depend on the weights, and the one that is kept.
    """
    energy = part.hidden_energy
    kept: list[Array] = []

    def hidden(weight: Array, layer: int) -> Array:
        if layer == 0 and not project_first:
            return energy(weight)
        projection = _current(aux, len(kept), layer, rng)
        used, left = train(projection, weight)
        kept.append(left)
        return energy(ad.matmul(weight, used.mT))

    value, gradient = energy_gradient(part, params, batch, hidden)
    return value, gradient, Projections(aux.step + 1, tuple(kept))


def _current(aux: Projections, index: int, layer: int, rng: Rng | None) -> Array:
    """The projection that is kept; drawn if this is the first step."""
    kept = aux.arrays[index]
    if aux.step > 0:
        return kept
    return draw_projections(required_rng(rng), (1, *kept.shape), kept, layer)[0, ...]
