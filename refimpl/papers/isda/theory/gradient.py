"""The gradient of the mean bound in closed form, and the label row as it was printed.

With p̃ the softmax of the augmented logits and dz = (p̃ − e_y)/N (derived):

    db = Σ_i dz_i,  da = dz W,
    dw_j += dz_j a' + λ (p̃_j/N) Σ_y v_j,  dw_y −= Σ_j λ (p̃_j/N) Σ_y v_j.

The covariance carries no gradient. The supplement of the NeurIPS paper (September 2019) prints
for the label's row (a + λ Σ_n v_nΣ)(p_y − 1). Printed minus true is −λ Σ_n (1 − p_y − p_n) v_nΣ,
which vanishes for two classes and not in general for more (derived; not even when all p_n are
equal). The other rows, b and a are right as printed. Code that differentiates automatically is
not affected.

>>> import numpy as np
>>> a, y, S = np.asarray([[1.0]]), np.asarray([0]), np.ones((2, 1, 1))
>>> W, b = np.asarray([[0.0], [1.0]]), np.zeros(2)
>>> [part.round(4).tolist() for part in bound_gradient(a, y, W, b, S, 1.0)]
[[[-1.6351], [1.6351]], [-0.8176, 0.8176], [[0.8176]]]
"""

from __future__ import annotations

from typing import NamedTuple

from refimpl.arrays import Array, namespace, one_hot


class BoundGradient(NamedTuple):
    """Gradients of the mean bound: of the weight (C, A), the bias (C,), the features (N, A)."""

    weight: Array
    bias: Array
    features: Array


def bound_gradient(
    features: Array, labels: Array, weight: Array, bias: Array, covariance: Array, strength: float
) -> BoundGradient:
    """The gradient of the mean bound over N examples.

    Parameters
    ----------
    features : array, shape (N, A)
    labels : integer array, shape (N,)
    weight : array, shape (C, A)
    bias : array, shape (C,)
    covariance : array, shape (C, A, A)
        Full matrices, held fixed.
    strength : float
        λ.
    """
    xp = namespace(features, weight)
    count = features.shape[0]
    dz, pulls, mine = _parts(features, labels, weight, bias, covariance, strength)
    dz = dz / count
    pulls = pulls / count
    rows = dz.mT @ features + xp.sum(pulls, axis=0)
    rows = rows - mine.mT @ xp.sum(pulls, axis=1)
    return BoundGradient(rows, xp.sum(dz, axis=0), dz @ weight)


def printed_gradient(
    features: Array, labels: Array, weight: Array, bias: Array, covariance: Array, strength: float
) -> BoundGradient:
    """As :func:`bound_gradient`, with the label's row as the supplement prints it: wrong for
    three classes or more."""
    xp = namespace(features, weight)
    count = features.shape[0]
    dz, pulls, mine = _parts(features, labels, weight, bias, covariance, strength)
    others = dz * (1.0 - mine)
    v = weight[None, :, :] - xp.take(weight, labels, axis=0)[:, None, :]
    moved = features + strength * xp.sum(v @ xp.take(covariance, labels, axis=0), axis=1)
    label_slope = xp.sum(mine * dz, axis=-1, keepdims=True)
    rows = others.mT @ features + xp.sum(pulls, axis=0) + mine.mT @ (label_slope * moved)
    return BoundGradient(rows / count, xp.sum(dz, axis=0) / count, dz @ weight / count)


def _parts(
    features: Array, labels: Array, weight: Array, bias: Array, covariance: Array, strength: float
) -> tuple[Array, Array, Array]:
    """p̃ − e_y (N, C), λ p̃_j Σ_y v_j (N, C, A) and e_y (N, C)."""
    xp = namespace(features, weight)
    mine = one_hot(labels, weight.shape[0], features)
    v = weight[None, :, :] - xp.take(weight, labels, axis=0)[:, None, :]
    spread = v @ xp.take(covariance, labels, axis=0)
    moved = features @ weight.mT + bias + 0.5 * strength * xp.sum(spread * v, axis=-1)
    weights = xp.exp(moved - xp.max(moved, axis=-1, keepdims=True))
    p = weights / xp.sum(weights, axis=-1, keepdims=True)
    return p - mine, strength * p[:, :, None] * spread, mine
