"""The consistency loss on examples without labels: a bound on a Kullback-Leibler divergence.

Algorithm, for each mini-batch
------------------------------
1. labeled examples: the loss of :mod:`refimpl.papers.isda.isda`
2. unlabeled examples: p ← softmax(z), held fixed; c ← argmax p, whose covariance is used
3. R = mean of −H(p) − Σ_k p_k (z_k − log Σ_j exp(z_j + (λ/2)(w_j − w_k)'Σ_c(w_j − w_k)))
4. loss = (1) + η R

R is at least the expected KL(p ‖ prediction of the augmented feature). That there is such a bound
is said in the paper's abstract; the formula is derived here, and which covariance an unlabeled
example gets is a choice made here. A one-hot p gives the supervised bound.

>>> import numpy as np
>>> z = np.asarray([[1.0, -1.0]])
>>> terms = pair_terms(np.asarray([[0.0], [1.0]]), np.ones((2, 1, 1)))
>>> terms.shape, terms[0]
((2, 2, 2), array([[0., 1.],
       [1., 0.]]))
>>> p = np.exp(z) / np.exp(z).sum()
>>> float(consistency_bound(z, p, 0.0 * terms[:1], 1.0).round(15)[0])
0.0
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, device, namespace
from refimpl.checks import count, non_negative
from refimpl.errors import SettingError
from refimpl.papers.isda.bound import moved_logits
from refimpl.papers.isda.head import Head
from refimpl.papers.isda.isda import ISDA


def pair_terms(weight: Array, covariance: Array) -> Array:
    """(w_j − w_k)'Σ_c(w_j − w_k), shape (C or 1, C, C) in the order c, k, j.

    Parameters
    ----------
    weight : array, shape (C, A)
        Differentiable.
    covariance : array, shape (C or 1, A, A) or (C or 1, A)
    """
    classes, width = weight.shape
    v = ad.reshape(
        ad.expand_dims(weight, 0) - ad.expand_dims(weight, 1), (1, classes * classes, width)
    )
    spread = v * covariance[:, None, :] if covariance.ndim == 2 else ad.matmul(v, covariance)
    return ad.reshape(ad.sum(spread * v, axis=-1), (covariance.shape[0], classes, classes))


def consistency_bound(logits: Array, targets: Array, terms: Array, strength: float) -> Array:
    """The bound of each example, shape (N,); differentiable in ``logits`` and ``terms``.

    Parameters
    ----------
    logits : array, shape (N, C)
    targets : array, shape (N, C)
        p, constant.
    terms : array, shape (N or 1, C, C)
        :func:`pair_terms` of each example's covariance, in the order k, j.
    strength : float
        λ.
    """
    xp = namespace(targets)
    moved = ad.expand_dims(logits, 1) + 0.5 * strength * terms
    cross = ad.sum(targets * (ad.logsumexp(moved, axis=-1) - logits), axis=-1)
    safe = xp.where(targets > 0, targets, xp.ones_like(targets))
    return cross + xp.sum(targets * xp.log(safe), axis=-1)


@dataclass(frozen=True, kw_only=True)
class SemiSupervisedISDA(ISDA):
    """ISDA on the labeled examples of a batch, the consistency bound on the others.

    Parameters
    ----------
    strength, schedule, epochs, steps_per_epoch, covariance, scale, given, update, precision, checks
        See :class:`refimpl.papers.isda.isda.ISDA`. Labeled examples alone enter the statistics.
    weight : float
        η, non-negative.
    period : int
        Every ``period``-th example of the training set (by ``batch.indices``) is labeled; the
        labels of the others are not used. 1: all are.

    Raises
    ------
    SettingError
        In a step, if the batch does not say which examples it holds.
    """

    weight: float = field(default=1.0, metadata={"help": "of the consistency bound, >= 0"})
    period: int = field(default=10, metadata={"help": "every period-th example is labeled"})

    def __post_init__(self) -> None:
        super().__post_init__()
        non_negative("weight", self.weight)
        count("period", self.period)

    def labeled(self, batch: Any) -> Array:
        """Which examples of the batch are labeled, boolean, shape (N,)."""
        if batch.indices is None:
            raise SettingError("the batch has no indices, which say which labels may be used")
        xp = namespace(batch.targets)
        chosen = [bool(index % self.period == 0) for index in batch.indices]
        return xp.asarray(chosen, device=device(batch.targets))

    def loss(
        self, logits: Any, head: Head, batch: Any, covariance: Array, strength: float, step: int
    ) -> Any:
        """Mean bound of the labeled examples, plus η times the mean bound of the others."""
        known = self.labeled(batch)
        plain = ad.value(logits)
        xp = namespace(plain)
        moved = moved_logits(logits, head.weight, batch.targets, covariance, strength)
        supervised = ad.softmax_cross_entropy(moved, batch.targets, reduction="none")
        targets = ad.softmax(plain)
        terms = pair_terms(head.weight, covariance)
        if covariance.shape[0] > 1:
            terms = ad.take(terms, xp.argmax(plain, axis=-1))
        consistency = consistency_bound(logits, targets, terms, strength)
        return _mean_where(supervised, known) + self.weight * _mean_where(consistency, ~known)


def _mean_where(values: Any, chosen: Array) -> Any:
    """The mean of the chosen values; zero where none is chosen."""
    xp = namespace(chosen)
    number = max(int(xp.count_nonzero(chosen)), 1)
    return ad.sum(ad.where(chosen, values, xp.zeros_like(ad.value(values)))) / number
