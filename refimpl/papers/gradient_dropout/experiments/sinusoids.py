"""Few-shot sinusoids from few training tasks: what the noise does to the error on fresh tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend
from refimpl.datasets.sinusoids import load_sinusoids
from refimpl.experiments.base import Experiment, Task
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_dropout.experiments.training import METHODS, meta_train, method
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """The setting: fixed training tasks with a fixed pool of points, five steps, Adam, a clip.

    All ``methods`` train on ``compared`` tasks, and those that are ``swept`` on each of ``tasks``.
    """

    tasks: tuple[int, ...] = (10, 50)
    compared: int = 10
    methods: tuple[str, ...] = METHODS
    swept: tuple[str, ...] = ("none", "bernoulli 0.1", "gaussian 0.1")
    seeds: int = 6
    iterations: int = 2000
    shots: int = 5
    pool: int = 20
    test_tasks: int = 100
    inner_rate: float = 0.01
    inner_steps: int = 5
    meta_batch: int = 4
    clip: float = 10.0
    hidden: tuple[int, ...] = (40, 40)

    @classmethod
    def quick(cls) -> Config:
        return cls(
            tasks=(5, 20),
            seeds=3,
            iterations=250,
        )

    @classmethod
    def full(cls) -> Config:
        return cls()


def tasks(config: Config) -> list[Task]:
    return [
        {"tasks": count, "method": name, "seed": seed}
        for count in config.tasks
        for name in (config.methods if count == config.compared else config.swept)
        for seed in range(config.seeds)
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, tasks: int, method: str, seed: int
) -> dict[str, Any]:
    common = Rng(rng.seed, ("gradient_dropout_sinusoids", seed))  # the same for all methods
    split = load_sinusoids(
        rng=common.child("data"),
        backend=backend,
        training=tasks,
        test=config.test_tasks,
        shots=config.shots,
        queries=config.pool - config.shots,
    )
    objective = Objective(MLP((1, *config.hidden, 1)), "mean_squared_error")
    params = objective.model.init(
        common.child("init"), "torch_default", bias_scale=1.0, backend=backend
    )
    algorithm = _method(config, method)
    run = meta_train(
        algorithm,
        objective,
        params,
        split.train,
        iterations=config.iterations,
        meta_batch=min(config.meta_batch, tasks),
        rng=common.child("training"),
    )
    metrics = algorithm.metrics(objective)
    entries = sum(int(np.prod(leaf.shape)) for leaf in ad.flatten(params)[0])
    batch = min(config.meta_batch, tasks)
    return {
        "tasks": tasks,
        "method": method,
        "seed": seed,
        "pre": 2.0 * metrics["pre_loss"](run["params"], split.test),
        "post": 2.0 * metrics["post_loss"](run["params"], split.test),
        "validation": 2.0 * metrics["post_loss"](run["params"], split.validation),
        "training": 2.0 * run["losses"][-50:].mean(),
        "draws": run["draws"],
        "expected_draws": config.iterations * config.inner_steps * batch * entries,
        "noise_variance": run["variance"],
    }


def _method(config: Config, name: str) -> Any:
    """With (f − y)² as loss; the package's has a half before it, so that the rate is doubled here
    and the clip halved, which makes every step the same."""
    return method(
        name,
        inner_rate=2.0 * config.inner_rate,
        inner_steps=config.inner_steps,
        clip=0.5 * config.clip,
    )


def cost(config: Config, task: Task) -> float:
    return 0.002 * config.iterations


EXPERIMENT = Experiment(
    "gradient_dropout_sinusoids",
    Config,
    run_task,
    tasks=tasks,
    cost=cost,
    summary="Few-shot sinusoids from few training tasks, with and without gradient dropout",
)
