"""MNIST with 10,000 training samples: the constrained methods and the baselines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.constrained_langevin.experiments import accuracy as shared
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Network, epochs and seeds."""

    widths: tuple[int, ...] = (784, 100, 100, 10)
    batch_size: int = 128
    epochs: int = 1
    seeds: int = 1
    training: int = 10_000
    validation: int = 5_000

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(epochs=4, seeds=2)


def tasks(config: Config) -> list[dict[str, Any]]:
    return shared.tasks(config.seeds)


def run_task(
    config: Config, backend: Backend, rng: Rng, *, method: str, seed: int
) -> dict[str, Any]:
    common = Rng(rng.seed).child("constrained_mnist", seed)
    split = datasets.load(
        "mnist",
        rng=common.child("data"),
        backend=backend,
        training=config.training,
        validation=config.validation,
        center=True,
    )
    return shared.run(
        split,
        backend,
        common,
        method=method,
        widths=config.widths,
        epochs=config.epochs,
        batch_size=config.batch_size,
    )


EXPERIMENT = Experiment(
    name="constrained_mnist",
    summary="Test accuracy of constrained methods and baselines on MNIST, 10,000 samples",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=shared.collect,
)
