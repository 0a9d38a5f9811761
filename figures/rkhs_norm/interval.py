"""Minimizers of the averaged penalties on an interval against their closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def draw(results: Results, style: Any) -> Any:
    """Tikhonov on a cosine, total variation on a step, and the error of data averages."""
    result = results["rkhs_norm_interval"]
    figure, panels = style.subplots(1, 3, width=4.2, height=4.0)
    for axes, name, title in (
        (panels[0], "tikhonov", "Tikhonov"),
        (panels[1], "total_variation", "total variation"),
    ):
        cells = result[f"{name}_cells"]
        axes.plot(cells, result[f"{name}_target"], color=style.soft, lw=1.2, label="data g")
        some = slice(cells.size // 40, None, cells.size // 20)
        for strength, found, exact, color in zip(
            result[f"{name}_strengths"],
            result[f"{name}_found"],
            result[f"{name}_exact"],
            style.colors,
            strict=False,
        ):
            axes.plot(cells, found, color=color, label=f"λ = {strength:g}")
            axes.plot(cells[some], exact[some], "o", color=color, ms=3.5)
        axes.set(xlabel="x", title=title)
    axes = panels[2]
    for errors, label, color in zip(
        result["errors"], ("|∇f|²", "|∇f|"), style.colors, strict=False
    ):
        axes.plot(result["sizes"], errors, "o-", color=color, label=label)
    guide = result["errors"][0, 0] * np.sqrt(result["sizes"][0] / result["sizes"])
    axes.plot(result["sizes"], guide, "--", color=style.soft, lw=1.2, label="$N^{-1/2}$")
    axes.set(xscale="log", yscale="log", xlabel="random points N")
    axes.set(ylabel="relative RMS error", title="data averages")
    axes.legend(loc="lower left")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=len(labels))
    return figure


FIGURE = Figure(
    name="rkhs_norm_interval",
    title="Averaged gradient penalties on an interval",
    draw=draw,
    experiments=("rkhs_norm_interval",),
    claims=("RK-14", "RK-15"),
    caption=(
        "Lines: minimizers of the data term plus the package's chain penalty on a grid. Points: "
        "closed forms. Tikhonov shrinks the cosine, total variation moves the two levels of the "
        "step together without blurring it. Right: averages over random points in place of "
        "integrals, for a smooth network on the square; root mean square over repeated draws."
    ),
)
