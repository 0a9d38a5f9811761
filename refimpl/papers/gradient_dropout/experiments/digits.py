"""Few-shot digits from ten training tasks: MAML with and without gradient dropout.

Test tasks ask for digits that no training task showed. Every method brings the same grid of outer
learning rates, chosen on validation tasks with digits of their own; the inner loop is the same for
all, so that what a method learned is judged by one adaptation, without noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from refimpl.arrays import Backend
from refimpl.datasets import load
from refimpl.experiments.comparison import Arm, Problem, arms, comparison
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_dropout.experiments.training import METHODS, PLAIN, method
from refimpl.papers.gradient_dropout.maml import MAML
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Tasks, network, inner loop and the grid of outer learning rates."""

    epochs: int = 100
    batch_size: int = 4
    seeds: int = 6
    training: int = 10
    validation: int = 40
    test: int = 100
    shots: int = 5
    queries: int = 15
    hidden: int = 32
    inner_rate: float = 0.1
    inner_steps: int = 5
    methods: tuple[str, ...] = METHODS
    rates: tuple[float, ...] = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3)

    @classmethod
    def quick(cls) -> Config:
        return cls(
            epochs=20,
            seeds=3,
            validation=10,
            test=20,
            methods=("none", "bernoulli 0.1", "gaussian 0.1"),
            rates=(1e-3, 3e-3, 1e-2),  # fewer steps want larger ones
        )

    @classmethod
    def full(cls) -> Config:
        return cls()


def problem(config: Config, backend: Backend, rng: Rng) -> Problem:
    split = load(
        "few-shot-digits",
        rng=rng.child("data"),
        backend=backend,
        training=config.training,
        validation=config.validation,
        test=config.test,
        shots=config.shots,
        queries=config.queries,
    )
    model = MLP((split.train.features, config.hidden, split.train.outputs))
    objective = Objective(model, "softmax_cross_entropy")
    judged = MAML(inner_rate=config.inner_rate, inner_steps=config.inner_steps).metrics(objective)
    metrics = {
        "loss": judged["post_loss"],
        "accuracy": judged["post_accuracy"],
        "pre_accuracy": judged["pre_accuracy"],
    }
    return Problem(split, objective, model.init(rng.child("init"), backend=backend), metrics)


def methods(config: Config) -> Mapping[str, Sequence[Arm]]:
    def grid(name: str) -> list[Arm]:
        return arms(
            lambda **hyper: method(
                name, inner_rate=config.inner_rate, inner_steps=config.inner_steps, **hyper
            ),
            {"learning_rate": config.rates},
        )

    return {name: grid(name) for name in config.methods}


EXPERIMENT = comparison(
    "gradient_dropout_digits",
    Config,
    problem=problem,
    methods=methods,
    reference=PLAIN,
    summary="Few-shot digits from ten training tasks, with and without gradient dropout",
    cost=lambda config, task: 0.01 * config.epochs,
)
