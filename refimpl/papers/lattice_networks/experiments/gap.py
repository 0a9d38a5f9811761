"""The generalization gap on a lattice: the exact sum over the dual lattice, and its bound.

With c = (F − G)² the gap E_G² − E_T² is minus the sum of the coefficients of c over the dual
lattice without 0. A grid of 256² gives the coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.lattice_networks.experiments.bounds import fixed_network
from refimpl.papers.lattice_networks.lattices import fibonacci_lattice
from refimpl.papers.lattice_networks.network import SmoothNetwork
from refimpl.papers.lattice_networks.weights import ProductWeights
from refimpl.papers.lattice_networks.worst_case import worst_case_error
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """The grid, and the indices of the Fibonacci lattices (13, 21, .., 233 points)."""

    grid: int = 256
    fibonacci: tuple[int, ...] = (7, 8, 9, 10, 11, 12, 13)
    scale: float = 0.8

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls()


def target(y: np.ndarray) -> np.ndarray:
    """F = 1 / (1 + ½ sin 2πy_1 + 1/5 sin 2πy_2)."""
    waves = np.sin(2.0 * np.pi * y)
    return 1.0 / (1.0 + 0.5 * waves[:, 0] + 0.2 * waves[:, 1])


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    widths, params = fixed_network(2, config.scale, inputs=2)
    model = SmoothNetwork(widths, "tanh", "periodic")

    def squares(y: np.ndarray) -> np.ndarray:
        return (target(y) - np.asarray(model(params, y))[:, 0]) ** 2

    n = config.grid
    axis = np.arange(n) / n
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    coefficients = np.fft.fft2(squares(grid).reshape(n, n)) / n**2
    frequencies = np.rint(np.fft.fftfreq(n) * n).astype(int)
    first, second = np.meshgrid(frequencies, frequencies, indexing="ij")
    weight = np.maximum(np.abs(first), 1.0) ** 2 * np.maximum(np.abs(second), 1.0) ** 2
    norm = float(np.sqrt(np.sum(np.abs(coefficients) ** 2 * weight)))
    whole = float(coefficients[0, 0].real)
    sizes, gaps, aliases, bounds = [], [], [], []
    for index in config.fibonacci:
        lattice = fibonacci_lattice(index)
        training = float(np.mean(squares(np.asarray(lattice.points()))))
        z = lattice.vector
        dual = (first * z[0] + second * z[1]) % lattice.size == 0
        dual[0, 0] = False
        sizes.append(lattice.size)
        gaps.append(training - whole)
        aliases.append(float(np.sum(coefficients[dual].real)))
        error = worst_case_error(lattice, ProductWeights(gammas=(1.0, 1.0)))
        bounds.append(error * norm)
    return {
        "sizes": np.array(sizes),
        "gaps": np.array(gaps),
        "aliases": np.array(aliases),
        "bounds": np.array(bounds),
        "generalization": whole,
        "norm": norm,
    }


EXPERIMENT = Experiment(
    name="lattice_gap",
    summary="The generalization gap on a lattice as a sum over its dual lattice",
    config=Config,
    run_task=run_task,
)
