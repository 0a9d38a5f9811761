"""MNIST: accuracy against the strength of L2, and against compression under L1."""

from __future__ import annotations

from typing import Any

import numpy as np

from figures._gradient_coherent import LABELS, colour, present, series
from figures.base import Figure, Results

METHODS = ("plain", "delayed 1", "gate 0.7")


def draw(results: Results, style: Any) -> Any:
    result = results["gradient_coherent_mnist"]
    figure, axes = style.subplots(1, 3, width=4.3)
    base = np.asarray(result["method"]) == "none"
    free = float(np.asarray(result["test_accuracy"])[base][0])
    for name in present(result, METHODS):
        tint = colour(name, style)
        for panel, value in zip(axes, ("test_accuracy", "on_rate"), strict=False):
            levels, means, _ = series(result, value, method=name, penalty="l2")
            panel.plot(levels, means, "o-", color=tint, label=LABELS[name])
        levels, exact, _ = series(result, "repaired_accuracy", method=name, penalty="l1")
        _, kept, _ = series(result, "repaired_nonzero", method=name, penalty="l1")
        alive = kept > 1e-3
        axes[2].plot(1.0 / kept[alive], exact[alive], "o-", color=tint, label=LABELS[name])
        _, valid, _ = series(result, "validation_accuracy", method=name, penalty="l1")
        limit = float(np.asarray(result["validation_accuracy"])[base][0]) - 0.03
        good = np.flatnonzero(alive & (valid >= limit))
        if good.size:
            axes[2].plot(
                1.0 / kept[good[-1]], exact[good[-1]], "D", color=tint,
                markeredgecolor=style.ink, markersize=10,
            )  # fmt: skip
    for panel in (axes[0], axes[2]):
        panel.axhline(free, color=style.soft, linestyle=":", label="no penalty")
    axes[0].set(
        xscale="log", xlabel="strength λ", ylabel="test accuracy", title="L2: accuracy",
        ylim=(0.0, 1.02),
    )  # fmt: skip
    axes[1].set(
        xscale="log", xlabel="strength λ", ylabel="share of steps, penalty on", title="L2: on-rate",
        ylim=(-0.04, 1.06),
    )  # fmt: skip
    axes[2].set(
        xscale="log", xlabel="compression (weights / non-zero weights)", ylabel="test accuracy",
        title="L1: accuracy against compression", ylim=(0.8, 0.99),
    )  # fmt: skip
    axes[0].legend(loc="lower left")
    return figure


FIGURE = Figure(
    name="gradient_coherent_mnist",
    title="MNIST, eight layers: the same transition, and compression under L1",
    draw=draw,
    experiments=("gradient_coherent_mnist",),
    caption=(
        "10 000 training images, 5 epochs, one seed. Left and middle: L2 over its strength, with "
        "the share of steps in which the penalty acts. Right: L1, after one last proximal step; "
        "diamonds mark the largest λ whose validation accuracy is within 0.03 of the "
        "unregularised network's."
    ),
)
