"""Small networks trained to solve the variational problems on [0, 1].

Everything is in z = 2x − 1: slopes in z are half of those in x, so that λ is 4 times as large for
Tikhonov and twice for total variation. Data and penalty points are N midpoints.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composition import Composition
from refimpl.arrays import Backend, to_host
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment, Task
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_regularization.points import equal_weights
from refimpl.papers.gradient_regularization.regularization import GradientRegularization
from refimpl.papers.gradient_regularization.theory import tikhonov, variation
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Problems (kind, λ, N), network, and training."""

    problems: tuple[tuple[str, float, int], ...] = (
        ("Tikhonov", 0.05, 8),
        ("Tikhonov", 0.05, 32),
        ("Tikhonov", 0.05, 128),
        ("variation", 0.02, 128),
    )
    hidden: tuple[int, ...] = (32, 32)
    stretch: float = 3.0
    rate: float = 5e-3
    steps: int = 6000
    smoothing: float = 1e-3
    fine: int = 1000

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        more = tuple(
            (kind, strength, 128)
            for kind in ("Tikhonov", "variation")
            for strength in (0.01, 0.2, 2.0)
        )
        return cls(problems=(*cls().problems, *more, ("variation", 0.02, 8)))


def trained(
    part: GradientRegularization, batch: Batch, config: Config, rng: Rng, backend: Backend
) -> tuple[Objective, Any]:
    """Adam with a rate that falls like a cosine, on the full batch."""
    model = MLP((1, *config.hidden, 1), activation="tanh")
    objective = Objective(model, "mean_squared_error")
    params = model.init(rng, "glorot_normal", bias_scale=1.0, backend=backend)
    params = [{**params[0], "weight": config.stretch * params[0]["weight"]}, *params[1:]]
    algorithm = Composition(Adam(learning_rate=config.rate), penalties=[part])
    state = algorithm.init(params, objective=objective)
    for step in range(config.steps):
        rate = 0.5 * config.rate * (1.0 + math.cos(math.pi * step / config.steps))
        algorithm = replace(algorithm, update=Adam(learning_rate=max(rate, 1e-12)))
        state, _ = algorithm.step(state, objective, batch)
    return objective, state.params


def run_task(
    config: Config, backend: Backend, rng: Rng, *, kind: str, strength: float, points: int
) -> dict[str, Any]:
    smooth = kind == "Tikhonov"
    part = GradientRegularization(
        strength=(4.0 if smooth else 2.0) * strength,
        power=2 if smooth else 1,
        half=smooth,
        smoothing=0.0 if smooth else config.smoothing,
        held_out=True,
    )
    x = (np.arange(points) + 0.5) / points
    target = np.cos(np.pi * x) if smooth else x
    place = backend.asarray(2.0 * x[:, None] - 1.0)
    batch = Batch(place, backend.asarray(target[:, None]))
    quiet = replace(part, held_out=False)
    objective, params = trained(quiet, batch, config, rng, backend)
    fine = (np.arange(config.fine) + 0.5) / config.fine
    values = to_host(objective.model(params, backend.asarray(2.0 * fine[:, None] - 1.0)))[:, 0]
    exact = tikhonov.cosine(fine, strength) if smooth else variation.ramp(fine, strength)
    best = tikhonov.energy_of_cosine(strength) if smooth else variation.energy_of_ramp(strength)
    found = part.diagnostics(params, batch, objective, ())
    # the energy without the rounding of the norm, so that it can be held against the minimum
    plain = replace(quiet, strength=1.0, smoothing=0.0)
    rough = float(plain.measure(objective, params, place, equal_weights(place)))
    discrete = float(objective(params, batch)) + part.strength * rough
    return {
        "kind": kind,
        "strength": strength,
        "points": points,
        "error": float(np.sqrt(np.mean((values - exact) ** 2))),
        "discrete": discrete,
        "least": best,
        "held_out_ratio": float(found["penalty_held_out"]) / float(found["penalty_at_points"]),
        "flagged": float(found["too_few_points"]),
        "fine": fine,
        "values": values,
        "exact": exact,
    }


def tasks(config: Config) -> list[Task]:
    """One a problem."""
    return [
        {"kind": kind, "strength": strength, "points": points}
        for kind, strength, points in config.problems
    ]


EXPERIMENT = Experiment(
    name="gradient_regularization_networks",
    summary="Small networks trained to solve the variational problems on an interval",
    config=Config,
    run_task=run_task,
    tasks=tasks,
    cost=lambda config, task: 1.0 + task["points"] / 64.0,
)
