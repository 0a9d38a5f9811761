"""The diffusion observable: closed form against elements, derivatives against their bound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.lattice_networks.experiments.bounds import mixed_derivatives
from refimpl.papers.lattice_networks.targets import AlgebraicTarget, DiffusionTarget
from refimpl.papers.lattice_networks.theory.targets import (
    algebraic_derivative,
    diffusion_bound,
    element_solution,
)
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Parameters of the closed form, elements, and the grid of the derivatives."""

    dimension: int = 10
    elements: tuple[int, ...] = (16, 32, 64)
    derivative_dimension: int = 3
    order: int = 4
    axis: int = 5

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(axis=9)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    decay = tuple(0.5 / j**2 for j in range(1, config.dimension + 1))
    point = 0.5 + 0.5 * np.cos(np.arange(1.0, config.dimension + 1.0))
    target = DiffusionTarget(decay=decay)
    solved = [
        element_solution(lambda x: float(target.coefficient(point, (x,))[0]), n)
        for n in config.elements
    ]
    few = tuple(0.5 / j**2 for j in range(1, config.derivative_dimension + 1))
    smallest = 1.0 - 0.5 * math.fsum(few)
    axis = np.linspace(0.0, 1.0, config.axis)
    points = np.stack(np.meshgrid(*[axis] * len(few)), -1).reshape(-1, len(few))
    diffusion, algebraic = DiffusionTarget(decay=few), AlgebraicTarget(decay=few)
    ratios = np.zeros(config.order + 1)
    ratios[0] = float(np.max(np.abs(diffusion(points)))) / diffusion_bound(
        few, (0,) * len(few), smallest
    )
    for multi, value in mixed_derivatives(diffusion, points, config.order).items():
        order = sum(multi)
        ratio = value / diffusion_bound(few, multi, smallest)
        ratios[order] = max(ratios[order], ratio)
    largest = float(np.max(algebraic(points)))
    errors = [
        value / abs(algebraic_derivative(few, multi, largest)) - 1.0
        for multi, value in mixed_derivatives(algebraic, points, config.order).items()
    ]
    return {
        "value": float(target(point)),
        "element_errors": np.array(solved) - float(target(point)),
        "bound_ratios": ratios,
        "algebraic_errors": np.array(errors),
    }


EXPERIMENT = Experiment(
    name="lattice_diffusion_problem",
    summary="Closed form of the diffusion observable, elements, derivatives and their bound",
    config=Config,
    run_task=run_task,
)
