"""The closed-form bound on cross-entropy under infinite Gaussian augmentation.

Features are augmented as ã ~ N(a, λ Σ_y). The bound is cross-entropy on moved logits,

    −log( exp(z_y) / Σ_j exp( z_j + (λ/2)(w_j − w_y)'Σ_y(w_j − w_y) ) ),

in which the label's own logit stands still: a margin that depends on the covariance. It lies
above the expected cross-entropy for every λ ≥ 0 (Jensen's inequality under the logarithm), and
equals it only where every quadratic term vanishes.

Source: Wang et al., NeurIPS 2019 and TPAMI 2021.

========  ============================================================
paper     code
========  ============================================================
a, z      ``features``, ``logits``
W, w_j    ``weight``, its rows
Σ_c       ``covariance``, shape (C, A, A), or (C, A) where diagonal
λ         ``strength``
========  ============================================================

The quadratic terms depend on an example by its label alone, so they are computed once a pair of
classes, O(C²A²) or O(C²A), and not once an example.

>>> import numpy as np
>>> W, S = np.asarray([[0.0], [1.0]]), np.ones((2, 1, 1))
>>> quadratic_terms(W, S)
array([[0., 1.],
       [1., 0.]])
>>> z = moved_logits(np.zeros((1, 2)), W, np.asarray([0]), S, 0.5)
>>> z
array([[0.  , 0.25]])
"""

from __future__ import annotations

from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, eps, namespace, to_host
from refimpl.autodiff.tape import Primitive


def _differences(weight: Any) -> Any:
    """v[c, j] = w_j − w_c, shape (C, C, A)."""
    return ad.expand_dims(weight, 0) - ad.expand_dims(weight, 1)


def _spread(v: Any, covariance: Any) -> Any:
    """Σ_c v[c, j], shape (C, C, A)."""
    if covariance.ndim == 2:
        return v * ad.expand_dims(covariance, 1)
    return ad.matmul(v, covariance)


def _quadratic_terms(weight: Any, covariance: Any, /) -> Any:
    """q[c, j] = (w_j − w_c)'Σ_c(w_j − w_c): what augmentation of class c does to logit j.

    Parameters
    ----------
    weight : array, shape (C, A)
    covariance : array, shape (C or 1, A, A) or (C or 1, A)
        Symmetric, and a constant: it has no derivative.

    Returns
    -------
    array, shape (C, C)
    """
    v = _differences(weight)
    spread = _spread(v, covariance)
    return ad.sum(spread * v, axis=-1), spread


def _weight_rule(g: Any, ans: Any, weight: Any, covariance: Any, saved: Any = None) -> Any:
    """2 g Σ_c v to row j, and its opposite to row c."""
    spread = _spread(_differences(weight), covariance) if saved is None else saved
    pull = 2.0 * ad.expand_dims(g, -1) * spread
    return ad.sum(pull, axis=0) - ad.sum(pull, axis=1)


quadratic_terms = Primitive(_quadratic_terms, saves=True, name="quadratic_terms")
quadratic_terms.derivatives(_weight_rule, None)


def moved_logits(
    logits: Array, weight: Array, labels: Array, covariance: Array, strength: float
) -> Array:
    """z_j + (λ/2) q_j of each example, shape (N, C); differentiable in logits and weight.

    With ``strength`` 0 the logits themselves, untouched.
    """
    if strength == 0.0:
        return logits
    margins = ad.take(quadratic_terms(weight, covariance), labels, axis=0)
    return logits + 0.5 * strength * margins


def augmentation_bound(
    features: Array,
    labels: Array,
    weight: Array,
    bias: Array | None,
    covariance: Array,
    strength: float,
    *,
    reduction: str = "mean",
) -> Array:
    """The bound for a linear head on given features; differentiable in features, weight, bias.

    Parameters
    ----------
    features : array, shape (N, A)
    labels : integer array, shape (N,)
    weight : array, shape (C, A)
    bias : array, shape (C,), or None
    covariance : array, shape (C or 1, A, A) or (C or 1, A)
        See :func:`check_covariance` for one that you supply yourself.
    strength : float
        λ; 0 gives cross-entropy bit for bit.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    0-d array, or array of shape (N,) with "none"

    Examples
    --------
    >>> import numpy as np
    >>> value = augmentation_bound(
    ...     np.zeros((1, 1)), np.asarray([0]), np.asarray([[0.0], [1.0]]), None,
    ...     np.ones((2, 1, 1)), 1.0,
    ... )
    >>> round(float(value), 10)  # softplus(1/2)
    0.9740769842
    """
    logits = ad.linear(features, weight, bias)
    moved = moved_logits(logits, weight, labels, covariance, strength)
    return ad.softmax_cross_entropy(moved, labels, reduction=reduction)


def check_covariance(covariance: Array, tolerance: float | None = None) -> None:
    """Raise unless each matrix is symmetric and positive semidefinite. Reads the data.

    Parameters
    ----------
    covariance : array, shape (K, A, A), or (K, A) for diagonals
    tolerance : float, optional
        Of asymmetry and of negative eigenvalues, as a multiple of the largest entry; default
        64 A times the machine epsilon.

    Raises
    ------
    ValueError
        With the class and the asymmetry or the offending eigenvalue.

    Examples
    --------
    >>> import numpy as np
    >>> check_covariance(np.asarray([[[1.0, 2.0], [2.0, 1.0]]]))
    Traceback (most recent call last):
    ...
    ValueError: the covariance of class 0 has the eigenvalue -1: it must be positive semidefinite
    """
    xp = namespace(covariance)
    shape = tuple(covariance.shape)
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[1] != shape[2]):
        raise ValueError(f"covariances must have shape (K, A, A) or (K, A), not {shape}")
    unit = 64.0 * shape[1] * eps(covariance) if tolerance is None else tolerance
    allowed = unit * float(xp.max(xp.abs(covariance)))
    lowest = covariance
    if len(shape) == 3:
        skew = to_host(xp.max(xp.abs(covariance - covariance.mT), axis=(1, 2)))
        if float(skew.max()) > allowed:
            raise ValueError(
                f"the covariance of class {int(skew.argmax())} is not symmetric: "
                f"entries differ by {float(skew.max()):.6g}"
            )
        lowest = xp.linalg.eigvalsh(covariance)
    least = to_host(xp.min(lowest, axis=-1))
    if float(least.min()) < -allowed:
        raise ValueError(
            f"the covariance of class {int(least.argmin())} has the eigenvalue "
            f"{float(least.min()):.6g}: it must be positive semidefinite"
        )
