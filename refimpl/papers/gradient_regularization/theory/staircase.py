"""A function that fits the data with no slope at any of it: why penalty points must be dense.

Through (x_i, g(x_i)), x_i = i/(N − 1), run the steps s²(3 − 2s). All slopes at the data are 0, so
that fit and penalty at the data vanish together: the infimum of the discrete problem over all
smooth functions is 0 for every N. For g = x, however, ∫ u′² = 6/5 and ∫ (u − g)² = h²/210 with
h = 1/(N − 1): the function converges, its slopes do not.

Source: derived.

>>> import numpy as np
>>> values, slopes = staircase(np.array([0.0, 0.25, 0.5, 1.0]), 3)
>>> values, slopes
(array([0.  , 0.25, 0.5 , 1.  ]), array([0. , 1.5, 0. , 0. ]))
"""

from __future__ import annotations

from collections.abc import Callable

from refimpl.arrays import Array, namespace


def staircase(
    points: Array, knots: int, target: Callable[[Array], Array] | None = None
) -> tuple[Array, Array]:
    """Values and slopes of the staircase through a function at N equidistant knots.

    Parameters
    ----------
    points : array
        In [0, 1].
    knots : int
        N, at least 2.
    target : callable, optional
        g; x itself by default.
    """
    xp = namespace(points)
    cells = knots - 1
    index = xp.clip(xp.floor(points * cells), 0.0, cells - 1.0)
    s = points * cells - index
    low, high = index / cells, (index + 1.0) / cells
    if target is not None:
        low, high = target(low), target(high)
    values = low + (high - low) * s * s * (3.0 - 2.0 * s)
    return values, (high - low) * cells * 6.0 * s * (1.0 - s)
