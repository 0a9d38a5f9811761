"""Few digits: ISDA and its variants against cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.claims.outcomes import paired

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Differences to cross-entropy in accuracy and loss, (method, seed), and what was chosen."""
    result = results["isda_digits"]
    rows = np.arange(len(result["method"]))
    return {
        "method": result["method"],
        "setting": result["setting"][rows, result["chosen"]],
        "at_edge": result["at_edge"],
        "accuracy": result["test"],
        "difference": result["difference"],
        "loss_difference": result["test_loss"] - result["test_loss"][:1],
    }


def draw(results: Results, style: Any) -> Any:
    """A row for each method: seeds as points, the mean and its 99 % t interval."""
    values = data(results)
    figure, panels = style.subplots(1, 2, width=4.8, height=3.8, sharey=True)
    methods = [str(name) for name in values["method"][1:]]
    for axes, name, factor in (
        (panels[0], "difference", 100.0),
        (panels[1], "loss_difference", 1.0),
    ):
        axes.axvline(0.0, color=style.ink, lw=1.0)
        for row, runs in enumerate(factor * values[name][1:]):
            place = len(methods) - 1 - row
            color = style.look(f"ISDA, {methods[row]}").color
            low, high = _interval(runs)
            axes.plot(runs, np.full(runs.size, place - 0.15), "o", color=color, alpha=0.4, ms=4)
            axes.errorbar(
                runs.mean(), place + 0.12, xerr=[[runs.mean() - low], [high - runs.mean()]],
                fmt="D", color=color, capsize=3, ms=5,
            )  # fmt: skip
    chosen = [
        f"{setting}{' (end of the grid)' if edge else ''}"
        for setting, edge in zip(values["setting"], values["at_edge"], strict=True)
    ]
    labels = [f"{name}\n{setting}" for name, setting in zip(methods, chosen[1:], strict=True)]
    panels[0].set_yticks(range(len(methods)), labels[::-1])
    plain = values["accuracy"][0]
    panels[0].set(
        xlabel="change of test accuracy, points",
        title=f"against cross-entropy, {100.0 * plain.mean():.1f} % ({chosen[0]})",
        ylim=(-0.6, len(methods) - 0.4),
    )
    panels[1].set(xlabel="change of the negative log-likelihood", title=f"n = {plain.size} seeds")
    return figure


def _interval(runs: np.ndarray) -> tuple[float, float]:
    text = str(paired(runs).measured)
    low, high = text[text.index("[") + 1 : text.index("]")].split(",")
    return float(low), float(high)


FIGURE = Figure(
    name="isda_digits",
    title="Few digits: ISDA and its variants against cross-entropy",
    draw=draw,
    experiments=("isda_digits",),
    caption=(
        "200 training digits. Points: paired differences, one a seed. Diamonds: the mean and its "
        "99 % t interval. Every method has five settings, cross-entropy of an L2 penalty, the "
        "others of λ₀, chosen by mean validation accuracy; the choice stands below the name. "
        "'full', 'diagonal', 'shared' and 'identity' are covariances in the bound; 'sampled' draws "
        "five features in place of the bound."
    ),
    data=data,
    note="{seeds} paired seeds; bars: 99 % t intervals",
)
