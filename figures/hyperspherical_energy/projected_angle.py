"""The cosine of two neurons after random projection: draws against the exact law."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.hyperspherical_energy.theory.projected_angle import density

from ..base import Figure, Results

_POINTS = 801


def data(results: Results) -> dict[str, np.ndarray]:
    """Histograms as densities over (k, c), and the law at the same settings."""
    result = results["projected_angle"]
    config = result.config
    rows = np.flatnonzero(result["n"] == config.ambient[0])
    edges = result["edges"][0]
    draws = result["draws"][rows][:, None, None]
    grid = np.linspace(-0.9995, 0.9995, _POINTS)
    law = [
        [density(grid, cosine=c, projected=int(k)) for c in config.cosines]
        for k in result["k"][rows]
    ]
    return {
        "k": result["k"][rows],
        "cosines": np.asarray(config.cosines),
        "edges": edges,
        "histogram": result["counts"][rows] / draws / np.diff(edges),
        "grid": grid,
        "law": np.asarray(law),
        "p_value": result["p_value"],
        "ambient": result["n"],
    }


def draw(results: Results, style: Any) -> Any:
    """One panel for each k, all cosines in it."""
    values = data(results)
    config = results["projected_angle"].config
    figure, panels = style.subplots(1, values["k"].size, width=4.0)
    for row, axes in enumerate(np.atleast_1d(panels)):
        for index, cosine in enumerate(values["cosines"]):
            color = style.colors[index]
            axes.stairs(
                values["histogram"][row, index], values["edges"], fill=True, color=color, alpha=0.3
            )
            axes.plot(
                values["grid"],
                values["law"][row, index],
                color=color,
                linewidth=1.4,
                label=f"c = {cosine:g}".replace("-", "−"),
            )
            axes.axvline(cosine, color=color, linestyle=":", linewidth=1.0)
        middle = [i for i, cosine in enumerate(values["cosines"]) if abs(cosine) < 0.5]
        axes.set(
            xlim=(-1.0, 1.0),
            ylim=(0.0, 3.0 * values["histogram"][row, middle].max()),
            xlabel="cosine after projection",
            title=f"k = {values['k'][row]:.0f}",
        )
    first = np.atleast_1d(panels)[0]
    first.set_ylabel(f"density ({config.draws[0]:,} projections)".replace(",", " "))
    first.legend(loc="upper center", ncols=2)
    return figure


FIGURE = Figure(
    name="hyperspherical_projected_angle",
    title="Random projection: the projected cosine and its exact law",
    draw=draw,
    experiments=("projected_angle",),
    claims=("HE-13", "HE-14"),
    caption=(
        "Filled: histograms of the cosine of two neurons in R²⁰ after Gaussian projection to k "
        "dimensions. Lines: Fisher's law of a correlation of k pairs, which knows only k and the "
        "cosine c before (dotted) and fits neurons in R²⁰⁰ alike. At k = 40, as in the released "
        "code, a right angle still becomes a cosine of ± 0.16 (one standard deviation). High "
        "peaks are cut off."
    ),
    data=data,
)
