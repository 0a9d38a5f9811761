"""Errors of the means of the targets: lattice, tent-mapped lattice and random points."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

KINDS = ("lattice", "tent-mapped", "random")
TITLES = {
    "algebraic_plain": "algebraic",
    "algebraic_periodic": "algebraic, periodic",
    "diffusion_plain": "diffusion observable",
}


def data(results: Results) -> dict[str, np.ndarray]:
    """Root mean squared errors over the shifts: (kind of points, size)."""
    return dict(results["lattice_integration"].arrays)


def draw(results: Results, style: Any) -> Any:
    """One panel a target, with the slopes in the legends."""
    values, config = data(results), results["lattice_integration"].config
    figure, panels = style.subplots(1, 3, width=4.0, height=3.9)
    for axes, (name, title) in zip(panels, TITLES.items(), strict=True):
        errors = values[f"errors_{name}"]
        sizes = values["sizes"][: errors.shape[1]]
        for row, (kind, marker) in enumerate(zip(KINDS, "o^s", strict=True)):
            slope = np.polyfit(np.log(sizes), np.log(errors[row]), 1)[0]
            label = f"{kind}, slope {slope:.2f}".replace("-", "−").replace("tent−", "tent-")
            axes.loglog(sizes, errors[row], f"{marker}-", color=style.colors[row], label=label)
        dimension = config.diffusion_dimension if "diffusion" in name else config.dimension
        axes.set(title=f"{title}, s = {dimension}", xlabel="number of points N")
        axes.legend(loc="lower left")
        low, high = axes.get_ylim()
        axes.set_ylim(low / 30.0, high)
    panels[0].set_ylabel(f"RMS error of the mean ({config.shifts} shifts)")
    return figure


FIGURE = Figure(
    name="lattice_integration",
    title="Means of the targets by lattices and at random",
    draw=draw,
    experiments=("lattice_integration",),
    claims=("LAT-18", "LAT-19"),
    caption=(
        "Root mean squared error of the mean over random shifts of the embedded lattices of 2^m "
        "points, with and without the tent map, and over as many sets of random points. The exact "
        "means of the algebraic targets are one-dimensional integrals; that of the diffusion "
        "observable is one of 16 times as many tent-mapped points. Slopes are least squares."
    ),
    data=data,
)
