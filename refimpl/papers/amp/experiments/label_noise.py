"""Digits with redrawn labels and clean ones: plain descent and AMP over its radius.

300 training, 597 validation and 900 test digits. Random perturbation is trained as ``random,
matched`` with the mean squared length of AMP's own perturbation in each tensor. For plain descent
the setting is its weight decay, which is that of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.amp.amp import AMP
from refimpl.papers.amp.experiments.recipe import Lengths, Recipe, noisy, run, wrapper_of
from refimpl.papers.amp.random_perturbation import RandomPerturbation
from refimpl.random import Rng

RADII = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
DECAY = 1e-4

Cells = tuple[tuple[str, tuple[float, ...]], ...]
"""Methods and their settings."""


@dataclass(frozen=True)
class Config:
    """The data, the methods with and without noise, and the recipe."""

    training: int = 300
    validation: int = 597
    test: int = 900
    noise: float = 0.2
    seeds: int = 5
    noisy: Cells = (("sgd", (DECAY,)), ("amp", RADII))
    clean: Cells = (("sgd", (DECAY,)), ("amp", (0.5,)))
    matched: float = 0.5
    recipe: Recipe = field(default_factory=Recipe)
    dtype: str = "float32"

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            seeds=6,
            noisy=(
                ("sgd", (DECAY,)),
                ("amp", RADII),
                ("amp, 2 inner steps", (0.5,)),
                ("amp, 5 inner steps", (0.5,)),
                ("amp, global", (1.2,)),
                ("sam", (0.5,)),
            ),
            clean=(("sgd", (DECAY,)), ("amp", RADII)),
        )


def tasks(config: Any) -> list[Task]:
    """One task a method, setting, seed and noise."""
    return [
        {"method": method, "setting": setting, "seed": seed, "noise": noise}
        for noise, cells in ((config.noise, config.noisy), (0.0, config.clean))
        for method, settings in cells
        for setting in settings
        for seed in range(config.seeds)
    ]


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
    """The numbers of one run; of two, where random perturbation is matched to this one."""
    place = make_backend(backend.name, config.dtype)
    stream = Rng(seed)
    split = datasets.load(
        "digits",
        rng=stream.child("data"),
        backend=place,
        training=config.training,
        validation=config.validation,
        test=config.test,
    )
    sets = noisy(split, noise, stream.child("noise"))
    watched = method == "amp" and setting == config.matched and noise > 0.0
    wrapper = Lengths(AMP(radius=setting)) if watched else wrapper_of(method, setting)
    facts = {"method": method, "setting": setting, "seed": seed, "noise": noise}
    found = [facts | run(wrapper, config.recipe, sets, seed, place)]
    if watched:
        alike = RandomPerturbation(radius=1.0, match="rms", scales=wrapper.root_mean_square)
        more = run(alike, config.recipe, sets, seed, place)
        found.append(facts | {"method": "random, matched"} | more)
    return {name: [row[name] for row in found] for name in found[0]}


def collect(
    config: Any, tasks: Sequence[Task], results: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """One table of all runs, a row each."""
    return {name: np.concatenate([part[name] for part in results]) for name in results[0]}


EXPERIMENT = Experiment(
    name="amp_label_noise",
    summary="Digits with redrawn labels: plain descent, AMP over its radius, matched random draws",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
    cost=lambda config, task: 0.4 if task["method"] == "sgd" else 0.8,
)
