"""Accuracy against the strength of L2: the transition, the rescue, and what the gate does."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results
from .shared import LABELS, color, present, series

METHODS = ("plain", "delayed 5", "gate 0.7")


def draw(results: Results, style: Any) -> Any:
    result = results["gradient_coherent_strength"]
    figure, axes = style.subplots(1, 3, width=4.3)
    panels = (
        ("test_accuracy", "test accuracy", "accuracy"),
        ("on_rate", "share of steps with the penalty on", "on-rate, all steps"),
        ("weight_norm", "‖w‖ at the end", "weight norm"),
    )
    for panel, (name, label, title) in zip(axes, panels, strict=True):
        for method in present(result, METHODS):
            levels, means, (strength, values) = series(result, name, method=method, decay=True)
            tint = color(method, style)
            panel.plot(levels, means, color=tint, label=LABELS[method])
            panel.plot(strength, values, "o", color=tint, markersize=3, alpha=0.6)
            levels, opened, _ = series(result, "on_rate_after_5", method=method, decay=True)
            declined = opened < 0.9
            if method.startswith("gate") and declined.any():
                panel.plot(
                    levels[declined], means[declined], "o", color=tint, markerfacecolor="white",
                    markersize=8, zorder=1, label="_declined" if panel is not axes[0]
                    else "gate declines",
                )  # fmt: skip
        panel.set(xscale="log", xlabel="strength λ", ylabel=label, title=title)
    reference = np.asarray(result["method"]) == "none"
    if reference.any():
        level = np.asarray(result["test_accuracy"])[reference].mean()
        axes[0].axhline(level, color=style.soft, linestyle=":", label="no penalty")
    axes[0].set_ylim(0.0, 1.02)
    axes[1].set_ylim(-0.03, 1.05)
    axes[2].set_yscale("log")
    axes[0].legend(loc="lower left")
    return figure


FIGURE = Figure(
    name="gradient_coherent_strength",
    title="Strong L2 on digits, eight layers: collapse, rescue, and a gate that declines",
    draw=draw,
    experiments=("gradient_coherent_strength",),
    claims=("GC-31", "GC-32", "GC-33", "GC-34"),
    caption=(
        "Test accuracy (lines: means over seeds; dots: single runs, no selection), the share of "
        "steps in which the penalty acts, and the norm of the weights. Plain L2 falls to chance "
        "between λ = 0.03 and 0.05. Delay and gate endure up to about 0.07 with the penalty on. "
        "Beyond 0.15, where no non-zero optimum is left, the delayed run dies too, and the gate "
        "keeps its accuracy only by refusing to regularise (rings: on in less than 90 % of the "
        "steps after epoch 5)."
    ),
    note="{seeds} seeds; lines: means, dots: single runs",
)
