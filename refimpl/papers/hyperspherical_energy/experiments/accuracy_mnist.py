"""Test accuracy of the regularisers on MNIST, strengths chosen on the validation split."""

from __future__ import annotations

from dataclasses import dataclass

from refimpl.experiments.base import Experiment
from refimpl.papers.hyperspherical_energy.experiments import accuracy as digits


@dataclass(frozen=True)
class Config(digits.Config):
    """As on digits, on a part of the training images."""

    dataset: str = "mnist"
    train_size: int = 4000
    widths: tuple[int, ...] = (784, 128, 64, 10)
    strengths: tuple[float, ...] = (1.0, 10.0)
    projections: int = 5
    epochs: int = 4
    seeds: int = 3

    @classmethod
    def quick(cls) -> Config:
        return cls(train_size=600, epochs=2, seeds=2, strengths=(1.0,))

    @classmethod
    def full(cls) -> Config:
        return cls()


EXPERIMENT = Experiment(
    name="hyperspherical_accuracy_mnist",
    summary="Test accuracy of the regularisers on MNIST, strengths by validation",
    config=Config,
    tasks=digits.tasks,
    run_task=digits.run_task,
    collect=digits.collect,
)
