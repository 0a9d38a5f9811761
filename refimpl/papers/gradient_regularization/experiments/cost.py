"""The time of a step under the penalty as a multiple of the plain step: not judged, it varies."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.algorithms.composition import Composition
from refimpl.algorithms.momentum import Momentum
from refimpl.arrays import Backend
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_regularization.regularization import GradientRegularization
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Numbers of classes and of probes, and the size of the network."""

    classes: tuple[int, ...] = (1, 2, 5, 10, 20)
    probes: tuple[int, ...] = (1, 2, 5, 10)
    width: int = 64
    examples: int = 128
    repetitions: int = 25

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(width=256, repetitions=40)


def multiples(
    config: Config, classes: int, parts: Sequence[GradientRegularization], rng: Rng
) -> list[float]:
    """The fastest step under each part over the fastest plain one; they take turns.

    Load from outside can only add to a time, and meets all of them.
    """
    model = MLP((config.width, config.width, config.width, classes), activation="tanh")
    objective, params = Objective(model), model.init(rng.child("init"))
    inputs = rng.child("inputs").normal((config.examples, config.width))
    batch = Batch(inputs, np.arange(config.examples) % classes)
    algorithms = [
        Composition(Momentum(learning_rate=0.01), penalties=penalties)
        for penalties in ([], *([part] for part in parts))
    ]
    states = [algorithm.init(params, objective=objective) for algorithm in algorithms]
    seconds = np.empty((config.repetitions, len(algorithms)))
    for turn in range(config.repetitions):
        for place, (algorithm, state) in enumerate(zip(algorithms, states, strict=True)):
            start = time.perf_counter()
            algorithm.step(state, objective, batch, rng)
            seconds[turn, place] = time.perf_counter() - start
    plain, *others = np.min(seconds, axis=0)
    return [other / plain for other in others]


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    ways = (GradientRegularization(), GradientRegularization(derivatives="tape"))
    whole = np.array([multiples(config, classes, ways, rng) for classes in config.classes])
    some = [GradientRegularization(probes=probes) for probes in config.probes]
    return {
        "classes": np.array(config.classes),
        "full": whole[:, 0],
        "taped": whole[:, 1],
        "probes": np.array(config.probes),
        "probed": np.array(multiples(config, 10, some, rng)),
        "width": config.width,
    }


EXPERIMENT = Experiment(
    name="gradient_regularization_cost",
    summary="The time of a step under the penalty as a multiple of the plain step",
    config=Config,
    run_task=run_task,
)
