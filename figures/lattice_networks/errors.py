"""Worst-case errors of lattice rules against their size."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """e(z) of constructed and Fibonacci lattices, the root of the mean of e² over z."""
    arrays = results["lattice_rules"].arrays
    return {name: arrays[name] for name in arrays if name.startswith("curve_")}


def draw(results: Results, style: Any) -> Any:
    """Both axes logarithmic; a guide of slope −1."""
    values = data(results)
    config = results["lattice_rules"].config
    figure, axes = style.subplots(1, 1, width=7.4, height=4.4)
    sizes = values["curve_sizes"]
    axes.loglog(sizes, values["curve_means"], "s--", color=style.colors[1], label="mean over z")
    axes.loglog(
        sizes,
        values["curve_errors"],
        "o-",
        color=style.colors[0],
        label=f"constructed, s = {config.curve_dimension}",
    )
    axes.loglog(
        values["curve_fibonacci_sizes"],
        values["curve_fibonacci"],
        "^-",
        color=style.colors[2],
        label="Fibonacci, s = 2",
    )
    ends = np.array([sizes[0], sizes[-1]], dtype=float)
    guide = 0.35 * values["curve_errors"][0] * ends[0] / ends
    axes.loglog(ends, guide, ":", color=style.soft, label="slope −1")
    axes.set(xlabel="number of points N", ylabel="worst-case error e(z)")
    axes.set_xlim(sizes[0] * 0.6, max(sizes[-1], values["curve_fibonacci_sizes"][-1]) * 1.15)
    style.label_line_ends(axes)
    return figure


FIGURE = Figure(
    name="lattice_errors",
    title="Worst-case error of lattice rules, smoothness 1",
    draw=draw,
    experiments=("lattice_rules",),
    claims=("LAT-4", "LAT-6", "LAT-7", "LAT-8"),
    caption=(
        "Korobov space of smoothness 1. Vectors built component by component for the weights "
        "γ_j = 1/j², against the root of the mean of e² over all vectors of that size, a closed "
        "form; and Fibonacci lattices in the plane, weights 1. Dotted: order 1, which the lattices "
        "in the plane nearly have; the mean has order 1/2."
    ),
    data=data,
)
