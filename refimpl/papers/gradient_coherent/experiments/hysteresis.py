"""A trained network under L2 that rises and falls again: where it dies, and that it stays dead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.experiments.base import Experiment
from refimpl.papers.gradient_coherent.experiments.recipe import Recipe, build, load, run
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """The strengths in order, up and down, and the epochs at each."""

    up: tuple[float, ...] = (0.05, 0.1, 0.25)
    down: tuple[float, ...] = (0.1, 0.01, 0.0)
    epochs: int = 12
    first_rate: float = 0.1
    rate: float = 0.05
    dtype: str = "float32"

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            up=(0.01, 0.05, 0.07, 0.1, 0.12, 0.15, 0.2, 0.25),
            down=(0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02, 0.01, 0.003, 0.001, 0.0),
        )


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    place = make_backend(backend.name, config.dtype)
    sets = load(place)
    recipe = Recipe(epochs=config.epochs, decay=False, learning_rate=config.first_rate)
    params = run(build("none", 0.0), recipe, sets, 0, place).params
    recipe = Recipe(epochs=config.epochs, decay=False, learning_rate=config.rate)
    strengths = [*config.up, *config.down]
    found: dict[str, list[float]] = {"train_accuracy": [], "weight_norm": []}
    for index, strength in enumerate(strengths):
        outcome = run(build("plain", strength), recipe, sets, 1 + index, place, params=params)
        params = outcome.params
        for name, values in found.items():
            values.append(float(outcome.numbers[name]))
    return {
        "strength": strengths,
        "rising": np.arange(len(strengths)) < len(config.up),
        **found,
    }


EXPERIMENT = Experiment(
    name="gradient_coherent_hysteresis",
    summary="A trained network under L2 that rises and falls again",
    config=Config,
    run_task=run_task,
    cost=lambda config, task: 0.3 * config.epochs,
)
