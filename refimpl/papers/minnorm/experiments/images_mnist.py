"""Minnorm training on MNIST: the comparison of :mod:`minnorm_digits` on larger images.

Needs the MNIST files (``--data-dir`` of ``refimpl data``, or the variable REFIMPL_DATA); without
them it fails with the DataError that says how to get them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.minnorm.experiments.images_digits import collect, compare, tasks
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """As for digits: training-set sizes, scales, seeds, and the L2 coefficients tried."""

    sizes: tuple[int, ...] = (100,)
    scales: tuple[float, ...] = (0.7, 2.0)
    seeds: int = 1
    validation: int = 200
    gammas: tuple[float, ...] = (0.1, 1.0)
    weak: float = 0.1
    strong: float = 1.0
    steps: int = 2000
    baseline_steps: int = 1500

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            sizes=(50, 100),
            seeds=3,
            gammas=(0.03, 0.1, 0.3, 1.0),
            steps=5000,
            baseline_steps=2000,
        )


def run_task(
    config: Config, backend: Backend, rng: Rng, *, seed: int, size: int, scale: float
) -> dict[str, Any]:
    return compare("mnist", config, backend, rng, seed=seed, size=size, scale=scale)


def cost(config: Config, task: dict[str, Any]) -> float:
    return 5.0 + 0.2 * task["size"]


EXPERIMENT = Experiment(
    name="minnorm_mnist",
    summary="Norm and accuracy on MNIST against training-set size and scale of the start",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
    cost=cost,
)
