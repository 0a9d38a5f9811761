"""Solutions of the variational problems: closed forms over the strength, and trained networks."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.gradient_regularization.theory import tikhonov, variation

from ..base import Figure, Results

STRENGTHS = (0.01, 0.05, 0.2, 2.0)


def draw(results: Results, style: Any) -> Any:
    """Left: Tikhonov on the cosine. Right: total variation on the ramp."""
    result = results["gradient_regularization_networks"]
    figure, panels = style.subplots(1, 2, width=5.2, height=4.0)
    x = np.linspace(0.0, 1.0, 401)
    rows = (
        ("Tikhonov", tikhonov.cosine, np.cos(np.pi * x), STRENGTHS, "Tikhonov, g = cos πx"),
        ("variation", variation.ramp, x, (0.01, 0.02, 0.05, 0.2), "total variation, g = x"),
    )
    for axes, (kind, exact, target, strengths, title) in zip(panels, rows, strict=True):
        axes.plot(x, target, "--", color=style.soft, label="g")
        for color, strength in zip(style.colors, strengths, strict=False):
            axes.plot(x, exact(x, strength), color=color, label=f"λ = {strength:g}")
        trained = result.select(kind=kind)
        many = np.flatnonzero(trained["points"] == 128)
        for number, row in enumerate(many):
            axes.plot(
                trained["fine"][row][::50],
                trained["values"][row][::50],
                "o",
                color=style.ink,
                ms=3.5,
                label="network, 128 points" if number == 0 else None,
            )
        axes.set(title=title, xlabel="x", ylabel="f(x)")
        axes.legend(fontsize=9)
    return figure


FIGURE = Figure(
    name="gradient_regularization_solutions",
    title="Closed forms and trained networks",
    draw=draw,
    experiments=("gradient_regularization_networks",),
    claims=("GR-1", "GR-2", "GR-20", "GR-21"),
    caption=(
        "Minimizers of the variational problems on [0, 1] for several strengths (lines). Dots: "
        "tanh networks trained on the discrete problem with 128 midpoints, one run each, at the "
        "strengths that the profile trains."
    ),
)
