"""Accuracy under attack against the mean slope, a curve for each method, and the gaps of curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

OF = "Tikhonov"


def draw(results: Results, style: Any) -> Any:
    """Left: means over seeds along the strengths. Right: gaps to the penalty on the slope."""
    result = results["rkhs_norm_slopes"]
    names = result["method"].tolist()
    figure, (left, right) = style.subplots(1, 2, width=5.6, height=4.4)
    for row, name in enumerate(names):
        look = style.look(name)
        kept = result["kept"][row].all(axis=1)
        slope, robust = (result[key][row][kept] for key in ("slope", "robust"))
        left.errorbar(
            slope.mean(axis=1), robust.mean(axis=1), style.half_width(robust), color=look.color,
            marker=look.marker, linestyle=look.line, ms=5, lw=1.3, elinewidth=0.7, label=name,
        )  # fmt: skip
    left.set(
        xscale="log", xlabel="mean ‖J‖ on test inputs", ylabel="test accuracy under l2 attacks"
    )
    left.set_xticks([3, 5, 10, 20], ["3", "5", "10", "20"])
    left.minorticks_off()
    left.legend(fontsize=9)
    others = [name for name in names if name != OF]
    right.axvline(0.0, color=style.soft, lw=1.0)
    for place, name in enumerate(others):
        look = style.look(name)
        gaps = 100.0 * result["gap"][names.index(name), names.index(OF)]
        right.plot(gaps, np.full(gaps.size, place + 0.15), ".", color=look.color, alpha=0.5)
        right.errorbar(
            gaps.mean(), place - 0.12, xerr=style.half_width(gaps), fmt=look.marker,
            color=look.color, capsize=3,
        )  # fmt: skip
    right.set_yticks(range(len(others)), others)
    right.set(xlabel=f"points beyond {OF}", title="at equal mean slope")
    right.invert_yaxis()
    return figure


FIGURE = Figure(
    name="rkhs_norm_slopes",
    title="Accuracy under attack is no function of the mean slope alone",
    draw=draw,
    experiments=("rkhs_norm_slopes",),
    claims=("RK-23", "RK-24"),
    caption=(
        "150 digits, one hidden layer; every method over its strengths, none chosen; l2 gradient "
        "ascent of radius 0.5 and 20 steps. Left: settings whose networks all kept 0.8 of "
        "validation accuracy. Right: the mean height of a method's curve over that of Tikhonov, "
        "which penalizes the abscissa itself, over the logarithms of the slopes that both have, "
        "seed by seed; a seed without slopes in common has no dot. Quick: fewer strengths, seeds "
        "and steps."
    ),
    note="{seeds} seeds; bars: 95 % t intervals",
)
