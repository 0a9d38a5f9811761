"""What ISDA looks at in every step: the labels, and whether the loss is finite.

>>> import numpy as np
>>> check_targets(np.asarray([0, 3]), 3)
Traceback (most recent call last):
...
refimpl.errors.TargetError: label 3 at position 1 is outside the class range 0..2
"""

from __future__ import annotations

import math

from refimpl.arrays import Array, namespace
from refimpl.errors import DivergenceError, TargetError
from refimpl.models.losses import check_labels
from refimpl.papers.isda.bound import quadratic_terms


def check_targets(labels: Array, classes: int) -> None:
    """Raise TargetError unless the labels are integers in 0..classes−1. Reads the data."""
    try:
        check_labels(labels, classes)
    except (TypeError, ValueError) as error:
        raise TargetError(str(error)) from None


def check_finite(
    loss: Array, features: Array, weight: Array, covariance: Array, strength: float
) -> None:
    """Raise DivergenceError if the loss is not finite, with what made it so. Reads the loss.

    Parameters
    ----------
    loss : 0-d array
    features : array, shape (N, A)
    weight : array, shape (C, A)
    covariance : array, shape (C or 1, A, A) or (C or 1, A)
    strength : float
        λ.
    """
    xp = namespace(loss)
    if bool(xp.isfinite(loss)):
        return
    raise DivergenceError(
        "the ISDA loss is not finite: its extra logit grows with the squares of the head and of "
        "the features; normalize the features, or lower the strength or the learning rate",
        strength=strength,
        largest_term=float(xp.max(quadratic_terms(weight, covariance))),
        weight_norm=_norm(weight),
        feature_scale=_norm(features) / math.sqrt(math.prod(features.shape)),
    )


def _norm(x: Array) -> float:
    """The Euclidean norm of all entries, scaled so that squares do not overflow."""
    xp = namespace(x)
    largest = float(xp.max(xp.abs(x)))
    if not 0.0 < largest < math.inf:
        return largest
    return largest * float(xp.linalg.vector_norm(x / largest))
