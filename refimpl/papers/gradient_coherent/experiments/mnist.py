"""MNIST, eight layers: accuracy over the strength for L2, and over the compression for L1.

The last 10 000 training images are the validation set, on which strengths are chosen; the test
accuracies over the whole grid are shown without selection. Needs the MNIST files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.experiments.base import Experiment
from refimpl.papers.gradient_coherent.experiments.recipe import Recipe, Sets, build, repair, run
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """The subset, the network, the methods and the strengths of each penalty."""

    training: int = 3000
    epochs: int = 8
    width: int = 128
    methods: tuple[str, ...] = ("plain", "delayed 1", "gate 0.7")
    strengths: tuple[float, ...] = (0.01, 0.03)
    absolute: tuple[float, ...] = (0.001, 0.003)
    dtype: str = "float32"

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            training=10_000,
            epochs=5,
            strengths=(0.007, 0.015, 0.03, 0.05, 0.07, 0.1),
            absolute=(0.0007, 0.0015, 0.003, 0.005, 0.008, 0.012),
        )


def tasks(config: Config) -> list[dict[str, Any]]:
    grids = (("l2", config.strengths), ("l1", config.absolute))
    return [{"penalty": "l2", "method": "none", "strength": 0.0}] + [
        {"penalty": penalty, "method": name, "strength": strength}
        for penalty, strengths in grids
        for name in config.methods
        for strength in strengths
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, penalty: str, method: str, strength: float
) -> dict[str, Any]:
    place = make_backend(backend.name, config.dtype)
    split = datasets.load(
        "mnist",
        rng=Rng(0).child("data"),
        backend=place,
        training=config.training,
        holdout="last",
        center=True,
        scale="std",
    )
    sets = Sets(*split)
    recipe = Recipe(width=config.width, epochs=config.epochs)
    outcome = run(build(method, strength, penalty=penalty), recipe, sets, 0, place)
    return {
        "penalty": penalty,
        "method": method,
        "strength": strength,
        **outcome.numbers,
        **(repair(outcome.params, recipe, strength, sets) if penalty == "l1" else _NO_REPAIR),
    }


_NO_REPAIR = dict.fromkeys(
    ("repaired_nonzero", "repaired_accuracy", "dense_bytes", "sparse_bytes"), np.nan
)


EXPERIMENT = Experiment(
    name="gradient_coherent_mnist",
    summary="MNIST, eight layers: plain, delayed and gated L2 and L1 over the strength",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    cost=lambda config, task: config.training * config.epochs / 40_000,
)
