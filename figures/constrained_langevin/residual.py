"""Constraint residuals of the released optimizers against the methods."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_FLOOR = 1e-17
_NAMES = (
    "circle_released_cold", "circle_released_warm", "circle_cold", "circle_warm",
    "orthogonal_released_cold", "orthogonal_cold", "collapse_step", "collapse_radius",
    "collapse_heat",
)  # fmt: skip


def data(results: Results) -> dict[str, np.ndarray]:
    """Residual of every step, and the mean radius of weights without a loss."""
    arrays = results["constrained_released"].arrays
    return {name: np.asarray(arrays[name]) for name in _NAMES}


def _trace(axes: Any, values: np.ndarray, **look: Any) -> None:
    """The running maximum: what the residual has reached by each step."""
    reached = np.maximum(np.maximum.accumulate(values), _FLOOR)
    axes.plot(np.arange(1, len(values) + 1), reached, **look)


def draw(results: Results, style: Any) -> Any:
    """Circles on digits, orthogonality on digits, and the collapse of radii."""
    values = data(results)
    figure, (left, middle, right) = style.subplots(1, 3, width=4.4, height=3.9)
    for name, color, line, label in (
        ("circle_released_warm", 1, "-", "released, τ = 1e-4"),
        ("circle_released_cold", 1, "--", "released, τ = 0"),
        ("circle_warm", 0, "-", "method, τ = 1e-4"),
        ("circle_cold", 0, "--", "method, τ = 0"),
    ):
        _trace(left, values[name], color=style.colors[color], linestyle=line, label=label)
    for name, color, label in (
        ("orthogonal_released_cold", 1, "released"), ("orthogonal_cold", 0, "method"),
    ):  # fmt: skip
        _trace(middle, values[name], color=style.colors[color], label=label)
    for axes, title, ylabel in (
        (left, "circles, digits", "largest |θ² + ξ² − r²| / r² so far"),
        (middle, "orthogonality, digits, τ = 0", "largest entry of WᵀW − I so far"),
    ):
        axes.set(xscale="log", yscale="log", xlabel="step", title=title, ylabel=ylabel)
        axes.set_ylim(_FLOOR, 10.0)
        axes.legend(fontsize=8, loc="center left" if axes is left else "center right")
    step = values["collapse_step"]
    right.plot(step, values["collapse_radius"], color=style.colors[1], label="mean radius / r")
    right.plot(
        step, values["collapse_heat"], color=style.colors[4], label="kinetic / set temperature"
    )
    right.axhline(1.0, color=style.colors[0], label="method: radius")
    right.set(xscale="log", xlabel="step", title="released circles, no loss, τ = 1e-4")
    right.set_ylim(0.0, 1.1)
    right.legend(fontsize=8, loc="lower left")
    return figure


FIGURE = Figure(
    name="constrained_residual",
    title="Staying on the constraint: the released optimisers and the methods",
    draw=draw,
    experiments=("constrained_released",),
    claims=("CL-34", "CL-38"),
    caption=(
        "Constraint residuals. Left and middle: running maxima. Left: circle constraints (radii "
        "0.05 and 0.1, h = 0.3, γ = 1) on digits from a feasible start. Middle: orthogonality at "
        "learning rate 0.1; the released start of the wide output layer is off the manifold for "
        "one step. Right: mean radius and kinetic temperature of released circle weights without a "
        "loss."
    ),
    data=data,
    note="one run each",
)
