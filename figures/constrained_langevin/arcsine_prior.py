"""What a circle constraint does to the law of a weight: the arcsine prior, and its tilt."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.constrained_langevin.theory import stationary as laws

from ..base import Figure, Results

_CASES = (
    ("BAOAB, V = 0", 0.0, "no loss: arcsine law"),
    ("BAOAB", 1.0, "V = θ: exp(−θ) / √(1 − θ²)"),
)


def data(results: Results) -> dict[str, np.ndarray]:
    """Histograms as densities, and the laws on a grid and in each bin."""
    result = results["circle_bias"]
    names = [str(name) for name in result["runs"]]
    bins = result["histogram"].shape[1]
    edges = np.linspace(-1.0, 1.0, bins + 1)
    grid = np.sin(np.linspace(-0.5 * np.pi, 0.5 * np.pi, 401)[1:-1])
    values: dict[str, Any] = {"edges": edges, "grid": grid}
    for index, (run, slope, _) in enumerate(_CASES):
        counts = result["histogram"][names.index(run)]
        values[f"measured_{index}"] = counts / counts.sum() / np.diff(edges)
        values[f"density_{index}"] = laws.circle_density(grid, slope)
        cumulative = [laws.circle_cumulative(float(edge), slope) for edge in edges]
        values[f"expected_{index}"] = np.diff(cumulative) / np.diff(edges)
        values[f"count_{index}"] = counts.sum()
    flat = np.exp(-grid)
    values["naive"] = flat / (np.exp(1.0) - np.exp(-1.0))
    return values


def draw(results: Results, style: Any) -> Any:
    """Left without a loss, right with a linear one."""
    values = data(results)
    figure, panels = style.subplots(1, 2)
    for index, (axes, (_, _, title)) in enumerate(zip(panels, _CASES, strict=True)):
        axes.stairs(
            values[f"measured_{index}"],
            values["edges"],
            fill=True,
            color=style.colors[5],
            alpha=0.55,
            label="chains",
        )
        axes.plot(
            values["grid"], values[f"density_{index}"], color=style.colors[0], label="exact law"
        )
        if index == 1:
            axes.plot(
                values["grid"], values["naive"], color=style.soft, linestyle="--",
                label="exp(−V) on [−1, 1]",
            )  # fmt: skip
        axes.set(xlabel="weight θ / r", ylabel="density", title=title, xlim=(-1.0, 1.0))
        axes.set_ylim(0.0, 1.15 * values[f"measured_{index}"].max())
        axes.set_xticks([-1.0, -0.5, 0.0, 0.5, 1.0])
        axes.legend(loc="upper center")
    return figure


FIGURE = Figure(
    name="arcsine_prior",
    title="A circle constraint puts weights at their bound",
    draw=draw,
    experiments=("circle_bias",),
    claims=("CL-7",),
    caption=(
        "Histogram of a weight bounded by a circle constraint of radius 1 at temperature 1, one "
        "draw from each of many independent chains (BAOAB, h = 0.4), against the exact law. "
        "Without a loss it is the arcsine law 1 / (π √(1 − θ²)), not the uniform one; a linear "
        "loss tilts it, and the law is not the exp(−V) that a box constraint would give."
    ),
    data=data,
    note="{chains} independent chains",
)
