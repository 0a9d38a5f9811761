"""Energy against iteration on digits: none, orthogonal, MHE and CoMHE with their controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.hyperspherical_energy.experiments.recipe import (
    layer_energies,
    method,
    model_and_objective,
    optimum,
)
from refimpl.random import Rng
from refimpl.training import accuracy, train


@dataclass(frozen=True)
class Config:
    """The network, the methods with their strengths, and the length of a run."""

    widths: tuple[int, ...] = (64, 128, 64, 10)
    methods: tuple[tuple[str, float], ...] = (
        ("none", 1.0),
        ("orthogonal", 1.0),
        ("MHE", 1.0),
        ("half-space", 1.0),
        ("random projection", 1.0),
        ("half-space, matched", 1.0),
        ("half-space, matched, noise", 1.0),
        ("angle-preserving", 1.0),
        ("adversarial", 1.0),
        ("half-space", 10.0),
        ("half-space", 100.0),
    )
    rate: float = 0.1
    decay: float = 5e-4
    dimension: int = 20
    projections: int = 5
    batch_size: int = 64
    epochs: int = 30
    evaluate_every: int = 5
    seeds: int = 3

    @classmethod
    def quick(cls) -> Config:
        return cls(
            widths=(64, 48, 32, 10),
            methods=(
                ("none", 1.0),
                ("half-space", 1.0),
                ("random projection", 1.0),
                ("half-space, matched", 1.0),
                ("half-space", 10.0),
                ("half-space", 100.0),
            ),
            epochs=10,
            evaluate_every=2,
            seeds=2,
        )

    @classmethod
    def full(cls) -> Config:
        return cls()


def tasks(config: Config) -> list[dict[str, Any]]:
    return [
        {"seed": seed, "index": index}
        for index in range(len(config.methods))
        for seed in range(config.seeds)
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, seed: int, index: int
) -> dict[str, Any]:
    shared = Rng(rng.seed).child("hyperspherical_training", seed)  # same start for all methods
    split = datasets.load("digits", rng=shared.child("data"), backend=backend, center=True)
    model, objective = model_and_objective(config.widths, config.decay)
    start = model.init(shared.child("init"), "he_normal", backend=backend)
    name, strength = config.methods[index]
    algorithm = method(name, strength, config.rate, config.dimension, config.projections)
    energies = [layer_energies(start)]

    def energy(params: Any, data: Any) -> float:
        energies.append(layer_energies(params))
        return float(energies[-1].sum())

    outcome = train(
        algorithm,
        objective,
        start,
        split.train,
        epochs=config.epochs,
        batch_size=config.batch_size,
        rng=shared.child("training"),
        evaluate={"validation": split.validation},
        metrics={"energy": energy, "accuracy": accuracy(model)},
        evaluate_every=config.evaluate_every,
        progress=False,
    )
    return {
        "steps": np.concatenate([[0.0], outcome.history.epochs["step"]]),
        "energies": np.array(energies),
        "accuracy": outcome.history.epochs["validation_accuracy"][-1],
    }


def collect(config: Config, tasks: Any, results: Any) -> dict[str, Any]:
    shape = (len(config.methods), config.seeds)
    energies = np.array([result["energies"] for result in results])
    hidden = list(zip(config.widths[1:-1], config.widths[:-2], strict=True))
    return {
        "methods": np.array([name for name, _ in config.methods]),
        "strengths": np.array([strength for _, strength in config.methods]),
        "steps": results[0]["steps"],
        "energies": energies.reshape(*shape, *energies.shape[1:]),
        "accuracy": np.array([result["accuracy"] for result in results]).reshape(shape),
        "bounds": np.array([optimum(neurons, inputs) for neurons, inputs in hidden]),
    }


EXPERIMENT = Experiment(
    name="hyperspherical_training",
    summary="Hyperspherical energy during training on digits, all variants and controls",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
)
