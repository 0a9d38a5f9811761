"""Explicit sampling: its loss and its error against the number of drawn features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.isda.bound import augmentation_bound
from refimpl.papers.isda.sampled import sampled_cross_entropy
from refimpl.papers.isda.theory.expectation import expected_cross_entropy
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """The numbers M of draws, and how often each loss is drawn afresh."""

    draws: tuple[int, ...] = (1, 5, 20, 100, 1000)
    replications: int = 1000
    examples: int = 4
    classes: int = 5
    features: int = 7
    strength: float = 0.5
    nodes: int = 160

    @classmethod
    def quick(cls) -> Config:
        return cls(replications=400)

    @classmethod
    def full(cls) -> Config:
        return cls()


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    drawn = rng.child("problem")
    features = drawn.normal((config.examples, config.features))
    labels = drawn.integers(0, config.classes, config.examples).astype(np.int64)
    weight, bias = drawn.normal((config.classes, config.features)), np.zeros(config.classes)
    directions = 0.6 * drawn.normal((config.classes, config.features))
    covariance = directions[:, :, None] * directions[:, None, :]
    logits = features @ weight.T
    slopes = directions[labels] @ weight.T
    losses = np.zeros((len(config.draws), config.replications))
    for row, count in enumerate(config.draws):
        for index in range(config.replications):
            shape = (count, config.examples, config.features)
            noise = rng.child("noise", count, index).normal(shape)
            losses[row, index] = sampled_cross_entropy(
                logits, weight, labels, covariance, config.strength, noise
            )
    exact = expected_cross_entropy(logits, labels, slopes, config.strength, config.nodes).mean()
    bound = augmentation_bound(features, labels, weight, bias, covariance, config.strength)
    return {
        "draws": np.array(config.draws),
        "mean": losses.mean(axis=1),
        "error": losses.std(axis=1, ddof=1) / config.replications**0.5,
        "rms": np.sqrt(((losses - exact) ** 2).mean(axis=1)),
        "low": np.quantile(losses, 0.05, axis=1),
        "high": np.quantile(losses, 0.95, axis=1),
        "exact": exact,
        "bound": float(bound),
    }


EXPERIMENT = Experiment(
    "isda_sampling",
    Config,
    run_task,
    cost=lambda config, task: 5.0,
    summary="Explicit sampling: its loss and its error against the number of drawn features",
)
