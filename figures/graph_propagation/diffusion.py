"""Influence of a label along a path, by steps and layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.graph_propagation.theory.reach import state_reach

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Change of states (layers, step, node)."""
    return {"states": results["graph_diffusion"]["states"]}


def draw(results: Results, style: Any) -> Any:
    """One panel for each number of layers."""
    values, config = data(results)["states"], results["graph_diffusion"].config
    figure, panels = style.subplots(1, len(config.layers), width=3.9, height=3.4)
    image = None
    for axes, felt, layers in zip(panels, values, config.layers, strict=True):
        shown = np.log10(np.where(felt > 0.0, felt, np.nan))
        image = axes.imshow(shown, origin="lower", aspect="auto", cmap="viridis", vmin=-12, vmax=0)
        steps = np.arange(config.steps)
        reach = [state_reach(int(t) + 1, layers) for t in steps]
        axes.plot(np.minimum(np.array(reach) + 0.5, config.nodes - 0.5), steps, "o--",
                  color=style.colors[1], lw=1.4)  # fmt: skip
        axes.set(xlabel="hops from the label", title=f"{layers} layer{'s' * (layers > 1)}")
        axes.set_xticks(range(0, config.nodes, 2))
        axes.set_yticks(steps, [str(t + 1) for t in steps])
        axes.grid(False)
    panels[0].set_ylabel("step")
    figure.colorbar(image, ax=panels, label="log₁₀ change of the state")
    return figure


FIGURE = Figure(
    name="graph_diffusion",
    title="How far a label has been felt",
    draw=draw,
    experiments=("graph_diffusion",),
    claims=("LPG-18",),
    caption=(
        "Largest change of a node's states when the label at one end of a path is moved by ±0.2; "
        "white: exactly 0. Dashed: 2Kt hops, the law for K layers in the released form whose "
        "output reads new states, all nodes labeled. Fixed weights, nothing is random."
    ),
    data=data,
)
