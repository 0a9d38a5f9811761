"""eps: where plain steps settle, and where they diverge."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Rise of λ at the end of the runs over (ε, η|d|)."""
    arrays = results["graph_one_state"].arrays
    return {name: values for name, values in arrays.items() if name.startswith("phase_")}


def draw(results: Results, style: Any) -> Any:
    """Settled and diverging runs, with the line η|d| = (2 − η) ε."""
    values = data(results)
    figure, axes = style.subplots(1, 1, width=7.6, height=4.6)
    pulls, epsilons = np.meshgrid(values["phase_pulls"], values["phase_epsilons"])
    grows = values["phase_rises"] > 1e-6
    axes.scatter(epsilons[~grows], pulls[~grows], color=style.colors[0], label="settles", s=30)
    axes.scatter(
        epsilons[grows], pulls[grows], color=style.colors[1], marker="x", label="λ grows", s=30
    )
    ends = np.array([0.0, 0.31 / 1.9])
    axes.plot(ends, 1.9 * ends, "--", color=style.ink, label="η|d| = (2 − η) ε")
    axes.set(xlabel="ε", ylabel="η|d|, the pull of the loss", ylim=(0.0, 0.32), xlim=(0.0, 0.19))
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


FIGURE = Figure(
    name="graph_phases",
    title="ε-insensitive constraint, plain equal steps, η = 0.1",
    draw=draw,
    experiments=("graph_one_state",),
    claims=("LPG-15",),
    caption=(
        "One state, loss ½(a − d)², start at a = d; one run a point, nothing is random. A run "
        "counts as settled if λ rises by less than 1e-6 of itself over its last 400 steps. Dashed: "
        "the exact threshold for a start at the target."
    ),
    data=data,
)
