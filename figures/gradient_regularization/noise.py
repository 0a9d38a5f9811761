"""Errors of the expansions of the mean loss under noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def draw(results: Results, style: Any) -> Any:
    """Distances from the mean over σ, for both orders."""
    result = results["gradient_regularization_noise"]
    figure, axes = style.subplots(width=6.4, height=4.2)
    sigma = result["curve_deviation"]
    axes.plot(sigma, result["curve_second"], "o-", label="quadratic, second order")
    fourth = np.maximum(result["curve_fourth"], 1e-17)
    axes.plot(sigma, fourth, "s-", label="quadratic, with the σ⁴ term")
    axes.plot(result["deviations"], result["remainder"], "^-", label="tanh network, second order")
    guide = np.array([sigma.min(), sigma.max()])
    axes.plot(guide, 2.0 * guide**4, "--", color=style.soft, label="slope 4")
    axes.set(xscale="log", yscale="log", xlabel="σ", ylabel="distance from the mean loss")
    axes.set_xticks(sigma, [f"{value:g}" for value in sigma])
    axes.minorticks_off()
    axes.legend(fontsize=9, loc="center right")
    return figure


FIGURE = Figure(
    name="gradient_regularization_noise",
    title="Noise and its expansion",
    draw=draw,
    experiments=("gradient_regularization_noise",),
    claims=("GR-13", "GR-14"),
    caption=(
        "Mean squared loss under Gaussian noise on the inputs, by Gauss-Hermite nodes, against "
        "loss + (σ²/2)(|∇f|² + r Δf) and, for a quadratic function, with its term of fourth "
        "order, which is exact up to rounding (values below 1e-17 are drawn there)."
    ),
)
