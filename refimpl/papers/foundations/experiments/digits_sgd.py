"""Digits: a multi-layer perceptron trained with SGD, learning curves over seeds.

The learning rate is chosen on the validation split, seed by seed: every rate of the grid is
trained, the one with the best validation accuracy at the last epoch is kept, and only then is the
test set read. Each seed has its own split, initialization and order of batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import datasets
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.models import MLP, Objective
from refimpl.random import Rng
from refimpl.training import accuracy, chunked_mean, train


@dataclass(frozen=True)
class Config:
    """Settings of the network, the grid of learning rates and the seeds."""

    widths: tuple[int, ...] = (64, 512, 10)
    learning_rates: tuple[float, ...] = (0.1, 0.2)
    batch_size: int = 16
    epochs: int = 30
    seeds: int = 5

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(learning_rates=(0.02, 0.05, 0.1, 0.2, 0.5), epochs=40, seeds=20)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"seed": seed} for seed in range(config.seeds)]


def run_task(config: Config, backend: Backend, rng: Rng, *, seed: int) -> dict[str, Any]:
    split = datasets.load("digits", rng=rng.child("data"), backend=backend, center=True)
    model = MLP(config.widths)
    objective = Objective(model)
    start = model.init(rng.child("init"), "he_normal", backend=backend)
    curves = []
    for rate in config.learning_rates:
        outcome = train(
            SGD(learning_rate=rate),
            objective,
            start,
            split.train,
            epochs=config.epochs,
            batch_size=config.batch_size,
            rng=rng.child("training"),
            evaluate={"train": split.train, "validation": split.validation, "test": split.test},
            metrics={"accuracy": accuracy(model), "loss": chunked_mean(objective)},
            progress=False,
        )
        curves.append(outcome.history.epochs)
    final = [curve["validation_accuracy"][-1] for curve in curves]
    best = int(np.argmax(final))
    chosen = {name: values for name, values in curves[best].items() if name not in ("step", "loss")}
    return {"learning_rate": config.learning_rates[best], **chosen}


EXPERIMENT = Experiment(
    name="digits_sgd",
    summary="Learning curves of an MLP trained with SGD on digits, learning rate by validation",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    cost=lambda config, task: 0.03 * len(config.learning_rates) * config.epochs,
)
