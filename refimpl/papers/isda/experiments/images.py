"""ISDA on subsets of MNIST: accuracy and negative log-likelihood against λ₀, paired seeds.

Two recipes: weights and biases uniform on ±1/√fan_in with batches of 128, whose plain accuracy is
nearest to that of the pilot (of those tried, looking at λ₀ = 0 alone), and He's normal start with
zero biases and batches of 64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.errors import DivergenceError
from refimpl.experiments.base import Experiment
from refimpl.models import MLP
from refimpl.papers.isda.experiments.recipe import run
from refimpl.papers.isda.isda import ISDA
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Nesterov's momentum 0.9 under a cosine rate. Nothing is tuned: all strengths are shown.

    A recipe is an initializer, the scale of its biases, and the size of the batches.
    """

    recipes: tuple[tuple[str, float, int], ...] = (
        ("torch_default", 1.0, 128),
        ("he_normal", 0.0, 64),
    )
    sizes: tuple[int, ...] = (300, 1000)
    strengths: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 1.0)
    widths: tuple[int, ...] = (784, 128, 64, 10)
    rate: float = 0.02
    epochs: int = 60
    seeds: int = 6

    @classmethod
    def quick(cls) -> Config:
        return cls(sizes=(300,), strengths=(0.0, 0.5), epochs=10, seeds=2)

    @classmethod
    def full(cls) -> Config:
        return cls()


def tasks(config: Config) -> list[dict[str, Any]]:
    return [
        {"recipe": recipe, "size": size, "seed": seed}
        for recipe in range(len(config.recipes))
        for size in config.sizes
        for seed in range(config.seeds)
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, recipe: int, size: int, seed: int
) -> dict[str, Any]:
    initializer, bias_scale, batch_size = config.recipes[recipe]
    shared = Rng(rng.seed).child("isda_images", size, seed)
    split = datasets.load("mnist", rng=shared.child("data"), backend=backend, training=size)
    scores = []
    for strength in config.strengths:
        try:
            result = run(
                ISDA(strength=strength, epochs=config.epochs),
                MLP(config.widths),
                split.train,
                shared,
                rate=config.rate,
                batch_size=batch_size,
                cosine=True,
                initial={"initializer": initializer, "bias_scale": bias_scale},
                evaluate={"test": split.test},
            )
        except DivergenceError:
            scores.append([np.nan, np.nan])
            continue
        last = result.history.epochs
        scores.append([last["test_accuracy"][-1], last["test_nll"][-1]])
    table = np.array(scores)
    return {"accuracy": table[:, 0], "nll": table[:, 1]}


def collect(config: Config, tasks: Any, results: Any) -> dict[str, Any]:
    """Arrays (recipe, size, seed, strength)."""
    shape = (len(config.recipes), len(config.sizes), config.seeds, len(config.strengths))
    collected: dict[str, Any] = {
        name: np.array([result[name] for result in results]).reshape(shape)
        for name in ("accuracy", "nll")
    }
    return {
        **collected,
        "sizes": np.array(config.sizes),
        "strengths": np.array(config.strengths),
    }


EXPERIMENT = Experiment(
    "isda_images",
    Config,
    run_task,
    tasks=tasks,
    collect=collect,
    cost=lambda config, task: 0.007 * task["size"],
    summary="ISDA on subsets of MNIST: accuracy and likelihood against λ₀",
)
