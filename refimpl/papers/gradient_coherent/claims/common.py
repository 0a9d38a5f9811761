"""What several claims on strong regularisation share: rows of a result."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.experiments.base import Result


def rows(result: Result, **wanted: Any) -> np.ndarray:
    """Which rows of a table in long form have the wanted values."""
    mask = np.ones(len(np.atleast_1d(next(iter(result.arrays.values())))), dtype=bool)
    for name, value in wanted.items():
        column = np.atleast_1d(result[name])
        same = column == value if isinstance(value, (str, bool)) else np.isclose(column, value)
        mask &= same
    if not mask.any():
        raise KeyError(f"{result.name} has no row with {wanted}")
    return mask


def mean(result: Result, name: str, **wanted: Any) -> float:
    """The mean over seeds of a column."""
    return float(np.mean(np.atleast_1d(result[name])[rows(result, **wanted)]))


def course(result: Result, method: str, strength: float, bias: bool) -> int:
    """The row of a run by method, strength and whether the network has biases."""
    return int(np.flatnonzero(rows(result, method=method, strength=strength, bias=bias))[0])
