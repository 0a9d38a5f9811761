"""Training on the algebraic targets: lattice or random points, no penalty, l2 or tailored."""

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
    """Of the recipe; quick is too short to judge and draws the figures only.

    At N = 1021, where a run takes as long as ten at N = 61, the tailored penalty is trained alone:
    what is judged there is its gap from the two kinds of points.
    """

    @classmethod
    def quick(cls) -> Config:
        return cls(
            sizes=(31, 61),
            steps=120,
            strengths=(1e-5, 1e-3, 1e-1),
            tailored_strengths=(1e-8, 1e-6, 1e-4),
            validation=256,
            test=1024,
            seeds=2,
        )

    @classmethod
    def full(cls) -> Config:
        return cls(tailored_alone=(1021,))


EXPERIMENT = Experiment(
    name="lattice_training",
    summary="Generalization of networks trained on lattice and random points, three penalties",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
    cost=cost,
)
