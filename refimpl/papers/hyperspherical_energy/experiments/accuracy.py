"""Test accuracy of the regularizers on digits and on MNIST, settings chosen by validation.

Every method brings as many settings: strengths, and learning rates for the network without a
regularizer. The controls of random projection are not among them; all CoMHE variants are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.experiments.comparison import Arm, Problem, comparison
from refimpl.experiments.kept import kept_by_seed, seed_by_seed
from refimpl.papers.hyperspherical_energy.experiments.recipe import method, model_and_objective
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """The data, the network, the methods and the grids."""

    dataset: str = "digits"
    train_size: int = 0  # 0 = all
    widths: tuple[int, ...] = (64, 128, 64, 10)
    methods: tuple[str, ...] = (
        "orthogonal",
        "SRIP",
        "MHE",
        "half-space",
        "random projection",
        "angle-preserving",
        "adversarial",
        "group",
        "uniformity",
    )
    strengths: tuple[float, ...] = (0.1, 1.0, 10.0, 100.0)
    rates: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4)
    rate: float = 0.2
    decay: float = 5e-4
    dimension: int = 20
    projections: int = 5
    batch_size: int = 64
    epochs: int = 20
    seeds: int = 12

    @classmethod
    def quick(cls) -> Config:
        return cls(
            widths=(64, 48, 32, 10),
            methods=("half-space", "random projection", "angle-preserving", "adversarial"),
            strengths=(1.0, 10.0),
            rates=(0.1, 0.2),
            epochs=8,
            seeds=3,
        )

    @classmethod
    def full(cls) -> Config:
        return cls()


@dataclass(frozen=True)
class MNISTConfig(Config):
    """As on digits, on a part of the training images."""

    dataset: str = "mnist"
    train_size: int = 4000
    widths: tuple[int, ...] = (784, 128, 64, 10)
    epochs: int = 4
    seeds: int = 5

    @classmethod
    def quick(cls) -> MNISTConfig:
        return cls(
            train_size=600,
            methods=("half-space",),
            strengths=(1.0, 10.0),
            rates=(0.1, 0.2),
            epochs=2,
            seeds=2,
        )

    @classmethod
    def full(cls) -> MNISTConfig:
        return cls()


def methods(config: Config) -> Mapping[str, Sequence[Arm]]:
    """No regularizer at several rates, and each regularizer at as many strengths."""
    more = (config.dimension, config.projections)
    grids = {"none": [Arm(f"rate={r}", method("none", 0.0, r, *more)) for r in config.rates]}
    for name in config.methods:
        grids[name] = [
            Arm(f"strength={s}", method(name, s, config.rate, *more)) for s in config.strengths
        ]
    return grids


@kept_by_seed()
def problem(config: Config, backend: Backend, rng: Rng) -> Problem:
    """The data of one seed, with the part of the training set that is asked for."""
    split = datasets.load(config.dataset, rng=rng.child("data"), backend=backend, center=True)
    if config.train_size:
        train = split.train.subset(config.train_size, rng.child("subset"))
        split = split._replace(train=train)
    model, objective = model_and_objective(config.widths, config.decay)
    return Problem(split, objective, model.init(rng.child("init"), "he_normal", backend=backend))


EXPERIMENTS = (
    comparison(
        "hyperspherical_accuracy",
        Config,
        problem=problem,
        methods=methods,
        reference="none",
        summary="Test accuracy of the regularizers on digits, settings by validation",
        cost=seed_by_seed(1.0),
    ),
    comparison(
        "hyperspherical_accuracy_mnist",
        MNISTConfig,
        problem=problem,
        methods=methods,
        reference="none",
        summary="Test accuracy of the regularizers on MNIST, settings by validation",
        cost=seed_by_seed(1.2),
    ),
)
