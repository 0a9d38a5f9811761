"""Digits at depth 8: accuracy, open gates and weight norms of every method over the strength λ.

All rows show the test accuracy over a whole grid; nothing is selected. Networks are trained in
float32, whatever the run's own precision, since a thousand steps of many networks dominate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.experiments.base import Experiment
from refimpl.papers.gradient_coherent.experiments.recipe import Recipe, build, load, run
from refimpl.papers.gradient_coherent.experiments.stacked import (
    Member,
    columns,
    run_together,
    stacks,
    table,
)
from refimpl.random import Rng

GRID = (0.003, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5)
CROSS = (0.03, 0.05, 0.1, 0.2)

Cells = tuple[tuple[str, tuple[float, ...]], ...]


@dataclass(frozen=True)
class Config:
    """Which methods are trained at which strengths; ``constant`` without a decay of the rate."""

    cells: Cells = (
        ("plain", (0.03, 0.05, 0.1)),
        ("delayed 5", (0.05, 0.2)),
        ("delayed 10", (0.05,)),
        ("gate 0.7", (0.05, 0.2)),
        *((f"gate {tau}", (0.05,)) for tau in (0, 0.1, 0.3)),
        ("lookahead 0.99", (0.05,)),
        ("temporal 0", (0.05,)),
    )
    constant: Cells = (("gate 0.7", (0.05,)), ("lookahead 0.999", (0.05,)))
    seeds: int = 1
    epochs: int = 50
    dtype: str = "float32"

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            cells=(
                ("none", (0.0,)),
                ("plain", GRID),
                ("delayed 5", GRID),
                ("delayed 10", (0.05, 0.2)),
                ("gate 0.7", GRID),
                ("gate 0.5", CROSS),
                ("gate 0.3", CROSS),
                ("gate 0.1", (0.05,)),
                ("gate 0", (0.05,)),
                ("layer 0.3", CROSS),
                ("ratio 1", CROSS),
                ("sign", CROSS),
                ("lookahead 0.99", (0.05, 0.1)),
                ("lookahead 0.999", CROSS),
                ("temporal 0", (0.05, 0.1)),
            ),
            constant=(("gate 0.7", (0.05,)), ("lookahead 0.999", (0.05,)), ("plain", (0.05,))),
            seeds=2,
        )


def tasks(config: Config) -> list[dict[str, Any]]:
    """For each seed the networks that train side by side, and each of the others by itself."""
    pieces = []
    for decay, cells in ((True, config.cells), (False, config.constant)):
        every = [(name, strength) for name, strengths in cells for strength in strengths]
        together = [cell for cell in every if stacks(build(*cell))]
        alone = [[cell] for cell in every if cell not in together]
        pieces += [(decay, cells) for cells in (together, *alone) if cells]
    return [
        {"cells": [list(cell) for cell in cells], "seed": seed, "decay": decay}
        for decay, cells in pieces
        for seed in range(config.seeds)
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, cells: list[Any], seed: int, decay: bool
) -> dict[str, Any]:
    place = make_backend(backend.name, config.dtype)
    recipe, sets = Recipe(epochs=config.epochs, decay=decay), load(place)
    algorithms = [build(*cell) for cell in cells]
    if all(map(stacks, algorithms)):
        runs = run_together([Member(one, sets, seed) for one in algorithms], recipe, place)
    else:
        runs = [run(one, recipe, sets, seed, place) for one in algorithms]
    return columns(
        [
            {"method": name, "strength": strength, "seed": seed, "decay": decay, **one.numbers}
            for (name, strength), one in zip(cells, runs, strict=True)
        ]
    )


EXPERIMENT = Experiment(
    name="gradient_coherent_strength",
    summary="Digits, eight layers: plain, delayed and gated L2 over the strength",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=table,
    cost=lambda config, task: 0.6 * len(task["cells"]),
)
