"""The excess energy and the parts of its bound, by the number of points."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def draw(results: Results, style: Any) -> Any:
    """Stacked parts and the excess itself."""
    result = results["gradient_regularization_variational"]
    figure, axes = style.subplots(width=6.4, height=4.2)
    points = result["split_points"]
    places = np.arange(len(points))
    best, twice = result["split_approximation"], result["split_quadrature"]
    axes.bar(places, best, 0.6, color=style.colors[0], label="approximation")
    axes.bar(places, twice, 0.6, bottom=best, color=style.colors[5], label="2 sup |J − $J_N$|")
    axes.plot(places, result["split_excess"], "D", color=style.colors[1], label="excess energy")
    axes.set_xticks(places, [str(n) for n in points])
    axes.set(xlabel="number of midpoints N", ylabel="energy", title="optimization: 0 (exact)")
    axes.legend()
    return figure


FIGURE = Figure(
    name="gradient_regularization_split",
    title="Three parts of the error",
    draw=draw,
    experiments=("gradient_regularization_variational",),
    claims=("GR-7",),
    caption=(
        "Affine functions with |a|, |b| <= 3 for g = cos πx, λ = 0.05, minimized exactly at N "
        "midpoints, so that the part of the optimization is 0. The excess energy lies under the "
        "sum of the parts, and the part of the quadrature is far from sharp."
    ),
)
