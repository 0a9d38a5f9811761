"""Where plain, delayed and gated chains end, against the strength."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.gradient_coherent.theory import chain

from ..base import Figure, Results
from .shared import color as shade


def data(results: Results) -> dict[str, np.ndarray]:
    """Ends of the flow from w₀ = 0.4 at depth 6, and the simulated ones."""
    arrays = results["gradient_coherent_chain"].arrays
    grid = np.linspace(0.001, 0.4, 800)
    level = chain.tolerance(0.4, 1.0, 6)
    stable = [chain.stationary_weights(1.0, 6, float(s))[1] or 0.0 for s in grid]
    return {
        "strength": grid,
        "plain": np.where(grid < level, stable, 0.0),
        "delayed": np.asarray(stable),
        "gate": np.array([chain.gated_end(0.4, 1.0, 6, float(s)) for s in grid]),
        "simulated_strength": np.asarray(arrays["gate_strengths"]),
        "simulated_plain": np.asarray(arrays["plain_end"]),
        "simulated_delayed": np.asarray(arrays["delayed_end"]),
        "simulated_gate": np.asarray(arrays["gate_end"]),
    }


def draw(results: Results, style: Any) -> Any:
    """One panel: the end of each method."""
    values = data(results)
    figure, axes = style.subplots(1, 1, width=6.2, height=4.0)
    for name, width, size in (("gate", 6.0, 11.0), ("delayed", 3.4, 7.5), ("plain", 1.6, 4.5)):
        color = shade(name, style)
        axes.plot(
            values["strength"], values[name], color=color, label=name, linewidth=width, alpha=0.8
        )
        axes.plot(
            values["simulated_strength"],
            values[f"simulated_{name}"],
            "o",
            color=color,
            mfc="white",
            markersize=size,
            label=f"_simulated {name}",
        )
    axes.set(
        xscale="log",
        xlabel="strength λ",
        ylabel="weight at the end",
        title="depth 6, y = 1, start $w_0$ = 0.4",
    )
    axes.legend(loc="center left")
    return figure


FIGURE = Figure(
    name="gradient_coherent_gated_chain",
    title="The coherent gate on a chain",
    draw=draw,
    experiments=("gradient_coherent_chain",),
    claims=("GC-21",),
    caption=(
        "Lines: closed forms, of three widths so that all are seen; circles: simulated. Plain L2 "
        "dies beyond the tolerance of its start; a delay and the gate both reach the regularised "
        "optimum up to the spinodal strength 0.326. Beyond it the delayed chain dies, while the "
        "gate stays shut and ends at the unregularised fit: it saves accuracy by not regularising. "
        "Without noise the gate holds the optimum only until rounding decides there."
    ),
    data=data,
    note="no randomness",
)
