"""Streaming means and covariances of the features of each class.

Algorithm, for each class, old (n, μ, S) and batch (m, μ', S'), S' divided by m:

1. S ← (n S + m S')/(n + m) + n m (μ − μ')(μ − μ')'/(n + m)²
2. μ ← (n μ + m μ')/(n + m)
3. n ← n + m

This is the pooled biased covariance of all features ever seen, whatever the order and the sizes
of the batches (derived); nothing is forgotten, and no gradient flows. A class without an example,
or with one, has covariance zero. Diagonal statistics are the diagonal of the full ones.

Source: Wang et al., NeurIPS 2019, printed as above (supplement, September 2019).

>>> import numpy as np
>>> statistics = empty_statistics(2, 1, np.zeros(1), diagonal=False)
>>> for value in (1.0, 4.0):
...     statistics = update_statistics(statistics, np.asarray([[value]]), np.asarray([0]))
>>> statistics.count, statistics.covariance[:, 0, 0]  # (4 - 1)² / 4
(array([2., 0.]), array([2.25, 0.  ]))
"""

from __future__ import annotations

from typing import NamedTuple

from refimpl.arrays import Array, device, namespace, one_hot


class ClassStatistics(NamedTuple):
    """What is known of the features of K classes with A features.

    Attributes
    ----------
    count : array, shape (K,)
        Examples seen, in floating point.
    mean : array, shape (K, A)
    covariance : array, shape (K, A, A), or (K, A) where only the diagonal is kept
    """

    count: Array
    mean: Array
    covariance: Array


def empty_statistics(classes: int, features: int, like: Array, diagonal: bool) -> ClassStatistics:
    """Statistics of nothing, of the namespace, dtype and device of ``like``."""
    xp = namespace(like)
    shape = (classes, features) if diagonal else (classes, features, features)

    def zeros(shape: tuple[int, ...]) -> Array:
        return xp.zeros(shape, dtype=like.dtype, device=device(like))

    return ClassStatistics(zeros((classes,)), zeros((classes, features)), zeros(shape))


def update_statistics(
    old: ClassStatistics, features: Array, labels: Array, chosen: Array | None = None
) -> ClassStatistics:
    """The statistics after one more batch.

    Parameters
    ----------
    old : ClassStatistics
    features : array, shape (N, A)
        Plain (detached); cast to the dtype of the statistics.
    labels : integer array, shape (N,)
        In 0..K−1.
    chosen : boolean array, shape (N,), optional
        Which examples count; default all.

    Returns
    -------
    ClassStatistics
        New arrays; ``old`` is not written to.
    """
    xp = namespace(features, old.mean)
    features = xp.astype(features, old.mean.dtype, copy=False)
    members = one_hot(labels, old.count.shape[0], old.mean)
    if chosen is not None:
        members = xp.where(chosen[:, None], members, xp.zeros_like(members))
    m = xp.sum(members, axis=0)
    inside = xp.where(m > 0, m, xp.ones_like(m))
    mean = members.mT @ features / inside[:, None]
    deviation = features - xp.take(mean, labels, axis=0)
    total = old.count + m
    safe = xp.where(total > 0, total, xp.ones_like(total))
    between = old.mean - mean
    if old.covariance.ndim == 2:
        scatter = members.mT @ (deviation * deviation)
        cross = between * between
    else:
        own = members.mT[:, :, None] * deviation[None, :, :]
        scatter = own.mT @ deviation
        cross = between[:, :, None] * between[:, None, :]

    def column(values: Array) -> Array:
        return xp.reshape(values, (-1,) + (1,) * (old.covariance.ndim - 1))

    n, weight = old.count, old.count * m / (safe * safe)
    covariance = (column(n) * old.covariance + scatter) / column(safe) + column(weight) * cross
    center = (n[:, None] * old.mean + m[:, None] * mean) / safe[:, None]
    return ClassStatistics(total, center, covariance)
