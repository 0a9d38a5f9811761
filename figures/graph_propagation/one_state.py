"""One state under each constraint function: residual and multiplier against time."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.graph_propagation.theory.one_state import (
    cubed_time,
    squared_multiplier,
    squared_residual,
)

from ..base import Figure, Results

NAMES = ("lin", "abs", "eps", "lineps", "squared", "cubed")


def data(results: Results) -> dict[str, np.ndarray]:
    """Largest |a| since the last point, and λ."""
    arrays = results["graph_one_state"].arrays
    return {name: values for name, values in arrays.items() if name.startswith("trace_")}


def draw(results: Results, style: Any) -> Any:
    """Left: |a|. Right: |λ|. Both axes logarithmic."""
    values = data(results)
    figure, panels = style.subplots(1, 2, width=6.0, height=4.4)
    times = values["trace_times"]
    for k, name in enumerate(NAMES):
        color = style.colors[k]
        gap = np.maximum(values[f"trace_gap_{name}"], 1e-9)
        panels[0].loglog(times, gap, color=color, label=name)
        panels[1].loglog(times, np.abs(values[f"trace_multiplier_{name}"]), color=color, label=name)
    law = [squared_residual(float(t), 1.0) for t in times]
    rise = [squared_multiplier(float(t), 1.0) for t in times]
    states = np.linspace(0.99, 0.2, 80)
    reached = [cubed_time(float(a), 1.0) for a in states]
    cubed = (states, (1.0 - states) / (3.0 * states**2))
    for axes, line, curve in zip(panels, (law, rise), cubed, strict=True):
        axes.loglog(times, line, "--", color=style.ink, lw=1.2)
        axes.loglog(reached, curve, ":", color=style.ink, lw=1.6)
        axes.set_xlabel("time, η times steps")
        axes.set_xlim(times[0], times[-1] * 2.2)
        style.label_line_ends(axes)
    panels[0].set_title("largest |a| since the last point")
    panels[1].set_title("|λ|")
    return figure


FIGURE = Figure(
    name="graph_one_state",
    title="One state under six constraint functions, plain equal steps, η = 0.01",
    draw=draw,
    experiments=("graph_one_state",),
    claims=("LPG-12", "LPG-13", "LPG-14", "LPG-16"),
    caption=(
        "Loss ½(a − 1)², G(a) = 0, start a = 1, λ = 0; one run each, nothing is random. ε = 0.02. "
        "Dashed: the law of G = a², dotted: that of a³, each with a at its minimum in each step, "
        "which plain steps come to follow. G = a falls exponentially (drawn at 1e-9 below that), "
        "abs drives λ up without end once a changes sign, eps settles in a cycle about ε, under "
        "lineps."
    ),
    data=data,
)
