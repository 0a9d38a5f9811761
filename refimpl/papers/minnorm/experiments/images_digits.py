"""Minnorm training on digits: norm, accuracy and margins against the scale of the start.

Settings that the abstract does not give are those of this package: a 64-100-10 ReLU network on
100 images. One task per seed, training-set size and scale; every method of a task has the same
images and the same start. L2's coefficient is chosen on validation images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.minnorm.experiments import images as common
from refimpl.random import Rng

DATA = "digits"
METHODS = (
    "minnorm_margin", "minnorm_equality", "gd", "early_stopping",
    "l2_tuned", "l2_weak", "l2_strong",
)  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Training-set sizes, scales, seeds, and the L2 coefficients that are tried.

    Five seeds in full: the paired difference of margins does not separate on three.
    """

    sizes: tuple[int, ...] = (100,)
    scales: tuple[float, ...] = (0.7, 2.0)
    seeds: int = 1
    validation: int = 200
    gammas: tuple[float, ...] = (0.1, 1.0)
    weak: float = 0.1
    strong: float = 1.0
    steps: int = 5000
    baseline_steps: int = 4000

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(sizes=(50, 100), seeds=5, gammas=(0.03, 0.1, 0.3, 1.0), steps=6000)


def tasks(config: Any) -> list[dict[str, Any]]:
    return [
        {"seed": seed, "size": size, "scale": scale}
        for seed in range(config.seeds)
        for size in config.sizes
        for scale in config.scales
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, seed: int, size: int, scale: float
) -> dict[str, Any]:
    return compare(DATA, config, backend, rng, seed=seed, size=size, scale=scale)


def compare(
    name: str, config: Any, backend: Backend, rng: Rng, *, seed: int, size: int, scale: float
) -> dict[str, Any]:
    """Norm, accuracies and least margin of every method, on one data set from one start."""
    draws = Rng(rng.seed).child("minnorm_images", name, seed)  # shared by all sizes and scales
    data = common.images(name, draws, size, config.validation)
    recipe = common.Recipe(steps=config.steps, baseline_steps=config.baseline_steps)
    first = common.start(recipe, backend, draws, data.train.shape[1], scale)
    margin = common.train_minnorm(recipe, backend, data, first, "one_vs_rest")
    equality = common.train_minnorm(recipe, backend, data, first, "equality")
    descended, stopped = common.train_early_stopping(recipe, backend, data, first)
    decayed = {
        gamma: common.train_baseline(recipe, backend, data, first, gamma) for gamma in config.gammas
    }

    def validated(gamma: float) -> float:
        weights = decayed[gamma].weights
        return common.accuracy(weights, data.validation, data.validation_labels)

    best = max(config.gammas, key=lambda gamma: (validated(gamma), gamma))
    chosen = (
        margin, equality, descended, stopped,
        decayed[best], decayed[config.weak], decayed[config.strong],
    )  # fmt: skip
    return {
        "norm": [common.norm(run.weights) for run in chosen],
        "train": [common.accuracy(run.weights, data.train, data.labels) for run in chosen],
        "test": [common.accuracy(run.weights, data.test, data.test_labels) for run in chosen],
        "least_margin": [common.least_margin(run.weights, data) for run in chosen],
        "active": margin.diagnosis.active / (size * common.CLASSES),
        "violation": [margin.diagnosis.violation, equality.diagnosis.violation],
        "kkt_residual": [margin.diagnosis.kkt_residual, equality.diagnosis.kkt_residual],
        "gamma": best,
    }


def collect(
    config: Any, tasks: list[dict[str, Any]], results: list[dict[str, Any]]
) -> dict[str, Any]:
    """Every value with leading axes (seed, size, scale)."""
    shape = (config.seeds, len(config.sizes), len(config.scales))
    stacked = {name: np.stack([one[name] for one in results]) for name in results[0]}
    table = {name: values.reshape(shape + values.shape[1:]) for name, values in stacked.items()}
    return {"methods": list(METHODS), "sizes": config.sizes, "scales": config.scales, **table}


def cost(config: Any, task: dict[str, Any]) -> float:
    return 3.0 + 0.08 * task["size"]


EXPERIMENT = Experiment(
    name="minnorm_digits",
    summary="Norm and accuracy on digits against training-set size and scale of the start",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
    cost=cost,
)
