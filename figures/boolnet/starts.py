"""Accuracy of a deep logic network against the size of its normalized numbers at the start."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Sizes by their law and accuracies, (form, seed)."""
    result = results["boolnet_starts"]
    found = np.asarray(result["form"])
    forms = list(dict.fromkeys(found.tolist()))
    keys = ("spread", "spread_expected", "accuracy")
    return {
        "form": np.array(forms),
        **{key: np.array([np.asarray(result[key])[found == f] for f in forms]) for key in keys},
    }


def draw(results: Results, style: Any) -> Any:
    """A point a seed over the measured size."""
    values = data(results)
    figure, panels = style.subplots(1, 1, width=6.4, height=4.0)
    axes = np.ravel(panels)[0]
    for row, form in enumerate(values["form"].tolist()):
        runs = 100.0 * values["accuracy"][row]
        color = style.colors[row % len(style.colors)]
        axes.plot(
            values["spread"][row], runs, "osD^vP"[row % 6], color=color, alpha=0.8, label=form
        )
        axes.plot(values["spread_expected"][row, 0], runs.mean(), "_", color=color, ms=22, mew=2)
    axes.set_xscale("log")
    axes.set(
        xlabel="size of what signs are taken of, at the start",
        ylabel="test accuracy, %",
        title=f"digits, 64-128-64-10, n = {values['accuracy'].shape[1]} seeds",
    )
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    return figure


FIGURE = Figure(
    name="boolnet_starts",
    title="Deep logic networks: accuracy and the size of normalized numbers",
    draw=draw,
    experiments=("boolnet_starts",),
    claims=("BN-9b",),
    caption=(
        "Points: seeds, over the root mean square of the numbers of which the first binary layer's "
        "signs are taken. Bars: means, at the size that the law gives. Weights harden slowly, "
        "except where they are signs throughout."
    ),
    data=data,
    note="{seeds} seeds; lines: means over the seeds at the size that the law predicts",
)
