"""MAML with and without gradient dropout on tasks of MNIST: few, where it should help, and many.

As on the small digits (:mod:`refimpl.papers.gradient_dropout.experiments.evidence`), with images of
784 pixels and all of MNIST to draw them from. A task asks for three of its group of digits: four
digits are for training, three others for validation, the last three for the test. On validation
tasks of seeds that no comparison uses, MAML gains four to six points over its random start; at
ten times the best outer rate it loses them again, though training tasks go on improving.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refimpl import datasets
from refimpl.arrays import Backend, to_host
from refimpl.arrays import backend as make_backend
from refimpl.datasets import Dataset, TaskSet, TaskSplit
from refimpl.experiments.comparison import Problem
from refimpl.experiments.declared import Comparison
from refimpl.experiments.kept import kept_by_seed
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_dropout.experiments.evidence import INNER, Tasks
from refimpl.papers.gradient_dropout.experiments.evidence import METHODS as ON_DIGITS
from refimpl.papers.gradient_dropout.maml import MAML
from refimpl.random import Rng

GROUPS = (4, 3, 3)
"""Digits of the tasks for training, validation and test."""

WAYS = 3
"""Digits of a task."""


@dataclass(frozen=True, kw_only=True)
class ImageTasks(Tasks):
    """Tasks whose images come from a set of images."""

    data: str = "mnist"


@kept_by_seed(10)
def problem(size: ImageTasks, backend: Backend, rng: Rng) -> Problem:
    """Tasks of one seed, and a dense network that is judged after its adaptation."""
    place = make_backend(backend.name, size.dtype)
    split: Any = drawn(size, place, rng)
    model = MLP((split.train.features, *size.hidden, split.train.outputs))
    objective = Objective(model)
    judged = MAML(**INNER).metrics(objective)
    metrics = {"loss": judged["post_loss"], "accuracy": judged["post_accuracy"]}
    return Problem(split, objective, model.init(rng.child("init"), backend=place), metrics)


def drawn(size: ImageTasks, backend: Backend, rng: Rng) -> TaskSplit:
    """Tasks of three disjoint groups of digits, each from its own part of the images."""
    images = datasets.load(size.data, rng=rng.child("images"), backend=backend)
    order = rng.child("groups").permutation(images.train.outputs)
    groups = np.split(order, np.cumsum(GROUPS))[:3]
    counts = (size.training, size.validation, size.test)
    parts = zip(("train", "validation", "test"), images, groups, counts, strict=True)
    return TaskSplit(
        *(
            tasks(data, group, size, count or 10, rng.child(part))
            for part, data, group, count in parts
        )
    )


def tasks(data: Dataset, digits: np.ndarray, size: ImageTasks, count: int, rng: Rng) -> TaskSet:
    """Tasks of three of these digits in random order, with images of their own of each."""
    labels = to_host(data.targets)
    pools = [np.flatnonzero(labels == digit) for digit in digits]
    each = size.shots + size.queries
    rows = np.empty((count, each, WAYS), dtype=np.int64)
    for task in range(count):
        stream = rng.child(task)
        for way, place in enumerate(stream.choice(len(pools), WAYS)):
            pool = pools[place]
            rows[task, :, way] = pool[stream.child(way).choice(len(pool), each)]
    chosen = data.take(rows.ravel()).inputs
    backend = make_backend("numpy", "float32" if chosen.dtype == np.float32 else "float64")
    named = ", ".join(str(digit) for digit in sorted(digits.tolist()))
    return TaskSet(
        f"tasks of {data.name}",
        chosen.reshape(count, each * WAYS, data.features),
        backend.asarray(np.tile(np.arange(WAYS), (count, each))),
        size.shots * WAYS,
        WAYS,
        f"{WAYS} of the digits {named} of {data.name}",
    )


METHODS = (replace(ON_DIGITS[0], grid=(3e-5, 1e-4, 3e-4, 1e-3)), *ON_DIGITS[1:])
FEW = ImageTasks(training=10, validation=40, test=100, hidden=(32,), epochs=100, batch_size=5,
                 seeds=10, together=10, dtype="float32")  # fmt: skip
QUICK = replace(FEW, training=4, validation=4, test=4, epochs=2, seeds=2, shots=2, queries=5)
CUT = "MAML alone of the three frameworks; 200 outer steps, for more of them at a rate overfit"

COMPARISONS = (
    Comparison(
        name="gradient_dropout_few_mnist",
        title="Gradient dropout in MAML, ten tasks of MNIST",
        problem=problem,
        methods=METHODS,
        full=FEW,
        quick=QUICK,
        cut=CUT,
    ),
    Comparison(
        name="gradient_dropout_many_mnist",
        title="Gradient dropout in MAML, 200 tasks of MNIST",
        expects="control",
        problem=problem,
        methods=METHODS,
        full=replace(FEW, training=200, epochs=5),
        quick=QUICK,
        cut=CUT,
    ),
)
