"""The package's own algorithms against the steps that the experiments write out.

Some experiments on shallow models, chains and deep linear networks advance stacks of problems by
formulas of their own, many thousand steps at a time, or integrate the flow. Here Minnorm as it is
registered, which goes through automatic differentiation and its own constraints, takes the same
steps from the same starts, as gradient descent and weight decay do where experiments write those
out; both must trace the same path, to rounding. Of a flow, one step over its length is compared,
which is the flow itself. Each claim that was measured on written steps reads the case of its own:
a wrong constant in the algorithm fails them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend, eps, to_host
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.minnorm.experiments import registered_chain as chain
from refimpl.papers.minnorm.experiments import registered_deep as deep
from refimpl.papers.minnorm.experiments import registered_shallow as shallow
from refimpl.papers.minnorm.experiments.registered_paths import Case, Setting
from refimpl.random import Rng

CASES: dict[str, tuple[Case, tuple[str, ...]]] = {**shallow.CASES, **chain.CASES, **deep.CASES}
"""Each case and the orders of the multipliers in which it is run."""


@dataclass(frozen=True)
class Config:
    """How many steps are compared."""

    steps: int = 150

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(steps=600)


def tasks(config: Config) -> list[Task]:
    return [
        {"case": case, "order": order} for case, (_, orders) in CASES.items() for order in orders
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, case: str, order: str
) -> dict[str, Any]:
    registered, written = CASES[case][0](Setting(config.steps, backend, rng, order))
    differences = [
        np.max(np.abs(to_host(a).astype(np.float64).reshape(np.shape(b)) - b)) / np.max(np.abs(b))
        for a, b in zip(registered, written, strict=True)
    ]
    return {"difference": np.max(differences), "eps": eps(registered[0])}


def collect(
    config: Config, items: list[Task], results: list[dict[str, np.ndarray]]
) -> dict[str, Any]:
    """The differences of each case over its orders, in units of the rounding of its numbers."""
    return {
        case: np.array(
            [
                values["difference"] / values["eps"]
                for item, values in zip(items, results, strict=True)
                if item["case"] == case
            ]
        )
        for case in CASES
    }


EXPERIMENT = Experiment(
    "minnorm_registered",
    Config,
    run_task,
    tasks=tasks,
    collect=collect,
    summary="the registered algorithms against the steps that experiments write out",
)
