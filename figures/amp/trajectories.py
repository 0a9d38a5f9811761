"""Descent in two wells from a row of starts: where it ends, with and without AMP."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def draw(results: Results, style: Any) -> Any:
    """Left: ends over starts. Right: some paths at the largest radius."""
    result = results["amp_landscape"]
    figure, (left, right) = style.subplots(1, 2, width=5.6, height=4.0)
    starts = result["starts"]
    flat, sharp = result["centers"]
    for row, factor in enumerate(result["factors"]):
        label = "plain descent" if factor == 0.0 else f"AMP, ε = {factor:g} ε*"
        color = style.ink if factor == 0.0 else style.colors[row - 1]
        left.plot(
            starts, result["ends"][row], ".", color=color, label=label, markersize=9 - 1.8 * row
        )
        crossing = starts[np.argmax(result["ends"][row] > 0.5 * (flat + sharp))]
        left.axvline(crossing, color=color, linestyle=":", linewidth=1.2)
    for center, name in ((flat, "flat well"), (sharp, "sharp well")):
        left.axhline(center, color=style.soft, linewidth=0.8, zorder=0)
        left.text(starts[-1], center + 0.3, name, color=style.soft, ha="right")
    left.set(
        xlabel="start", ylabel="end (mean of the last two iterates)", title="dotted: basin border"
    )
    left.legend(loc="upper left")

    for row in (0, len(result["factors"]) - 1):
        factor = result["factors"][row]
        path = result["paths"][row]
        for column in range(path.shape[1]):
            right.plot(
                path[:, column],
                color=style.ink if row == 0 else style.colors[row - 1],
                linewidth=1.6 if row else 1.0,
                linestyle="-" if row else "--",
                label="_" if column else ("plain" if row == 0 else f"AMP, ε = {factor:g} ε*"),
            )
    right.set(xlabel="step", ylabel="parameter θ", title="paths from four starts")
    right.legend(loc="lower left")
    return figure


FIGURE = Figure(
    name="amp_trajectories",
    title="AMP re-ranks minima, but stays in the basin where it starts",
    draw=draw,
    experiments=("amp_landscape",),
    claims=("AMP-3b",),
    caption=(
        "Full-gradient descent (η = 0.1, ζ = 1) in the two wells of the figure on re-ranking. "
        "Beyond ε* the flat well is the lower one of L_AMP, yet every start near the sharp well "
        "ends on its side: in a cycle around it where AMP has made it unstable, or at rest beside "
        "the barrier, where θ + Δ is its top; the larger the radius, the further away a start may "
        "be that ends there. The border of the basins hardly moves."
    ),
)
