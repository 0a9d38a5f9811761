"""Streaming class covariances against those of all features at once, in several orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.isda.statistics import empty_statistics, update_statistics
from refimpl.papers.isda.theory.statistics import pooled_covariance
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Sizes of the batches; class 0 is absent from the first."""

    sizes: tuple[int, ...] = (5, 1, 17, 40, 3, 30)
    classes: int = 4
    features: int = 6
    orders: int = 8

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(orders=50)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    labels = [
        rng.child("labels", k).integers(int(k == 0), config.classes, size)
        for k, size in enumerate(config.sizes)
    ]
    mixing = rng.child("mixing").normal((config.classes, config.features, config.features))
    features = [
        3.0 + (rng.child("features", k).normal((y.size, 1, config.features)) @ mixing[y])[:, 0, :]
        for k, y in enumerate(labels)
    ]
    count = len(config.sizes)
    error = np.zeros((config.orders, count))
    diagonal = np.zeros((config.orders, count))
    last, absent = [], []
    for row in range(config.orders):
        order = rng.child("order", row).permutation(count) if row else np.arange(count)
        full = empty_statistics(config.classes, config.features, features[0], False)
        thin = empty_statistics(config.classes, config.features, features[0], True)
        for place in range(count):
            batch = order[place]
            full = update_statistics(full, features[batch], labels[batch])
            thin = update_statistics(thin, features[batch], labels[batch])
            seen = order[: place + 1]
            pooled = pooled_covariance(
                np.concatenate([features[k] for k in seen]),
                np.concatenate([labels[k] for k in seen]),
                config.classes,
            )
            error[row, place] = np.abs(full.covariance - pooled).max()
            own = np.diagonal(full.covariance, axis1=1, axis2=2)
            diagonal[row, place] = np.abs(thin.covariance - own).max()
            if row == 0 and place == 0:
                absent = np.abs(full.covariance[0]).max()
        last.append(full.covariance)
    return {
        "error": error,
        "diagonal_error": diagonal,
        "order_error": np.abs(np.array(last) - last[0]).max(axis=(1, 2, 3)),
        "absent": absent,
        "scale": np.abs(last[0]).max(),
    }


EXPERIMENT = Experiment(
    "isda_statistics",
    Config,
    run_task,
    summary="Streaming class covariances against those of all features at once",
)
