"""The gate at work: coherence and the share of open steps, epoch by epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results
from .shared import color


def draw(results: Results, style: Any) -> Any:
    result = results["gradient_coherent_course"]
    figure, axes = style.subplots(1, 3, width=4.3)
    method, bias = np.asarray(result["method"]), np.asarray(result["bias"], dtype=bool)
    gate = int(np.flatnonzero(method == "gate 0.7")[0])
    plain = int(np.flatnonzero((method == "plain") & bias)[0])
    epochs = np.arange(1, result["on_rate"].shape[1] + 1)
    rows = (
        (gate, f"gate τ = 0.7, λ = {result['strength'][gate]:g}", color("gate 0.7", style)),
        (plain, f"plain, λ = {result['strength'][plain]:g}", color("plain", style)),
    )
    for index, label, tint in rows:
        axes[0].plot(epochs, result["coherence"][index], "o-", color=tint, label=label)
        axes[1].plot(epochs, result["on_rate"][index], "o-", color=tint, label=label)
        axes[2].plot(
            np.arange(len(epochs) + 1), result["test_accuracy"][index], "o-", color=tint,
            label=label,
        )  # fmt: skip
    axes[0].axhline(0.7, color=style.soft, linestyle="--")
    axes[0].text(epochs[-1], 0.71, "τ", color=style.soft, va="bottom", ha="right")
    axes[0].set(ylabel="coherence κ, mean of the epoch", title="coherence")
    axes[1].set(ylabel="share of steps with an open gate", title="on-rate", ylim=(-0.04, 1.06))
    axes[2].set(ylabel="test accuracy", title="accuracy", ylim=(0.0, 1.02))
    for panel in axes:
        panel.set_xlabel("epoch")
    axes[1].legend(loc="center right")
    return figure


FIGURE = Figure(
    name="gradient_coherent_gate",
    title="The gate is a delay that times itself",
    draw=draw,
    experiments=("gradient_coherent_course",),
    claims=("GC-7", "GC-38"),
    caption=(
        "Digits, eight layers with biases, constant rate. For two epochs the penalty would turn "
        "the step away from the loss (κ below τ) and stays off; once the loss gradient has grown "
        "the gate opens and stays open. Under plain L2 the penalty dominates (κ near 0) while the "
        "network, which had begun to learn, is pulled under; κ rises in the end only because the "
        "weights vanish and the noise of the batches is left. At this rate one run is not smooth: "
        "the gated network loses a third of its accuracy in single epochs and regains it."
    ),
    note="one seed",
)
