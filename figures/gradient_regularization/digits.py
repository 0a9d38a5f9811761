"""Digits: clean against attacked accuracy, and attacked accuracy against the mean slope."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

ORDER = (
    "Tikhonov", "total variation", "weight decay", "noise", "loss gradient", "graph",
    "sign training", "attack training",
)  # fmt: skip
LEAST = 0.8


def draw(results: Results, style: Any) -> Any:
    """One curve a method over its strength, in two panels."""
    result = results["gradient_regularization_digits"]
    figure, panels = style.subplots(1, 2, width=5.4, height=4.2)
    methods = result["method"].tolist()
    for method in ORDER:
        row = methods.index(method)
        look = style.look(method)
        clean, attacked, slope = (
            result[f"path_{key}"][row] for key in ("accuracy", "attacked", "slope")
        )
        kept = np.mean(clean, axis=1) >= LEAST  # neither collapsed nor diverged
        for axes, values in zip(panels, (clean[kept], slope[kept]), strict=True):
            axes.errorbar(
                np.mean(values, axis=1),
                np.mean(attacked[kept], axis=1),
                np.std(attacked[kept], axis=1, ddof=1),
                np.std(values, axis=1, ddof=1),
                color=look.color, marker=look.marker, linestyle=look.line, label=method,
                elinewidth=0.5, ms=5,
                lw=2.0 if method in ORDER[:2] else 1.1,
            )  # fmt: skip
    none, seeds = methods.index("none"), result["test"].shape[1]
    for axes, key in zip(panels, ("accuracy", "slope"), strict=True):
        chosen = result["chosen"][none]
        axes.plot(
            np.mean(result[f"path_{key}"][none, chosen]),
            np.mean(result["path_attacked"][none, chosen]),
            "*", color=style.ink, ms=12, label="none",
        )  # fmt: skip
        axes.set(ylabel="test accuracy under l2 attacks")
    panels[0].set(xlabel="clean test accuracy", title=f"{seeds} seeds, bars: standard deviation")
    panels[0].locator_params(axis="x", nbins=5)
    panels[1].set(xlabel="mean ‖J‖ on test inputs", xscale="log")
    panels[1].set_xticks([3, 10, 30], ["3", "10", "30"])
    panels[1].minorticks_off()
    panels[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


FIGURE = Figure(
    name="gradient_regularization_digits",
    title="Digits: accuracy, attacks and slopes",
    draw=draw,
    experiments=("gradient_regularization_digits",),
    claims=(),
    caption=(
        "200 training digits, a ReLU perceptron, one curve for each method over its strength; the "
        "star is training without any at the rate that validation chose. The attack is l2 "
        "gradient ascent of radius 0.5; sign and attack training take one step of the signs, or "
        "five in l2, before every update, with the radius as strength. Strengths are not chosen "
        "here, as they are in the comparison behind the claims. Settings that diverged or fell "
        "under 0.8 of clean accuracy are left out. The quick profile trains smaller networks for "
        "less long."
    ),
    note="{seeds} seeds; bars: standard deviations",
)
