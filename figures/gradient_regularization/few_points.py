"""With few points a network hides its slopes between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def draw(results: Results, style: Any) -> Any:
    """Left: 8 points. Right: the discrete energy and the error by the number of points."""
    result = results["gradient_regularization_networks"]
    figure, panels = style.subplots(1, 2, width=5.2, height=3.9)
    rows = result.select(kind="Tikhonov", strength=0.05)
    few = int(np.argmin(rows["points"]))
    n = int(rows["points"][few])
    knots = (np.arange(n) + 0.5) / n
    axes = panels[0]
    axes.plot(rows["fine"][few], rows["exact"][few], color=style.soft, label="solution")
    axes.plot(rows["fine"][few], rows["values"][few], color=style.colors[1], label=f"N = {n}")
    axes.plot(knots, np.cos(np.pi * knots), "o", color=style.ink, label="data and penalty points")
    axes.set(xlabel="x", ylabel="f(x)", title="slopes hide between the points")
    axes.legend(fontsize=9)
    axes, order = panels[1], np.argsort(rows["points"])
    points = rows["points"][order]
    axes.plot(points, rows["discrete"][order], "o-", label="discrete energy")
    axes.axhline(rows["least"][0], color=style.soft, ls="--", label="minimum of the true energy")
    axes.plot(points, rows["error"][order], "s-", color=style.colors[1], label="L2 error")
    axes.set(xscale="log", yscale="log", xlabel="number of points N", title="one run for each N")
    axes.set_xticks(points, [str(value) for value in points])
    axes.minorticks_off()
    axes.legend(fontsize=9)
    return figure


FIGURE = Figure(
    name="gradient_regularization_few_points",
    title="Too few penalty points",
    draw=draw,
    experiments=("gradient_regularization_networks",),
    claims=("GR-8", "GR-9"),
    caption=(
        "The Tikhonov problem for g = cos πx, λ = 0.05. With 8 points a 1-32-32-1 network fits "
        "the data and is flat at each of them: its discrete energy falls far below the true "
        "minimum, and it is no solution. With 32 points and more it is one."
    ),
)
