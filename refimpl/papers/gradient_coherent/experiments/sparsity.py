"""L1 on digits: zeros, compression and accuracy over the strength, chosen on validation.

Compression is the number of weights over the number of those that are not zero, without a
threshold. It is counted raw, and after one last proximal step with the first learning rate, which
brings back the zeros that a gate shut in the last steps has moved. Of the strengths of a method
whose mean validation accuracy stays within a margin of the unregularized network's the one that
compresses most is chosen, by the median over seeds and splits. (Not the largest: beyond the
strengths that it endures a gate stays shut, which is accurate and compresses nothing.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.experiments.base import Experiment
from refimpl.papers.gradient_coherent.experiments.recipe import Recipe, build, load, repair
from refimpl.papers.gradient_coherent.experiments.stacked import (
    Member,
    columns,
    run_together,
    table,
)
from refimpl.random import Rng

MARGINS = (0.0, 0.01, 0.02, 0.03)
"""How far below the unregularized network's the mean validation accuracy may lie."""


@dataclass(frozen=True)
class Config:
    """Splits as (permutation seed, first training seed); ``whole`` has no validation."""

    splits: tuple[tuple[int, int], ...] = ((12345, 0), (54321, 5), (99999, 8))
    methods: tuple[str, ...] = ("plain", "delayed 10", "gate 0.7")
    strengths: tuple[float, ...] = (0.001, 0.002, 0.003, 0.007, 0.01, 0.02)
    whole: tuple[str, ...] = ("plain", "delayed 5", "gate 0.7")
    whole_strength: float = 0.007
    seeds: int = 1
    whole_seeds: int = 1
    epochs: int = 80
    validation: int = 260
    dtype: str = "float32"

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            methods=("plain", "delayed 5", "delayed 10", "gate 0.5", "gate 0.7"),
            strengths=(0.0005, 0.001, 0.002, 0.003, 0.005, 0.007, 0.01, 0.02),
            seeds=2,
            whole_seeds=3,
        )


def tasks(config: Config) -> list[dict[str, Any]]:
    validated = [
        {"split": str(split), "seed": first + index}
        for split, first in config.splits
        for index in range(config.seeds)
    ]
    return validated + [{"split": "whole", "seed": seed} for seed in range(config.whole_seeds)]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, split: str, seed: int
) -> dict[str, Any]:
    place = make_backend(backend.name, config.dtype)
    whole = split == "whole"
    sets = load(
        place,
        split_seed=12345 if whole else int(split),
        validation=0 if whole else config.validation,
    )
    grid = [("none", 0.0)] + [(name, lam) for name in config.methods for lam in config.strengths]
    cells = [(name, config.whole_strength) for name in config.whole] if whole else grid
    recipe = Recipe(epochs=config.epochs)
    members = [Member(build(name, lam, penalty="l1"), sets, seed) for name, lam in cells]
    runs = run_together(members, recipe, place)
    return columns(
        [
            {
                "method": name,
                "strength": lam,
                "split": split,
                "seed": seed,
                **{"validation_accuracy": np.nan, **one.numbers},
                **repair(one.params, recipe, lam, sets),
            }
            for (name, lam), one in zip(cells, runs, strict=True)
        ]
    )


def collect(
    config: Config, items: list[dict[str, Any]], results: list[dict[str, Any]]
) -> dict[str, Any]:
    """The table of all runs, and each method's choice at each margin."""
    rows = table(config, items, results)
    validated = rows["split"] != "whole"
    base = rows["validation_accuracy"][validated & (rows["method"] == "none")].mean()
    chosen: dict[str, list[float]] = {}
    for margin in MARGINS:
        for name in config.methods:
            picked = {
                "strength": np.nan,
                "compression": 1.0,
                "repaired": 1.0,
                "test": np.nan,
                "storage": 1.0,
                "on_rate": np.nan,
            }
            for lam in config.strengths:
                mask = validated & (rows["method"] == name) & (rows["strength"] == lam)
                allowed = rows["validation_accuracy"][mask].mean() >= base - margin
                if allowed and np.median(rows["nonzero"][mask]) < 1.0 / picked["compression"]:
                    picked = {
                        "strength": lam,
                        "compression": 1.0 / np.median(rows["nonzero"][mask]),
                        "repaired": 1.0 / np.median(rows["repaired_nonzero"][mask]),
                        "test": rows["test_accuracy"][mask].mean(),
                        "storage": float(
                            np.median(rows["dense_bytes"][mask] / rows["sparse_bytes"][mask])
                        ),
                        "on_rate": rows["on_rate"][mask].mean(),
                    }
            for key, value in picked.items():
                chosen.setdefault(f"{key}_{round(100 * margin):02d}", []).append(value)
    return {
        **rows,
        "family": np.asarray(config.methods),
        **{name: np.asarray(values) for name, values in chosen.items()},
    }


EXPERIMENT = Experiment(
    name="gradient_coherent_sparsity",
    summary="L1 on digits: compression at equal validation accuracy",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
    cost=lambda config, task: 0.7 * len(config.methods) * len(config.strengths),
)
