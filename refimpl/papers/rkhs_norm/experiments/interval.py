"""Averaged gradient penalties on an interval, and how well data averages stand for integrals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend, to_host
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment, merge
from refimpl.models import MLP, Objective
from refimpl.papers.rkhs_norm.averaged import AveragedGradient
from refimpl.papers.rkhs_norm.graph_smoothness import GraphSmoothness
from refimpl.papers.rkhs_norm.theory.interval import tikhonov_cosine, total_variation_step
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Cells of the interval (even, so that no cell holds the step), strengths, sample sizes."""

    cells: int = 2000
    strengths: tuple[float, ...] = (0.01, 0.05, 0.1, 0.2, 0.3)
    sizes: tuple[int, ...] = (32, 64, 128, 256, 512, 1024, 2048)
    replicates: int = 100
    grid: int = 128

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(replicates=400, grid=256)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"part": part} for part in ("tikhonov", "total_variation", "quadrature")]


def run_task(config: Config, backend: Backend, rng: Rng, *, part: str) -> dict[str, Any]:
    if part == "quadrature":
        return quadrature(config, backend, rng)
    return minimizers(config, backend, part)


def minimizers(config: Config, backend: Backend, part: str) -> dict[str, Any]:
    """Minimizers of the package's own penalty on a chain of cells, and the closed forms.

    The penalty, as a part of training, tells the operator (Tikhonov) or certifies the answer
    (total variation); the solvers here are direct.
    """
    x = (np.arange(config.cells) + 0.5) / config.cells
    solve, exact = (
        (tikhonov, tikhonov_cosine) if part == "tikhonov" else (variation, total_variation_step)
    )
    target = np.cos(np.pi * x) if part == "tikhonov" else (x >= 0.5).astype(float)
    found, residuals = [], []
    for strength in config.strengths:
        values, residual = solve(x, target, strength, backend)
        found.append(values)
        residuals.append(residual)
    closed = np.array([[exact(p, strength) for p in x] for strength in config.strengths])
    return {
        f"{part}_strengths": np.array(config.strengths),
        f"{part}_cells": x,
        f"{part}_target": target,
        f"{part}_found": np.array(found),
        f"{part}_exact": closed,
        f"{part}_residual": np.array(residuals),
    }


def chain(x: np.ndarray, power: int, strength: float, backend: Backend) -> Any:
    """Value and gradient of the chain penalty of the function with values f at the cells x."""
    part = GraphSmoothness(strength=strength, power=power, graph="chain")
    batch = Batch(backend.asarray(x[:, None]), backend.zeros((x.size, 1)))
    objective = Objective(lambda values, inputs: ad.expand_dims(values, -1), "mean_squared_error")

    def evaluate(values: np.ndarray) -> tuple[float, np.ndarray]:
        def function(f: Any) -> Any:
            return part.value(f, batch, objective, ())[0]

        value, gradient = ad.value_and_grad(function)(backend.asarray(values))
        return float(value), to_host(gradient)

    return evaluate


def tikhonov(
    x: np.ndarray, target: np.ndarray, strength: float, backend: Backend
) -> tuple[np.ndarray, float]:
    """min ½ ∫(f − g)² + (λ/2) ∫f'²: the tridiagonal operator is read off the penalty's gradient.

    Returns the minimizer, and the largest derivative of the whole functional there.
    """
    from scipy.linalg import solve_banded

    evaluate = chain(x, 2, 0.5 * strength, backend)
    cell = 1.0 / x.size
    bands = np.zeros((3, x.size))
    for offset in range(3):  # every third cell at once: their rows do not overlap
        unit = np.zeros(x.size)
        unit[offset::3] = 1.0
        column = evaluate(unit)[1]
        for j in range(offset, x.size, 3):
            low, high = max(j - 1, 0), min(j + 2, x.size)
            for i in range(low, high):
                bands[1 + i - j, j] = column[i]
    bands[1] += cell
    values = solve_banded((1, 1), bands, cell * target)
    slope = evaluate(values)[1] + cell * (values - target)
    return values, float(np.abs(slope).max() / cell)


def variation(
    x: np.ndarray, target: np.ndarray, strength: float, backend: Backend
) -> tuple[np.ndarray, float]:
    """min ½ ∫(f − g)² + λ ∫|f'| by its path in λ: neighbors that have met never part.

    Returns the minimizer, and how far the penalty is from what optimality demands: it is
    homogeneous, so that at the minimizer it equals the scalar product <f, g − f>.
    """
    cell = 1.0 / x.size
    starts = np.flatnonzero(np.concatenate([[True], np.diff(target) != 0.0]))
    sizes = np.diff(np.concatenate([starts, [x.size]])).astype(float)
    levels, reached = target[starts].copy(), 0.0
    while levels.size > 1:
        signs = np.sign(np.diff(levels))
        pull = np.concatenate([signs, [0.0]]) - np.concatenate([[0.0], signs])
        rates = pull / (cell * sizes)
        closing = -np.diff(rates) * signs
        meets = np.where(
            closing > 0.0, np.abs(np.diff(levels)) / np.maximum(closing, 1e-300), np.inf
        )
        first = int(np.argmin(meets))
        if reached + meets[first] > strength:
            levels = levels + (strength - reached) * rates
            break
        levels = levels + meets[first] * rates
        reached += float(meets[first])
        total = sizes[first] + sizes[first + 1]
        levels[first] = (sizes[first : first + 2] @ levels[first : first + 2]) / total
        sizes[first] = total
        levels, sizes = np.delete(levels, first + 1), np.delete(sizes, first + 1)
    values = np.repeat(levels, sizes.astype(int))
    penalty, _ = chain(x, 1, strength, backend)(values)
    return values, abs(penalty - cell * float(values @ (target - values)))


def quadrature(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """The penalties of a smooth network at random points against a fine grid."""
    model = MLP((2, 6, 1), activation="tanh")
    params = model.init(rng.child("network"), bias_scale=1.0, backend=backend, scale=1.5)
    objective = Objective(model)
    axis = (np.arange(config.grid) + 0.5) / config.grid
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)

    def penalty(power: int, points: Any) -> float:
        part = AveragedGradient(strength=1.0, power=power)
        return float(part.value(params, Batch(points, None), objective, ())[0])

    errors = np.zeros((2, len(config.sizes), config.replicates))
    for row, power in enumerate((2, 1)):
        integral = penalty(power, backend.asarray(grid))
        for column, size in enumerate(config.sizes):
            for replicate in range(config.replicates):
                stream = rng.child("points", row, size, replicate)
                points = stream.uniform((size, 2), like=backend.zeros((1,)))
                errors[row, column, replicate] = penalty(power, points) / integral - 1.0
    return {"sizes": np.array(config.sizes), "errors": np.sqrt((errors**2).mean(axis=2))}


EXPERIMENT = Experiment(
    name="rkhs_norm_interval",
    summary="Tikhonov and total variation on an interval; data averages against integrals",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=merge,
)
