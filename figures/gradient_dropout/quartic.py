"""The mean trajectory on a loss that is not quadratic."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.gradient_dropout.theory import quartic

from ..base import Figure, Results

_FAMILIES = ("bernoulli", "gaussian")


def draw(results: Results, style: Any) -> Any:
    result = results["gradient_dropout_moments"]
    figure, (left, right) = style.subplots(1, 2, width=5.0, height=3.8)
    drops = np.linspace(0.0, 0.6, 200)
    plain = quartic.mean_after_two(0.1, 0.0)
    gaps = {
        family: np.array([quartic.mean_after_two(0.1, float(p), family) for p in drops]) - plain
        for family in _FAMILIES
    }
    for row, (family, mark) in enumerate(zip(_FAMILIES, "oD", strict=True)):
        color = style.colors[row]
        left.plot(drops, 1e3 * gaps[family], color=color, label=f"{family}, closed form")
        points = 1e3 * (result["quartic_means"][row] - plain)
        left.plot(
            result["quartic_drops"], points, mark, color=color, label=f"{family}, all masks"
            if family == "bernoulli" else f"{family}, quadrature",
        )  # fmt: skip
    difference = 1e6 * (gaps["gaussian"] - gaps["bernoulli"])
    right.plot(drops, difference, color=style.colors[2])
    measured = 1e6 * (result["quartic_means"][1] - result["quartic_means"][0])
    right.plot(result["quartic_drops"], measured, "s", color=style.colors[2])
    left.axhline(0.0, color=style.soft, linewidth=1.0)
    right.axhline(0.0, color=style.soft, linewidth=1.0)
    left.set(xlabel="rate p", ylabel="10³ (E θ₂ − θ₂ without noise)", title="bias of the mean")
    right.set(
        xlabel="rate p", ylabel="10⁶ (Gaussian − Bernoulli)", title="the families differ, but at ½"
    )
    left.legend(loc="lower left")
    return figure


FIGURE = Figure(
    name="gradient_dropout_quartic",
    title="Two noisy steps on θ⁴/4: the mean trajectory is not kept",
    draw=draw,
    experiments=("gradient_dropout_moments",),
    claims=("GD-7",),
    caption=(
        "θ₀ = 1, α = 0.1. Left: the shift of E θ₂ by the noise, curves by the closed form, points "
        "by running the inner loop on every mask (Bernoulli) or on the nodes of a Gauss rule that "
        "is exact here. Right: the two families agree at p = 0 and p = 1/2 only."
    ),
)
