"""Digits: test accuracy of the constrained methods and the baselines, over seeds."""

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

    widths: tuple[int, ...] = (64, 100, 100, 10)
    batch_size: int = 64
    epochs: int = 5
    seeds: int = 2

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(epochs=20, seeds=5)


def tasks(config: Config) -> list[dict[str, Any]]:
    return shared.tasks(config.seeds)


def run_task(
    config: Config, backend: Backend, rng: Rng, *, method: str, seed: int
) -> dict[str, Any]:
    common = Rng(rng.seed).child("constrained_digits", seed)
    split = datasets.load("digits", rng=common.child("data"), backend=backend, center=True)
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
    name="constrained_digits",
    summary="Test accuracy of constrained methods and baselines on digits",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=shared.collect,
)
