"""Clean against robust accuracy on digits, one path for each method over its strength."""

from __future__ import annotations

from typing import Any

from ..base import Figure, Results
from .paths import draw_paths, size


def draw(results: Results, style: Any) -> Any:
    """One path a method."""
    result = results["rkhs_norm_paths"]
    figure, axes = style.subplots(width=7.4, height=4.8)
    draw_paths(result, style, "clean", "robust", axes)
    axes.set(xlabel="clean test accuracy", ylabel="test accuracy under l2 attacks")
    axes.set_title(size(result), fontsize=10)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


FIGURE = Figure(
    name="rkhs_norm_robustness",
    title="Clean and robust accuracy over the strength",
    draw=draw,
    experiments=("rkhs_norm_paths",),
    claims=("RK-16",),
    caption=(
        "Small training sets of digits, a perceptron with two hidden layers. Every path begins at "
        "the star, without regularization, and follows one method as its strength (radius, "
        "limit) moves away from none; the large point is the strongest. The attack is l2 "
        "gradient ascent of 20 steps. Points are means over seeds that share data and start; "
        "strengths are not chosen here. With few strengths (quick profile) a path is one step."
    ),
    note="{seeds} seeds; points: means at each strength, bars: 95 % t intervals",
)
