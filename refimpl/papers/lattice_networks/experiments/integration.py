"""Means of the targets by shifted lattices and at random, against the exact ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.lattice_networks.embedded import embedded_lattice
from refimpl.papers.lattice_networks.targets import AlgebraicTarget, DiffusionTarget
from refimpl.papers.lattice_networks.theory.targets import algebraic_mean
from refimpl.random import Rng

KINDS = ("lattice", "tent", "random")


@dataclass(frozen=True)
class Config:
    """Dimensions, powers of two of the sizes, and the number of shifts."""

    dimension: int = 20
    diffusion_dimension: int = 10
    powers: tuple[int, ...] = tuple(range(4, 15))
    shifts: int = 8
    reference: int = 16

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(shifts=32)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [
        {"target": target, "periodic": periodic}
        for target in ("algebraic", "diffusion")
        for periodic in (False, True)
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, target: str, periodic: bool
) -> dict[str, Any]:
    """Root mean squared errors over the shifts: (kind of points, size)."""
    algebraic = target == "algebraic"
    dimension = config.dimension if algebraic else config.diffusion_dimension
    decay = tuple(0.5 / j**2 for j in range(1, dimension + 1))
    function = (AlgebraicTarget if algebraic else DiffusionTarget)(decay=decay, periodic=periodic)
    powers = config.powers if algebraic else config.powers[:7]
    if algebraic:
        exact = algebraic_mean(decay, periodic=periodic)
    else:
        lattice = embedded_lattice(powers[-1] + 4, dimension=dimension)
        runs = [rng.child("reference", k) for k in range(4)]
        exact = float(np.mean([_mean(function, lattice.shifted(r).points(tent=not periodic))
                               for r in runs]))  # fmt: skip
    errors = np.zeros((len(KINDS), len(powers), config.shifts))
    for place, power in enumerate(powers):
        lattice = embedded_lattice(power, dimension=dimension)
        for k in range(config.shifts):
            shifted = lattice.shifted(rng.child("shift", k))
            points = {
                "lattice": shifted.points(),
                "tent": shifted.points(tent=True),
                "random": rng.child("random", power, k).uniform((lattice.size, dimension)),
            }
            for kind, name in enumerate(KINDS):
                errors[kind, place, k] = _mean(function, points[name]) - exact
    return {"errors": np.sqrt(np.mean(errors**2, axis=-1)), "exact": exact}


def _mean(function: Any, points: Any) -> float:
    """In pieces: the diffusion needs (points, nodes) at once."""
    return float(np.mean(np.concatenate([function(part) for part in _pieces(points)])))


def _pieces(points: np.ndarray, length: int = 4096) -> list[np.ndarray]:
    return [points[first : first + length] for first in range(0, len(points), length)]


def collect(config: Config, tasks: Any, results: Any) -> dict[str, Any]:
    values: dict[str, Any] = {"sizes": 2.0 ** np.array(config.powers)}
    for task, result in zip(tasks, results, strict=True):
        name = f"{task['target']}_{'periodic' if task['periodic'] else 'plain'}"
        values[f"errors_{name}"] = result["errors"]
        values[f"exact_{name}"] = result["exact"]
    return values


EXPERIMENT = Experiment(
    name="lattice_integration",
    summary="Means of the targets by lattices, tent-mapped lattices and random points",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
)
