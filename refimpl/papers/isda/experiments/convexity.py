"""The bound is convex in the head; with a ridge its optimum is unique.

With a ridge on the weight alone, the bias is free up to a common constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.isda.bound import augmentation_bound
from refimpl.papers.isda.experiments.synthetic import minimize
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Sizes, the number of random pairs of heads, and the ridge."""

    examples: int = 40
    classes: int = 4
    features: int = 6
    pairs: int = 300
    starts: int = 4
    ridge: float = 0.05
    strength: float = 1.0

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(pairs=3000, starts=10)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    classes, width = config.classes, config.features
    drawn = rng.child("problem")
    features = drawn.normal((config.examples, width))
    labels = np.arange(config.examples) % classes
    root = drawn.normal((classes, width, width))
    covariance = root @ root.transpose(0, 2, 1) / width
    cut = classes * width

    def bound(vector: Any) -> Any:
        weight = ad.reshape(vector[:cut], (classes, width))
        return augmentation_bound(
            features, labels, weight, vector[cut:], covariance, config.strength
        )

    excess = np.zeros(config.pairs)
    for index in range(config.pairs):
        ends = rng.child("pair", index).normal((2, cut + classes))
        middle = float(bound(0.5 * (ends[0] + ends[1])))
        mean = 0.5 * float(bound(ends[0])) + 0.5 * float(bound(ends[1]))
        excess[index] = (middle - mean) / mean

    def ridged(vector: Any) -> Any:
        return bound(vector) + 0.5 * config.ridge * ad.sum(vector * vector)

    def weight_only(vector: Any) -> Any:
        return bound(vector) + 0.5 * config.ridge * ad.sum(vector[:cut] * vector[:cut])

    starts = [3.0 * rng.child("start", k).normal((cut + classes,)) for k in range(config.starts)]
    both = np.array([minimize(ridged, start) for start in starts])
    free = np.array([minimize(weight_only, start) for start in starts])
    biases = free[:, cut:]
    return {
        "midpoint_excess": excess,
        "both_spread": np.ptp(both, axis=0).max(),
        "start_spread": np.ptp(np.array(starts), axis=0).max(),
        "weight_spread": np.ptp(free[:, :cut], axis=0).max(),
        "bias_spread": np.ptp(biases, axis=0).max(),
        "relative_bias_spread": np.ptp(biases - biases[:, :1], axis=0).max(),
    }


EXPERIMENT = Experiment(
    "isda_convexity",
    Config,
    run_task,
    summary="Convexity of the bound in the head, and uniqueness of the ridged optimum",
)
