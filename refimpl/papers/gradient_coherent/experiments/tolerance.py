"""The tolerance level of L2 on digits against depth and initial scale, by bisection.

A strength is tolerated if the training accuracy exceeds one half at the end. Levels are bisected
on a logarithmic scale, all settings of one depth side by side; NaN says that the least strength
that was tried is not tolerated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.experiments.base import Experiment
from refimpl.papers.gradient_coherent.experiments.recipe import Recipe, build, load
from refimpl.papers.gradient_coherent.experiments.stacked import (
    Member,
    run_together,
    table,
)
from refimpl.random import Rng

CELLS = tuple((name, gain) for name in ("plain", "delayed 8") for gain in (0.5, 1.0, 2.0))
"""What is bisected side by side at every depth."""
LATE = (("delayed 30", 0.5),)
"""A delay that outlasts the escape from a small start, in a longer training."""


@dataclass(frozen=True)
class Config:
    """Depths, initial gains and the bisection; ``late`` are the depths of the long delays."""

    depths: tuple[int, ...] = (2, 4, 8, 12)
    late: tuple[int, ...] = (8,)
    low: float = 0.001
    high: float = 0.6
    halvings: int = 7
    epochs: int = 25
    late_epochs: int = 60
    dtype: str = "float32"

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(depths=(2, 3, 4, 6, 8, 10, 12), late=(8, 10), halvings=9)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"depth": depth, "late": False} for depth in config.depths] + [
        {"depth": depth, "late": True} for depth in config.late
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, depth: int, late: bool
) -> dict[str, Any]:
    place = make_backend(backend.name, config.dtype)
    sets = load(place)
    recipe = Recipe(depth=depth, epochs=config.late_epochs if late else config.epochs)
    cells = LATE if late else CELLS
    low = np.full(len(cells), math.log(config.low))
    high = np.full(len(cells), math.log(config.high))
    for _ in range(config.halvings):
        middle = 0.5 * (low + high)
        members = [
            Member(build(name, math.exp(level)), sets, 0, gain)
            for (name, gain), level in zip(cells, middle, strict=True)
        ]
        runs = run_together(members, recipe, place)
        tolerated = np.asarray([one.numbers["train_accuracy"] > 0.5 for one in runs])
        low, high = np.where(tolerated, middle, low), np.where(tolerated, high, middle)
    found = low > math.log(config.low)
    return {
        "method": [name for name, _ in cells],
        "gain": [gain for _, gain in cells],
        "depth": [depth] * len(cells),
        "level": np.where(found, np.exp(0.5 * (low + high)), np.nan),
    }


EXPERIMENT = Experiment(
    name="gradient_coherent_tolerance",
    summary="Tolerance level of L2 against depth and initial scale",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=table,
    cost=lambda config, task: config.halvings * (0.4 + 0.1 * task["depth"]),
)
