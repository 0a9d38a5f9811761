"""Ten points on the sphere: orthonormal penalty, energy of points, energy of lines."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results
from .globe import draw_lines, draw_points, globe, upright

_SHOWN = {
    "orthogonal": "squared cosines\n(orthonormal)",
    "mhe": "MHE",
    "half-space": "half-space MHE",
}


def data(results: Results) -> dict[str, np.ndarray]:
    """The points of each objective's lowest start, and the smallest angles of all starts."""
    result = results["hyperspherical_spread"]
    names = [str(name) for name in result["objective"]]
    rows = [names.index(name) for name in _SHOWN]
    best = np.argmin(result["value"], axis=1)
    return {
        "points": np.stack([result["points"][row, best[row]] for row in rows]),
        "angle": result["angle"][rows],
        "line_angle": result["line_angle"][rows],
    }


def draw(results: Results, style: Any) -> Any:
    """Above: the lowest of the starts. Below: the smallest angle of every start."""
    values = data(results)
    figure, panels = style.subplots(2, 3, width=3.4, height=2.9)
    grid = panels[0, 0].get_gridspec()
    for axes in panels.ravel():
        axes.remove()
    for column, (name, title) in enumerate(_SHOWN.items()):
        axes = figure.add_subplot(grid[0, column], projection="3d")
        globe(axes, style)
        points, color = upright(values["points"][column]), style.look(name).color
        if name == "half-space":
            draw_lines(axes, points, color)
        else:
            draw_points(axes, points, color, edges=name == "mhe")
        axes.set_title(title, loc="center", y=0.97)
    axes = figure.add_subplot(grid[1, :])
    for row, name in enumerate(_SHOWN):
        color = style.look(name).color
        place = np.linspace(-0.12, 0.12, values["angle"].shape[1])
        axes.plot(values["angle"][row], row - 0.16 + place, "o", color=color)
        axes.plot(values["line_angle"][row], row + 0.2 + place, "s", color=color, mfc="white")
    axes.plot([], [], "o", color=style.ink, label="between points")
    axes.plot([], [], "s", color=style.ink, mfc="white", label="between lines")
    axes.set_yticks(range(len(_SHOWN)), list(_SHOWN.values()))
    axes.set(xlabel="smallest angle, degrees", xlim=(-2.0, 72.0), ylim=(2.6, -0.6))
    axes.grid(axis="y", visible=False)
    axes.legend(loc="upper right")
    return figure


FIGURE = Figure(
    name="hyperspherical_ten_points",
    title="Ten points on the sphere: what orthonormality leaves undone",
    draw=draw,
    experiments=("hyperspherical_spread",),
    caption=(
        "Ten points on the sphere under one objective alone. The squared cosines, which an "
        "orthonormal penalty adds up, are least for every tight frame, whose points may lie much "
        "closer than they need to. The energy (s = 2) spreads points, all of them antipodal to "
        "another: as neurons they are five lines. In half space it spreads the lines. Below: every "
        "start; the teaser of the MHE paper shows such spheres, its settings are not on record."
    ),
    data=data,
    note="{starts} random starts, the same for all; spheres: the lowest start",
)
