"""Digits with half the training labels redrawn: strength, delay and threshold by validation.

``errors_plain`` and its like hold the runs of each split one by one, ``error_plain`` their mean.
For each split the mean validation accuracy over seeds chooses one setting of each family: plain
(λ), delayed (λ and γ), gated (λ and τ). Validation labels are as noisy as the training labels;
the test labels are clean and are read for the chosen settings only, and for display.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.experiments.base import Experiment
from refimpl.papers.gradient_coherent.experiments.recipe import Recipe, build, load
from refimpl.papers.gradient_coherent.experiments.stacked import (
    Member,
    columns,
    run_together,
    table,
)
from refimpl.random import Rng

FAMILIES = ("plain", "delayed", "gate")

STRENGTHS = (0.01, 0.015, 0.025, 0.035, 0.05, 0.07)

Grids = tuple[tuple[str, tuple[float, ...]], ...]


@dataclass(frozen=True)
class Config:
    """Splits as (permutation seed, noise seed, first training seed), and what validation compares.

    The grids are methods with their strengths; every family has the same number of settings.
    """

    splits: tuple[tuple[int, int, int], ...] = ((12345, 777, 0), (54321, 778, 5))
    grids: Grids = (
        ("plain", (0.005, 0.0072, 0.0104, 0.015)),
        ("delayed 10", (0.015, 0.025)),
        ("delayed 15", (0.015, 0.025)),
        ("gate 0.8", (0.015, 0.025)),
        ("gate 0.9", (0.015, 0.035)),
    )
    seeds: int = 3
    epochs: int = 60
    noise: float = 0.5
    validation: int = 260
    dtype: str = "float32"

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            grids=(
                ("plain", tuple(round(0.002 * 1.2**k, 5) for k in range(18))),
                *((f"delayed {delay}", STRENGTHS) for delay in (5, 10, 15)),
                *((f"gate {tau}", STRENGTHS) for tau in (0.7, 0.8, 0.9)),
            ),
        )


def tasks(config: Config) -> list[dict[str, Any]]:
    return [
        {"split": split, "noise_seed": noise, "seed": first + index}
        for split, noise, first in config.splits
        for index in range(config.seeds)
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, split: int, noise_seed: int, seed: int
) -> dict[str, Any]:
    place = make_backend(backend.name, config.dtype)
    sets = load(
        place,
        split_seed=split,
        validation=config.validation,
        noise=config.noise,
        noise_seed=noise_seed,
    )
    cells = [("none", 0.0)] + [(name, lam) for name, grid in config.grids for lam in grid]
    members = [Member(build(*cell), sets, seed) for cell in cells]
    runs = run_together(members, Recipe(epochs=config.epochs), place)
    return columns(
        [
            {"method": name, "strength": lam, "split": split, "seed": seed, **one.numbers}
            for (name, lam), one in zip(cells, runs, strict=True)
        ]
    )


def collect(
    config: Config, items: list[dict[str, Any]], results: list[dict[str, Any]]
) -> dict[str, Any]:
    """The table of all runs, and for each split the validated choice of each family."""
    rows = table(config, items, results)
    chosen: dict[str, list[Any]] = {}
    for split, _, _ in config.splits:
        for family in ("none", *FAMILIES):
            best, best_value = None, -1.0
            for name in dict.fromkeys(rows["method"].tolist()):
                for lam in np.unique(rows["strength"][rows["method"] == name]):
                    mask = (
                        (rows["method"] == name)
                        & (rows["strength"] == lam)
                        & (rows["split"] == split)
                    )
                    value = rows["validation_accuracy"][mask].mean()
                    if name.split()[0] == family and value > best_value:
                        best, best_value = mask, value
            assert best is not None
            errors = 1.0 - rows["test_accuracy"][best]
            for key, value in {
                "errors": errors,
                "error": errors.mean(),
                "validation": best_value,
                "on_rate": rows["on_rate"][best].mean(),
                "weight_norm": rows["weight_norm"][best].mean(),
                "strength": rows["strength"][best][0],
                "method": rows["method"][best][0],
            }.items():
                chosen.setdefault(f"{key}_{family}", []).append(value)
    return {**rows, **{name: np.asarray(values) for name, values in chosen.items()}}


EXPERIMENT = Experiment(
    name="gradient_coherent_noise",
    summary="Digits with redrawn labels: plain, delayed and gated L2, chosen on validation",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
    cost=lambda config, task: 0.6 * (1 + sum(len(grid) for _, grid in config.grids)),
)
