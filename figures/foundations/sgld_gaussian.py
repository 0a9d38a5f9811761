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
    """Left: variance along each curvature. Right: deviations from the law, in standard errors."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2)
    known = list(type(results["sgld_gaussian"].config).full().curvatures)  # one color a curvature
    for index, curvature in enumerate(values["curvatures"]):
        color = style.colors[known.index(curvature) % len(style.colors)]
        left.plot(values["grid"], values["law"][:, index], color=color, label=f"a = {curvature:g}")
        left.plot(
            values["step_size"], values["exact_variance"][:, index], "o", color=color, mfc="white"
        )
        target = values["continuous_variance"][0, index]
        left.plot(values["grid"][[0, -1]], [target, target], ":", color=color, linewidth=1.0)
        predicted = values["predicted_variance"][:, index]
        away = values["sampled_variance"][:, index] - predicted
        right.plot(
            values["step_size"],
            away / values["standard_error"][:, index],
            "osD^vPX"[index % 7],
            color=color,
            label=f"_sampled a = {curvature:g}",
        )
    left.set(
        yscale="log",
        xlabel="step size h",
        ylabel="stationary variance",
        title="predicted (lines), exact map (circles)",
    )
    right.axhline(0.0, color=style.soft, linewidth=1.0)
    right.axhspan(-2.0, 2.0, color=style.soft, alpha=0.12, linewidth=0.0)
    right.set(
        xlabel="step size h",
        ylabel="(sampled − law) / standard error",
        title="independent chains against the law",
        ylim=(-5.0, 5.0),
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
        "Stationary variance along curvatures a against the step size h. Solid lines: τ / (a (1 − "
        "h a / 2)). Circles: the fixed point of the step's own linear map, read off with injected "
        "noise. Right: variances of independent chains, as deviations from the law in standard "
        "errors; shaded, ± 2. Dotted: the variance τ / a of the target, which the chain reaches "
        "only as h → 0. Dashed: the stability limit h = 2 / max a."
    ),
    data=data,
    note="{chains} independent chains a step size",
)
