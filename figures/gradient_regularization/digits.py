"""Digits: clean against attacked accuracy, and attacked accuracy against the mean slope."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

ORDER = ("weight decay", "noise", "loss gradient", "Tikhonov", "total variation")


def draw(results: Results, style: Any) -> Any:
    """One curve a method over its strength, in two panels."""
    result = results["gradient_regularization_paths"]
    figure, panels = style.subplots(1, 2, width=5.4, height=4.2)
    none = result.select(method="none")
    seeds = len(none["seed"])
    marks = ("o", "s", "^", "D", "v")
    for color, mark, method in zip(style.colors, marks, ORDER, strict=False):
        rows = result.select(method=method)
        found: dict[str, list[Any]] = {"clean": [], "attacked": [], "slope": []}
        for strength in np.unique(rows["strength"]):
            chosen = rows["strength"] == strength
            if not np.mean(rows["clean"][chosen]) >= 0.5:  # collapsed or diverged
                continue
            for name, values in found.items():
                values.append((np.mean(rows[name][chosen]), np.std(rows[name][chosen], ddof=1)))
        for axes, name in zip(panels, ("clean", "slope"), strict=True):
            x, y = np.array(found[name]), np.array(found["attacked"])
            axes.errorbar(
                x[:, 0], y[:, 0], y[:, 1], x[:, 1], color=color, marker=mark, label=method,
                lw=1.4, elinewidth=0.7,
            )  # fmt: skip
    for axes, name in zip(panels, ("clean", "slope"), strict=True):
        axes.plot(
            np.mean(none[name]), np.mean(none["attacked"]), "*", color=style.ink, ms=12,
            label="none",
        )  # fmt: skip
        axes.set(ylabel="test accuracy under l2 attacks")
    panels[0].set(xlabel="clean test accuracy", title=f"{seeds} seeds, bars: standard deviation")
    panels[1].set(xlabel="mean ‖J‖ on test inputs", xscale="log")
    panels[1].set_xticks([3, 10, 30], ["3", "10", "30"])
    panels[1].minorticks_off()
    panels[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


FIGURE = Figure(
    name="gradient_regularization_digits",
    title="Digits: accuracy, attacks and slopes",
    draw=draw,
    experiments=("gradient_regularization_paths",),
    claims=(),
    caption=(
        "200 training digits, a ReLU perceptron, one curve for each method over its strength; the "
        "star is training without any at the same rate. The attack is l2 gradient ascent of "
        "radius 0.5. Strengths are not chosen here, as they are in the comparison behind the "
        "claims. Settings that diverged or fell under half of clean accuracy are left out. The "
        "quick profile trains smaller networks for less long."
    ),
)
