"""Targets in the form that a loss takes, and accuracy whatever that form is.

>>> from refimpl.datasets import load
>>> from refimpl.random import Rng
>>> split = load("spirals", rng=Rng(0), training=20)
>>> fitted, outputs = fit_targets(split, "mean_squared_error")
>>> fitted.train.targets.shape, outputs
((20, 2), 2)
"""

from __future__ import annotations

import dataclasses
from typing import Any

from refimpl import models
from refimpl.arrays import namespace
from refimpl.datasets.base import Dataset, Split
from refimpl.datasets.tasks import TaskSet
from refimpl.training.metrics import Metric, chunked_mean

_BINARY_LOSSES = ("logistic", "hinge")


def fit_targets(split: Split, loss: str) -> tuple[Split, int]:
    """The data with targets in the form that the loss takes, and the number of outputs.

    Parameters
    ----------
    split : Split
    loss : str
        A name in :data:`refimpl.models.LOSSES`, or that of a paper's loss for labels.

    Raises
    ------
    ValueError
        If the loss does not fit the data: labels for regression, two classes, stacks of tasks.
    """
    classes = split.train.classes
    if classes is None:
        if loss != "mean_squared_error":
            raise ValueError(f"loss {loss!r} needs labels; regression takes mean_squared_error")
        # The network gives (P, K); a single target is a column, or it would broadcast.
        return type(split)(*map(_as_columns, split)), split.train.outputs
    if isinstance(split.train, TaskSet) and loss != "softmax_cross_entropy":
        raise ValueError(f"loss {loss!r} takes no stacks of tasks: use softmax_cross_entropy")
    if loss == "mean_squared_error":
        return type(split)(*(dataset.one_hot() for dataset in split)), classes
    if loss in _BINARY_LOSSES:
        raise ValueError(
            f"loss {loss!r} is for one score and labels of -1 and 1; "
            f"with {classes} classes take softmax_cross_entropy or multiclass_margin"
        )
    return split, classes


def _as_columns(dataset: Dataset) -> Dataset:
    if dataset.targets.ndim > 1:
        return dataset
    return dataclasses.replace(dataset, targets=dataset.targets[:, None])


def label_accuracy(model: Any) -> Metric:
    """The share of rows whose largest output is the label's, or the largest target's."""

    def correct(params: Any, batch: Any) -> float:
        targets = batch.targets
        if targets.ndim == 2:
            targets = namespace(targets).argmax(targets, axis=1)
        return models.accuracy(model(params, batch.inputs), targets)

    return chunked_mean(correct)
