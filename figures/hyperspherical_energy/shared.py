"""The drawing that the accuracy figures on digits and MNIST share."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Results


def errors(results: Results, experiment: str) -> dict[str, np.ndarray]:
    """Test error in per cent, (method, seed), and the strengths that validation chose."""
    arrays = results[experiment].arrays
    return {
        "methods": arrays["methods"],
        "error": 100.0 * (1.0 - arrays["test"]),
        "strength": arrays["strength"],
    }


def draw_errors(values: dict[str, np.ndarray], style: Any) -> Any:
    """A row for each method: seeds as points, mean and two standard errors."""
    figure, axes = style.subplots(width=6.6, height=3.8)
    methods = [str(name) for name in values["methods"]]
    for row, runs in enumerate(values["error"]):
        place = len(methods) - 1 - row
        color = style.colors[row % len(style.colors)]
        axes.plot(runs, np.full(runs.size, place), "o", color=color, alpha=0.45, ms=5)
        error = 2.0 * runs.std(ddof=1) / runs.size**0.5
        axes.errorbar(
            runs.mean(), place + 0.22, xerr=error, fmt="D", color=color, ms=5, capsize=3, lw=1.6
        )
    baseline = values["error"][0].mean()
    axes.axvline(baseline, color=style.soft, linestyle="--", linewidth=1.0)
    axes.set_yticks(range(len(methods)), methods[::-1])
    axes.set(xlabel="test error, %", ylim=(-0.6, len(methods) - 0.3))
    axes.grid(axis="y", visible=False)
    return figure


CAPTION = (
    "Points: seeds, each with its own split, start and batches, shared by all methods. Diamonds: "
    "mean and two standard errors. Strengths are chosen on the validation split, seed by seed. "
    "Dashed: the mean without a regulariser. The methods differ by less than the seeds do."
)
