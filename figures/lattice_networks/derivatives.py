"""Mixed derivatives of networks over their bound, by order, activation and depth."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

NAMES = ("sigmoid", "tanh", "swish", "sin")


def data(results: Results) -> dict[str, np.ndarray]:
    """Largest ratios over weights' scales: (depth, order) of each activation, both networks."""
    arrays = results["lattice_bounds"].arrays
    return {
        f"{kind}_{name}": arrays[f"{kind}_{name}"].max(axis=0)
        for kind in ("plain", "periodic")
        for name in NAMES
    }


def draw(results: Results, style: Any) -> Any:
    """One panel an activation; solid: standard, dashed: periodic; colour: depth."""
    values, config = data(results), results["lattice_bounds"].config
    figure, panels = style.subplots(1, 4, width=3.1, height=3.7, sharey=True)
    orders = np.arange(1, config.order + 1)
    for axes, name in zip(panels, NAMES, strict=True):
        for row, depth in enumerate(config.depths):
            for kind, dashes in (("plain", "o-"), ("periodic", "^--")):
                axes.semilogy(
                    orders,
                    values[f"{kind}_{name}"][row],
                    dashes,
                    color=style.colors[row],
                    label=f"depth {depth}" if kind == "plain" else None,
                )
        axes.axhline(1.0, color=style.ink, lw=1.2)
        axes.set(title=name, xlabel="order |ν|", xticks=orders, ylim=(1e-8, 3.0))
    panels[0].set_ylabel("sup |∂^ν G| over its bound")
    panels[0].legend(loc="lower left")
    return figure


FIGURE = Figure(
    name="lattice_derivatives",
    title="Derivatives of networks against their bound",
    draw=draw,
    experiments=("lattice_bounds",),
    claims=("LAT-13", "LAT-15"),
    caption=(
        "Largest mixed derivative on a grid over the bound from composed majorants, for networks "
        "of three inputs with deterministic weights of two scales (the larger ratio is shown). "
        "Depth is the number of activations. Solid: networks on y; dashed: on sin 2πy. All lie "
        "below 1; the slack grows with depth and order."
    ),
    data=data,
)
