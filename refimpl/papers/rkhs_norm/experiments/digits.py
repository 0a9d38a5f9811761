"""The methods compared on digits: strengths by validation, paired seeds, clean and robust test
accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.experiments.base import Task
from refimpl.experiments.comparison import Arm, Problem, comparison
from refimpl.models import Objective
from refimpl.papers.rkhs_norm.experiments.recipe import Recipe, method, robust_accuracy
from refimpl.papers.rkhs_norm.normalized import NormalizedMLP
from refimpl.random import Rng

GRIDS: dict[str, tuple[float, ...]] = {
    "weight decay": (0.0, 0.003, 0.01, 0.03, 0.1),
    "projection": (3.0, 2.0, 1.4, 1.0, 0.7),
    "loss gradient": (0.01, 0.03, 0.1, 0.3, 1.0),
    "gradient norm": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
    "adversarial norm": (0.005, 0.01, 0.02, 0.05, 0.1),
    "PGD l2": (0.1, 0.2, 0.35, 0.5, 0.8),
}
"""Five strengths of each method; weight decay, which starts at none, is the reference."""


@dataclass(frozen=True)
class Config:
    """The training set, the network, and the methods."""

    examples: int = 150
    hidden: tuple[int, ...] = (64, 64)
    methods: tuple[str, ...] = tuple(GRIDS)
    rate: float = 0.02
    epochs: int = 100
    batch_size: int = 50
    attack_radius: float = 0.5
    seeds: int = 5

    @classmethod
    def quick(cls) -> Config:
        return cls(
            hidden=(32, 32),
            methods=("weight decay", "gradient norm"),
            epochs=30,
        )

    @classmethod
    def full(cls) -> Config:
        return cls()


def recipe(config: Config) -> Recipe:
    """The settings that all methods share."""
    return Recipe(
        rate=config.rate,
        epochs=config.epochs,
        batch_size=config.batch_size,
        attack_radius=config.attack_radius,
        attack_step=0.1 * config.attack_radius,
    )


def problem(config: Config, backend: Backend, rng: Rng) -> Problem:
    """A split, a start, and robust accuracy beside the usual metrics."""
    split = datasets.load(
        "digits",
        rng=rng.child("data"),
        backend=backend,
        training=config.examples,
        validation=600,
        test=900,
    )
    model = NormalizedMLP((split.train.features, *config.hidden, 10))
    objective = Objective(model)
    shared = recipe(config)

    def robust(params: Any, dataset: Any) -> float:
        return robust_accuracy(objective, params, dataset, shared)

    start = model.init(rng.child("init"), "torch_default", bias_scale=1.0, backend=backend)
    return Problem(split, objective, start, {"robust": robust})


def methods(config: Config) -> Mapping[str, Sequence[Arm]]:
    """The grids of the methods that the config names."""
    return {
        name: [
            Arm(f"{strength:g}", method(name, strength, recipe(config))) for strength in GRIDS[name]
        ]
        for name in config.methods
    }


def cost(config: Config, task: Task) -> float:
    return {"adversarial norm": 8.0, "PGD l2": 2.0}.get(task["method"], 1.0)


EXPERIMENT = comparison(
    "rkhs_norm_digits",
    Config,
    problem=problem,
    methods=methods,
    reference="weight decay",
    summary="The methods on digits: clean and robust accuracy, strengths by validation",
    cost=cost,
)
