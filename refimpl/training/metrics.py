"""Numbers about parameters on a data set, taken piece by piece so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refimpl import models
from refimpl.algorithms.base import Tree
from refimpl.arrays import Array
from refimpl.checks import count
from refimpl.datasets.base import Dataset

Metric = Callable[[Tree, Dataset], Any]
"""A number about parameters on a data set: ``metric(params, dataset)``."""

_CHUNK = 2048


def chunked_mean(function: Callable[[Tree, Any], Any], chunk: int = _CHUNK) -> Metric:
    """A metric that averages ``function`` over a data set piece by piece.

    Parameters
    ----------
    function : callable
        ``function(params, batch)``, a mean over the batch's examples (an objective, for one).
    chunk : int
        Examples per piece: the bound on memory.

    Returns
    -------
    callable
        ``metric(params, dataset)``, a float.

    Examples
    --------
    >>> data = Dataset("numbers", np.arange(5.0)[:, None], np.zeros(5))
    >>> metric = chunked_mean(lambda params, batch: batch.inputs.mean() + params, chunk=2)
    >>> metric(1.0, data)
    3.0
    """
    count("chunk", chunk)

    def metric(params: Tree, dataset: Dataset) -> float:
        size = len(dataset)
        if size <= chunk:
            return float(function(params, dataset.batch()))
        total = 0.0
        for first in range(0, size, chunk):
            indices = np.arange(first, min(first + chunk, size))
            total += len(indices) * float(function(params, dataset.batch(indices)))
        return total / size

    return metric


def accuracy(model: Callable[[Tree, Array], Array], chunk: int = _CHUNK) -> Metric:
    """The fraction of examples classified correctly, as a metric.

    Examples
    --------
    >>> data = Dataset("two", np.asarray([[1.0, 0.0], [3.0, 1.0]]), np.asarray([0, 1]), classes=2)
    >>> accuracy(lambda params, inputs: params * inputs)(1.0, data)
    0.5
    """

    return chunked_mean(
        lambda params, batch: models.accuracy(model(params, batch.inputs), batch.targets), chunk
    )
