"""Energies of random directions: pairs on small spheres, and whole layers at initialisation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend, to_host
from refimpl.experiments.base import Experiment
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Pairs on spheres of R^n with power s where the variance is finite; layers (n, N).

    Attributes
    ----------
    spheres : tuple of (dimension, s)
    pairs : int
    layers : tuple of (n, N)
    seeds : int
        Layers of each shape, averaged.
    """

    spheres: tuple[tuple[int, float], ...] = ((3, 0.0), (4, 0.0), (4, 1.0))
    pairs: int = 1_000_000
    layers: tuple[tuple[int, int], ...] = ((576, 64), (1152, 128))
    seeds: int = 3

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(pairs=4_000_000, layers=((576, 64), (1152, 128), (2304, 256)), seeds=10)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    means, errors = [], []
    for dimension, s in config.spheres:
        stream = rng.child("pairs", dimension, int(s))
        u, v = stream.normal((2, config.pairs, dimension))
        cosine = np.sum(u * v, axis=1) / np.sqrt(np.sum(u * u, axis=1) * np.sum(v * v, axis=1))
        squares = 2.0 - 2.0 * cosine
        energies = -0.5 * np.log(squares) if s == 0 else squares ** (-0.5 * s)
        means.append(energies.mean())
        errors.append(energies.std() / math.sqrt(config.pairs))
    layers = np.empty((len(config.layers), config.seeds, 2))
    for row, (dimension, neurons) in enumerate(config.layers):
        for seed in range(config.seeds):
            draws = rng.child("layer", dimension, seed).normal((neurons, dimension))
            weight = backend.asarray(draws * math.sqrt(2.0 / dimension))
            for column, space in enumerate(("full", "half")):
                energy = HypersphericalEnergy(2.0, space)  # type: ignore[arg-type]
                layers[row, seed, column] = float(to_host(energy(weight)))
    return {
        "sphere_mean": np.asarray(means),
        "sphere_error": np.asarray(errors),
        "layer_energy": layers.mean(axis=1),
        "layer_spread": layers.std(axis=1),
    }


EXPERIMENT = Experiment(
    "hyperspherical_initial",
    Config,
    run_task,
    cost=lambda config, task: 4e-7 * config.pairs,
    summary="energy of uniform directions and of layers at Gaussian initialisation",
)
