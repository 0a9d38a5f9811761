"""Largest slopes against the product of spectral norms on digits, one path for each method."""

from __future__ import annotations

from typing import Any

from ..base import Figure, Results
from .paths import draw_paths, size

TICKS = (1, 2, 3, 4, 6, 10, 20, 40, 60, 100, 200)
"""Of both axes, where they lie in the picture."""


def draw(results: Results, style: Any) -> Any:
    """One path a method, both axes logarithmic."""
    result = results["rkhs_norm_paths"]
    figure, axes = style.subplots(width=7.4, height=4.8)
    axes.set(xscale="log", yscale="log")
    draw_paths(result, style, "lower", "upper", axes)
    axes.set(
        xlabel="lower bound: √(Σₖ maxᵢ |∇fₖ(xᵢ)|²) on the training images",
        ylabel="upper bound: product of spectral norms",
    )
    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        ticks = [tick for tick in TICKS if low <= tick <= high]
        axis.set_ticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_title(size(result), fontsize=10)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


FIGURE = Figure(
    name="rkhs_norm_two_sides",
    title="Both sides of the norm over the strength",
    draw=draw,
    experiments=("rkhs_norm_paths",),
    claims=("RK-17", "RK-6"),
    caption=(
        "The lower bound carries the factor 1/0.3081 of the normalization inside the model and the "
        "sum over classes, so the two axes are not on one scale. A method that shrinks both sides "
        "goes left and down from the star; one that shrinks slopes while spectral norms grow goes "
        "left and up. A projection bounds the upper side by construction."
    ),
    note="{seeds} seeds; points: means at each strength, bars: 95 % t intervals",
)
