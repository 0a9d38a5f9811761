"""Full-batch descent on digits without biases: where there is no noise, the gate shuts for good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.experiments.base import Experiment
from refimpl.papers.gradient_coherent.experiments.recipe import Recipe, build, load, run
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """The network, the strength and the number of steps."""

    methods: tuple[str, ...] = ("plain", "gate 0.5", "gate 0.7")
    strength: float = 0.05
    depth: int = 4
    width: int = 32
    gain: float = 2.0
    steps: int = 800
    dtype: str = "float32"

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(methods=("plain", "gate 0", "gate 0.5", "gate 0.7"), steps=3000)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"method": name} for name in config.methods]


def run_task(config: Config, backend: Backend, rng: Rng, *, method: str) -> dict[str, Any]:
    place = make_backend(backend.name, config.dtype)
    sets = load(place)
    recipe = Recipe(
        depth=config.depth,
        width=config.width,
        gain=config.gain,
        bias=False,
        epochs=config.steps,
        batch_size=len(sets.train),
        decay=False,
    )
    outcome = run(build(method, config.strength), recipe, sets, 1, place)
    late = outcome.steps["gate"][-config.steps // 3 :]
    return {"method": method, "on_rate_late": late.mean(), **outcome.numbers}


EXPERIMENT = Experiment(
    name="gradient_coherent_full_batch",
    summary="Full-batch descent with L2 behind the gate",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    cost=lambda config, task: config.steps / 600,
)
