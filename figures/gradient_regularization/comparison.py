"""Each method at the strength that validation chose: clean and attacked accuracy, pair by pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from refimpl.experiments.base import Result

from ..base import Figure, Results


def rows(result: Result, style: Any, clean: str, chosen: Sequence[str]) -> Any:
    """A row a method: differences to training without one, with their means and t intervals.

    ``clean`` is the key of the test accuracy, ``chosen`` the setting of each method.
    """
    from scipy.stats import t as student

    figure, panels = style.subplots(1, 2, width=5.2, height=4.2, sharey=True)
    methods = result["method"].tolist()
    places = np.arange(len(methods) - 1)[::-1]
    seeds = result[clean].shape[1]
    reach = student.ppf(0.975, seeds - 1) / np.sqrt(seeds)
    for axes, key in zip(panels, (clean, "test_attacked"), strict=True):
        gains = 100.0 * (result[key][1:] - result[key][:1])
        axes.axvline(0.0, color=style.soft, lw=1.0)
        for place, gain, method in zip(places, gains, methods[1:], strict=True):
            color = style.look(method).color
            axes.plot(gain, np.full(seeds, place - 0.16), ".", color=color, alpha=0.4, ms=6)
            axes.errorbar(
                np.mean(gain), place + 0.1, xerr=reach * np.std(gain, ddof=1), fmt="D",
                color=color, capsize=3, ms=5,
            )  # fmt: skip
        plain = 100.0 * result[key][0]
        name = "clean" if key == clean else "under attack"
        axes.set(
            xlabel=f"points beyond none, {name}",
            title=f"{seeds} paired seeds; none: {np.mean(plain):.1f} %",
        )
    labels = [f"{m} ({s})" for m, s in zip(methods[1:], chosen[1:], strict=True)]
    panels[0].set_yticks(places, labels)
    return figure


def draw(results: Results, style: Any) -> Any:
    """Digits."""
    result = results["gradient_regularization_digits"]
    chosen = [row[index] for row, index in zip(result["setting"], result["chosen"], strict=True)]
    return rows(result, style, "test", chosen)


FIGURE = Figure(
    name="gradient_regularization_comparison",
    title="Digits: each method at its best strength by validation",
    draw=draw,
    experiments=("gradient_regularization_digits",),
    claims=("GR-24", "GR-25", "GR-26", "GR-30"),
    caption=(
        "200 training digits, five strengths for each method (without one: five rates), the one "
        "in brackets chosen by mean clean validation accuracy. Points: seeds; diamonds: means and "
        "95 % t intervals of the paired differences. Attack: l2 gradient ascent of radius 0.5. "
        "Sign training takes one step of the gradient's signs, attack training five l2 steps, "
        "before every update. Pairs share data, start and order. The quick profile trains smaller "
        "networks for less long, and fewer."
    ),
    note="{seeds} paired seeds; bars: 95 % t intervals",
)
