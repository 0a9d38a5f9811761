"""Learning curves of an MLP trained with SGD on digits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_SETS = ("train", "validation", "test")


def data(results: Results) -> dict[str, np.ndarray]:
    """Error and loss against the epoch, a row for each seed."""
    arrays = results["digits_sgd"].arrays
    values = {"epoch": arrays["epoch"][0], "learning_rate": arrays["learning_rate"]}
    for name in _SETS:
        values[f"{name}_error"] = 100.0 * (1.0 - arrays[f"{name}_accuracy"])
        values[f"{name}_loss"] = arrays[f"{name}_loss"]
    return values


def draw(results: Results, style: Any) -> Any:
    """Left: loss. Right: error in per cent. Mean over seeds, band from lowest to highest."""
    values = data(results)
    figure, panels = style.subplots(1, 2, width=5.2)
    for axes, quantity in zip(panels, ("loss", "error"), strict=True):
        for index, name in enumerate(_SETS):
            runs = values[f"{name}_{quantity}"]
            color = style.colors[index]
            axes.plot(values["epoch"], runs.mean(axis=0), color=color, label=name)
            axes.fill_between(
                values["epoch"], runs.min(axis=0), runs.max(axis=0), color=color, alpha=0.15, lw=0
            )
        axes.set(xlabel="epoch")
    panels[0].set(yscale="log", ylabel="cross-entropy", title="loss")
    final = values["test_error"][:, -1]
    panels[1].axhline(3.0, color=style.soft, linestyle="--", linewidth=1.0)
    panels[1].set(
        ylabel="misclassified, %",
        ylim=(0.0, 12.0),
        title=f"error; test at the end {final.mean():.2f} ± {style.half_width(final):.2f} %",
    )
    panels[1].legend(loc="upper right")
    return figure


FIGURE = Figure(
    name="digits_learning_curve",
    title="Digits: an MLP trained with SGD",
    draw=draw,
    experiments=("digits_sgd",),
    claims=("FD-5",),
    caption=(
        "Mean over seeds; the bands reach from the lowest to the highest seed. Each seed has its "
        "own split, initialisation and order of batches; the learning rate is chosen on the "
        "validation split. Dashed: the bound of the claim, 3 % test error."
    ),
    data=data,
    note="{seeds} seeds; bands: lowest to highest; ±: 95 % t interval",
)
