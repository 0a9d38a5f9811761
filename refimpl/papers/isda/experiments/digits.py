"""ISDA and its variants against cross-entropy on few digits, strengths by validation.

Every method has five settings: cross-entropy five strengths of an L2 penalty, the others five λ₀
without one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from refimpl import datasets
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.momentum import Momentum
from refimpl.arrays import Backend
from refimpl.experiments.comparison import Arm, Problem, comparison
from refimpl.models import MLP, Objective
from refimpl.papers.isda.isda import ISDA
from refimpl.papers.isda.sampled import SampledISDA
from refimpl.random import Rng

PLAIN = "cross-entropy"


@dataclass(frozen=True)
class Config:
    """The data, the network and the grids; ``sampled`` draws five features."""

    size: int = 200
    validation: int = 500
    test: int = 1000
    widths: tuple[int, ...] = (64, 64, 32, 10)
    methods: tuple[str, ...] = ("full", "diagonal", "shared", "identity", "sampled")
    decays: tuple[float, ...] = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
    strengths: tuple[float, ...] = (0.01, 0.05, 0.25, 1.25, 6.25)
    rate: float = 0.02
    batch_size: int = 32
    epochs: int = 60
    seeds: int = 10

    @classmethod
    def quick(cls) -> Config:
        return cls(methods=("full", "identity"))

    @classmethod
    def full(cls) -> Config:
        return cls(seeds=20)


def problem(config: Config, backend: Backend, rng: Rng) -> Problem:
    split = datasets.load(
        "digits",
        rng=rng.child("data"),
        backend=backend,
        training=config.size,
        validation=config.validation,
        test=config.test,
    )
    model = MLP(config.widths)
    return Problem(split, Objective(model), model.init(rng.child("init"), backend=backend))


def methods(config: Config) -> Mapping[str, list[Arm]]:
    """Five settings each, under Nesterov's momentum with a constant rate."""
    update = Momentum(learning_rate=config.rate, momentum=0.9, nesterov=True)
    model = MLP(config.widths)
    shared: dict[str, Any] = {
        "epochs": config.epochs,
        "steps_per_epoch": math.ceil(config.size / config.batch_size),
    }

    def loss(name: str, strength: float) -> ISDA:
        if name == "sampled":
            return SampledISDA(strength=strength, draws=5, **shared)
        return ISDA(strength=strength, covariance=name, **shared)  # type: ignore[arg-type]

    found = {
        PLAIN: [
            Arm(f"L2 {decay:g}", Composition(update, penalties=[L2(strength=decay)]))
            for decay in config.decays
        ]
    }
    for name in config.methods:
        found[name] = [
            Arm(
                f"λ₀ = {strength:g}",
                Composition(update),
                objective=loss(name, strength).objective(model, head=(-1,)),
            )
            for strength in config.strengths
        ]
    return found


EXPERIMENT = comparison(
    "isda_digits",
    Config,
    problem=problem,
    methods=methods,
    reference=PLAIN,
    summary="ISDA and its variants against cross-entropy on few digits, strengths by validation",
    cost=lambda config, task: 0.5,
)
