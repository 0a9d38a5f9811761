"""Variance of ‖Jᵀv‖² over random covectors v, from M = J Jᵀ: its mean is tr M for each law.

* Rademacher signs: 2 (‖M‖²_F − Σ M_ii²)
* standard normal: 2 ‖M‖²_F
* uniform on the sphere of radius √K: (2K/(K + 2)) (‖M‖²_F − (tr M)²/K)

Source: derived; the first two are Hutchinson's and Girard's, textbook.

>>> import numpy as np
>>> [float(variance(np.diag([1.0, 3.0]), law)) for law in ("rademacher", "normal", "sphere")]
[0.0, 20.0, 2.0]
"""

from __future__ import annotations

from refimpl.arrays import Array, namespace


def variance(gram: Array, law: str) -> Array:
    """The variance of one probe, 0-d.

    Parameters
    ----------
    gram : array, shape (K, K)
        M = J Jᵀ.
    law : {"rademacher", "normal", "sphere"}
    """
    xp = namespace(gram)
    square = xp.sum(gram * gram)
    if law == "normal":
        return 2.0 * square
    diagonal = xp.linalg.diagonal(gram)
    if law == "rademacher":
        return 2.0 * (square - xp.sum(diagonal * diagonal))
    k = gram.shape[0]
    return (2.0 * k / (k + 2.0)) * (square - xp.sum(diagonal) ** 2 / k)
