"""Digits at depth 8, constant rate: norms, coherence and open gates epoch by epoch.

Without biases the collapse under plain L2 is exactly exponential in the end; with them the weight
gradient has a floor, since the output biases keep fitting the noise of the batches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend, to_host
from refimpl.arrays import backend as make_backend
from refimpl.experiments.base import Experiment
from refimpl.models import Objective
from refimpl.papers.gradient_coherent.experiments.recipe import Recipe, build, load, run
from refimpl.random import Rng
from refimpl.training import accuracy


@dataclass(frozen=True)
class Config:
    """The runs: (method, λ, biases)."""

    runs: tuple[tuple[str, float, bool], ...] = (
        ("plain", 0.0, False),
        ("plain", 0.05, False),
        ("plain", 0.1, False),
        ("plain", 0.1, True),
        ("gate 0.7", 0.05, True),
    )
    epochs: int = 25
    learning_rate: float = 0.1

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            runs=(
                *(("plain", strength, False) for strength in (0.0, 0.01, 0.03, 0.05, 0.1)),
                ("plain", 0.05, True),
                ("plain", 0.1, True),
                ("gate 0.7", 0.05, True),
                ("delayed 5", 0.05, True),
            )
        )


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"method": name, "strength": lam, "bias": bias} for name, lam, bias in config.runs]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, method: str, strength: float, bias: bool
) -> dict[str, Any]:
    place = make_backend(backend.name, "float64")
    sets = load(place)
    recipe = Recipe(
        epochs=config.epochs, bias=bias, decay=False, learning_rate=config.learning_rate
    )
    model = recipe.model()
    loss_and_gradient = ad.value_and_grad(Objective(model))
    rows: list[dict[str, Any]] = []

    def on_epoch(epoch: int, params: Any) -> None:
        loss, gradient = loss_and_gradient(params, sets.train.batch())
        norms = [float(np.linalg.norm(to_host(layer["weight"]))) for layer in params]
        slopes = [float(np.linalg.norm(to_host(layer["weight"]))) for layer in gradient]
        rows.append(
            {
                "layer_norms": norms,
                "weight_norm": math.hypot(*norms),
                "gradient_norm": math.hypot(*slopes),
                "loss": float(loss),
                "test_accuracy": accuracy(model)(params, sets.test),
            }
        )

    outcome = run(build(method, strength), recipe, sets, 0, place, on_epoch=on_epoch)
    shape = (config.epochs, outcome.steps_per_epoch)
    return {
        **{name: np.asarray([row[name] for row in rows]) for name in rows[0]},
        "method": method,
        "strength": strength,
        "bias": bias,
        "on_rate": outcome.steps["gate"].reshape(shape).mean(axis=1),
        "coherence": outcome.steps["coherence"].reshape(shape).mean(axis=1),
        "batch_gradient_norm": outcome.steps["gradient_norm"].reshape(shape).mean(axis=1),
        "steps_per_epoch": outcome.steps_per_epoch,
        "learning_rate": config.learning_rate,
    }


EXPERIMENT = Experiment(
    name="gradient_coherent_course",
    summary="Digits, eight layers: norms, coherence and open gates epoch by epoch",
    config=Config,
    tasks=tasks,
    run_task=run_task,
)
