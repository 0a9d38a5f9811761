"""A hard constraint against a soft one: the largest stable step and the residual."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.constrained_langevin.theory import dynamics

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Measured limits and residuals, and their laws on the same softnesses."""
    result = results["soft_constraint"]
    config = result.config
    softness = np.asarray(config.softness)
    return {
        "softness": softness,
        "radius": np.asarray(config.radius),
        "stable_matrix": result["stable_matrix"],
        "stable_circle": result["stable_circle"],
        "limit_matrix": np.array([dynamics.largest_stable_step(eps) for eps in softness]),
        "limit_circle": np.array(
            [dynamics.largest_stable_step(eps, config.radius) for eps in softness]
        ),
        "thermal": result["thermal_residual"],
        "thermal_law": np.array(
            [
                dynamics.soft_circle_residual(eps, config.radius, config.temperature)
                for eps in softness
            ]
        ),
        "pulled": result["pulled_residual"],
        "pulled_law": softness * config.slope / config.radius,
        "hard": result["hard_residual"].max(axis=1),
    }


def draw(results: Results, style: Any) -> Any:
    """Left: the step that the penalty allows. Right: what is left of the constraint."""
    values = data(results)
    eps = values["softness"]
    figure, (left, right) = style.subplots(1, 2, width=5.2)
    radius = float(values["radius"])
    for index, (name, label) in enumerate(
        (("matrix", "WᵀW = I:  h = ε"), ("circle", f"circle, r = {radius:g}:  h = ε / r²"))
    ):
        color = style.colors[index]
        left.plot(eps, values[f"limit_{name}"], color=color, label=label)
        left.plot(eps, values[f"stable_{name}"], "o", color=color, mfc="white")
    left.set(xscale="log", yscale="log", xlabel="softness ε", ylabel="largest stable step h")
    left.set_title("descent on the penalty (circles: measured)")
    left.legend(loc="upper left")
    for index, (name, label) in enumerate(
        (("thermal", "soft, noise:  2 √(ε τ / π)"), ("pulled", "soft, loss:  ε |∇V| / r"))
    ):
        color = style.colors[2 + index]
        right.plot(eps, values[f"{name}_law"], color=color, label=label)
        right.plot(eps, values[name], "o", color=color, mfc="white")
    right.plot(
        eps, values["hard"], "s-", color=style.colors[0], label="hard, h up to 100 times larger"
    )
    right.set(xscale="log", yscale="log", xlabel="softness ε", ylabel="|θ² + ξ² − r²|")
    right.set_ylim(1e-17, 1e1)
    right.set_title("residual of the circle constraint")
    right.legend(loc="center left")
    return figure


FIGURE = Figure(
    name="hard_soft",
    title="A hard constraint against a soft one",
    draw=draw,
    experiments=("soft_constraint",),
    claims=("CL-19",),
    caption=(
        "Left: largest step size at which descent on the penalties |WᵀW − I|² / (4 ε) and "
        "(θ² + ξ² − r²)² / (4 ε) is stable (circles: bracketed by following a perturbation; "
        "lines: ε and ε / r²). Right: what is left of the circle constraint at temperature 0.1 "
        "and under a linear loss; the constrained step keeps it to rounding at step sizes up to "
        "100 times the penalty's limit."
    ),
    data=data,
    note="{chains} chains",
)
