"""Large λ₀ at a large rate without normalization: where training ends in a named error.

The extra logit is quadratic in the head and in the scale of the features, so that both run away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.errors import DivergenceError
from refimpl.experiments.base import Experiment
from refimpl.models import MLP
from refimpl.papers.isda.experiments.recipe import run
from refimpl.papers.isda.isda import ISDA
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Digits, Nesterov's momentum 0.9, a constant rate."""

    size: int = 1000
    widths: tuple[int, ...] = (64, 128, 64, 10)
    rate: float = 0.1
    batch_size: int = 64
    epochs: int = 30
    strengths: tuple[float, ...] = (0.0, 2.5, 5.0, 10.0)
    seeds: int = 3

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(seeds=10)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [
        {"strength": strength, "seed": seed}
        for strength in config.strengths
        for seed in range(config.seeds)
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, strength: float, seed: int
) -> dict[str, Any]:
    shared = Rng(rng.seed).child("isda_divergence", seed)
    data = datasets.load("digits", rng=shared.child("data"), training=config.size).train
    isda = ISDA(strength=strength, epochs=config.epochs)
    found = {"strength": strength, "error": "", "at": float("nan"), "accuracy": float("nan")}
    try:
        result = run(
            isda,
            MLP(config.widths),
            data,
            shared,
            rate=config.rate,
            batch_size=config.batch_size,
            evaluate={"train": data},
        )
    except DivergenceError as error:
        return {**found, "error": type(error).__name__, "at": error.strength}
    return {**found, "accuracy": result.history.epochs["train_accuracy"][-1]}


EXPERIMENT = Experiment(
    "isda_divergence",
    Config,
    run_task,
    tasks=tasks,
    summary="Large strengths at a large rate without normalization: which runs diverge",
)
