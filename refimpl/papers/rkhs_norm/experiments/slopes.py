"""Robust accuracy against the mean slope: does a method buy more than the slope says?

Many methods lower the mean of ‖J_f‖ over inputs, and with it what small changes of the input can
do. If that were all, robust accuracy would be one curve against the mean slope, whichever method
lowered it. Here every method is trained over its strengths on digits, and the curves of two methods
are compared where both have slopes: at equal mean slope, seed by seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refimpl import datasets
from refimpl.algorithms.gradient_penalties import squared_slopes
from refimpl.arrays import Backend, to_host
from refimpl.experiments.base import Experiment, Task
from refimpl.models import Objective
from refimpl.papers.rkhs_norm.experiments.recipe import (
    Recipe,
    method,
    robust_accuracy,
    train_network,
)
from refimpl.papers.rkhs_norm.normalized import NormalizedMLP
from refimpl.random import Rng

RANGES: dict[str, tuple[float, float]] = {
    "weight decay": (0.003, 0.2),
    "projection": (2.0, 0.6),
    "loss gradient": (0.01, 3.0),
    "PGD l2": (0.05, 1.6),
    "Tikhonov": (1e-4, 0.1),
    "total variation": (3e-4, 0.1),
    "gradient norm": (1e-4, 0.03),
    "adversarial norm": (0.01, 0.3),
}
"""Weakest and strongest of each method; between them strengths are geometric."""

LEAST = 0.8
"""Validation accuracy below which a network counts as collapsed and is no part of a curve."""


@dataclass(frozen=True)
class Config:
    """The training set, the network, and how many strengths and seeds."""

    examples: int = 150
    hidden: tuple[int, ...] = (64,)
    rate: float = 0.02
    epochs: int = 40
    batch_size: int = 50
    attack_radius: float = 0.5
    strengths: int = 4
    seeds: int = 5
    methods: tuple[str, ...] = field(default=tuple(RANGES))

    @classmethod
    def quick(cls) -> Config:
        return cls(epochs=15, strengths=3, seeds=2)

    @classmethod
    def full(cls) -> Config:
        return cls()


def grid(config: Config) -> list[tuple[str, float]]:
    """Methods and strengths."""
    return [
        (name, float(strength))
        for name in config.methods
        for strength in np.geomspace(*RANGES[name], config.strengths)
    ]


def tasks(config: Config) -> list[Task]:
    return [
        {"method": name, "strength": strength, "seed": seed}
        for name, strength in grid(config)
        for seed in range(config.seeds)
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, method: str, strength: float, seed: int
) -> dict[str, float]:
    shared = Rng(rng.seed).child("rkhs_norm_slopes", seed)
    split = datasets.load(
        "digits", rng=shared.child("data"), backend=backend, training=config.examples,
        validation=500, test=1000,
    )  # fmt: skip
    model = NormalizedMLP((split.train.features, *config.hidden, 10))
    objective = Objective(model)
    recipe = Recipe(
        rate=config.rate, epochs=config.epochs, batch_size=config.batch_size,
        attack_radius=config.attack_radius, attack_step=0.1 * config.attack_radius,
    )  # fmt: skip
    start = model.init(shared.child("init"), "torch_default", bias_scale=1.0, backend=backend)
    algorithm = _method(method, strength, recipe)
    params = train_network(
        algorithm, objective, start, split.train, recipe, shared.child("training"), strength
    )
    return {
        "validation": _accuracy(objective, params, split.validation),
        "clean": _accuracy(objective, params, split.test),
        "robust": robust_accuracy(objective, params, split.test, recipe),
        "slope": mean_slope(objective, params, split.test),
    }


_method = method


def _accuracy(objective: Objective, params: Any, data: Any) -> float:
    outputs = to_host(objective.model(params, data.inputs))
    return float(np.mean(outputs.argmax(axis=1) == to_host(data.targets)))


def mean_slope(objective: Objective, params: Any, data: Any) -> float:
    """The mean of ‖J_f(x)‖_F over the inputs of a set."""
    squares, _ = squared_slopes(objective.model, params, data.inputs, "auto")
    return float(np.mean(np.sqrt(to_host(squares).sum(axis=1))))


def gap(
    slope: np.ndarray, robust: np.ndarray, other_slope: np.ndarray, other_robust: np.ndarray
) -> float:
    """The mean height of a curve over another, where both have slopes; NaN where they never do.

    Parameters
    ----------
    slope, robust : array, shape (S,)
        The points of a curve, in any order; lines join them over the logarithm of the slope.
    other_slope, other_robust : array, shape (R,)

    Examples
    --------
    >>> one = np.array([1.0, 10.0])
    >>> round(gap(one, np.array([0.5, 0.9]), 3.0 * one, np.array([0.4, 0.6])), 3)
    0.343
    """
    curves = [(np.log(slope), robust), (np.log(other_slope), other_robust)]
    if min(len(x) for x, _ in curves) < 2:
        return float("nan")
    low, high = max(np.min(x) for x, _ in curves), min(np.max(x) for x, _ in curves)
    if low >= high:
        return float("nan")
    # both curves are straight between these places, so that trapezoids are exact
    inside = np.concatenate([x[(x > low) & (x < high)] for x, _ in curves])
    places = np.concatenate([[low], np.sort(inside), [high]])
    heights = [np.interp(places, x[np.argsort(x)], y[np.argsort(x)]) for x, y in curves]
    return float(np.trapezoid(heights[0] - heights[1], places) / (high - low))


def collect(config: Config, tasks: Sequence[Task], results: Sequence[Any]) -> dict[str, Any]:
    """Of each method, strength and seed what was measured, and the gaps (M, M, N) of curves."""
    names = config.methods
    shape = (len(names), config.strengths, config.seeds)
    found = {key: np.array([r[key] for r in results]).reshape(shape) for key in results[0]}
    kept = found["validation"] >= LEAST
    gaps = np.full((len(names), len(names), config.seeds), np.nan)
    for i, j, seed in np.ndindex(*gaps.shape):
        curves = [
            found[key][row, kept[row, :, seed], seed]
            for row in (i, j)
            for key in ("slope", "robust")
        ]
        gaps[i, j, seed] = gap(*curves)
    strengths = np.array([strength for _, strength in grid(config)]).reshape(shape[:2])
    return {**found, "method": np.array(names), "strength": strengths, "kept": kept, "gap": gaps}


def cost(config: Config, task: Task) -> float:
    return {"adversarial norm": 8.0, "PGD l2": 3.0}.get(task["method"], 1.0)


EXPERIMENT = Experiment(
    name="rkhs_norm_slopes",
    summary="Robust accuracy against the mean slope on digits, method by method",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
    cost=cost,
)
