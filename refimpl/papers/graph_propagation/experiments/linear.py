"""Linear networks: fixed points, saddle points, one multiplier a node, labeled nodes only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.graph_propagation.experiments.problems import (
    linear_problem,
    side_by_side,
    waves,
)
from refimpl.papers.graph_propagation.fixed_point import fixed_point
from refimpl.papers.graph_propagation.labeled_only import LabeledOnly
from refimpl.papers.graph_propagation.lagrangian import gaps
from refimpl.papers.graph_propagation.propagation import ConstraintPropagation
from refimpl.random import Rng

NODES, WIDTH = 4, 3
MATRIX = waves(0.12, (12, 12), 0.3)
OFFSET = waves(0.8, (12,), 0.1)
TARGET = waves(1.0, (12,), 0.7)

PATH = 0.3 * np.array([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]], dtype=float)
PATH_OFFSET = np.array([1.0, -0.5, 0.7, 0.2])


@dataclass(frozen=True)
class Config:
    """Steps of the searches, and their rate."""

    steps: int = 1200
    rate: float = 0.2
    path_steps: int = 6000
    path_rate: float = 0.05

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(steps=2000, path_steps=10_000)


def plain(kind: type = ConstraintPropagation, rate: float = 0.2, **more: Any) -> Any:
    """Plain equal steps on states and multipliers under G = lin."""
    return kind(
        **{"constraint": "lin", "epsilon": 0.0, "multipliers": "dimension", **more},
        base="sgd", state_base="sgd",
        learning_rate=rate, state_rate=rate, multiplier_rate=rate,
    )  # fmt: skip


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    objective, params, batch = linear_problem(MATRIX, OFFSET, TARGET, WIDTH)
    found = fixed_point(objective.model, params, batch)
    values: dict[str, Any] = {"fixed_point": side_by_side(found.states)}
    for multipliers in ("dimension", "node"):
        algorithm = plain(rate=config.rate, multipliers=multipliers)
        saddle, info = algorithm.settle(params, objective, batch, steps=config.steps)
        values[f"{multipliers}_states"] = side_by_side(saddle.states)
        values[f"{multipliers}_multipliers"] = side_by_side(saddle.multipliers)
        values[f"{multipliers}_residual"] = float(info.residual)
        values[f"{multipliers}_node_sum"] = float(info.node_sum)
    return {**values, **_labeled(config)}


def _labeled(config: Config) -> dict[str, Any]:
    """Gaps of the path after searching with the sum over all nodes, and over node 0 only."""
    target = np.array([2.0, 0.0, 0.0, 0.0])
    objective, params, batch = linear_problem(PATH, PATH_OFFSET, target, 1)
    batch = batch._replace(supervised=np.array([0]))
    values = {}
    for name, kind in (("all", ConstraintPropagation), ("labeled", LabeledOnly)):
        algorithm = plain(kind, config.path_rate, rho=1.0)
        saddle, _ = algorithm.settle(params, objective, batch, steps=config.path_steps)
        values[f"path_{name}"] = gaps(objective.model, params, saddle.states, batch)[0][:, 0]
    return values


EXPERIMENT = Experiment(
    name="graph_linear",
    summary="Fixed and saddle points of linear graph networks",
    config=Config,
    run_task=run_task,
)
