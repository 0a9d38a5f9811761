"""The pilot on MNIST: float, plain and logic networks, one slice and four."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results
from .seeds import draw_runs

NAMES = ("float", "plain, k=1", "logic, k=1", "plain, k=4", "logic, k=4", "plain, k=1, scaled",
         "logic, k=1, scaled", "logic, k=1, slow", "logic, k=4, slow")  # fmt: skip


def data(results: Results) -> dict[str, np.ndarray]:
    """Accuracies (method, seed) with recomputed and with stale statistics."""
    result = results["boolnet_images"]
    found = np.asarray(result["method"])
    kept = [name for name in NAMES if name in found]
    return {
        "method": np.array(kept),
        "recomputed": np.array([np.asarray(result["recomputed"])[found == n] for n in kept]),
        "stale": np.array([np.asarray(result["stale"])[found == n] for n in kept]),
    }


def draw(results: Results, style: Any) -> Any:
    """Seeds as points, means as diamonds, t intervals as bars; stale ones hollow."""
    values = data(results)
    figure, panels = style.subplots(1, 1, width=6.4, height=5.2)
    axes = np.ravel(panels)[0]
    places = np.arange(len(values["method"]))[::-1]
    for key, offset, color in (("recomputed", 0.18, 0), ("stale", -0.2, 1)):
        for place, runs, name in zip(places, 100.0 * values[key], values["method"], strict=True):
            if name == "float" and key == "stale":
                continue
            shade = style.colors[color]
            draw_runs(
                axes, runs, place + offset, shade, mfc=shade if color == 0 else "white",
                label=f"{key} statistics" if place == places[-1] else None,
            )  # fmt: skip
    axes.set_yticks(places, [str(name) for name in values["method"]])
    axes.set(
        xlabel="test accuracy, %",
        title=f"MNIST, n = {values['recomputed'].shape[1]} seeds",
        ylim=(-0.6, len(places) - 0.4),
    )
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


FIGURE = Figure(
    name="boolnet_images",
    title="MNIST: float, plain and logic networks, one slice and four",
    draw=draw,
    experiments=("boolnet_images",),
    claims=("BN-21", "BN-22"),
    caption=(
        "Points: seeds. Diamonds: means and 95 % t intervals. Settings are those of a pilot, "
        "fixed in advance. Statistics of the normalizations are those of the network with signs, "
        "taken anew, or the running ones of training. λ ends below the weights, but above most of "
        "them where a network is called slow: there stale statistics belong to another network. "
        "Scaled networks have the released scale, the others none."
    ),
    data=data,
    note="{seeds} seeds; diamonds: means, bars: 95 % t intervals",
)
