"""The time of a step under the penalty as a multiple of the plain step: not judged, it varies."""

from __future__ import annotations

import time
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


def fastest_step(config: Config, classes: int, penalties: Any, rng: Rng) -> float:
    """Seconds of the fastest of some steps: load from outside can only add."""
    model = MLP((config.width, config.width, config.width, classes), activation="tanh")
    objective = Objective(model)
    inputs = rng.child("inputs").normal((config.examples, config.width))
    batch = Batch(inputs, np.arange(config.examples) % classes)
    algorithm = Composition(Momentum(learning_rate=0.01), penalties=penalties)
    state = algorithm.init(model.init(rng.child("init")), objective=objective)
    seconds = []
    for step in range(config.repetitions):
        start = time.perf_counter()
        state, _ = algorithm.step(state, objective, batch, rng.child("step", step))
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    full, probed = [], []
    whole, tape = GradientRegularization(), GradientRegularization(derivatives="tape")
    for classes in config.classes:
        plain = fastest_step(config, classes, [], rng)
        ways = [fastest_step(config, classes, [part], rng) / plain for part in (whole, tape)]
        full.append(ways)
    plain = fastest_step(config, 10, [], rng)
    for probes in config.probes:
        part = GradientRegularization(probes=probes)
        probed.append(fastest_step(config, 10, [part], rng) / plain)
    return {
        "classes": np.array(config.classes),
        "full": np.array(full)[:, 0],
        "taped": np.array(full)[:, 1],
        "probes": np.array(config.probes),
        "probed": np.array(probed),
        "width": config.width,
    }


EXPERIMENT = Experiment(
    name="gradient_regularization_cost",
    summary="The time of a step under the penalty as a multiple of the plain step",
    config=Config,
    run_task=run_task,
)
