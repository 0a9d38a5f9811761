"""How runs are drawn: seeds as points, their mean as a diamond with its t interval."""

from __future__ import annotations

from typing import Any

import numpy as np


def draw_runs(axes: Any, runs: np.ndarray, place: float, color: str, **options: Any) -> None:
    """Points below, the mean above ``place``.

    Parameters
    ----------
    axes : matplotlib axes
    runs : array, shape (n,)
        One number a seed, along the horizontal axis.
    place : float
        Of the row.
    color : str
    **options
        Of the diamond.
    """
    axes.plot(runs, np.full(runs.size, place - 0.06), "o", color=color, alpha=0.5, ms=4)
    from ..style import Style  # with Matplotlib, which listing the figures does without

    reach = Style().half_width(runs)
    axes.errorbar(runs.mean(), place + 0.08, xerr=reach, fmt="D", color=color, capsize=3, **options)
