"""A million draws of each family of noise: mean, variance, share of flipped signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend, to_host
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.gradient_dropout.dropout import GradientDropout
from refimpl.random import Rng

EDGES = np.linspace(-3.0, 5.0, 161)


@dataclass(frozen=True)
class Config:
    """Rates, and draws of each."""

    rates: tuple[float, ...] = (0.1, 0.2, 0.5)
    draws: int = 1_000_000

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls()


def tasks(config: Config) -> list[Task]:
    return [
        {"noise": noise, "rate": rate}
        for noise in ("bernoulli", "gaussian")
        for rate in config.rates
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, noise: str, rate: float
) -> dict[str, Any]:
    dropout = GradientDropout(rate=rate, noise=noise)  # type: ignore[arg-type]
    drawn = to_host(dropout.multipliers(backend.zeros((config.draws,)), 0, rng))
    drawn = np.asarray(drawn, dtype=np.float64)
    return {
        "noise": noise,
        "rate": rate,
        "draws": config.draws,
        "mean": drawn.mean(),
        "variance": ((drawn - 1.0) ** 2).mean(),  # about the known mean
        "flipped": np.count_nonzero(drawn < 0.0) / config.draws,
        "zero": np.count_nonzero(drawn == 0.0) / config.draws,
        "histogram": np.histogram(drawn, EDGES)[0],
        "edges": EDGES,
    }


EXPERIMENT = Experiment(
    "gradient_dropout_noise",
    Config,
    run_task,
    tasks=tasks,
    summary="Moments and flipped signs of Bernoulli and Gaussian gradient noise",
)
