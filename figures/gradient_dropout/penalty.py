"""What one noisy inner step adds to a quadratic query loss, against the variance of the noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_FAMILIES = ("Bernoulli", "Gaussian")


def draw(results: Results, style: Any) -> Any:
    """The exact line, and sampled points with bars of five standard errors."""
    result = results["gradient_dropout_moments"]
    v = result["penalty_variance"]
    excess = result["penalty_query"] - result["penalty_plain"]
    figure, axes = style.subplots(width=6.8, height=4.4)
    line = np.linspace(0.0, 1.05 * v.max(), 2)
    axes.plot(
        line, excess[-1] / v[-1] * line, color=style.ink, label="(α²/2) Σ $Q_{ii} g_i^2$ · p/(1−p)"
    )
    axes.plot(v, excess, "s", color=style.ink, markersize=9, fillstyle="none", label="finite sums")
    outside = 0
    for row, (name, mark) in enumerate(zip(_FAMILIES, "oD", strict=True)):
        mean, error = result["penalty_sampled"][row].T
        outside += int(np.count_nonzero(np.abs(mean - result["penalty_query"]) > 5.0 * error))
        shift = 0.012 * (2 * row - 1)
        axes.errorbar(
            v + shift,
            mean - result["penalty_plain"],
            yerr=5.0 * error,
            fmt=mark,
            color=style.colors[row],
            capsize=3,
            markersize=5,
            label=f"{name}, sampled",
        )
    n = int(result["samples"])
    axes.set(
        xlabel="variance of the noise, p/(1−p)",
        ylabel="E $L_Q(θ_1)$ − $L_Q$ without noise",
        title=f"n = {n:,} a point; bars: 5 standard errors; {outside} of {2 * len(v)} outside",
    )
    axes.legend(loc="upper left")
    return figure


FIGURE = Figure(
    name="gradient_dropout_penalty",
    title="One noisy step adds a penalty on squared gradients",
    draw=draw,
    experiments=("gradient_dropout_moments",),
    claims=("GD-3", "GD-6"),
    caption=(
        "Quadratic support and query loss in two dimensions, α = 0.1. The expected query loss "
        "exceeds that of plain descent by (α²/2) Σ Q_ii g_i² p/(1−p), whatever the family: line "
        "by the closed form's slope, squares by summing over every mask, points by drawn noise "
        "(shifted sideways by a hair)."
    ),
)
