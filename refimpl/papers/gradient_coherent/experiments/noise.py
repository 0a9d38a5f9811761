"""Digits with half the training labels redrawn: strength, delay and threshold by validation.

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
from refimpl.papers.gradient_coherent.experiments.recipe import Recipe, build, load, run
from refimpl.random import Rng

FAMILIES = {"plain": "plain", "delayed": "delayed", "gate": "gate"}


@dataclass(frozen=True)
class Config:
    """Splits as (permutation seed, noise seed, first training seed), methods and strengths."""

    splits: tuple[tuple[int, int, int], ...] = ((12345, 777, 0),)
    methods: tuple[str, ...] = ("plain", "delayed 10", "gate 0.9")
    strengths: tuple[float, ...] = (0.01, 0.02)
    seeds: int = 1
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
            splits=((12345, 777, 0), (54321, 778, 5)),
            methods=(
                "plain",
                *(f"delayed {delay}" for delay in (5, 10, 15)),
                *(f"gate {tau}" for tau in (0.5, 0.7, 0.8, 0.9)),
            ),
            strengths=(0.01, 0.015, 0.02, 0.025, 0.03, 0.04),
            seeds=3,
        )


def tasks(config: Config) -> list[dict[str, Any]]:
    cells = [("none", 0.0)] + [(name, lam) for name in config.methods for lam in config.strengths]
    return [
        {
            "method": name,
            "strength": lam,
            "split": split,
            "noise_seed": noise,
            "seed": first + index,
        }
        for split, noise, first in config.splits
        for name, lam in cells
        for index in range(config.seeds)
    ]


def run_task(
    config: Config,
    backend: Backend,
    rng: Rng,
    *,
    method: str,
    strength: float,
    split: int,
    noise_seed: int,
    seed: int,
) -> dict[str, Any]:
    place = make_backend(backend.name, config.dtype)
    sets = load(
        place,
        split_seed=split,
        validation=config.validation,
        noise=config.noise,
        noise_seed=noise_seed,
    )
    outcome = run(build(method, strength), Recipe(epochs=config.epochs), sets, seed, place)
    return {
        "method": method,
        "strength": strength,
        "split": split,
        "seed": seed,
        **outcome.numbers,
    }


def collect(
    config: Config, items: list[dict[str, Any]], results: list[dict[str, Any]]
) -> dict[str, Any]:
    """The table of all runs, and for each split the validated choice of each family."""
    table = {name: np.stack([np.asarray(row[name]) for row in results]) for name in results[0]}
    chosen: dict[str, list[Any]] = {}
    for split, _, _ in config.splits:
        for family in ("none", *FAMILIES):
            best, best_value = None, -1.0
            for name in dict.fromkeys(table["method"].tolist()):
                for lam in np.unique(table["strength"][table["method"] == name]):
                    mask = (
                        (table["method"] == name)
                        & (table["strength"] == lam)
                        & (table["split"] == split)
                    )
                    value = table["validation_accuracy"][mask].mean()
                    if name.split()[0] == family and value > best_value:
                        best, best_value = mask, value
            assert best is not None
            for key, value in {
                "error": 1.0 - table["test_accuracy"][best].mean(),
                "validation": best_value,
                "on_rate": table["on_rate"][best].mean(),
                "weight_norm": table["weight_norm"][best].mean(),
                "strength": table["strength"][best][0],
                "method": table["method"][best][0],
            }.items():
                chosen.setdefault(f"{key}_{family}", []).append(value)
    return {**table, **{name: np.asarray(values) for name, values in chosen.items()}}


EXPERIMENT = Experiment(
    name="gradient_coherent_noise",
    summary="Digits with redrawn labels: plain, delayed and gated L2, chosen on validation",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
)
