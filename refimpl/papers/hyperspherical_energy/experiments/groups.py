"""Group CoMHE at initialization: the energy of groups of coordinates and its gradient.

The coordinates of Gaussian neurons are independent, so a group of m of them is a Gaussian layer
of neurons in R^m: its mean energy is known. Random projections to k = m dimensions, as many as
there are groups, cost as many products and are drawn beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend, to_host
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.hyperspherical_energy.comhe_group import group_masks, grouped_energy
from refimpl.papers.hyperspherical_energy.comhe_random import projected_energy
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.random import Rng

ENERGY = HypersphericalEnergy(2.0, "half")


@dataclass(frozen=True)
class Config:
    """N neurons in R^n, the numbers of groups (divisors of n), and Gaussian layers drawn."""

    neurons: int = 64
    inputs: int = 576
    groups: tuple[int, ...] = (1, 4, 16, 48)
    layers: int = 5

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(groups=(1, 2, 4, 8, 16, 24, 36, 48, 64), layers=20)


def tasks(config: Config) -> list[Task]:
    return [{"groups": groups} for groups in config.groups]


def run_task(config: Config, backend: Backend, rng: Rng, *, groups: int) -> dict[str, Any]:
    size = config.inputs // groups
    energies, cosines = np.empty((config.layers, 2)), np.empty((config.layers, 2))
    for layer in range(config.layers):
        stream = rng.child("layer", layer)
        shape = (config.neurons, config.inputs)
        weight = backend.asarray(stream.normal(shape) * (2.0 / config.inputs) ** 0.5)
        masks = group_masks(stream, config.inputs, groups, None, weight)
        projections = backend.asarray(stream.normal((groups, size, config.inputs)))
        plain = to_host(ENERGY.value_and_gradient(weight)[1])
        for column, penalty in enumerate(
            (
                lambda w, masks=masks: grouped_energy(w, masks, ENERGY),
                lambda w, projections=projections: projected_energy(w, projections, ENERGY),
            )
        ):
            value, gradient = ad.value_and_grad(penalty)(weight)
            gradient = to_host(gradient)
            energies[layer, column] = float(value)
            norms = np.linalg.norm(gradient) * np.linalg.norm(plain)
            cosines[layer, column] = np.sum(gradient * plain) / norms
    return {"groups": groups, "size": size, "energy": energies, "cosine": cosines}


EXPERIMENT = Experiment(
    "hyperspherical_groups",
    Config,
    run_task,
    tasks=tasks,
    cost=lambda config, task: 0.05 * config.layers,
    summary="energy and gradient of groups of coordinates at Gaussian initialization",
)
