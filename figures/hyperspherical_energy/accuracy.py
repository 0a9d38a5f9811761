"""Test error of the regularizers on digits and on MNIST, settings by validation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Test error in per cent, (method, seed)."""
    (result,) = results.values()
    return {"method": result["method"], "error": 100.0 * (1.0 - result["test_accuracy"])}


def draw(results: Results, style: Any) -> Any:
    """A row for each method: seeds as points, mean and t interval of the difference to none."""
    from scipy.stats import t

    values = data(results)
    figure, axes = style.subplots(width=6.6, height=3.8)
    methods = [str(name) for name in values["method"]]
    reference = values["error"][methods.index("none")]
    for row, runs in enumerate(values["error"]):
        place = len(methods) - 1 - row
        color = style.look(methods[row]).color
        axes.plot(runs, np.full(runs.size, place), "o", color=color, alpha=0.45, ms=5)
        change = runs - reference
        reach = t.ppf(0.975, runs.size - 1) * change.std(ddof=1) / runs.size**0.5
        axes.errorbar(
            runs.mean(), place + 0.22, xerr=reach, fmt="D", color=color, ms=5, capsize=3, lw=1.6
        )
    axes.axvline(reference.mean(), color=style.soft, linestyle="--", linewidth=1.0)
    axes.set_yticks(range(len(methods)), methods[::-1])
    axes.set(xlabel=f"test error, % ({reference.size} seeds)", ylim=(-0.6, len(methods) - 0.3))
    axes.grid(axis="y", visible=False)
    return figure


_CAPTION = (
    "A recorded comparison. Points: seeds, each with its own split, start and batches, shared by "
    "all methods. Diamonds: mean, with the 95 % t interval of the paired difference to no "
    "regularizer. Settings are chosen on the validation split, as many for each method, all with "
    "the same weight decay. Dashed: the mean without a regularizer."
)

FIGURES = (
    Figure(
        name="hyperspherical_accuracy",
        title="Digits: test error with energy regularizers",
        draw=draw,
        experiments=("hyperspherical_regularizers_digits",),
        claims=("HE-52",),
        caption=_CAPTION,
        data=data,
        note="paired seeds; bars: 95 % t intervals of the difference to none",
    ),
    Figure(
        name="hyperspherical_accuracy_mnist",
        title="MNIST: test error with energy regularizers",
        draw=draw,
        experiments=("hyperspherical_regularizers_mnist",),
        claims=("HE-52b",),
        caption=_CAPTION,
        data=data,
        note="paired seeds; bars: 95 % t intervals of the difference to none",
    ),
)
