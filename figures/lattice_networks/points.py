"""A rank-1 lattice in the plane beside random points."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """The two sets of points."""
    result = results["lattice_rules"]
    return {"lattice": result["plane_lattice"], "random": result["plane_random"]}


def draw(results: Results, style: Any) -> Any:
    """Left: the lattice. Right: as many random points."""
    values = data(results)
    figure, panels = style.subplots(1, 2, width=3.9, height=4.0)
    for axes, (name, points), color in zip(panels, values.items(), style.colors, strict=False):
        axes.scatter(*points.T, s=22, color=color, lw=0)
        title = f"Fibonacci lattice, N = {len(points)}" if name == "lattice" else "random"
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", title=title, xlabel="y₁")
    panels[0].set_ylabel("y₂")
    return figure


FIGURE = Figure(
    name="lattice_points",
    title="Training points in the plane",
    draw=draw,
    experiments=("lattice_rules",),
    claims=("LAT-1", "LAT-6"),
    caption=(
        "The Fibonacci lattice of 55 points, z = (1, 34), and 55 independent uniform points. Each "
        "coordinate of the lattice takes 55 equally spaced values; the random points leave gaps."
    ),
    data=data,
)
