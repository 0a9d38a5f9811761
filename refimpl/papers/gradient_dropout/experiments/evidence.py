"""MAML with and without gradient dropout: few tasks, where it should help, and many.

The papers say that it regularizes meta-learning when tasks are few. Test tasks ask for digits that
no training task showed; what was learned is judged by one adaptation, without noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from refimpl.arrays import Backend
from refimpl.datasets import load
from refimpl.experiments.comparison import Arm, Problem
from refimpl.experiments.declared import Comparison, Method, Size
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_dropout.dropout import GradientDropout
from refimpl.papers.gradient_dropout.maml import MAML
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class Tasks(Size):
    """Tasks are the examples; each has ``shots`` to adapt on and ``queries`` to be judged on."""

    data: str = "few-shot-digits"
    shots: int = 5
    queries: int = 15


INNER: dict[str, Any] = {"inner_rate": 0.1, "inner_steps": 2}


def problem(size: Tasks, backend: Backend, rng: Rng) -> Problem:
    """Tasks of three out of four digits; three other digits validate, and the last three test."""
    split = load(
        size.data,
        rng=rng.child("data"),
        backend=backend,
        training=size.training,
        validation=size.validation,
        test=size.test,
        shots=size.shots,
        queries=size.queries,
    )
    model = MLP((split.train.features, *size.hidden, split.train.outputs))
    objective = Objective(model)
    judged = MAML(**INNER).metrics(objective)
    metrics = {"loss": judged["post_loss"], "accuracy": judged["post_accuracy"]}
    return Problem(split, objective, model.init(rng.child("init"), backend=backend), metrics)


def plain(size: Any, rate: float, value: float) -> Arm:
    """MAML; the outer rate is tuned."""
    return Arm("", MAML(learning_rate=value, **INNER))


def _dropped(noise: Any, **more: Any) -> Method:
    def arm(size: Any, rate: float, value: float) -> Arm:
        wrapper = GradientDropout(rate=value, noise=noise)
        return Arm("", MAML(learning_rate=rate, wrappers=[wrapper], **INNER))

    return Method(name=noise, arm=arm, grid=(0.05, 0.1, 0.2, 0.4), varies="rate", **more)


METHODS = (
    Method(name="plain", arm=plain, grid=(3e-4, 1e-3, 3e-3, 1e-2), varies="learning rate",
           baseline=True, tunes_rate=True),
    _dropped("bernoulli", high=0.8),
    _dropped("gaussian", high=0.8),
)  # fmt: skip

FEW = Tasks(training=10, validation=20, test=60, hidden=(24,), epochs=25, batch_size=5, seeds=5,
            together=4)  # fmt: skip
QUICK = replace(FEW, epochs=2, seeds=2, validation=5, test=5)

COMPARISONS = (
    Comparison(
        name="gradient_dropout_few_tasks",
        title="Gradient dropout in MAML, ten tasks of digits",
        problem=problem,
        methods=METHODS,
        full=FEW,
        quick=QUICK,
        cut="MAML alone of the three frameworks",
    ),
    Comparison(
        name="gradient_dropout_many_tasks",
        title="Gradient dropout in MAML, 200 tasks of digits",
        expects="control",
        problem=problem,
        methods=METHODS,
        full=replace(FEW, training=200, epochs=1),
        quick=QUICK,
        cut="MAML alone of the three frameworks; 40 outer steps",
    ),
)
