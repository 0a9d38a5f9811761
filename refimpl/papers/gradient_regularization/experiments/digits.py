"""The penalties and their neighbors on digits: strengths by validation, and attacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import datasets
from refimpl.algorithms.adversarial_training import AdversarialTraining
from refimpl.algorithms.attacks import ProjectedGradientAttack
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.loss_gradient import LossGradient
from refimpl.algorithms.momentum import Momentum
from refimpl.arrays import Backend, namespace
from refimpl.experiments.base import Experiment, Task
from refimpl.experiments.comparison import Arm, Problem, comparison
from refimpl.experiments.kept import kept_by_seed
from refimpl.models import MLP, Objective, accuracy
from refimpl.papers.gradient_regularization.graph_penalty import GraphPenalty
from refimpl.papers.gradient_regularization.input_noise import InputNoise
from refimpl.papers.gradient_regularization.manual_gradient import rows_pass
from refimpl.papers.gradient_regularization.measures import covectors
from refimpl.papers.gradient_regularization.regularization import GradientRegularization
from refimpl.random import Rng
from refimpl.training.metrics import Metric

GRIDS: dict[str, tuple[float, ...]] = {
    "none": (0.00625, 0.0125, 0.025, 0.05, 0.1),
    "weight decay": (1e-3, 3e-3, 1e-2, 3e-2, 0.1),
    "noise": (0.1, 0.2, 0.4, 0.6, 0.8),
    "loss gradient": (0.05, 0.1, 0.2, 0.4, 1.0),
    "graph": (3e-3, 1e-2, 3e-2, 0.1, 0.3),
    "sign training": (0.01, 0.03, 0.05, 0.1, 0.2),
    "attack training": (0.1, 0.2, 0.5, 1.0, 2.0),
    "Tikhonov": (3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    "total variation": (0.003, 0.01, 0.03, 0.1, 0.3),
}
"""Five strengths of each method; without one it is the rate that is chosen. Of training on attacked
inputs it is the radius: one step of the signs, or five steps in l2."""


@dataclass(frozen=True)
class Config:
    """Data, network, training and attack."""

    dataset: str = "digits"
    examples: int = 200
    validation: int = 500
    test: int = 1000
    hidden: tuple[int, ...] = (64, 64)
    rate: float = 0.05
    epochs: int = 400
    batch_size: int = 200
    attack_radius: float = 0.5
    attack_steps: int = 20
    seeds: int = 8

    @classmethod
    def quick(cls) -> Config:
        return cls(hidden=(32, 32), epochs=60, validation=200, test=300, attack_steps=5, seeds=2)

    @classmethod
    def full(cls) -> Config:
        return cls()


def method(name: str, strength: float, rate: float) -> Composition:
    """Full-batch momentum under the method called ``name``; for "none" the strength is the rate."""
    update = Momentum(learning_rate=strength if name == "none" else rate)
    wrapper: Any = {
        "noise": lambda: InputNoise(deviation=strength),
        "sign training": lambda: AdversarialTraining(
            radius=strength, norm="linf", steps=1, step_size=strength
        ),
        "attack training": lambda: AdversarialTraining(radius=strength),
    }.get(name)
    penalty: Any = {
        "weight decay": lambda: L2(strength=strength),
        "loss gradient": lambda: LossGradient(strength=strength),
        "graph": lambda: GraphPenalty(strength=strength, graph="nearest"),
        "Tikhonov": lambda: GradientRegularization(strength=strength),
        "total variation": lambda: GradientRegularization(strength=strength, power=1),
    }.get(name)
    return Composition(
        update,
        penalties=[penalty()] if penalty else [],
        wrappers=[wrapper()] if wrapper else [],
    )


def mean_slope(model: MLP, params: Any, inputs: Any) -> float:
    """The mean of ‖J_f‖_F over inputs."""
    units = covectors(model(params, inputs), None, "rademacher", None)
    rows = rows_pass(model, params, inputs, units).gradients
    xp = namespace(rows)
    return float(xp.mean(xp.sqrt(xp.sum(rows * rows, axis=(0, 2)))))


def under(attack: ProjectedGradientAttack, objective: Objective) -> Metric:
    """Accuracy under an attack, as a metric."""

    def attacked(params: Any, dataset: Any) -> float:
        batch = dataset.batch()
        return accuracy(objective.model(params, attack(objective, params, batch)), batch.targets)

    return attacked


def attacked_and_slope(objective: Objective, radius: float, steps: int) -> dict[str, Metric]:
    """Accuracy under an l2 attack, and the mean slope on two hundred inputs at most."""
    attack = ProjectedGradientAttack(radius=radius, norm="l2", steps=steps)

    def slope(params: Any, dataset: Any) -> float:
        return mean_slope(objective.model, params, dataset.batch().inputs[:200, ...])

    return {"attacked": under(attack, objective), "slope": slope}


@kept_by_seed()
def problem(config: Config, backend: Backend, rng: Rng) -> Problem:
    """A split, a start, and accuracy under attack and the mean slope beside the usual metrics."""
    split = datasets.load(
        config.dataset,
        rng=rng.child("data"),
        backend=backend,
        training=config.examples,
        validation=config.validation,
        test=config.test,
    )
    model = MLP((split.train.features, *config.hidden, 10))
    objective = Objective(model)
    start = model.init(rng.child("init"), "he_normal", backend=backend)
    metrics = attacked_and_slope(objective, config.attack_radius, config.attack_steps)
    return Problem(split, objective, start, metrics)


def methods(config: Config) -> Mapping[str, Sequence[Arm]]:
    """The settings of every method."""
    return {
        name: [Arm(f"{strength:g}", method(name, strength, config.rate)) for strength in grid]
        for name, grid in GRIDS.items()
    }


def cost(config: Config, task: Task) -> float:
    dear = {"Tikhonov": 4.0, "total variation": 4.0, "attack training": 3.0}
    return dear.get(task["method"], 1.0)


CHOSEN = comparison(
    "gradient_regularization_digits",
    Config,
    problem=problem,
    methods=methods,
    reference="none",
    summary="The penalties and their neighbors on digits, strengths by validation",
    cost=cost,
)


def collect(config: Config, tasks: Sequence[Task], results: Sequence[Any]) -> dict[str, Any]:
    """The comparison, and for the curves every setting's test scores: (method, setting, seed)."""
    found = dict(CHOSEN.collect(config, tasks, results))
    shape = (*found["setting"].shape, config.seeds)
    for key in ("accuracy", "attacked", "slope"):
        values = [result.get(f"test_{key}", np.nan) for result in results]
        found[f"path_{key}"] = np.array(values).reshape(shape)
    return found


EXPERIMENT = Experiment(
    name="gradient_regularization_digits",
    summary=CHOSEN.summary,
    config=Config,
    run_task=CHOSEN.run_task,
    tasks=CHOSEN.tasks,
    collect=collect,
    cost=cost,
)
