"""Norms of weights and gradients under plain L2, with the slopes that depth predicts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

DEPTH = 8


def draw(results: Results, style: Any) -> Any:
    result = results["gradient_coherent_course"]
    figure, axes = style.subplots(1, 3, width=4.3)
    chosen = np.flatnonzero(
        (np.asarray(result["method"]) == "plain") & ~np.asarray(result["bias"], dtype=bool)
    )
    steps = float(result["steps_per_epoch"][0])
    names = ("weight_norm", "gradient_norm", "loss")
    epochs = np.arange(result["loss"].shape[1])
    tail = epochs >= epochs[-1] - 10
    for place, index in enumerate(chosen):
        lam = float(result["strength"][index])
        tint = style.colors[place % len(style.colors)]
        for panel, name in zip(axes, names, strict=True):
            panel.plot(epochs, result[name][index], color=tint, label=f"λ = {lam:g}")
        factor = 1.0 - float(result["learning_rate"][index]) * lam
        if result["weight_norm"][index, -1] < 0.5 * result["weight_norm"][chosen[0], -1] and (
            result["loss"][index, -1] > 2.3
        ):
            for panel, name, power in zip(axes[:2], names[:2], (1, DEPTH - 1), strict=True):
                law = result[name][index, -1] * factor ** (power * steps * (epochs - epochs[-1]))
                panel.plot(epochs[tail], law[tail], ":", color=style.ink, linewidth=3.0, alpha=0.8)
    axes[0].set(yscale="log", ylabel="‖w‖", title="weights: slope ln(1 − αλ)")
    axes[1].set(yscale="log", ylabel="‖∇L‖", title="gradient: slope 7 ln(1 − αλ)")
    axes[2].axhline(np.log(10.0), color=style.soft, linestyle="--")
    axes[2].text(epochs[-1], 2.27, "ln 10", color=style.soft, va="top", ha="right")
    axes[2].set(ylabel="training loss", title="loss")
    for panel in axes:
        panel.set_xlabel("epoch")
    axes[0].legend(loc="lower left")
    return figure


FIGURE = Figure(
    name="gradient_coherent_norms",
    title="Why strong L2 fails: the gradient dies seven times as fast as the weights",
    draw=draw,
    experiments=("gradient_coherent_course",),
    claims=("GC-5", "GC-6"),
    caption=(
        "Digits, eight layers without biases, constant rate. Dotted: the predicted slopes, 1 − αλ "
        "a step for the weights and its seventh power for the gradient, drawn through the last "
        "point of the runs that collapse. Where the weights shrink, the gradient that could hold "
        "them vanishes first, and the loss goes to ln 10."
    ),
    note="one seed",
)
