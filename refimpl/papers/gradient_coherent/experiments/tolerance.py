"""The tolerance level of L2 on digits against depth and initial scale, by bisection.

A strength is tolerated if the training accuracy exceeds one half at the end. Levels are bisected
on a logarithmic scale; NaN says that even the smallest strength is not tolerated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.experiments.base import Experiment
from refimpl.papers.gradient_coherent.experiments.recipe import Recipe, build, load, run
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Depths, initial gains and the bisection; ``late`` adds long delays at small gain."""

    depths: tuple[int, ...] = (2, 4)
    gains: tuple[float, ...] = (1.0,)
    methods: tuple[str, ...] = ("plain", "delayed 8")
    late: bool = False
    low: float = 0.002
    high: float = 0.6
    halvings: int = 5
    epochs: int = 25
    dtype: str = "float32"

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(depths=(2, 4, 8, 12), gains=(0.5, 1.0, 2.0), late=True, halvings=6)


def tasks(config: Config) -> list[dict[str, Any]]:
    cells = [
        {"method": name, "gain": gain, "depth": depth, "epochs": config.epochs}
        for name in config.methods
        for gain in config.gains
        for depth in config.depths
    ]
    late = [{"method": "delayed 30", "gain": 0.5, "depth": 8, "epochs": 60}] if config.late else []
    return cells + late


def run_task(
    config: Config,
    backend: Backend,
    rng: Rng,
    *,
    method: str,
    gain: float,
    depth: int,
    epochs: int,
) -> dict[str, Any]:
    place = make_backend(backend.name, config.dtype)
    sets = load(place)
    recipe = Recipe(depth=depth, gain=gain, epochs=epochs)

    def tolerated(strength: float) -> bool:
        outcome = run(build(method, strength), recipe, sets, 0, place)
        return outcome.numbers["train_accuracy"] > 0.5

    low, high = math.log(config.low), math.log(config.high)
    for _ in range(config.halvings):
        middle = 0.5 * (low + high)
        if tolerated(math.exp(middle)):
            low = middle
        else:
            high = middle
    found = low > math.log(config.low)
    return {
        "method": method,
        "gain": gain,
        "depth": depth,
        "level": math.exp(0.5 * (low + high)) if found else math.nan,
    }


EXPERIMENT = Experiment(
    name="gradient_coherent_tolerance",
    summary="Tolerance level of L2 against depth and initial scale",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    cost=lambda config, task: task["depth"] * task["epochs"],
)
