"""Minnorm training on minibatches: the noise that constant steps leave, and what removes it.

Shallow regression started at its solution: what the weights do from there is noise. Many copies of
the problem run in one, side by side: copy k has its own block of the inputs, and its own batches.
Root mean squares are taken over time, outputs and copies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend, to_host
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment
from refimpl.models import DeepLinear, Objective
from refimpl.papers.minnorm.experiments.optimum import conditioned
from refimpl.papers.minnorm.minnorm import Minnorm
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Sizes, rates (eta_lam is ``ratio`` times eta_w), lengths of both phases in 1/eta_w."""

    examples: int = 12
    inputs: int = 16
    outputs: int = 2
    copies: int = 24
    batch_size: int = 3
    rates: tuple[float, ...] = (0.0005, 0.002)
    ratio: float = 4.0
    settle: float = 1.5
    measure: float = 2.5
    exact_steps: int = 2000

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(rates=(0.0005, 0.001, 0.002), settle=4.0, measure=12.0)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    p, n, copies = config.examples, config.inputs, config.copies
    one = conditioned(rng.child("x"), p, n)
    x = np.kron(np.eye(copies), one)
    y = rng.child("y").normal((p * copies, config.outputs))
    model = DeepLinear((n * copies, config.outputs))
    objective = Objective(model, "mean_squared_error")
    data = Batch(backend.asarray(x), backend.asarray(y), np.arange(p * copies))
    best = (np.linalg.pinv(x) @ y).T
    multipliers = np.linalg.solve(x @ x.T, y)

    def run(
        steps: int, first: int, size: int | None, start: Any, **hyper: Any
    ) -> tuple[float, Any]:
        """Root mean square distance from the solution from step ``first`` on, and the last one."""
        algorithm: Any = Minnorm(constraint="equality", damping=0.0, tolerance=0.0, **hyper)
        state = algorithm.init([start], data, objective)
        if start is not zero:
            state = state._replace(multipliers=backend.asarray(multipliers))
        squares = []
        for step in range(steps):
            batch = data
            if size is not None:
                ranks = rng.child("order", step).uniform((copies, p))
                chosen = np.argsort(ranks, axis=1)[:, :size] + p * np.arange(copies)[:, None]
                chosen = chosen.reshape(-1)
                there = backend.asarray(chosen)
                batch = Batch(data.inputs[there], data.targets[there], chosen)
            state, _ = algorithm.step(state, objective, batch)
            if step >= first:
                squares.append(float(np.mean((to_host(state.params[0]) - best) ** 2)))
        return float(np.sqrt(np.mean(squares))), np.sqrt(squares[-1])

    zero = backend.zeros((config.outputs, n * copies))
    solution = backend.asarray(best)
    floor = []
    for rate in config.rates:
        first = int(config.settle / rate)
        last = first + int(config.measure / rate)
        rates = {"learning_rate": rate, "multiplier_rate": config.ratio * rate}
        floor.append(run(last, first, config.batch_size, solution, **rates)[0])
    fast = {"learning_rate": 0.3, "multiplier_rate": 1.5, "order": "alternating"}
    steps = config.exact_steps
    whole = run(steps, steps - 1, None, zero, **fast)[1]
    accumulated = run(steps, steps - 1, config.batch_size, zero, accumulate=True, **fast)[1]
    return {
        "rates": config.rates,
        "rms": floor,
        "rms_full_batch": whole,
        "rms_accumulated": accumulated,
    }


EXPERIMENT = Experiment(
    name="minnorm_minibatch",
    summary="Noise of Minnorm on minibatches against the step size, and without it",
    config=Config,
    run_task=run_task,
)
