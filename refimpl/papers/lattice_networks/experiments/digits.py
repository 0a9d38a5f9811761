"""Tailored against plain l2 on digits, with the spread of each pixel as its decay.

A share of the training labels is wrong, or no penalty would be needed. Not a claim of the papers:
digits have no parametric target. What is carried over is the idea that
an input which varies little matters little, so that b_j is the standard deviation of pixel j.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import datasets
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composition import Composition
from refimpl.arrays import Backend, to_host
from refimpl.experiments.comparison import Arm, Problem, comparison
from refimpl.models import MLP, Objective
from refimpl.papers.lattice_networks.tailored import TailoredPenalty
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """The network, the grid (the same for both) and the length of a run."""

    hidden: int = 64
    training: int = 300
    label_noise: float = 0.3
    strengths: tuple[float, ...] = (1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2)
    rate: float = 3e-3
    floor: float = 0.05
    epochs: int = 40
    batch_size: int = 32
    seeds: int = 5

    @classmethod
    def quick(cls) -> Config:
        return cls(strengths=(1e-4, 1e-3, 1e-2), epochs=10, seeds=2)

    @classmethod
    def full(cls) -> Config:
        return cls()


@functools.cache
def pixel_spread(floor: float) -> tuple[float, ...]:
    """The standard deviation of each pixel over all digits, at least ``floor`` of the largest.

    Of inputs alone: no label is looked at.
    """
    split = datasets.load("digits", rng=Rng(0))
    pixels = np.concatenate([to_host(part.inputs) for part in split])
    spread = pixels.std(axis=0)
    return tuple(float(s) for s in np.maximum(spread, floor * spread.max()))


def _composed(config: Config, form: Any, strength: float) -> Composition:
    penalty = TailoredPenalty(strength=strength, form=form, decay=pixel_spread(config.floor))
    return Composition(Adam(learning_rate=config.rate), penalties=(penalty,))


def methods(config: Config) -> dict[str, list[Arm]]:
    return {
        form: [
            Arm(f"strength={strength:g}", functools.partial(_composed, config, form, strength))
            for strength in config.strengths
        ]
        for form in ("l2", "tailored")
    }


def problem(config: Config, backend: Backend, rng: Rng) -> Problem:
    split = datasets.load(
        "digits",
        rng=rng.child("data"),
        backend=backend,
        center=True,
        label_noise=config.label_noise,
    )
    few = split._replace(train=split.train.subset(config.training, rng.child("subset")))
    model = MLP((64, config.hidden, 10), activation="tanh")
    start = model.init(rng.child("init"), "glorot_normal", backend=backend)
    return Problem(few, Objective(model), start)


def cost(config: Config, task: Any) -> float:
    return 1e-5 * config.epochs * config.training


EXPERIMENT = comparison(
    "lattice_digits",
    Config,
    problem=problem,
    methods=methods,
    reference="l2",
    summary="Tailored penalty with the spread of pixels against l2 on digits",
    cost=cost,
)
