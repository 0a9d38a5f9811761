"""Every method on digits over a range of strengths: accuracy, robustness and both sides of the
norm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment, Task
from refimpl.models import Objective
from refimpl.papers.rkhs_norm.experiments.recipe import (
    Recipe,
    measured,
    method,
    sandwich,
    train_network,
)
from refimpl.papers.rkhs_norm.normalized import NormalizedMLP
from refimpl.random import Rng

GRIDS = {
    "none": (0.0,),
    "weight decay": (0.003, 0.01, 0.03),
    "projection": (2.5, 1.8, 1.2),
    "spectral penalty": (0.01, 0.03, 0.1),
    "loss gradient": (0.01, 0.03, 0.1),
    "loss gradient l1": (0.003, 0.01, 0.03),
    "gradient norm": (0.0003, 0.001, 0.003, 0.01),
    "adversarial norm": (0.02, 0.05, 0.1, 0.2),
    "PGD l2": (0.15, 0.3, 0.5, 0.8),
    "PGD linf": (0.05, 0.1),
    "deformation norm": (0.003, 0.01),
    "tangent norm": (0.003, 0.01),
    "Tikhonov": (0.001, 0.01),
    "total variation": (0.001, 0.01),
    "graph": (0.01, 0.1),
}
"""Strengths of each method: radii of the adversarial ones, limits of the projection."""


@dataclass(frozen=True)
class Config:
    """The training set, the network, the recipe, and how many strengths and seeds."""

    examples: int = 150
    hidden: tuple[int, ...] = (64, 64)
    rate: float = 0.02
    epochs: int = 100
    batch_size: int = 50
    attack_radius: float = 0.5
    strengths: int = 4
    seeds: int = 5

    @classmethod
    def quick(cls) -> Config:
        return cls(hidden=(32, 32), epochs=40, strengths=1, seeds=2)

    @classmethod
    def full(cls) -> Config:
        return cls()


def grid(config: Config) -> list[tuple[str, float]]:
    """Methods and strengths: as many as the config has of each grid, from the second on if not
    all."""
    return [
        (name, s)
        for name, values in GRIDS.items()
        for s in values[int(config.strengths < len(values)) :][: config.strengths]
    ]


def tasks(config: Config) -> list[Task]:
    return [
        {"method": name, "strength": strength, "seed": seed}
        for name, strength in grid(config)
        for seed in range(config.seeds)
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, method: str, strength: float, seed: int
) -> dict[str, Any]:
    shared = Rng(rng.seed).child("rkhs_norm_paths", seed)
    split = datasets.load(
        "digits", rng=shared.child("data"), backend=backend, training=config.examples
    )
    model = NormalizedMLP((split.train.features, *config.hidden, 10))
    objective = Objective(model)
    recipe = Recipe(
        rate=config.rate,
        epochs=config.epochs,
        batch_size=config.batch_size,
        attack_radius=config.attack_radius,
        attack_step=0.1 * config.attack_radius,
    )
    start = model.init(shared.child("init"), "torch_default", bias_scale=1.0, backend=backend)
    algorithm = _method(method, strength, recipe)
    params = train_network(
        algorithm, objective, start, split.train, recipe, shared.child("training"), strength
    )
    return {
        **measured(objective, params, split.train, split.test, recipe),
        "sandwich_train": sandwich(model, params, split.train.inputs),
        "sandwich_test": sandwich(model, params, split.test.inputs),
    }


_method = method


def collect(config: Config, tasks: Any, results: Any) -> dict[str, Any]:
    """Rows method and strength, columns seeds."""
    pairs = grid(config)
    collected = {
        name: np.array([r[name] for r in results]).reshape(
            (len(pairs), config.seeds, *np.shape(results[0][name]))
        )
        for name in results[0]
    }
    return {
        **collected,
        "method": np.array([name for name, _ in pairs]),
        "strength": np.array([strength for _, strength in pairs]),
    }


EXPERIMENT = Experiment(
    name="rkhs_norm_paths",
    summary="Every method on digits over its strength: accuracy, robustness, both bounds",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
)
