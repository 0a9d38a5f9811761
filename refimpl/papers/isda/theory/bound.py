"""The bound of each example, written out, and what it is to second order in λ.

With v_j = w_j − w_y, q_j = v_j'Σ_y v_j, p the softmax of z and v̄ = Σ_j p_j v_j:

* bound: −log( exp(z_y) / Σ_j exp(z_j + λ q_j / 2) ) (Jensen);
* E CE = CE + (λ/2)(Σ_j p_j q_j − v̄'Σ_y v̄) + O(λ²), bound = CE + (λ/2) Σ_j p_j q_j + O(λ²),
  so that the gap is (λ/2) v̄'Σ_y v̄ + O(λ²) (derived): small on confident correct points, large
  on misclassified ones;
* for a fixed target p and one Σ, KL(p ‖ prediction of the augmented feature) is in expectation
  at most −H(p) − Σ_k p_k (z_k − log Σ_j exp(z_j + (λ/2)(w_j − w_k)'Σ(w_j − w_k))) (the idea is
  the paper's, the formula derived).

>>> import numpy as np
>>> z, y, W, S = np.zeros((1, 2)), np.asarray([0]), np.asarray([[0.0], [1.0]]), np.ones((2, 1, 1))
>>> upper_bound(z, y, quadratic(W, y, S), 1.0).round(10)
array([0.97407698])
"""

from __future__ import annotations

from typing import NamedTuple

from refimpl.arrays import Array, namespace, one_hot


class SecondOrder(NamedTuple):
    """The terms linear in λ of each example, arrays of shape (N,).

    ``expected`` and ``bound`` include the cross-entropy, ``gap`` is their difference.
    """

    expected: Array
    bound: Array
    gap: Array


def differences(weight: Array, labels: Array) -> Array:
    """v_ij = w_j − w_{y_i}, shape (N, C, A), of rows ``weight`` (C, A) and labels (N,)."""
    xp = namespace(weight)
    return weight[None, :, :] - xp.take(weight, labels, axis=0)[:, None, :]


def quadratic(weight: Array, labels: Array, covariance: Array) -> Array:
    """q_ij = v_ij'Σ_{y_i}v_ij, shape (N, C), with one full covariance a class, (C, A, A)."""
    xp = namespace(weight, covariance)
    v = differences(weight, labels)
    own = xp.take(covariance, labels, axis=0)
    return xp.sum((v @ own) * v, axis=-1)


def cross_entropy(logits: Array, labels: Array) -> Array:
    """−log softmax(z)_y of each example, shape (N,)."""
    return upper_bound(logits, labels, 0.0 * logits, 0.0)


def upper_bound(logits: Array, labels: Array, q: Array, strength: float) -> Array:
    """The closed form of each example, shape (N,), given the quadratic terms (N, C)."""
    xp = namespace(logits)
    moved = logits + 0.5 * strength * q
    top = xp.max(moved, axis=-1, keepdims=True)
    partition = xp.log(xp.sum(xp.exp(moved - top), axis=-1)) + top[:, 0]
    return partition - xp.sum(one_hot(labels, logits.shape[1], logits) * logits, axis=-1)


def second_order(
    logits: Array, labels: Array, weight: Array, covariance: Array, strength: float
) -> SecondOrder:
    """Expected loss and bound up to the terms linear in λ, and the gap between them.

    Parameters
    ----------
    logits : array, shape (N, C)
    labels : integer array, shape (N,)
    weight : array, shape (C, A)
    covariance : array, shape (C, A, A)
    strength : float
        λ.
    """
    xp = namespace(logits, weight)
    p = _softmax(logits)
    v, own = differences(weight, labels), xp.take(covariance, labels, axis=0)
    mean = xp.sum(p[:, :, None] * v, axis=1)
    gap = 0.5 * strength * xp.sum((own @ mean[:, :, None])[:, :, 0] * mean, axis=-1)
    linear = 0.5 * strength * xp.sum(p * quadratic(weight, labels, covariance), axis=-1)
    bound = cross_entropy(logits, labels) + linear
    return SecondOrder(bound - gap, bound, gap)


def kl_bound(
    logits: Array, targets: Array, weight: Array, covariance: Array, strength: float
) -> Array:
    """Upper bound of E KL(p ‖ augmented prediction) of each example, shape (N,).

    Parameters
    ----------
    logits : array, shape (N, C)
    targets : array, shape (N, C)
        Rows p of probabilities, held fixed.
    weight : array, shape (C, A)
    covariance : array, shape (A, A)
        Of the features, one for all examples.
    strength : float

    Examples
    --------
    >>> import numpy as np
    >>> z = np.asarray([[1.0, -1.0, 0.0]])
    >>> p = np.exp(z) / np.exp(z).sum()
    >>> abs(kl_bound(z, p, np.eye(3), np.zeros((3, 3)), 1.0)) < 1e-15  # nothing is augmented
    array([ True])
    """
    xp = namespace(logits, weight)
    classes = logits.shape[1]
    total = xp.zeros_like(logits[:, 0])
    for k in range(classes):
        v = weight - weight[k, :]
        q = xp.sum((v @ covariance) * v, axis=-1)
        moved = logits + 0.5 * strength * q[None, :]
        top = xp.max(moved, axis=-1, keepdims=True)
        partition = xp.log(xp.sum(xp.exp(moved - top), axis=-1)) + top[:, 0]
        total = total + targets[:, k] * (partition - logits[:, k])
    positive = targets > 0
    safe = xp.where(positive, targets, xp.ones_like(targets))
    return total + xp.sum(targets * xp.log(safe), axis=-1)


def _softmax(logits: Array) -> Array:
    xp = namespace(logits)
    weights = xp.exp(logits - xp.max(logits, axis=-1, keepdims=True))
    return weights / xp.sum(weights, axis=-1, keepdims=True)
