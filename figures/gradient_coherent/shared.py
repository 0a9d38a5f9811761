"""What the figures on strong regularization share: colors of the methods, rows of long tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.experiments.base import Result

LABELS = {
    "none": "no penalty",
    "plain": "plain",
    "delayed 1": "delayed 1 epoch",
    "delayed 5": "delayed 5 epochs",
    "delayed 8": "delayed 8 epochs",
    "delayed 10": "delayed 10 epochs",
    "delayed 15": "delayed 15 epochs",
    "gate 0.5": "gate τ = 0.5",
    "gate 0.7": "gate τ = 0.7",
    "gate 0.8": "gate τ = 0.8",
    "gate 0.9": "gate τ = 0.9",
}


def color(method: str, style: Any) -> str:
    """The color of a method; "plain" is a penalty that always acts."""
    return style.look({"plain": "plain penalty"}.get(method, method)).color


def series(
    result: Result, value: str, **wanted: Any
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Strengths, the mean of ``value`` at each, and every single run."""
    mask = np.ones(len(result["strength"]), dtype=bool)
    for name, want in wanted.items():
        mask &= np.asarray(result[name]) == want
    strength, values = np.asarray(result["strength"])[mask], np.asarray(result[value])[mask]
    levels = np.unique(strength)
    means = np.asarray([values[strength == level].mean() for level in levels])
    return levels, means, (strength, values)


def present(result: Result, names: tuple[str, ...]) -> list[str]:
    """The methods among ``names`` that the profile has."""
    return [name for name in names if name in set(np.asarray(result["method"]).tolist())]
