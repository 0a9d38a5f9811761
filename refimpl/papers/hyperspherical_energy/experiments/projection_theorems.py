"""The probabilities that the theorems on projected angles claim, and the true ones.

Nothing is drawn: the truth is the exact law of the projected cosine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.hyperspherical_energy.theory import projected_angle as theory
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Projected dimensions, cosines and the grid of ε."""

    projected: tuple[int, ...] = (10, 40, 200)
    cosines: tuple[float, ...] = (-0.9, 0.0, 0.5)
    points: int = 150

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(points=600)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Arrays over (k, c, ε): claimed and true, of Theorem 1, its correction and Theorem 2."""
    epsilons = np.linspace(0.004, 0.99, config.points)
    shape = (len(config.projected), len(config.cosines), config.points)
    names = ("printed", "corrected", "second")
    claimed = {name: np.full(shape, np.nan) for name in names}
    true = {name: np.full(shape, np.nan) for name in names}
    for place in np.ndindex(shape):
        k, c = config.projected[place[0]], config.cosines[place[1]]
        epsilon = float(epsilons[place[2]])
        statements = {
            "printed": theory.theorem_one(c, k, epsilon),
            "second": theory.theorem_two(c, k, epsilon),
        }
        if theory.theorem_one_applies(k, epsilon):
            statements["corrected"] = theory.theorem_one(c, k, epsilon, corrected=True)
        for name, statement in statements.items():
            claimed[name][place] = statement.probability
            true[name][place] = theory.probability(
                statement.low, statement.high, cosine=c, projected=k
            )
    return {
        "epsilon": epsilons,
        **{f"{name}_claimed": values for name, values in claimed.items()},
        **{f"{name}_true": values for name, values in true.items()},
    }


EXPERIMENT = Experiment(
    "projection_theorems",
    Config,
    run_task,
    cost=lambda config, task: 4e-4 * config.points * len(config.projected) * len(config.cosines),
    summary="claimed against exact probabilities of the theorems on projected angles",
)
