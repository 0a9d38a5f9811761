"""MNIST: accuracy against the strength of L2, and against compression under L1."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results
from .shared import LABELS, color, present, series

METHODS = ("plain", "delayed 1", "gate 0.7")


def draw(results: Results, style: Any) -> Any:
    result = results["gradient_coherent_mnist"]
    figure, grid = style.subplots(2, 2, height=3.2)
    axes = grid.ravel()
    base = np.asarray(result["method"]) == "none"
    free = float(np.asarray(result["test_accuracy"])[base][0])
    limit = float(np.asarray(result["validation_accuracy"])[base][0]) - 0.03
    values = ("test_accuracy", "on_rate", "weight_norm")
    for name in present(result, METHODS):
        tint = color(name, style)
        for panel, value in zip(axes[:3], values, strict=True):
            levels, means, _ = series(result, value, method=name, penalty="l2")
            panel.plot(levels, means, "o-", color=tint, label=LABELS[name])

        def absolute(value: str, name: str = name) -> np.ndarray:
            return series(result, value, method=name, penalty="l1")[1]

        kept, exact = absolute("repaired_nonzero"), absolute("repaired_accuracy")
        alive = (kept > 1e-3) & (absolute("on_rate") > 0.5)
        declined = (kept > 1e-3) & ~alive
        axes[3].plot(1.0 / kept[alive], exact[alive], "o-", color=tint)
        axes[3].plot(1.0 / kept[declined], exact[declined], "o", color=tint, mfc="white")
        good = np.flatnonzero(alive & (absolute("validation_accuracy") >= limit))
        if good.size:
            axes[3].plot(
                1.0 / kept[good[-1]], exact[good[-1]], "D", color=tint,
                markeredgecolor=style.ink, markersize=9,
            )  # fmt: skip
    for panel in (axes[0], axes[3]):
        panel.axhline(free, color=style.soft, linestyle=":", label="no penalty")
    for panel in axes:
        panel.set(xscale="log", xlabel="strength λ")
    axes[0].set(ylabel="test accuracy", title="L2: accuracy", ylim=(0.0, 1.02))
    axes[1].set(ylabel="share of steps, penalty on", title="L2: on-rate", ylim=(-0.04, 1.06))
    axes[2].set(ylabel="‖w‖ at the end", title="L2: weight norm", yscale="log")
    axes[3].set(
        xlabel="compression (weights / non-zero weights)", ylabel="test accuracy",
        title="L1: accuracy against compression", xlim=(0.9, 100), ylim=(0.8, 0.97),
    )  # fmt: skip
    axes[0].legend(loc="lower left")
    return figure


FIGURE = Figure(
    name="gradient_coherent_mnist",
    title="MNIST, eight layers: the same transition, and compression under L1",
    draw=draw,
    experiments=("gradient_coherent_mnist",),
    caption=(
        "10 000 training images, 5 epochs, one seed. L2: plain falls to chance by λ = 0.1; delay "
        "and gate lose seven points there, with the penalty on. L1, after one last proximal step: "
        "diamonds mark the largest λ whose validation accuracy is within 0.03 of the "
        "unregularised network's, rings a gate that declines (penalty on in less than half of "
        "the steps). At this margin and in so short a training plain L1 compresses as much as the "
        "others; delay and gate are ahead where more accuracy may be given up."
    ),
    note="one seed",
)
