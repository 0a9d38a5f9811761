"""Minnorm training against descent and weight decay: few clean labels, wrong labels, hard examples.

The abstract says that it improves generalization of networks that fit their data, and identifies
difficult examples. Few clean digits are its setting; redrawn labels, which it is bound to fit, are
not. How well the multipliers rank redrawn labels first is measured beside losses of other methods.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.momentum import Momentum
from refimpl.experiments.comparison import Arm
from refimpl.experiments.declared import Comparison, Method, Size
from refimpl.papers.minnorm.experiments.ranking import problem
from refimpl.papers.minnorm.minnorm import Minnorm


def _descent(size: Any, rate: float, value: float) -> Arm:
    return Arm("", Momentum(learning_rate=value))


def _decay(size: Any, rate: float, value: float) -> Arm:
    return Arm("", Composition(Momentum(learning_rate=rate), [L2(strength=value)]))


def _minnorm(size: Any, rate: float, value: float) -> Arm:
    algorithm = Minnorm(
        constraint="one_vs_rest", learning_rate=value, multiplier_rate=value, damping=0.5,
        tolerance=0.0, patience=0.0,
    )  # fmt: skip
    return Arm("", algorithm)


METHODS = (
    Method(name="plain", arm=_descent, grid=(0.01, 0.03, 0.1, 0.3), varies="learning rate",
           baseline=True, tunes_rate=True),
    Method(name="weight decay", arm=_decay, grid=(1e-4, 1e-3, 1e-2, 1e-1), baseline=True),
    Method(name="minnorm", arm=_minnorm, grid=(0.0005, 0.001, 0.002, 0.004),
           varies="learning rate"),
)  # fmt: skip
FULL = Size(training=100, validation=500, test=1000, hidden=(64,), epochs=1200, batch_size=None,
            seeds=5, together=5)  # fmt: skip
QUICK = replace(FULL, training=40, epochs=20, seeds=2, hidden=(16,))

COMPARISONS = (
    Comparison(
        name="minnorm_few_digits",
        title="Minnorm training on 100 digits",
        problem=problem,
        methods=METHODS,
        full=FULL,
        quick=QUICK,
        cut="1200 steps; 100 images of up to 60,000; the margin constraints alone",
    ),
    Comparison(
        name="minnorm_noisy_digits",
        title="Minnorm training on 100 digits, 20 % of the labels redrawn",
        expects="control",
        problem=problem,
        methods=METHODS,
        full=replace(FULL, noise=0.2),
        quick=replace(QUICK, noise=0.2),
        cut="1200 steps; the margin constraints alone",
    ),
)
