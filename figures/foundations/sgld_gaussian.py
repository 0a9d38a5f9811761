"""Stationary variance of discretized Langevin dynamics against the step size."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_POINTS = 200


def data(results: Results) -> dict[str, np.ndarray]:
    """The law on a fine grid of step sizes, and what was measured."""
    result = results["sgld_gaussian"]
    config = result.config
    curvatures = np.asarray(config.curvatures)
    limit = 2.0 / curvatures.max()
    grid = np.linspace(0.0, 0.995 * limit, _POINTS)
    law = config.temperature / (curvatures * (1.0 - 0.5 * grid[:, None] * curvatures))
    return {
        "curvatures": curvatures,
        "stability_limit": np.asarray(limit),
        "grid": grid,
        "law": law,
        **{
            name: result.arrays[name]
            for name in (
                "step_size",
                "predicted_variance",
                "continuous_variance",
                "exact_variance",
                "sampled_variance",
                "standard_error",
            )
        },
    }


def draw(results: Results, style: Any) -> Any:
    """Left: variance along each curvature. Right: relative to the law, so that errors show."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2)
    for index, curvature in enumerate(values["curvatures"]):
        color = style.colors[index % len(style.colors)]
        left.plot(values["grid"], values["law"][:, index], color=color, label=f"a = {curvature:g}")
        left.plot(
            values["step_size"], values["exact_variance"][:, index], "o", color=color, mfc="white"
        )
        left.axhline(
            values["continuous_variance"][0, index], color=color, linestyle=":", linewidth=1.0
        )
        predicted = values["predicted_variance"][:, index]
        right.errorbar(
            values["step_size"] * (1.0 + 0.012 * index),
            values["sampled_variance"][:, index] / predicted,
            yerr=5.0 * values["standard_error"][:, index] / predicted,
            fmt="s",
            markersize=4,
            capsize=2,
            color=color,
            label=f"_sampled a = {curvature:g}",
        )
        right.plot(
            values["grid"],
            values["continuous_variance"][0, index] / values["law"][:, index],
            color=color,
            linestyle=":",
            linewidth=1.2,
        )
    left.set(
        yscale="log",
        xlabel="step size h",
        ylabel="stationary variance",
        title="predicted (lines), exact map (circles)",
    )
    right.axhline(1.0, color=style.soft, linewidth=1.0)
    right.set(
        xlabel="step size h",
        ylabel="variance / discretised law",
        title="sampled (± 5 standard errors)",
    )
    for axes in (left, right):
        axes.axvline(values["stability_limit"], color=style.soft, linestyle="--", linewidth=1.0)
    style.label_line_ends(left)
    return figure


FIGURE = Figure(
    name="sgld_gaussian",
    title="Langevin dynamics on a Gaussian: the variance of the discretised chain",
    draw=draw,
    experiments=("sgld_gaussian",),
    claims=("FD-10", "FD-11"),
    caption=(
        "Stationary variance along curvatures a against the step size h. Solid lines: "
        "τ / (a (1 − h a / 2)). Circles: the fixed point of the step's own linear map, read off "
        "with injected noise. Squares: variances of independent chains relative to the law. "
        "Dotted: the variance τ / a of the target, which the chain reaches only as h → 0. "
        "Dashed: the stability limit h = 2 / max a."
    ),
    data=data,
)
