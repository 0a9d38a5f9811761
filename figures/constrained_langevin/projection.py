"""The projection onto orthogonal matrices: convergence of the solvers, and where it exists."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_NAMES = (
    "history_size", "quasi", "newton", "riccati", "axis", "margin", "quasi_solves", "auto_solves",
)  # fmt: skip


def data(results: Results) -> dict[str, np.ndarray]:
    """Residuals by iteration, and the map of what is solved."""
    arrays = results["constrained_projection"].arrays
    return {name: np.asarray(arrays[name]) for name in _NAMES}


def draw(results: Results, style: Any) -> Any:
    """Left: residual against iteration. Right: the map over the two norms."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2, width=5.2, height=4.2)
    iterations = np.arange(values["quasi"].shape[1])
    for index, size in enumerate(values["history_size"]):
        color = style.colors[index]
        left.plot(
            iterations, np.maximum(values["quasi"][index], 1e-17), color=color,
            label=f"quasi-Newton, ‖X‖ = {size:g}",
        )  # fmt: skip
        newton = values["newton"][index]
        seen = iterations <= np.argmax(newton < 2e-15)  # up to convergence
        left.plot(
            iterations[seen], np.maximum(values["newton"][index][seen], 1e-17), "o--",
            color=color, markersize=4, linewidth=1.0, label=f"Newton, ‖X‖ = {size:g}",
        )  # fmt: skip
    left.axhline(
        float(np.median(values["riccati"])),
        color=style.soft,
        linestyle=":",
        label="Riccati solution",
    )
    left.set(
        yscale="log", xlabel="iteration", ylabel="largest entry of QᵀQ − I",
        title="convergence on St(20, 10)",
    )  # fmt: skip
    left.legend(fontsize=8, loc="upper right")

    axis = values["axis"]
    rotation, outside = np.meshgrid(axis, axis, indexing="ij")
    quasi, exact = values["quasi_solves"] > 0, values["auto_solves"] > 0
    groups = (
        (quasi, "s", style.colors[5], "both solvers"),
        (exact & ~quasi, "o", style.colors[4], "Newton only"),
        (~exact, "x", style.soft, "none"),
    )
    for chosen, marker, color, label in groups:
        right.scatter(
            rotation[chosen], outside[chosen], marker=marker, s=16, color=color, label=label
        )
    right.contour(rotation, outside, values["margin"], levels=[0.0], colors=[style.ink])
    angle = np.linspace(0.0, 0.5 * np.pi, 100)
    right.plot(np.cos(angle), np.sin(angle), color=style.colors[0], linewidth=1.2)
    right.axvline(np.sqrt(3.0) / 2.0, color=style.colors[1], linestyle="--", linewidth=1.2)
    right.set(
        xlabel="rotation ‖Ω‖", ylabel="out of the span ‖D₂‖", title="who finds a solution, St(9, 3)"
    )
    handles = right.get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower right", ncols=3, markerscale=1.5)
    return figure


FIGURE = Figure(
    name="constrained_projection",
    title="Projecting a step back onto the orthogonal matrices",
    draw=draw,
    experiments=("constrained_projection",),
    claims=("CL-2", "CL-4", "CL-20", "CL-28", "CL-29"),
    caption=(
        "Left: residual of the projected point against the iteration, for tangent increments of "
        "three spectral norms. Right: who finds the solution of one direction of increments, over "
        "the norms of its rotation Ω and of its part D₂ outside the span. Black: the exact "
        "criterion. Blue: ‖Ω‖² + ‖D₂‖² = 1, inside which a solution always exists. Dashed: "
        "√3/2, where quasi-Newton ends for square matrices."
    ),
    data=data,
    note="{draws} draws",
)
