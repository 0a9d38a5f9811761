"""Excess energy of two-layer networks of random units, by their number."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.gradient_regularization.theory import barron

from ..base import Figure, Results


def draw(results: Results, style: Any) -> Any:
    """The mean over draws on the law V/m, the bound above it, and placed kinks below."""
    result = results["gradient_regularization_barron"]
    figure, axes = style.subplots(width=6.4, height=4.2)
    units, strength = result["units"], float(result["strength"])
    line = np.geomspace(units.min(), units.max(), 50)
    law = np.array([barron.mean_excess(1, strength) / m for m in line])
    most = np.array([barron.bound(barron.roughness(strength), 1, strength) / m for m in line])
    axes.plot(line, most, ":", color=style.ink, label="bound B²(1/6 + λ/2) / m")
    axes.plot(line, law, color=style.soft, label="law V / m")
    axes.errorbar(
        units, result["mean_excess"], 2.0 * result["standard_error"], fmt="o", capsize=3,
        color=style.colors[0], label=f"mean of {int(result['draws'])} draws, ± 2 standard errors",
    )  # fmt: skip
    axes.plot(
        units, result["placed_excess"], "s-", color=style.colors[1], label="kinks at equal shares"
    )
    axes.set(xscale="log", yscale="log", xlabel="units m", ylabel="excess energy")
    axes.set_xticks(units, [str(m) for m in units])
    axes.minorticks_off()
    axes.legend(fontsize=9)
    return figure


FIGURE = Figure(
    name="gradient_regularization_units",
    title="Two-layer networks: excess energy by the number of units",
    draw=draw,
    experiments=("gradient_regularization_barron",),
    claims=("GR-28",),
    caption=(
        "The Tikhonov problem for g = cos πx, λ = 0.05. Means of ReLU units with kinks drawn from "
        "the integral form of the solution have an excess energy of V/m on average; kinks at "
        "equal shares of ∫|u″| do better. B = ∫|u″| is the solution's Barron norm up to its "
        "affine part."
    ),
    note="{draws} draws; bars: two standard errors",
)
