"""A thousand MNIST images with redrawn labels: plain descent and AMP over their strengths.

Needs the MNIST files. The recipe is that on digits with fewer epochs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.experiments.base import Experiment
from refimpl.papers.amp.experiments.label_noise import DECAYS, RADII, Cells, collect, rows, tasks
from refimpl.papers.amp.experiments.recipe import Recipe, noisy
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """The data, the methods and the recipe."""

    training: int = 300
    validation: int = 1000
    test: int | None = 1000
    noise: float = 0.2
    seeds: int = 2
    noisy: Cells = (("sgd", DECAYS[:1]), ("amp", (0.5,)))
    clean: Cells = ()
    matched: float = -1.0
    recipe: Recipe = field(default_factory=lambda: Recipe(epochs=20))
    dtype: str = "float32"

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            training=1000,
            validation=2000,
            test=None,
            seeds=5,
            noisy=(("sgd", DECAYS), ("amp", RADII)),
            recipe=Recipe(epochs=50),
        )


def run_task(
    config: Config,
    backend: Backend,
    rng: Rng,
    *,
    method: str,
    setting: float,
    seed: int,
    noise: float,
) -> dict[str, Any]:
    place = make_backend(backend.name, config.dtype)
    stream = Rng(seed)
    split = datasets.load(
        "mnist",
        rng=stream.child("data"),
        backend=place,
        training=config.training,
        validation=config.validation,
        test=config.test,
    )
    sets = noisy(split, noise, stream.child("noise"))
    return rows(config, place, sets, method, setting, seed, noise)


EXPERIMENT = Experiment(
    name="amp_label_noise_mnist",
    summary="A thousand MNIST images with redrawn labels: plain descent and AMP",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
    cost=lambda config, task: 4.0 if task["method"] == "sgd" else 8.0,
)
