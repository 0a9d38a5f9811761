"""Accuracy of constrained methods and baselines: a drawing that two figures share."""

from __future__ import annotations

from typing import Any

import numpy as np

_NAMES = ("method", "setting", "validation", "test", "loss", "residual")


def data(result: Any) -> dict[str, np.ndarray]:
    """Accuracies by method and seed, and the setting that validation chose."""
    return {name: np.asarray(result.arrays[name]) for name in _NAMES}


def draw(values: dict[str, np.ndarray], style: Any) -> Any:
    """Accuracy, its paired difference to momentum, and the residual, a row a method."""
    names = [str(name) for name in values["method"]]
    figure, (left, middle, right) = style.subplots(1, 3, width=4.6, height=5.0, sharey=True)
    rows = np.arange(len(names))[::-1]
    test = 100.0 * values["test"]
    reference = test[names.index("momentum")]
    difference = test - reference
    seeds = test.shape[1]
    for row, name, scores, change, residual in zip(
        rows, names, test, difference, values["residual"], strict=True
    ):
        color = style.colors[7 % len(style.colors) if "released" not in name else 1]
        if name.startswith(("c-", "o-")) and "released" not in name:
            color = style.colors[2]
        spread = np.std(scores, ddof=1) if seeds > 1 else 0.0
        left.plot(scores, np.full(seeds, row), ".", color=style.soft, markersize=4)
        left.errorbar(np.mean(scores), row, xerr=spread, fmt="o", color=color, capsize=3)
        error = np.std(change, ddof=1) / np.sqrt(seeds) if seeds > 1 else 0.0
        middle.errorbar(np.mean(change), row, xerr=2.0 * error, fmt="o", color=color, capsize=3)
        if np.all(np.isfinite(residual)):
            right.plot(np.max(residual), row, "D", color=color)
        left.annotate(
            f"{np.mean(scores):.2f} ± {spread:.2f}", (1.0, row), xycoords=("axes fraction", "data"),
            ha="right", va="bottom", fontsize=7.5, color=style.ink,
        )  # fmt: skip
    middle.axvline(0.0, color=style.soft)
    left.set_yticks(rows, names)
    low, high = left.get_xlim()
    left.set_xlim(low, high + 0.45 * (high - low))
    left.set(xlabel="test accuracy, %", title=f"{seeds} seeds, mean ± deviation")
    middle.set(xlabel="difference, points", title="to momentum, paired, ± 2 errors")
    right.set(xlabel="largest residual", title="constraint residual", xscale="log")
    right.set_xlim(1e-8, 1e1)
    return figure
