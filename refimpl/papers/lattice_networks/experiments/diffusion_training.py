"""Training on the observable of the parametric diffusion problem in several dimensions."""

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
    """Of the recipe; quick is too short to judge and draws the figure only."""

    target: str = "diffusion"
    dimensions: tuple[int, ...] = (10, 20, 50)
    sizes: tuple[int, ...] = (61, 251)
    models: tuple[str, ...] = ("plain",)
    seeds: int = 3

    @classmethod
    def quick(cls) -> Config:
        return cls(
            dimensions=(10, 20),
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
        return cls()


EXPERIMENT = Experiment(
    name="lattice_diffusion_training",
    summary="Generalization on the diffusion observable, dimensions 10, 20 and 50",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
    cost=cost,
)
