"""Training without a penalty on lattice and on random points, on the algebraic targets."""

from __future__ import annotations

from dataclasses import dataclass

from refimpl.experiments.base import Experiment
from refimpl.papers.lattice_networks.experiments.recipe import (
    Recipe,
    collect,
    cost,
    run_task,
    tasks,
)


@dataclass(frozen=True)
class Config(Recipe):
    """Of the recipe, at small sizes; quick is too short to judge.

    Twelve seeds, the first five of which are those of the runs with penalties: five did not
    separate the points, and the seven that were added do so by themselves.
    """

    sizes: tuple[int, ...] = (61, 127)
    penalties: tuple[str, ...] = ("none",)
    seeds: int = 12

    @classmethod
    def quick(cls) -> Config:
        return cls(sizes=(31, 61), steps=120, validation=256, test=1024, seeds=2)

    @classmethod
    def full(cls) -> Config:
        return cls()


EXPERIMENT = Experiment(
    name="lattice_points_training",
    summary="Generalization of networks trained without a penalty on lattice and random points",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
    cost=cost,
)
