"""The amplitude on which AMP settles in a quadratic bowl, over the curvature."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.amp.theory import dynamics

from ..base import Figure, Results


def draw(results: Results, style: Any) -> Any:
    """Measured points on the closed form, plain descent beside them."""
    result = results["amp_cycle"]
    rates = [float(result[name]) for name in ("learning_rate", "ascent_rate", "radius")]
    critical = dynamics.critical_curvature(*rates[:2])
    figure, axes = style.subplots(1, 1, width=6.4, height=4.2)
    curve = np.linspace(critical, float(result["curvature"][-1]), 300)
    axes.plot([0.0, critical], [0.0, 0.0], color=style.ink, label="closed form", linewidth=2.2)
    law = [dynamics.cycle_amplitude(float(h), *rates) for h in curve]
    axes.plot(curve, law, color=style.ink, linewidth=2.2)
    axes.plot(result["curvature"], result["swept"], "o", color=style.look("AMP").color, label="AMP")
    axes.plot(
        result["curvature"], result["plain"], ".", color=style.soft, label="plain descent", zorder=1
    )
    axes.axvline(critical, color=style.soft, linestyle="--", linewidth=1.2)
    axes.text(critical + 0.15, 2.0, f"$h_c$ = {critical:g}", color=style.soft)
    axes.set(
        xlabel="curvature h",
        ylabel="|θ| where the iterates settle",
        title=f"η = {rates[0]:g}, ζ = {rates[1]:g}, ε = {rates[2]:g}; stable without AMP up to "
        f"h = {2.0 / rates[0]:g}",
    )
    axes.legend(loc="upper center")
    return figure


FIGURE = Figure(
    name="amp_cycle",
    title="Sharp minima lose stability first",
    draw=draw,
    experiments=("amp_cycle",),
    claims=("AMP-13",),
    caption=(
        "Descent with AMP's gradient in ½hθ². Up to h_c = (−1 + √(1 + 8ζ/η)) / (2ζ) the minimum is "
        "stable; above, the iterates settle on two points ±ε ηh / (2 − ηh), although plain "
        "descent with the same rate converges. At h_c itself the amplitude falls too slowly to be "
        "zero here."
    ),
)
