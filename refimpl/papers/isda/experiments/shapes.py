"""Semantic directions on drawn shapes, where what an image means is known.

Images of discs, squares and crosses, each with a place and a size of its own. A network is trained
under ISDA to name the shape. For each class and factor (left-right, up-down, size) the semantic
direction is the mean change of the features when the factor alone changes. Two questions:

* do class covariances spread features along semantic directions? The variance along each, over
  that of the mean direction (the trace over the number of features);
* what does a move along one mean? A test image's features are moved so far as the factor would,
  and the nearest image of a large pool is looked up, whose factors are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.datasets.base import Dataset
from refimpl.experiments.base import Experiment
from refimpl.models import MLP
from refimpl.papers.isda.experiments.recipe import run
from refimpl.papers.isda.isda import ISDA
from refimpl.random import Rng

KINDS = ("disc", "square", "cross")
FACTORS = ("left-right", "up-down", "size")
SIDE = 16
LOW, HIGH = np.array([-2.5, -2.5, 2.5]), np.array([2.5, 2.5, 5.0])
"""Ranges of the factors, in pixels."""


@dataclass(frozen=True)
class Config:
    """The training, the pool, and the moves in units of a factor's range from its middle."""

    training: int = 600
    pool: int = 6000
    bases: int = 40
    features: int = 24
    strength: float = 0.5
    rate: float = 0.02
    batch_size: int = 50
    epochs: int = 30
    moves: tuple[float, ...] = (-0.8, -0.4, 0.0, 0.4, 0.8)
    seeds: int = 5

    @classmethod
    def quick(cls) -> Config:
        return cls(pool=3000, seeds=2)

    @classmethod
    def full(cls) -> Config:
        return cls()


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"seed": seed} for seed in range(config.seeds)]


def render(kinds: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Images (N, SIDE²) of shapes with soft edges, from their kinds (N,) and factors (N, 3)."""
    place = np.arange(SIDE) - 0.5 * (SIDE - 1)
    x = place[None, None, :] - factors[:, 0, None, None]
    y = place[None, :, None] - factors[:, 1, None, None]
    size = factors[:, 2, None, None]
    disc = np.sqrt(x * x + y * y) - size
    square = np.maximum(np.abs(x), np.abs(y)) - 0.85 * size
    arms = np.minimum(np.abs(x), np.abs(y)) - 0.3 * size
    cross = np.maximum(arms, np.maximum(np.abs(x), np.abs(y)) - size)
    edge = np.choose(kinds[:, None, None], [disc, square, cross])
    return (1.0 / (1.0 + np.exp(4.0 * edge))).reshape(len(kinds), -1)


def drawn(size: int, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Kinds and factors of ``size`` shapes."""
    return np.arange(size) % len(KINDS), LOW + (HIGH - LOW) * rng.uniform((size, 3))


def run_task(config: Config, backend: Backend, rng: Rng, *, seed: int) -> dict[str, Any]:
    stream = Rng(rng.seed).child("isda_shapes", seed)
    kinds, factors = drawn(config.training, stream.child("training"))
    data = Dataset("shapes", render(kinds, factors), kinds.astype(np.int64), len(KINDS))
    model = MLP((SIDE * SIDE, 64, config.features, len(KINDS)))
    isda = ISDA(strength=config.strength, epochs=config.epochs)
    outcome = run(
        isda, model, data, stream, rate=config.rate, batch_size=config.batch_size, cosine=True
    )

    def features(kinds: np.ndarray, factors: np.ndarray) -> np.ndarray:
        return model.layers(outcome.params, render(kinds, factors))[-2]

    pool = drawn(config.pool, stream.child("pool"))
    logits = model(outcome.params, render(*pool))
    covariance = outcome.state.memory.objective.statistics.covariance
    directions = semantic_directions(features, config.bases, stream.child("directions"))
    lengths = np.linalg.norm(directions, axis=-1, keepdims=True)
    units = directions / lengths
    along = np.einsum("kfa,kab,kfb->kf", units, covariance, units)
    mean = np.trace(covariance, axis1=1, axis2=2)[:, None] / config.features
    random = stream.child("random").normal((len(KINDS), 200, config.features))
    random /= np.linalg.norm(random, axis=-1, keepdims=True)
    blind = np.einsum("kra,kab,krb->kr", random, covariance, random) / mean
    return {
        "accuracy": np.mean(np.argmax(logits, axis=1) == pool[0]),
        "relative_variance": along / mean,
        "random_variance": np.quantile(blind, 0.95, axis=1),
        **_moves(config, features, directions, pool),
    }


def semantic_directions(features: Any, bases: int, rng: Rng) -> np.ndarray:
    """Mean change of the features over a factor's whole range, (kind, factor, A)."""
    result = []
    for kind in range(len(KINDS)):
        _, factors = drawn(bases, rng.child(kind))
        kinds = np.full(bases, kind)
        rows = []
        for index in range(len(FACTORS)):
            low, high = factors.copy(), factors.copy()
            low[:, index], high[:, index] = LOW[index], HIGH[index]
            rows.append((features(kinds, high) - features(kinds, low)).mean(axis=0))
        result.append(rows)
    return np.array(result)


def _moves(config: Config, features: Any, directions: np.ndarray, pool: Any) -> dict[str, Any]:
    """Shapes in the middle of all factors, moved: the factors of the nearest images of the pool.

    A move of 1 is half of a factor's range. Found factors are in the same units.
    """
    known = features(*pool)
    middle = 0.5 * (LOW + HIGH)
    found = np.zeros((len(KINDS), len(FACTORS), len(config.moves), len(FACTORS)))
    kept = np.zeros(found.shape[:3])
    for kind in range(len(KINDS)):
        start = features(np.array([kind]), middle[None])[0]
        for index in range(len(FACTORS)):
            for place, move in enumerate(config.moves):
                moved = start + 0.5 * move * directions[kind, index]
                nearest = int(np.argmin(np.sum((known - moved) ** 2, axis=1)))
                found[kind, index, place] = (pool[1][nearest] - middle) / (0.5 * (HIGH - LOW))
                kept[kind, index, place] = pool[0][nearest] == kind
    return {"found": found, "kept": kept}


EXPERIMENT = Experiment(
    "isda_shapes",
    Config,
    run_task,
    tasks=tasks,
    cost=lambda config, task: 3.0,
    summary="Semantic directions on drawn shapes: variance along them, and what a move means",
)
