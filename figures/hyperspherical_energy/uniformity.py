"""Forms of uniformity on ten points: what each one reaches, by its angle and by the energy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_SHOWN = {
    "mhe": "energy, s = 2",
    "determinant": "determinant",
    "mma": "mean smallest angle",
    "separation": "separation",
    "mean": "mean direction",
}
_TAMMES = 66.1468
"""Degrees: the largest smallest angle of ten points (L. Danzer 1963)."""


def data(results: Results) -> dict[str, np.ndarray]:
    """Smallest angle and energy over the least met, by form and start."""
    result = results["hyperspherical_spread"]
    names = [str(name) for name in result["objective"]]
    rows = [names.index(name) for name in _SHOWN]
    energy = result["energy"][rows]
    return {
        "form": np.asarray(list(_SHOWN)),
        "angle": result["angle"][rows],
        "energy": energy / np.min(energy),
        "resultant": result["resultant"][rows],
    }


def draw(results: Results, style: Any) -> Any:
    """Left: smallest angles. Right: energies. A row a form, a mark a start."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2, width=4.8, height=3.7, sharey=True)
    starts = values["angle"].shape[1]
    for row in range(len(_SHOWN)):
        place = row + np.linspace(-0.2, 0.2, starts)
        color = style.colors[row]
        left.plot(values["angle"][row], place, "o", color=color)
        right.plot(values["energy"][row], place, "o", color=color)
    left.axvline(_TAMMES, color=style.soft, linestyle="--", linewidth=1.2)
    style.published(left, [_TAMMES], [-0.55], "Tammes' problem, 66.15°")
    left.legend(loc="lower left", bbox_to_anchor=(0.0, 0.24))
    right.axvline(1.0, color=style.soft, linestyle="--", linewidth=1.2)
    left.set_yticks(range(len(_SHOWN)), list(_SHOWN.values()))
    left.set(xlabel="smallest angle, degrees", xlim=(0.0, 72.0), ylim=(4.5, -0.8))
    right.set(xlabel="energy (s = 2) / least", xscale="log")
    most = float(np.max(values["energy"]))
    ticks = [tick for tick in (1, 1.5, 2, 3, 5, 10, 20, 50) if tick < 1.2 * most]
    right.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    right.minorticks_off()
    for axes in (left, right):
        axes.grid(axis="y", visible=False)
    return figure


FIGURE = Figure(
    name="hyperspherical_uniformity",
    title="Forms of uniformity on ten points of the sphere",
    draw=draw,
    experiments=("hyperspherical_spread",),
    caption=(
        "Each form descended alone, in full space, from the same random starts. The mean of the "
        "smallest angles (MMA) ends at the best packing, whose angle is known (dashed), or next to "
        "it; the smallest distance alone moves two points at a time and comes less near. "
        "Determinant and energy end at another set, with all points antipodal, and nearly the "
        "same energy. The mean direction is zero for any balanced set: it spreads nothing. The "
        "two forms with a learned pole are not determined by what was available."
    ),
    data=data,
    note="{starts} random starts, each shown; ◇ literature",
)
