"""Minimum-energy points and lines on the sphere, and the Thomson table."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results
from .globe import draw_lines, draw_points, globe, upright

_SHOWN = ((6, 1.0, 0.0), (12, 1.0, 0.0), (32, 1.0, 0.0), (6, 2.0, 1.0))
_NAMES = ("6 points, s = 1", "12 points, s = 1", "32 points, s = 1", "6 lines, half space, s = 2")
_TABLE = (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 20, 24, 32)


def _row(result: Any, neurons: int, s: float, half: float) -> int:
    found = (result["neurons"] == neurons) & (result["s"] == s) & (result["half"] == half)
    return int(np.flatnonzero(found & (result["dimension"] == 3))[0])


def data(results: Results) -> dict[str, np.ndarray]:
    """The drawn point sets, and the lowest energies of the table."""
    result = results["hyperspherical_point_sets"]
    values = {}
    for neurons, s, half in _SHOWN:
        points = result["points"][_row(result, neurons, s, half)][:neurons]
        values[f"points_{neurons}_{'half' if half else 'full'}"] = points
    values["neurons"] = np.asarray(_TABLE)
    values["energies"] = np.asarray(
        [
            [float(result["energy"][_row(result, neurons, s, 0.0)]) for s in (0.0, 1.0, 2.0)]
            for neurons in _TABLE
        ]
    )
    return values


def draw(results: Results, style: Any) -> Any:
    """Four spheres above, the table below."""
    values = data(results)
    figure, panels = style.subplots(2, 4, width=2.9, height=2.8)
    grid = panels[0, 0].get_gridspec()
    for axes in panels.ravel():
        axes.remove()
    for index, (neurons, _s, half) in enumerate(_SHOWN):
        axes = figure.add_subplot(grid[0, index], projection="3d")
        globe(axes, style)
        points = upright(values[f"points_{neurons}_{'half' if half else 'full'}"])
        color = style.colors[1 if half else 0]
        if half:
            draw_lines(axes, points, color)
        else:
            draw_points(axes, points, color)
        axes.set_title(_NAMES[index], loc="center", fontsize=10.5, y=0.98)
    table = figure.add_subplot(grid[1, :])
    table.set_axis_off()
    rows = [
        [f"{energy:.6f}".replace("-", "−") for energy in column] for column in values["energies"].T
    ]
    for block, bottom in ((slice(0, 8), 0.53), (slice(8, None), 0.0)):
        drawn = table.table(
            cellText=[row[block] for row in rows],
            colLabels=[f"N = {n}" for n in values["neurons"][block]],
            rowLabels=["s = 0", "s = 1", "s = 2"],
            cellLoc="right",
            colLoc="right",
            bbox=(0.045, bottom, 0.955, 0.44),
            edges="horizontal",
        )
        drawn.auto_set_font_size(False)
        drawn.set_fontsize(9)
        for cell in drawn.get_celld().values():
            cell.set_edgecolor("#cccccc")
            cell.set_linewidth(0.6)
    return figure


FIGURE = Figure(
    name="hyperspherical_sphere",
    title="Minimum-energy configurations on the sphere",
    draw=draw,
    experiments=("hyperspherical_point_sets",),
    claims=("HE-10", "HE-7"),
    caption=(
        "Above: the Thomson problem's (s = 1) octahedron, icosahedron and 32 points with their "
        "nearest neighbours; and six lines of least half-space energy, the diagonals of the "
        "icosahedron, an equiangular tight frame. Below: the lowest energies found over "
        "unordered pairs; those of s = 1 are Thomson's, proved for N = 2 to 6 and 12."
    ),
    data=data,
)
