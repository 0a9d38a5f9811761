"""Few-shot digits: every method at the learning rate that validation tasks chose."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def draw(results: Results, style: Any) -> Any:
    """A row a method: test accuracy of each seed, and the paired gain over no noise."""
    from scipy.stats import t as student

    result = results["gradient_dropout_digits"]
    methods = result["method"].tolist()
    figure, (left, right) = style.subplots(1, 2, width=5.4, height=3.6, sharey=True)
    places = np.arange(len(methods))[::-1]
    seeds = result["test"].shape[1]
    for index, place in enumerate(places):
        color = style.look(methods[index]).color
        test, gain = result["test"][index], 100.0 * result["difference"][index]
        left.plot(test, np.full(seeds, place), ".", color=color, alpha=0.5, markersize=9)
        left.plot(np.mean(test), place, "D", color=color, markersize=8)
        train = np.mean(result["train_accuracy"][index])
        left.plot(train, place, "|", color=color, markersize=14, markeredgewidth=2)
        if methods[index] != "none":
            reach = student.ppf(0.975, seeds - 1) * np.std(gain, ddof=1) / np.sqrt(seeds)
            right.errorbar(
                np.mean(gain), place, xerr=reach, marker="D", color=color, capsize=4, markersize=8
            )
    names = [
        f"{method} ({result['setting'][index][result['chosen'][index]].partition('=')[2]})"
        for index, method in enumerate(methods)
    ]
    left.set_yticks(places, names)
    left.set(
        xlabel="accuracy after adaptation", title=f"{seeds} seeds; ◆ test, | training tasks (means)"
    )
    right.axvline(0.0, color=style.soft, linewidth=1.0)
    right.set(xlabel="test points beyond no noise", title="paired, 95 % t intervals")
    return figure


FIGURE = Figure(
    name="gradient_dropout_digits",
    title="Few-shot digits from ten training tasks, with and without gradient dropout",
    draw=draw,
    experiments=("gradient_dropout_digits",),
    caption=(
        "Three-way, five-shot tasks of the bundled digits; test tasks ask for digits that no "
        "training task showed. In brackets the outer learning rate that the mean accuracy on "
        "validation tasks chose; all methods have equally many. Dots are seeds, which draw the "
        "classes, tasks, start and episodes; differences are paired by seed. An interval that "
        "covers 0 shows no effect."
    ),
    note="{seeds} paired seeds",
)
