"""Hermite components of the minimizer under Gaussian data."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.gradient_regularization.theory import gaussian

from ..base import Figure, Results


def draw(results: Results, style: Any) -> Any:
    """Measured factors on the curve 1/(1 + λn)."""
    result = results["gradient_regularization_linear"]
    figure, axes = style.subplots(width=6.0, height=4.0)
    before = np.array(gaussian.to_hermite([0.0, -2.0, 0.0, 0.0, 1.0]))
    after = np.array(gaussian.to_hermite(result["coefficients"]))
    there = np.abs(before) > 0
    degrees = np.arange(len(before))
    line = np.linspace(0.0, 5.0, 101)
    axes.plot(line, 1.0 / (1.0 + 0.3 * line), color=style.soft, label="1/(1 + λn)")
    axes.plot(degrees[there], (after / np.where(there, before, 1.0))[there], "o", label="measured")
    axes.set(xlabel="degree n of the component", ylabel="factor", title="λ = 0.3", xlim=(-0.2, 5.0))
    axes.legend()
    return figure


FIGURE = Figure(
    name="gradient_regularization_damping",
    title="Damping of Hermite components",
    draw=draw,
    experiments=("gradient_regularization_linear",),
    claims=("GR-15",),
    caption=(
        "g = x⁴ − 2x under standard normal data: the minimizer among polynomials of degree 4, "
        "taken apart into Hermite polynomials. The component of degree 3 is 0 before and after."
    ),
)
