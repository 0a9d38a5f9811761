"""Census of local minima: how many energies the descents of N points end at, by dimension.

For N <= n there is one; in between, where a projection to k < N dimensions puts the neurons,
there are many, of nearly the same energy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.hyperspherical_energy.experiments.point_sets import energy_of
from refimpl.papers.hyperspherical_energy.point_sets import distinct, minimize_energy
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """N points, s = 2, the dimensions, and the starts in each: up to ``low`` and above."""

    neurons: int = 32
    dimensions: tuple[int, ...] = (3, 4, 8, 12, 20, 31, 32, 33)
    low: int = 3
    low_starts: int = 100
    starts: int = 12

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(dimensions=(3, 4, 5, 6, 8, 12, 20, 31, 32, 33), low=6, low_starts=200, starts=60)


def tasks(config: Config) -> list[Task]:
    return [{"k": k, "space": space} for k in config.dimensions for space in ("full", "half")]


def run_task(config: Config, backend: Backend, rng: Rng, *, k: int, space: str) -> dict[str, Any]:
    """The energies of all starts, ascending, and how many are different (to 1e-8, relative)."""
    starts = config.low_starts if k <= config.low else config.starts
    found = minimize_energy(
        energy_of(2.0, space), config.neurons, k, rng=rng, starts=starts, progress=False
    )
    return {
        "energies": np.sort(found.energies),
        "minima": float(len(distinct(found.energies))),
        "starts": float(starts),
        "residual": float(np.max(found.residuals)),
    }


def collect(
    config: Config, tasks: Sequence[Task], results: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Arrays over (dimension, space): full first, then half. Energies are padded with NaN."""
    shape = (len(config.dimensions), 2)
    most = max(result["energies"].size for result in results)
    energies = np.full((len(results), most), np.nan)
    for row, result in enumerate(results):
        energies[row, : result["energies"].size] = result["energies"]
    scalars = {
        name: np.asarray([float(result[name]) for result in results]).reshape(shape)
        for name in ("minima", "starts", "residual")
    }
    return {
        "dimensions": np.asarray(config.dimensions),
        "energies": energies.reshape(*shape, most),
        **scalars,
    }


EXPERIMENT = Experiment(
    "hyperspherical_minima",
    Config,
    run_task,
    tasks=tasks,
    collect=collect,
    cost=lambda config, task: 0.1 * (config.low_starts if task["k"] <= config.low else 60),
    summary="how many local minima the energy of N points has, against the dimension",
)
