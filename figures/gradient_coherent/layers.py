"""Norms of the eight layers behind the gate: they merge, as stationarity demands."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def draw(results: Results, style: Any) -> Any:
    result = results["gradient_coherent_course"]
    figure, axes = style.subplots(1, 2)
    epochs = np.arange(result["loss"].shape[1])
    method, bias = np.asarray(result["method"]), np.asarray(result["bias"], dtype=bool)
    free = np.flatnonzero((method == "plain") & (np.asarray(result["strength"]) == 0.0) & ~bias)[0]
    gate = np.flatnonzero(method == "gate 0.7")[0]
    for panel, index, title in (
        (axes[0], free, "no penalty"),
        (axes[1], gate, "L2, λ = 0.05, gate τ = 0.7"),
    ):
        norms = result["layer_norms"][index]
        for layer in range(norms.shape[1]):
            last = layer == norms.shape[1] - 1
            first = layer == 0
            panel.plot(
                epochs,
                norms[:, layer],
                color=style.colors[1] if last else style.colors[2 if first else 0],
                linestyle="-",
                alpha=1.0 if first or last else 0.45,
                label="output"
                if last
                else "input"
                if first
                else "_hidden"
                if layer > 1
                else "hidden",
            )
        spread = norms[-1].max() / norms[-1].min()
        panel.set(
            xlabel="epoch", ylabel=r"$\|W_l\|$", title=f"{title}: largest / smallest {spread:.2f}"
        )
        panel.set_ylim(0.0, 1.08 * result["layer_norms"][[free, gate]].max())
    axes[1].legend(loc="upper right")
    return figure


FIGURE = Figure(
    name="gradient_coherent_layers",
    title="Under L2 all layers end with one norm",
    draw=draw,
    experiments=("gradient_coherent_course",),
    claims=("GC-38",),
    caption=(
        "Frobenius norms of the eight weight matrices, digits, constant rate. At every stationary "
        "point of a homogeneous network λ‖W_l‖² is the same in all layers; differences of squares "
        "decay as exp(−2λt). Without the penalty they are kept."
    ),
    note="one seed",
)
