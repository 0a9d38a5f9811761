"""Hysteresis: a trained network under L2 that rises, and falls again."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

FLOOR = 5e-4


def draw(results: Results, style: Any) -> Any:
    result = results["gradient_coherent_hysteresis"]
    figure, axes = style.subplots(1, 2)
    up = np.asarray(result["rising"])
    strength = np.maximum(np.asarray(result["strength"]), FLOOR)  # 0 at the edge of a log axis
    for panel, name, label in (
        (axes[0], "train_accuracy", "training accuracy"),
        (axes[1], "weight_norm", "‖w‖"),
    ):
        values = np.asarray(result[name])
        panel.plot(strength[up], values[up], "o-", color=style.colors[0], label="λ rises")
        last = np.flatnonzero(up)[-1]
        panel.plot(
            np.concatenate([strength[last : last + 1], strength[~up]]),
            np.concatenate([values[last : last + 1], values[~up]]),
            "s--",
            color=style.colors[1],
            label="λ falls",
        )
        panel.set(xscale="log", xlabel="strength λ", ylabel=label)
        panel.axvline(FLOOR, color=style.soft, linewidth=1.0)
        panel.text(1.1 * FLOOR, 0.5, "λ = 0", color=style.soft, rotation=90, va="center",
                   transform=panel.get_xaxis_transform())  # fmt: skip
    axes[0].set(ylim=(0.0, 1.03), title="accuracy")
    axes[1].set(yscale="log", title="weight norm")
    axes[0].legend(loc="center")
    return figure


FIGURE = Figure(
    name="gradient_coherent_hysteresis",
    title="Strong L2 kills a trained network once, and for all smaller strengths",
    draw=draw,
    experiments=("gradient_coherent_hysteresis",),
    claims=("GC-44",),
    caption=(
        "Digits, eight layers, trained without penalty, then 12 epochs at each λ. On the way up "
        "the network survives strengths several times those from which it can be trained; once "
        "dead it stays dead on the way down, at λ = 0 too."
    ),
    note="one seed",
)
