"""A run in a few numbers: what its steps told, and whether it learned anything.

>>> history = History({"loss": np.asarray([2.0, 3.0, 1.0]), "stopped": np.zeros(3)})
>>> extremes(history)
{'loss': {'first': 2.0, 'last': 1.0, 'mean': 2.0, 'least': 1.0, 'largest': 3.0}}
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.arrays import to_host
from refimpl.training.history import History


def extremes(history: History) -> dict[str, dict[str, float]]:
    """Of every number of the steps: first and last value, mean, and the worst to either side.

    Columns without a number, or of zeros alone, are left out.
    """
    found = {}
    for name, values in history.steps.items():
        finite = values[np.isfinite(values)]
        if len(finite) and np.any(finite):
            found[name] = {
                "first": float(finite[0]),
                "last": float(finite[-1]),
                "mean": float(np.mean(finite)),
                "least": float(np.min(finite)),
                "largest": float(np.max(finite)),
            }
    return found


def risen(history: History) -> tuple[float, float] | None:
    """The loss of the first step and the mean of the last epoch, if that is larger; else None.

    Examples
    --------
    >>> risen(History({"loss": np.asarray([1.0, 4.0])}, {"loss": np.asarray([4.0])}))
    (1.0, 4.0)
    """
    epochs = history.epochs.get("loss", np.zeros(0))
    if not len(epochs) or epochs[-1] <= history.steps["loss"][0]:
        return None
    return float(history.steps["loss"][0]), float(epochs[-1])


def commonest(dataset: Any) -> float | None:
    """The share of the commonest class: the accuracy of always naming it. None without labels.

    Examples
    --------
    >>> from refimpl.datasets.base import Dataset
    >>> commonest(Dataset("three", np.zeros((3, 1)), np.asarray([0, 1, 1]), classes=2))
    0.6666666666666666
    """
    if dataset.classes is None or getattr(dataset, "targets", None) is None:
        return None
    labels = to_host(dataset.targets)
    if labels.dtype.kind == "f":  # indicators of the classes
        labels = np.argmax(labels, axis=-1)
    if not labels.size:
        return None
    return float(np.max(np.unique(labels, return_counts=True)[1])) / labels.size
