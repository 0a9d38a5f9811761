"""Paired differences of several methods: t intervals, and levels corrected for their number.

Sources: Student's t (W. S. Gosset, Biometrika 1908); S. Holm, "A simple sequentially rejective
multiple test procedure", Scandinavian Journal of Statistics 1979.

>>> holm([0.01, 0.04, 0.03])
[0.03, 0.06, 0.06]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Interval(NamedTuple):
    """The mean of paired differences, its two-sided t interval, the p value of no difference."""

    mean: float
    low: float
    high: float
    p: float


def interval(differences: Any, confidence: float = 0.95) -> Interval:
    """The t interval of the mean of paired differences.

    Parameters
    ----------
    differences : array, shape (n,)
        Two or more, one a seed.
    confidence : float
        Of the two-sided interval, in (0, 1).

    Raises
    ------
    ValueError
        For fewer than two, for what is not finite, or a confidence that is none.

    Examples
    --------
    >>> found = interval([1.0, 2.0, 3.0])
    >>> round(found.mean, 3), round(found.low, 3), round(found.p, 4)
    (2.0, -0.484, 0.0742)
    >>> interval([1.0, 1.0]).p, interval([0.0, 0.0]).p
    (0.0, 1.0)
    """
    from scipy.stats import t as student

    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.all(np.isfinite(values)):
        raise ValueError(f"two finite differences or more are needed, not {differences}")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie in (0, 1), not {confidence}")
    mean = float(np.mean(values))
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    if error == 0.0:
        return Interval(mean, mean, mean, 1.0 if mean == 0.0 else 0.0)
    reach = float(student.ppf(0.5 + 0.5 * confidence, len(values) - 1)) * error
    p = 2.0 * float(student.sf(abs(mean) / error, len(values) - 1))
    return Interval(mean, mean - reach, mean + reach, p)


def holm(p: Sequence[float]) -> list[float]:
    """The p values as Holm's procedure adjusts them, in the order given.

    Examples
    --------
    >>> holm([0.5, 0.9]), holm([])
    ([1.0, 1.0], [])
    """
    adjusted = [0.0] * len(p)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        largest = max(largest, min(1.0, (len(p) - rank) * p[index]))
        adjusted[index] = largest
    return adjusted
