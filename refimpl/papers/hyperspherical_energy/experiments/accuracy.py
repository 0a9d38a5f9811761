"""Test accuracy of the regularizers on digits, strengths chosen on the validation split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.errors import DivergenceError
from refimpl.experiments.base import Experiment
from refimpl.papers.hyperspherical_energy.experiments.recipe import method, model_and_objective
from refimpl.random import Rng
from refimpl.training import accuracy, train


@dataclass(frozen=True)
class Config:
    """The data, the network, the methods and the grid of strengths."""

    dataset: str = "digits"
    train_size: int = 0  # 0 = all
    widths: tuple[int, ...] = (64, 128, 64, 10)
    methods: tuple[str, ...] = (
        "none",
        "orthogonal",
        "SRIP",
        "MHE",
        "half-space",
        "random projection",
    )
    strengths: tuple[float, ...] = (1.0, 10.0, 100.0)
    rate: float = 0.1
    decay: float = 5e-4
    dimension: int = 20
    projections: int = 5
    batch_size: int = 64
    epochs: int = 20
    seeds: int = 5

    @classmethod
    def quick(cls) -> Config:
        return cls(
            widths=(64, 48, 32, 10),
            methods=("none", "half-space", "random projection"),
            strengths=(1.0, 10.0),
            epochs=8,
            seeds=3,
        )

    @classmethod
    def full(cls) -> Config:
        return cls()


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"seed": seed, "name": name} for name in config.methods for seed in range(config.seeds)]


def run_task(config: Config, backend: Backend, rng: Rng, *, seed: int, name: str) -> dict[str, Any]:
    shared = Rng(rng.seed).child("hyperspherical_accuracy", config.dataset, seed)
    split = datasets.load(config.dataset, rng=shared.child("data"), backend=backend, center=True)
    data = split.train
    if config.train_size:
        data = data.subset(config.train_size, shared.child("subset"))
    model, objective = model_and_objective(config.widths, config.decay)
    start = model.init(shared.child("init"), "he_normal", backend=backend)
    scores = []
    for strength in config.strengths if name != "none" else config.strengths[:1]:
        algorithm = method(name, strength, config.rate, config.dimension, config.projections)
        try:
            outcome = train(
                algorithm,
                objective,
                start,
                data,
                epochs=config.epochs,
                batch_size=config.batch_size,
                rng=shared.child("training"),
                evaluate={"validation": split.validation, "test": split.test},
                metrics={"accuracy": accuracy(model)},
                evaluate_every=config.epochs,
                progress=False,
            )
        except DivergenceError:  # a strength at which training dies is never chosen
            scores.append([-np.inf, np.nan])
            continue
        last = outcome.history.epochs
        scores.append([last["validation_accuracy"][-1], last["test_accuracy"][-1]])
    table = np.array(scores)
    best = int(np.argmax(table[:, 0]))
    return {
        "strength": config.strengths[best],
        "validation": table[best, 0],
        "test": table[best, 1],
    }


def collect(config: Config, tasks: Any, results: Any) -> dict[str, Any]:
    shape = (len(config.methods), config.seeds)
    collected: dict[str, Any] = {
        name: np.array([result[name] for result in results]).reshape(shape)
        for name in ("strength", "validation", "test")
    }
    return {**collected, "methods": np.array(config.methods)}


EXPERIMENT = Experiment(
    name="hyperspherical_accuracy",
    summary="Test accuracy of the regularisers on digits, strengths by validation",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
)
