"""Strong regularization behind a gate or after a delay, against the plain penalty and descent.

The abstracts say that a deep network endures strong L1 and L2 with it, to better accuracy and more
compression. Asked on eight layers with redrawn labels, where strong regularization is wanted, and
with clean ones, where it is not. Compression is the share of weights that stay, at the strongest L1
which keeps the accuracy: a network below the floor counts as one in which every weight stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from refimpl.arrays import Backend, to_host
from refimpl.experiments.baselines import descent, weight_decay
from refimpl.experiments.comparison import Arm, Problem
from refimpl.experiments.declared import Comparison, Method, Size, images
from refimpl.papers.gradient_coherent.gradient_coherent import GradientCoherent
from refimpl.random import Rng
from refimpl.training import accuracy

FLOOR = 0.94
"""Accuracy on the judged set below which a network is not counted as compressed."""

BEST = 0.03
"""Learning rate of the compression runs, where no method tunes one."""


def _method(
    name: str, grid: tuple[float, ...], *, baseline: bool = False, **settings: Any
) -> Method:
    def arm(size: Any, rate: float, value: float) -> Arm:
        pace = rate if settings.get("penalty") != "l1" else BEST
        form = {"penalty": "l2", "base": "nesterov", "criterion": "always", **settings}
        return Arm("", GradientCoherent(strength=value, learning_rate=pace, **form))

    return Method(name=name, arm=arm, grid=grid, baseline=baseline)


def compressed(size: Size, backend: Backend, rng: Rng) -> Problem:
    """Images, and the share of weights that is not zero, 1 below the floor of accuracy."""
    found = images(size, backend, rng)
    right = accuracy(found.objective.model)

    def kept(params: Any, data: Any) -> float:
        weights = np.concatenate([to_host(layer["weight"]).ravel() for layer in params])
        return float(np.mean(weights != 0.0)) if right(params, data) >= FLOOR else 1.0

    return found._replace(metrics={"kept": kept})


GRID = (1e-3, 3e-3, 1e-2, 3e-2)
STRONG = (
    descent((0.001, 0.003, 0.01, 0.03)),
    weight_decay(GRID),
    _method("gate", GRID, threshold=0.7, criterion="total"),
    _method("delay", GRID, delay=5),
)
MANY = (1e-4, 3e-4, 1e-3, 3e-3)
NOISY = (
    descent((0.003, 0.01, 0.03, 0.1)),
    weight_decay(MANY),
    _method("gate", MANY, threshold=0.7, criterion="total"),
    _method("delay", MANY, delay=5),
)
SPARSE = (3e-4, 1e-3, 3e-3, 1e-2)

DEEP = Size(hidden=(64,) * 7, training=300, validation=500, test=997, noise=0.3, epochs=30,
            batch_size=50, seeds=5, together=5)  # fmt: skip
QUICK = replace(DEEP, training=100, epochs=6, seeds=2, hidden=(16, 16))

COMPARISONS = (
    Comparison(
        name="gradient_coherent_noisy_digits",
        title="Gated and delayed L2 on 300 digits, eight layers, 30 % of the labels redrawn",
        problem=images,
        methods=STRONG,
        full=DEEP,
        quick=QUICK,
    ),
    Comparison(
        name="gradient_coherent_clean_digits",
        title="Gated and delayed L2 on 300 digits, eight layers, clean labels",
        expects="control",
        problem=images,
        methods=STRONG,
        full=replace(DEEP, noise=0.0),
        quick=replace(QUICK, noise=0.0),
    ),
    Comparison(
        name="gradient_coherent_all_mnist",
        title="Gated and delayed L2 on all of MNIST, eight layers, 30 % of the labels redrawn",
        problem=images,
        methods=NOISY,
        full=Size(data="mnist", hidden=(32,) * 7, noise=0.3, epochs=20, batch_size=250, seeds=5,
                  together=1, dtype="float32"),
        quick=replace(QUICK, data="mnist", validation=200, test=200),
        cut="20 epochs, five of them the delay",
    ),
    Comparison(
        name="gradient_coherent_compression",
        title="Weights that stay under L1 at 94 % accuracy, all digits, eight layers",
        problem=compressed,
        methods=(
            _method("plain L1", SPARSE, baseline=True, penalty="l1"),
            _method("gated L1", SPARSE, penalty="l1", threshold=0.7, criterion="total",
                    keep_zeros=True),
            _method("delayed L1", SPARSE, penalty="l1", delay=5),
        ),
        full=replace(DEEP, training=None, validation=260, test=360, noise=0.0, epochs=12),
        quick=replace(QUICK, noise=0.0),
        score="kept",
        lower=True,
        cut="one learning rate (0.03); a floor of 0.94 instead of a curve",
    ),
)  # fmt: skip
