"""Where the bound is loose: the gap over the points of a trained head, right and wrong ones.

A linear head on a random projection of the digits, which leaves some training points
misclassified; one covariance of rank one for all points, the leading direction within classes, so
that the expectation is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl import datasets
from refimpl.arrays import Backend, to_host
from refimpl.experiments.base import Experiment
from refimpl.papers.isda.bound import augmentation_bound
from refimpl.papers.isda.experiments.synthetic import minimize
from refimpl.papers.isda.statistics import empty_statistics, update_statistics
from refimpl.papers.isda.theory.bound import second_order
from refimpl.papers.isda.theory.expectation import expected_cross_entropy
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """The features, the ridge of the head, and λ."""

    features: int = 10
    ridge: float = 1e-3
    strength: float = 0.02
    seeds: int = 5

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(seeds=20)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"seed": seed} for seed in range(config.seeds)]


def run_task(config: Config, backend: Backend, rng: Rng, *, seed: int) -> dict[str, Any]:
    stream = Rng(rng.seed).child("isda_points", seed)
    data = datasets.load("digits", rng=stream.child("data")).train
    inputs, labels = to_host(data.inputs), to_host(data.targets)
    inputs = inputs - inputs.mean(axis=0)
    features = inputs @ stream.child("projection").normal((inputs.shape[1], config.features))
    features = features / features.std()
    classes, width = int(labels.max()) + 1, config.features

    def objective(vector: Any) -> Any:
        weight = ad.reshape(vector[: classes * width], (classes, width))
        logits = ad.linear(features, weight, vector[classes * width :])
        penalty = 0.5 * config.ridge * ad.sum(vector * vector)
        return ad.softmax_cross_entropy(logits, labels) + penalty

    best = minimize(objective, np.zeros(classes * (width + 1)))
    weight, bias = best[: classes * width].reshape(classes, width), best[classes * width :]
    statistics = update_statistics(
        empty_statistics(classes, width, features, False), features, labels
    )
    shares = statistics.count / statistics.count.sum()
    within = (shares[:, None, None] * statistics.covariance).sum(axis=0)
    values, vectors = np.linalg.eigh(within)
    direction = values[-1] ** 0.5 * vectors[:, -1]
    covariance = np.repeat(np.outer(direction, direction)[None], classes, axis=0)
    logits = features @ weight.T + bias
    lam = config.strength
    expected = expected_cross_entropy(
        logits, labels, np.broadcast_to(weight @ direction, logits.shape), lam
    )
    bound = augmentation_bound(features, labels, weight, bias, covariance, lam, reduction="none")
    predicted = second_order(logits, labels, weight, covariance, lam).gap
    gap, right = bound - expected, np.argmax(logits, axis=1) == labels
    return {
        "gap": gap,
        "predicted": predicted,
        "right": right,
        "accuracy": right.mean(),
        "gap_right": gap[right].mean(),
        "gap_wrong": gap[~right].mean(),
        "slope": (gap @ predicted) / (predicted @ predicted),
    }


EXPERIMENT = Experiment(
    "isda_points",
    Config,
    run_task,
    tasks=tasks,
    summary="The gap between bound and expectation over the points of a trained head",
)
