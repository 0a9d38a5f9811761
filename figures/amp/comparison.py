"""Digits with redrawn labels: all methods at their best settings by validation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_LABELS = {
    "plain": "plain descent",
    "decay": "weight decay",
    "amp": "AMP",
    "sam": "SAM",
    "random": "random perturbation",
}
_LOOKS = {"plain": "none", "decay": "weight decay", "random": "random perturbation"}


def draw(results: Results, style: Any) -> Any:
    """A row a method: test accuracy of each seed, and the paired gain over plain descent."""
    from scipy.stats import t as student

    result = results["amp_comparison_digits"]
    methods = result["method"].tolist()
    figure, (left, right) = style.subplots(1, 2, width=5.4, height=3.6, sharey=True)
    places = np.arange(len(methods))[::-1]
    seeds = result["test"].shape[1]
    for index, place in enumerate(places):
        color = style.look(_LOOKS.get(methods[index], methods[index])).color
        test, gain = result["test"][index], 100.0 * result["difference"][index]
        left.plot(test, np.full(seeds, place), ".", color=color, alpha=0.5, markersize=9)
        left.plot(np.mean(test), place, "D", color=color, markersize=8)
        if methods[index] != "plain":
            reach = student.ppf(0.975, seeds - 1) * np.std(gain, ddof=1) / np.sqrt(seeds)
            right.errorbar(
                np.mean(gain), place, xerr=reach, marker="D", color=color, capsize=4, markersize=8
            )
    names = [
        f"{_LABELS[method]} ({result['setting'][index][result['chosen'][index]]})"
        for index, method in enumerate(methods)
    ]
    left.set_yticks(places, names)
    left.set(xlabel="test accuracy", title=f"{seeds} seeds; diamonds: means")
    right.axvline(0.0, color=style.soft, linewidth=1.0)
    right.set(xlabel="points beyond plain descent", title="paired, 95 % t intervals")
    return figure


FIGURE = Figure(
    name="amp_comparison",
    title="20 % redrawn labels: each method at its best setting by validation",
    draw=draw,
    experiments=("amp_comparison_digits",),
    claims=("AMP-16b",),
    caption=(
        "Digits, 300 training examples, labels of training and validation set redrawn with "
        "probability 0.2, test labels clean. In brackets the setting that the mean validation "
        "accuracy chose: a learning rate for plain descent, a weight decay, a radius for the "
        "others; all methods have equally many settings. Pairs share data, start and order."
    ),
    note="{seeds} paired seeds",
)
