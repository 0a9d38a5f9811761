"""Ten points on the sphere under each objective alone: what it spreads, and what it leaves.

Every objective is one that the package's penalties use, on the same random starts. As two of them
have kinks, all are descended alike: steps along the normalized gradient, back onto the sphere, of
lengths that fall geometrically.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.orthogonality import off_diagonal_cosines
from refimpl.arrays import Backend, to_host
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.papers.hyperspherical_energy.uniformity import uniformity
from refimpl.random import Rng

ENERGY = HypersphericalEnergy(2.0, reduction="sum")
LINES = HypersphericalEnergy(2.0, "half", reduction="lines")


@dataclass(frozen=True)
class Config:
    """N points on the sphere of R^n, random starts, steps and their first and last length."""

    neurons: int = 10
    dimension: int = 3
    starts: int = 5
    steps: int = 1000
    first: float = 0.3
    last: float = 1e-5

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(starts=20, steps=3000)


def _squares(weight: Any) -> Any:
    cosines = off_diagonal_cosines(weight)
    return ad.sum(cosines * cosines)


OBJECTIVES: dict[str, Callable[[Any], Any]] = {
    "orthogonal": _squares,
    "mhe": ENERGY,
    "half-space": LINES,
    "separation": lambda weight: uniformity(weight, "separation"),
    "mma": lambda weight: uniformity(weight, "mma"),
    "determinant": lambda weight: uniformity(weight, "determinant"),
    "mean": lambda weight: uniformity(weight, "mean"),
}
"""Of the directions, by name: the squared cosines, the energies (s = 2), the uniformity forms."""


def tasks(config: Config) -> list[Task]:
    return [{"objective": name} for name in OBJECTIVES]


def descend(function: Callable[[Any], Any], points: Any, config: Config) -> tuple[Any, float]:
    """Unit points of the lowest value met, and that value."""
    gradient = ad.value_and_grad(lambda w: function(_unit(w)))
    shrink = (config.last / config.first) ** (1.0 / config.steps)
    best, least, length = points, float("inf"), config.first
    for _ in range(config.steps):
        value, slope = gradient(points)
        if float(value) < least:
            best, least = points, float(value)
        size = float(np.linalg.norm(to_host(slope)))
        if size == 0.0:
            break
        points = ad.value(_unit(points - (length / size) * slope))
        length *= shrink
    return best, least


def _unit(weight: Any) -> Any:
    return weight / ad.norm(weight, axis=1, keepdims=True)


def run_task(config: Config, backend: Backend, rng: Rng, *, objective: str) -> dict[str, Any]:
    rows = []
    for start in range(config.starts):
        first = rng.child("start", start).normal((config.neurons, config.dimension))
        points, value = descend(
            OBJECTIVES[objective], ad.value(_unit(backend.asarray(first))), config
        )
        host = np.asarray(to_host(points))
        cosine = host @ host.T - 3.0 * np.eye(config.neurons)
        lines = np.max(np.abs(cosine + 3.0 * np.eye(config.neurons)) - 3.0 * np.eye(len(host)))
        rows.append(
            {
                "value": value,
                "angle": np.degrees(np.arccos(np.max(cosine))),
                "line_angle": np.degrees(np.arccos(min(1.0, lines))),
                "energy": float(ENERGY(points)),
                "resultant": float(np.linalg.norm(host.sum(axis=0))),
                "points": host,
            }
        )
    names = rows[0]
    return {"objective": objective} | {name: np.asarray([r[name] for r in rows]) for name in names}


EXPERIMENT = Experiment(
    "hyperspherical_spread",
    Config,
    run_task,
    tasks=tasks,
    cost=lambda config, task: 4e-4 * config.starts * config.steps,
    summary="ten points on the sphere, spread by each objective alone",
)
