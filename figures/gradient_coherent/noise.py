"""Label noise: accuracy against the strength, with the settings that validation chooses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results
from .shared import LABELS, color, present, series

METHODS = ("plain", "delayed 5", "delayed 10", "delayed 15", "gate 0.5", "gate 0.7", "gate 0.9")


def draw(results: Results, style: Any) -> Any:
    result = results["gradient_coherent_noise"]
    splits = np.unique(result["split"])
    figure, axes = style.subplots(
        3, len(splits), width=4.0, height=2.0, squeeze=False, sharex="col"
    )
    for column, split in enumerate(splits):
        for method in present(result, METHODS):
            tint = color(method, style)
            dash = "--" if method.startswith("delayed") else "-"
            for row, name in enumerate(("test_accuracy", "on_rate", "weight_norm")):
                levels, means, (strength, runs) = series(result, name, method=method, split=split)
                axes[row, column].plot(levels, means, dash, color=tint, label=LABELS[method])
                axes[row, column].plot(strength, runs, ".", color=tint, alpha=0.3, markersize=4)
        for family, mark in (("plain", "o"), ("delayed", "s"), ("gate", "D")):
            axes[0, column].plot(
                result[f"strength_{family}"][column],
                1.0 - result[f"error_{family}"][column],
                mark,
                color=color(str(result[f"method_{family}"][column]), style),
                markeredgecolor=style.ink,
                markersize=9,
            )
        axes[0, column].axhline(
            1.0 - result["error_none"][column], color=style.soft, linestyle=":", label="no penalty"
        )
        axes[0, column].set(ylabel="test accuracy", ylim=(0.0, 1.0), title=f"split {column + 1}")
        axes[1, column].set(ylabel="on-rate")
        axes[2, column].set(xlabel="strength λ", ylabel="‖w‖ at the end")
        axes[2, column].set_ylim(bottom=0.0)
        axes[1, column].set_ylim(-0.03, 1.05)
    handles, labels = axes[0, -1].get_legend_handles_labels()
    axes[1, -1].legend(handles, labels, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


FIGURE = Figure(
    name="gradient_coherent_noise",
    title="Digits with half of the training labels redrawn: L2 that is strong enough helps",
    draw=draw,
    experiments=("gradient_coherent_noise",),
    claims=("GC-40", "GC-41"),
    caption=(
        "Mean test accuracy over seeds against λ on two splits, the share of steps in which the "
        "penalty acts, and the norm of the weights. Large marks: the setting of each family "
        "(circle plain, square delayed, diamond gate) with the best mean accuracy on the noisy "
        "validation labels. A delay chosen on validation does about as well as a gate chosen on "
        "validation."
    ),
    note="lines: means of {seeds} seeds; pale dots: single runs",
)
