"""Exact norm, lower bounds and upper bound: against the power, and for kernels of one and two
layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def draw(results: Results, style: Any) -> Any:
    """Left: functions on the plane. Right: random machines, every bound over the exact norm."""
    plane, machines = results["rkhs_norm_upper_bound"], results["rkhs_norm_kernels"]
    figure, panels = style.subplots(1, 2, width=5.6)
    axes, powers = panels[0], plane["powers"]
    for values, label, marker, color in (
        (np.sqrt(plane["bound"]), "upper bound, √C(|g|²)", "v", style.colors[1]),
        (np.sqrt(plane["series"]), "exact norm", "D", style.ink),
        (plane["slope"], "largest slope", "^", style.colors[0]),
        (plane["gain"], "largest gain", "x", style.colors[2]),
    ):
        axes.plot(powers, values, marker, color=color, label=label, linestyle="-", ms=7)
    axes.set(xlabel="power p", ylabel="norm, or its bound", xticks=powers, ylim=(0.0, 1.5))
    axes.set_title("f(x) = |x| (⟨g, x⟩ / |x|)ᵖ, exponential kernel")
    axes.legend(loc="lower left", fontsize=9)
    axes = panels[1]
    kinds = (
        ("slope", "slope"),
        ("gain", "gain"),
        ("change", "|df| / |dΦ|"),
        ("deformation", "deformation"),
        ("tangent", "tangent"),
    )
    for row, (name, _) in enumerate(kinds):
        ratios = machines[name] / machines["norm"]
        for layers, color, marker in ((1, style.colors[0], "o"), (2, style.colors[1], "s")):
            values = ratios[3 * (layers - 1) : 3 * layers].ravel()
            height = np.full(values.size, len(kinds) - 1.0 - row + 0.14 * (3 - 2 * layers))
            axes.plot(values, height, marker, color=color, alpha=0.6, ms=5)
    axes.plot([], [], "o", color=style.colors[0], label="one layer")
    axes.plot([], [], "s", color=style.colors[1], label="two layers")
    axes.axvline(1.0, color=style.soft, linestyle="--", linewidth=1.2)
    axes.set_yticks(range(len(kinds)), [label for _, label in kinds][::-1])
    axes.set(xlabel="lower bound / exact norm", xlim=(0.0, 1.08))
    count = machines["norm"].size
    axes.set_title(f"{count} random machines: 3 kernels × 1 or 2 layers", fontsize=10)
    axes.legend(loc="upper left", fontsize=9)
    axes.grid(axis="y", visible=False)
    return figure


FIGURE = Figure(
    name="rkhs_norm_bounds",
    title="Kernel norms and what bounds them",
    draw=draw,
    experiments=("rkhs_norm_upper_bound", "rkhs_norm_kernels"),
    claims=("RK-2", "RK-3"),
    caption=(
        "Left: on the plane the exact norm is a series; largest slope and largest gain within "
        "distance 1 lie below, the bound by activation coefficients above. Right: everything that "
        "bounds the norm from below, found by ascent on random kernel machines, over the exact "
        "norm; each point is one function. Deformations and tangents look in few directions, so "
        "they see less. No point may lie right of the dashed line."
    ),
)
