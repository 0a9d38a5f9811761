"""The certified radius of trained ReLU networks, attacked and searched on its boundary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.algorithms.attacks import ProjectedGradientAttack
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.momentum import Momentum
from refimpl.arrays import Backend
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment, Task
from refimpl.models import MLP, Objective
from refimpl.models.input_gradients import loss_gradients
from refimpl.papers.gradient_regularization.certificate import certified_radius
from refimpl.papers.gradient_regularization.regularization import GradientRegularization
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Networks on three groups of points in the plane."""

    networks: int = 20
    examples: int = 40
    boundary: int = 1000
    widths: tuple[int, ...] = (2, 12, 12, 3)
    steps: int = 60
    strength: float = 0.01
    attack_steps: int = 20
    beyond: float = 10.0

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(boundary=10000)


def trained(config: Config, rng: Rng) -> tuple[MLP, Any, np.ndarray]:
    """A network under the Tikhonov penalty, and its inputs."""
    labels = np.arange(config.examples) % 3
    centers = np.array([[0.0, 1.0], [0.87, -0.5], [-0.87, -0.5]])
    inputs = centers[labels] + 0.4 * rng.child("inputs").normal((config.examples, 2))
    model = MLP(config.widths)
    algorithm = Composition(
        Momentum(learning_rate=0.1), penalties=[GradientRegularization(strength=config.strength)]
    )
    objective, batch = Objective(model), Batch(inputs, labels)
    state = algorithm.init(model.init(rng.child("init"), bias_scale=1.0), objective=objective)
    for _ in range(config.steps):
        state, _ = algorithm.step(state, objective, batch)
    return model, state.params, inputs


def run_task(config: Config, backend: Backend, rng: Rng, *, network: int) -> dict[str, Any]:
    model, params, inputs = trained(config, rng)
    classes = np.argmax(model(params, inputs), axis=1)
    radii = certified_radius(model, params, inputs)
    objective = Objective(model)

    def changed(moved: np.ndarray, copies: int = 1) -> int:
        found = np.argmax(model(params, moved), axis=1)
        return int(np.count_nonzero(found != np.repeat(classes, copies)))

    attack = ProjectedGradientAttack(radius=1.0, norm="l2", steps=config.attack_steps)
    reached = []
    for factor in (1.0, config.beyond):
        reach = factor * radii[:, None]

        def uphill(shift: np.ndarray, reach: np.ndarray = reach) -> np.ndarray:
            batch = Batch(inputs + reach * shift, classes)
            return reach * loss_gradients(objective, params, batch)

        # every example has a ball of its own: shifts are measured in its radius
        shift = attack.perturb(uphill, np.zeros_like(inputs))
        reached.append(changed(inputs + reach * shift))
    drawn = rng.child("boundary").normal((config.examples, config.boundary, 2))
    drawn *= radii[:, None, None] / np.linalg.norm(drawn, axis=-1, keepdims=True)
    around = (inputs[:, None, :] + drawn).reshape(-1, 2)
    return {
        "radius": radii,
        "attacked": reached[0],
        "beyond": reached[1],
        "searched": changed(around, config.boundary),
        "points": len(around),
    }


def tasks(config: Config) -> list[Task]:
    """One a network."""
    return [{"network": number} for number in range(config.networks)]


EXPERIMENT = Experiment(
    name="gradient_regularization_certificate",
    summary="The certified radius of trained networks under attacks and random search",
    config=Config,
    run_task=run_task,
    tasks=tasks,
)
