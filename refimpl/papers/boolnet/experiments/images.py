"""The pilot on MNIST: shortcuts and slices, with stale and with recomputed statistics.

10 000 images, stem and head in float, two blocks of two binary layers of 256 units, Adam from 2e-3
along half a cosine, 15 epochs, batches of 128, no scale, λ times ``decay`` each epoch. Statistics
are the running averages of the training pass ("stale") or those of the training set under signs.
Settings are fixed in advance; nothing is chosen on test images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.boolnet.experiments.recipe import run, steps_per_epoch
from refimpl.papers.boolnet.network import BoolNet
from refimpl.papers.boolnet.statistics import (
    binary_layers,
    recalibrate,
)
from refimpl.papers.boolnet.weights import undecided
from refimpl.random import Rng
from refimpl.training import accuracy


@dataclass(frozen=True)
class Config:
    """Data, networks and training; ``decays`` are the factors on λ an epoch."""

    size: int = 10_000
    test: int = 10_000
    width: int = 256
    blocks: int = 2
    slices: tuple[int, ...] = (1, 4)
    shortcuts: tuple[str, ...] = ("none", "logic")
    decays: tuple[float, ...] = (0.5, 0.8)
    rate: float = 2e-3
    epochs: int = 15
    batch_size: int = 128
    seeds: int = 5

    @classmethod
    def quick(cls) -> Config:
        return cls(size=500, test=500, width=32, epochs=2, seeds=2)

    @classmethod
    def full(cls) -> Config:
        return cls()


def tasks(config: Config) -> list[Task]:
    return [
        {"shortcuts": shortcuts, "slices": slices, "decay": decay, "seed": seed}
        for shortcuts in config.shortcuts
        for slices in config.slices
        for decay in config.decays
        for seed in range(config.seeds)
    ]


def run_task(
    config: Config,
    backend: Backend,
    rng: Rng,
    *,
    shortcuts: str,
    slices: int,
    decay: float,
    seed: int,
) -> dict[str, Any]:
    shared = Rng(rng.seed).child("boolnet_images", seed)  # of the seed alone: all are paired
    split = datasets.load(
        "mnist", rng=shared.child("data"), backend=backend, training=config.size,
        validation=1000, test=config.test,
    )  # fmt: skip
    model = BoolNet(
        (split.train.features, config.width, 10),
        blocks=config.blocks,
        slices=slices,
        shortcuts=shortcuts,  # type: ignore[arg-type]
        decay=decay,
        schedule="epoch",
        statistics="training",
    )
    steps = steps_per_epoch(config.size, config.batch_size)
    trained = run(
        model,
        model.objective(epochs=config.epochs, steps_per_epoch=steps, batch_size=config.batch_size),
        split.train,
        shared,
        rate=config.rate,
        epochs=config.epochs,
        batch_size=config.batch_size,
        backend=backend,
    )
    score = accuracy(model)
    fresh = recalibrate(model, trained.params, split.train.inputs)
    last = model.progress.strength(
        step=config.epochs * steps - 1, epochs=config.epochs, steps_per_epoch=steps
    )
    shares = [float(undecided(layer["weight"], last)) for layer in binary_layers(fresh)]
    return {
        "shortcuts": shortcuts,
        "slices": slices,
        "decay": decay,
        "seed": seed,
        "stale": score(trained.params, split.test),
        "recomputed": score(fresh, split.test),
        "undecided": sum(shares) / len(shares),
    }


EXPERIMENT = Experiment(
    "boolnet_images",
    Config,
    run_task,
    tasks,
    cost=lambda config, task: 60.0,
    summary="shortcuts and slices on MNIST, with stale and with recomputed statistics",
)
