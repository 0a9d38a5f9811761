"""The gradient of the Lagrangian against the implicit one along training."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Cosine and residual of every step."""
    result = results["graph_adjoints"]
    return {name: result[f"curve_{name}"] for name in ("cosine", "residual")}


def draw(results: Results, style: Any) -> Any:
    """Left: both against steps. Right: 1 − cosine against the residual."""
    values = data(results)
    figure, panels = style.subplots(1, 2, width=4.8, height=3.7)
    steps = np.arange(len(values["cosine"]))
    panels[0].plot(steps, values["cosine"], color=style.colors[0], label="cosine")
    panels[0].plot(steps, values["residual"], color=style.colors[1], label="residual")
    panels[0].axhline(1.0, color=style.soft, lw=1.0)
    panels[0].set(xlabel="step", title="along training")
    panels[0].legend()
    panels[1].loglog(
        values["residual"], np.maximum(1.0 - values["cosine"], 1e-16), "o", ms=3.0,
        color=style.colors[0],
    )  # fmt: skip
    panels[1].set(xlabel="residual max |x − F|", ylabel="1 − cosine", title="the same steps")
    return figure


FIGURE = Figure(
    name="graph_gradients",
    title="∂Lagr/∂θ turns into the implicit gradient as the state equation is met",
    draw=draw,
    experiments=("graph_adjoints",),
    claims=("LPG-4", "LPG-5"),
    caption=(
        "A network of two layers on a ring of four nodes, G = lin, a multiplier for each "
        "dimension, ρ = 1, plain steps, states and multipliers from 0. The implicit gradient is "
        "taken at the fixed point of the weights of that step. One run, fixed weights at the start."
    ),
    data=data,
)
