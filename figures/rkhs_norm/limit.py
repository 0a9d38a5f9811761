"""The adversarial penalty over the squared radius against the gradient penalty."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def draw(results: Results, style: Any) -> Any:
    """Left: the ratio. Right: its distance from 1."""
    result = results["rkhs_norm_limit"]
    figure, panels = style.subplots(1, 2, width=5.2)
    smooth, network = style.colors[0], style.colors[1]
    pairs = (
        ("radii", "smooth", smooth, "o", "kernel machine"),
        ("tiny", "network", network, "s", "ReLU network"),
    )
    for radii, name, color, marker, label in pairs:
        panels[0].plot(result[radii], result[name], marker, ls="-", color=color, label=label)
        error = np.maximum(np.abs(result[name] - 1.0), 1e-16)
        panels[1].plot(result[radii], error, marker, ls="-", color=color, label=label)
    guide = np.array([result["radii"].min(), result["radii"].max()])
    scale = abs(result["smooth"][-1] - 1.0) / result["radii"][-1]
    panels[1].plot(guide, scale * guide, "--", color=style.soft, lw=1.2, label="slope 1")
    for axes in panels:
        axes.axvline(result["piece_radius"], color=network, ls=":", lw=1.2)
        axes.set(xscale="log", xlabel="radius ε")
        axes.legend(loc="center left", fontsize=9)
    panels[0].set(ylabel="$‖f‖^2_δ$ / (ε² ‖∇f‖²)")
    panels[1].set(ylabel="distance from 1", yscale="log", ylim=(3e-17, 1.0))
    return figure


FIGURE = Figure(
    name="rkhs_norm_limit",
    title="From gains to slopes",
    draw=draw,
    experiments=("rkhs_norm_limit",),
    claims=("RK-5",),
    caption=(
        "The penalty on gains within ε, over ε², tends to the penalty on slopes. On a smooth "
        "kernel machine the error falls like ε. On a ReLU network it vanishes, up to rounding, as "
        "soon as the balls around all inputs stay in one linear piece: a sufficient radius is "
        "dotted. At larger radii the ratio may go either way."
    ),
)
