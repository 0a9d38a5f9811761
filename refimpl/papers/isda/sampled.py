"""Explicit augmentation: draw the Gaussian features that the bound stands for.

Algorithm, for each mini-batch
------------------------------
1.-3. as in :mod:`refimpl.papers.isda.isda`
4. ã_im = a_i + √λ R_{y_i} ξ_im, m = 1..M, with R R' = Σ and ξ standard normal
5. loss = mean over i and m of the cross-entropy of W ã_im + b

The loss is unbiased for the expected cross-entropy, hence below the bound in expectation, with an
error that falls as M^(−1/2). It is what the bound is compared with; it costs M heads a step and
the roots of the covariances.

>>> import numpy as np
>>> root = covariance_root(np.asarray([[[4.0, 0.0], [0.0, 0.0]]]))
>>> np.abs(root @ root.mT)
array([[[4., 0.],
        [0., 0.]]])
>>> draws = np.asarray([[[1.0]], [[-1.0]]])
>>> float(sampled_cross_entropy(np.zeros((1, 2)), np.asarray([[0.0], [1.0]]), np.asarray([0]),
...                             np.ones((2, 1, 1)), 1.0, draws).round(6))  # mean of two softplus
0.813262
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace
from refimpl.checks import count
from refimpl.papers.isda.head import Head
from refimpl.papers.isda.isda import ISDA
from refimpl.random import Rng


def covariance_root(covariance: Array) -> Array:
    """R with R R' = Σ for each matrix, singular ones included; of diagonals the square roots.

    Parameters
    ----------
    covariance : array, shape (K, A, A) or (K, A)
        Eigenvalues below zero, as rounding leaves them, count as zero.
    """
    xp = namespace(covariance)
    if covariance.ndim == 2:
        return xp.sqrt(xp.maximum(covariance, xp.zeros_like(covariance)))
    values, vectors = xp.linalg.eigh(covariance)
    return vectors * xp.sqrt(xp.maximum(values, xp.zeros_like(values)))[:, None, :]


def sampled_cross_entropy(
    logits: Array,
    weight: Array,
    labels: Array,
    covariance: Array,
    strength: float,
    draws: Array,
) -> Array:
    """Mean cross-entropy of augmented features, given the standard normal draws.

    Parameters
    ----------
    logits : array, shape (N, C)
        Of the features themselves: the head is linear, so the noise enters behind it.
    weight : array, shape (C, A)
    labels : integer array, shape (N,)
    covariance : array, shape (C or 1, A, A) or (C or 1, A)
    strength : float
        λ; 0 gives cross-entropy bit for bit.
    draws : array, shape (M, N, A)

    Returns
    -------
    0-d array, differentiable in ``logits`` and ``weight``
    """
    if strength == 0.0:
        return ad.softmax_cross_entropy(logits, labels)
    xp = namespace(draws, covariance)
    root = covariance_root(covariance)
    if root.shape[0] > 1:
        root = xp.take(root, labels, axis=0)
    noise = draws * root if root.ndim == 2 else (root @ draws[..., None])[..., 0]
    count, examples, width = noise.shape
    shift = ad.linear(xp.reshape(noise, (count * examples, width)), weight)
    moved = ad.expand_dims(logits, 0) + math.sqrt(strength) * ad.reshape(
        shift, (count, *logits.shape)
    )
    flat = ad.reshape(moved, (count * examples, logits.shape[1]))
    return ad.softmax_cross_entropy(flat, xp.tile(labels, (count,)))


@dataclass(frozen=True, kw_only=True)
class SampledISDA(ISDA):
    """ISDA with drawn features in place of the bound.

    Parameters
    ----------
    strength, schedule, epochs, steps_per_epoch, covariance, scale, given, update, precision, checks
        See :class:`refimpl.papers.isda.isda.ISDA`.
    draws : int
        M, features drawn for each example and step.
    seed : int
        Step k draws from ``Rng(seed).child("augmentation", k)``, so that evaluations of one step
        at several parameters see the same noise.

    Examples
    --------
    >>> SampledISDA(draws=0)
    Traceback (most recent call last):
    ...
    ValueError: draws must be at least 1, not 0
    """

    draws: int = field(default=1, metadata={"help": "features drawn an example and step"})
    seed: int = field(default=0, metadata={"help": "of the drawn features"})

    def __post_init__(self) -> None:
        super().__post_init__()
        count("draws", self.draws)
        count("seed", self.seed, at_least=0)

    def loss(
        self, logits: Any, head: Head, batch: Any, covariance: Array, strength: float, step: int
    ) -> Any:
        """The mean cross-entropy of the drawn features."""
        examples, width = batch.targets.shape[0], head.weight.shape[1]
        stream = Rng(self.seed).child("augmentation", step)
        draws = stream.normal((self.draws, examples, width), like=covariance)
        return sampled_cross_entropy(
            logits, head.weight, batch.targets, covariance, strength, draws
        )
