"""L1 on digits: accuracy and zeros against the strength, accuracy against compression."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results
from .shared import LABELS, color, present, series

METHODS = ("plain", "delayed 5", "delayed 10", "gate 0.5", "gate 0.7")


def draw(results: Results, style: Any) -> Any:
    result = results["gradient_coherent_sparsity"]
    figure, grid = style.subplots(2, 2, width=4.5, height=3.0)
    axes = grid.ravel()
    for name in present(result, METHODS):
        _lines(axes, result, name, color(name, style))
    for index, name in enumerate(str(name) for name in result["family"]):
        if np.isfinite(result["test_03"][index]):
            axes[2].plot(
                result["repaired_03"][index],
                result["test_03"][index],
                "D",
                color=color(name, style),
                markeredgecolor=style.ink,
                markersize=10,
            )
    _, means, _ = series(result, "test_accuracy", method="none")
    axes[0].axhline(means[0], color=style.soft, linestyle=":", label="no penalty")
    _describe(axes, np.asarray(result["strength"]))
    return figure


def _lines(axes: Any, result: Any, name: str, tint: str) -> None:
    """The four panels' lines of one method, over its strengths."""
    own = (np.asarray(result["split"]) != "whole") & (np.asarray(result["method"]) == name)
    if not own.any():
        return
    strength, kept, exact, opened, raw = (
        np.asarray(result[key])[own]
        for key in ("strength", "repaired_nonzero", "test_accuracy", "on_rate", "nonzero")
    )
    levels = np.unique(strength)
    accuracy = [exact[strength == level].mean() for level in levels]
    middle = np.asarray([np.median(kept[strength == level]) for level in levels])
    axes[0].plot(levels, accuracy, color=tint, label=LABELS[name])
    axes[1].plot(levels, middle, color=tint)
    axes[1].plot(strength, raw, ".", color=tint, alpha=0.35)
    axes[2].plot(1.0 / np.maximum(middle, 1e-3), accuracy, "o-", color=tint, label=LABELS[name])
    axes[3].plot(levels, [opened[strength == level].mean() for level in levels], color=tint)
    axes[3].plot(strength, opened, ".", color=tint, alpha=0.35)


def _describe(axes: Any, strength: np.ndarray) -> None:
    """Titles, labels, limits and ticks."""
    axes[0].set(
        xscale="log", xlabel="strength λ", ylabel="test accuracy", title="accuracy",
        ylim=(0.0, 1.02),
    )  # fmt: skip
    axes[1].set(
        xscale="log", yscale="log", xlabel="strength λ", ylabel="fraction of non-zero weights",
        title="sparsity (dots: single runs, raw)", ylim=(5e-3, 1.3),
    )  # fmt: skip
    axes[2].set(
        xscale="log", xlabel="compression (weights / non-zero weights)", ylabel="test accuracy",
        title="accuracy against compression", xlim=(0.9, 150), ylim=(0.85, 0.98),
    )  # fmt: skip
    axes[3].set(
        xscale="log", xlabel="strength λ", ylabel="share of steps, penalty on", title="on-rate",
        ylim=(-0.04, 1.06),
    )  # fmt: skip
    ticks = np.unique(strength[strength > 0.0])
    for panel in (axes[0], axes[1], axes[3]):
        panel.set_xticks(ticks, [f"{value:g}" for value in ticks])
        panel.minorticks_off()
    axes[0].legend(loc="lower left")


FIGURE = Figure(
    name="gradient_coherent_sparsity",
    title="Strong L1 on digits, eight layers: compression within 3 points of accuracy",
    draw=draw,
    experiments=("gradient_coherent_sparsity",),
    claims=("GC-45", "GC-46", "GC-47"),
    caption=(
        "Mean test accuracy, the fraction of non-zero weights (lines: medians after one last "
        "proximal step with the first rate; dots: single runs as they ended, whose zeros a gate "
        "that is shut in the last steps has destroyed), accuracy against compression, and the "
        "share of steps in which the penalty acts. Diamonds: the λ that compresses most among "
        "those whose mean validation accuracy is within 0.03 of the unregularized network's; "
        "their test accuracies differ by about two points. Collapsed runs have no compression and "
        "are not shown there."
    ),
    note="{splits} splits; runs a setting and split: {seeds}",
)
