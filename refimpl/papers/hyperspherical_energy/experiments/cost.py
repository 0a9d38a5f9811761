"""The time of a randomly projected energy as a multiple of the plain one: not judged, it varies."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend, to_host
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.hyperspherical_energy.comhe_random import RPCoMHE
from refimpl.papers.hyperspherical_energy.common import Projections
from refimpl.papers.hyperspherical_energy.mhe import MHE
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Layers (n, N), numbers of projections to k dimensions, and repetitions."""

    shapes: tuple[tuple[int, int], ...] = ((576, 64), (1152, 128))
    dimension: int = 40
    projections: tuple[int, ...] = (1, 2, 5, 10, 20)
    repetitions: int = 5

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(shapes=((576, 64), (1152, 128), (2304, 256)), repetitions=15)


def tasks(config: Config) -> list[Task]:
    return [{"inputs": inputs, "neurons": neurons} for inputs, neurons in config.shapes]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, inputs: int, neurons: int
) -> dict[str, Any]:
    """The fastest of each; they take turns, so that load from outside meets all of them.

    The projections are drawn in every step, as the released code draws them.
    """
    drawn = rng.normal((neurons, inputs))
    output = rng.normal((2, neurons))
    params = [{"weight": backend.asarray(weight)} for weight in (drawn, output)]
    penalties: list[tuple[Any, Any]] = [(MHE(output_strength=0.0), ())]
    for many in config.projections:
        part = RPCoMHE(dimension=config.dimension, projections=many, output_strength=0.0)
        penalties.append((part, Projections(0, ())))
    seconds = np.empty((config.repetitions, len(penalties)))
    for turn in range(config.repetitions):
        for place, (part, aux) in enumerate(penalties):
            start = time.perf_counter()
            _, gradient, _ = part.value_and_gradient(params, None, None, aux, rng)
            to_host(gradient[0]["weight"])
            seconds[turn, place] = time.perf_counter() - start
    plain, *others = np.min(seconds, axis=0)
    return {"shape": np.array([inputs, neurons]), "multiple": np.array(others) / plain}


EXPERIMENT = Experiment(
    "hyperspherical_cost",
    Config,
    run_task,
    tasks=tasks,
    cost=lambda config, task: 1e-7 * config.repetitions * task["inputs"] * task["neurons"],
    summary="the time of a randomly projected energy as a multiple of the plain one",
)
