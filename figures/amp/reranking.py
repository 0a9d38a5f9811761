"""Two wells on a line under the maximum over a ball: the flat one becomes the lower one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def draw(results: Results, style: Any) -> Any:
    """Left: the surface and its running maxima. Right: the place of the minimum over ε."""
    result = results["amp_landscape"]
    figure, (left, right) = style.subplots(1, 2, width=5.4, height=3.8)
    grid, threshold = result["grid"], float(result["threshold"])
    for row, factor in enumerate(result["factors"]):
        values = result["surface"][row]
        label = "L" if factor == 0.0 else f"$L_{{AMP}}$, ε = {factor:g} ε*"
        color = style.ink if factor == 0.0 else style.colors[row - 1]
        left.plot(grid, values, color=color, label=label, linewidth=2.4 - 0.3 * row)
        lowest = int(np.argmin(values))
        left.plot(grid[lowest], values[lowest], "o", color=color, markersize=8)
    left.set(xlabel="parameter θ", ylabel="loss", title="a flat well at 0, a sharp one at 4")
    left.set_ylim(-1.27, 0.32)
    left.legend(loc="upper left", ncols=2, fontsize=9)

    right.plot(result["argmin_radius"] / threshold, result["argmin"], "o", color=style.colors[0])
    right.axvline(1.0, color=style.soft, linestyle="--")
    right.text(1.003, 2.0, " closed form ε*", color=style.soft)
    right.set(
        xlabel="radius ε / ε*",
        ylabel="place of the lowest $L_{AMP}$",
        title=f"ε* = {threshold:.4f}",
        ylim=(-0.4, 4.4),
    )
    return figure


FIGURE = Figure(
    name="amp_reranking",
    title="The maximum over a ball re-ranks minima",
    draw=draw,
    experiments=("amp_landscape",),
    claims=("AMP-2", "AMP-3"),
    caption=(
        "Two Gaussian wells, depth 1 and width 1 at θ = 0, depth 1.2 and width 0.4 at θ = 4. Left: "
        "the loss and its running maxima over a window of half-width ε; dots mark the lowest "
        "points, which do not move until they jump. Right: that place over the radius. The jump "
        "lies within 1 % of the closed form for isolated wells, √(2 ln(A₂/A₁) / (1/s₂² − 1/s₁²))."
    ),
)
