"""Float, plain binary and logic networks on digits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results
from .seeds import draw_runs


def data(results: Results) -> dict[str, np.ndarray]:
    """Test accuracies (method, seed) at the rate that validation chose."""
    result = results["boolnet_forms_digits"]
    return {
        "method": result["method"],
        "rate": result["chosen"],
        "accuracy": result["test_accuracy"],
    }


def draw(results: Results, style: Any) -> Any:
    """Seeds as points, means as diamonds, t intervals as bars."""
    values = data(results)
    figure, panels = style.subplots(1, 1, width=5.6, height=4.0)
    axes = np.ravel(panels)[0]
    for row, runs in enumerate(100.0 * values["accuracy"]):
        place = len(values["method"]) - 1 - row
        draw_runs(axes, runs, place, style.look(str(values["method"][row])).color)
    labels = [f"{m}\nrate {r:g}" for m, r in zip(values["method"], values["rate"], strict=True)]
    axes.set_yticks(range(len(labels)), labels[::-1])
    axes.set(
        xlabel="test accuracy, %",
        title=f"digits, n = {values['accuracy'].shape[1]} seeds",
        ylim=(-0.6, len(labels) - 0.4),
    )
    return figure


FIGURE = Figure(
    name="boolnet_digits",
    title="Digits: float, plain binary and logic networks",
    draw=draw,
    experiments=("boolnet_forms_digits",),
    claims=("BN-21b", "BN-22b"),
    caption=(
        "A recorded comparison. Points: seeds. Diamonds: means and 95 % t intervals. Each method "
        "at its best rate by mean validation accuracy, of as many. The pilot on MNIST, on which "
        "BN-21 and BN-22 are judged, is another experiment: there stale statistics of the "
        "normalization had made four slices look worse than one."
    ),
    data=data,
    note="dots: seeds; diamonds: means, bars: 95 % t intervals",
)
