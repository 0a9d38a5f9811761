"""Test accuracy of constrained methods and baselines on digits and on MNIST."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_NAMES = ("method", "setting", "chosen", "at_edge", "validation", "test", "run_residual")


def data(results: Results) -> dict[str, np.ndarray]:
    """Accuracies by method and seed, the settings, and which of them validation chose."""
    (result,) = results.values()
    return {name: np.asarray(result.arrays[name]) for name in _NAMES}


def draw(results: Results, style: Any) -> Any:
    """Accuracy, its paired difference to momentum, and the residual, a row a method."""
    values = data(results)
    names = [str(name) for name in values["method"]]
    figure, (left, middle, right) = style.subplots(1, 3, width=4.6, height=5.0, sharey=True)
    rows = np.arange(len(names))[::-1]
    test = 100.0 * values["test"]
    difference = test - test[names.index("momentum")]
    seeds = test.shape[1]
    for row, name, scores, change, residual, edge in zip(
        rows, names, test, difference, values["run_residual"], values["at_edge"], strict=True
    ):
        color = style.look(name).color
        spread = np.std(scores, ddof=1)
        left.plot(scores, np.full(seeds, row), ".", color=style.soft, markersize=4)
        left.errorbar(np.mean(scores), row, xerr=spread, fmt="o", color=color, capsize=3)
        reach = style.half_width(change)
        middle.errorbar(np.mean(change), row, xerr=reach, fmt="o", color=color, capsize=3)
        if np.all(np.isfinite(residual)):
            right.plot(np.max(residual), row, "D", color=color)
        mark = " *" if edge else ""
        left.annotate(
            f"{np.mean(scores):.2f} ± {spread:.2f}{mark}", (1.0, row),
            xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=7.5,
            color=style.ink,
        )  # fmt: skip
    middle.axvline(0.0, color=style.soft)
    left.set_yticks(rows, names)
    low, high = left.get_xlim()
    left.set_xlim(low, high + 0.45 * (high - low))
    left.set(xlabel="test accuracy, %", title=f"{seeds} seeds, mean ± deviation")
    middle.set(xlabel="difference, points", title="to momentum, paired, 95 % t interval")
    right.set(xlabel="largest residual", title="constraint residual", xscale="log")
    right.set_xlim(1e-8, 1e1)
    return figure


_CAPTION = (
    "Four settings a method; shown is the one with the best mean validation accuracy. The seeds "
    "(split, start, order, noise) are shared by the methods. *: the chosen setting lies at an end "
    "of its grid. No ranking is claimed."
)

_NOTE = (
    "{seeds} paired seeds; left: deviations, middle: 95 % t intervals; residuals of unconstrained "
    "methods are not recorded"
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
