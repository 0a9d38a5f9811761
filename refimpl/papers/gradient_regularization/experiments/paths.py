"""Digits along the strength of each method: clean and attacked accuracy, and the mean slope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.errors import DivergenceError
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.gradient_regularization.experiments import digits
from refimpl.random import Rng
from refimpl.training import accuracy, train

METHODS = tuple(name for name in digits.GRIDS if name != "none")


@dataclass(frozen=True)
class Config(digits.Config):
    """As the comparison, and which of the strengths are taken."""

    strengths: tuple[int, ...] = (0, 1, 2, 3, 4)

    @classmethod
    def quick(cls) -> Config:
        return cls(
            hidden=(32, 32), epochs=100, validation=100, test=600, attack_steps=10, seeds=2,
            strengths=(0, 2, 4),
        )  # fmt: skip

    @classmethod
    def full(cls) -> Config:
        return cls(seeds=4)


def run_task(
    config: Config, backend: Backend, rng: Rng, *, method: str, strength: float, seed: int
) -> dict[str, Any]:
    shared = Rng(rng.seed).child("gradient_regularization_paths", seed)
    problem = digits.problem(config, backend, shared)
    algorithm = digits.method(method, strength, config.rate)
    metrics = {"accuracy": accuracy(problem.objective.model), **problem.metrics}
    found = dict.fromkeys(("clean", "attacked", "slope"), np.nan)
    try:
        outcome = train(
            algorithm,
            problem.objective,
            problem.params,
            problem.split.train,
            epochs=config.epochs,
            batch_size=config.batch_size,
            rng=shared.child("training"),
            evaluate={"test": problem.split.test},
            metrics=metrics,
            evaluate_every=config.epochs,
            progress=False,
        )
    except DivergenceError:
        outcome = None
    if outcome is not None:
        last = {name: values[-1] for name, values in outcome.history.epochs.items()}
        found = {
            "clean": last["test_accuracy"],
            "attacked": last["test_attacked"],
            "slope": last["test_slope"],
        }
    return {"method": method, "strength": strength, "seed": seed, **found}


def tasks(config: Config) -> list[Task]:
    """One a method, strength and seed; without a method the fixed rate."""
    wanted = [(name, digits.GRIDS[name][i]) for name in METHODS for i in config.strengths]
    return [
        {"method": name, "strength": strength, "seed": seed}
        for name, strength in [("none", config.rate), *wanted]
        for seed in range(config.seeds)
    ]


EXPERIMENT = Experiment(
    name="gradient_regularization_paths",
    summary="Digits along the strength of each method: clean and attacked accuracy, mean slope",
    config=Config,
    run_task=run_task,
    tasks=tasks,
    cost=digits.cost,
)
