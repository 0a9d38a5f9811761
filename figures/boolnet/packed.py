"""Packed bits against the float graph while a network learns."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Disagreements and accuracies (form, epoch)."""
    result = results["boolnet_packed"]
    names = ("form", "disagreements", "accuracies")
    return {name: np.asarray(result[name]) for name in names}


def draw(results: Results, style: Any) -> Any:
    """Left: points on which outputs differ; right: accuracy, so that one sees it learn."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2, width=4.8, height=3.8)
    epochs = np.arange(1, values["accuracies"].shape[1] + 1)
    for row, form in enumerate(values["form"]):
        color = style.colors[row % len(style.colors)]
        left.plot(epochs, values["disagreements"][row], "o-", color=color, ms=8 - row)
        right.plot(epochs, 100.0 * values["accuracies"][row], "o-", color=color, label=str(form))
    left.set(xlabel="epoch", ylabel="points with other outputs", ylim=(-1.0, 10.0))
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
    left.set_title("packed bits against the float graph")
    right.set(xlabel="epoch", ylabel="test accuracy, %", title="the networks, one run each")
    right.legend()
    return figure


FIGURE = Figure(
    name="boolnet_packed",
    title="Packed inference against the float graph during training",
    draw=draw,
    experiments=("boolnet_packed",),
    claims=("BN-20",),
    caption=(
        "Test digits on which packed inference and the float graph give outputs that differ in any "
        "bit, after each epoch, for five forms of the network whose curves lie on each other. "
        "Training is short: accuracies show that weights move, not what the forms can reach."
    ),
    data=data,
)
