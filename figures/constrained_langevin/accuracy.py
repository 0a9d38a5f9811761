"""Test accuracy of constrained methods and baselines on digits and on MNIST."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_NAMES = (
    "method", "setting", "chosen", "at_edge", "validation", "test", "run_residual", "run_defect",
)  # fmt: skip


def data(results: Results) -> dict[str, np.ndarray]:
    """Accuracies by method and seed, the settings, and which of them validation chose."""
    (result,) = results.values()
    return {name: np.asarray(result.arrays[name]) for name in _NAMES}


def draw(results: Results, style: Any) -> Any:
    """Accuracy, its paired difference to momentum, and residuals, a row a method."""
    values = data(results)
    names = [str(name) for name in values["method"]]
    figure, (left, middle, right) = style.subplots(1, 3, width=3.9, height=5.0, sharey=True)
    rows = np.arange(len(names))[::-1]
    test = 100.0 * values["test"]
    difference = test - test[names.index("momentum")]
    seeds = test.shape[1]
    for row, name, scores, change, edge in zip(
        rows, names, test, difference, values["at_edge"], strict=True
    ):
        color = style.look(name).color
        left.plot(scores, np.full(seeds, row), ".", color=style.soft, markersize=4)
        left.plot(np.mean(scores), row, "o", color=color)
        reach = style.half_width(change)
        middle.errorbar(np.mean(change), row, xerr=reach, fmt="o", color=color, capsize=3)
        left.annotate(
            f"{np.mean(scores):.1f} ± {style.half_width(scores):.1f}{' *' * bool(edge)}",
            (1.0, row), xycoords=("axes fraction", "data"), ha="right", va="center",
            fontsize=9, color=style.ink,
        )  # fmt: skip
    _residuals(right, rows, names, values, style)
    middle.axvline(0.0, color=style.soft)
    left.set_yticks(rows, names)
    low, high = left.get_xlim()
    left.set_xlim(low, high + 0.75 * (high - low))
    left.set_xticks([tick for tick in left.get_xticks() if low <= tick <= min(high, 100.0)])
    left.set(xlabel="test accuracy, %", title=f"{seeds} seeds and their mean")
    middle.set(xlabel="difference, points", title="against momentum")
    right.set(xlabel="largest residual", title="residuals", xscale="log")
    return figure


def _residuals(axes: Any, rows: Any, names: Any, values: Any, style: Any) -> None:
    """Of a method's own constraint, where it has one, and the distance from orthonormal weights."""
    for row, name, own, defect in zip(
        rows, names, values["run_residual"], values["run_defect"], strict=True
    ):
        color = style.look(name).color
        if np.all(np.isfinite(own)):
            axes.plot(np.max(own), row, "D", color=color)
        axes.plot(np.max(defect), row, "o", color=color, mfc="white")
    axes.plot([], [], "D", color=style.ink, label="own constraint")
    axes.plot([], [], "o", color=style.ink, mfc="white", label="|WWᵀ − I| at the end")
    axes.figure.legend(loc="outside lower right", ncols=2)


_CAPTION = (
    "Four settings a method; shown is the one with the best mean validation accuracy. The seeds "
    "(split, start, order, noise) are shared by the methods. *: the chosen setting lies at an end "
    "of its grid. Filled diamonds: the largest residual of the method's own constraint in any step "
    "of any seed; rings, for every method: the largest entry of the smaller of WWᵀ − I and "
    "WᵀW − I after training, beyond the first layer. No ranking is claimed."
)

_NOTE = (
    "{seeds} paired seeds; left: means ± 95 % t intervals, middle: 95 % t intervals of paired "
    "differences; right: largest over the seeds"
)

FIGURES = (
    Figure(
        name="constrained_digits",
        title="Constrained training and its baselines on digits",
        draw=draw,
        experiments=("constrained_digits",),
        caption=f"Digits, network 64-100-100-10. {_CAPTION}",
        data=data,
        note=_NOTE,
    ),
    Figure(
        name="constrained_mnist",
        title="Constrained training and its baselines on MNIST",
        draw=draw,
        experiments=("constrained_mnist",),
        caption=f"A part of MNIST, network 784-100-100-10. {_CAPTION}",
        data=data,
        note=_NOTE,
    ),
)
