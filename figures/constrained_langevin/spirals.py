"""Spirals with and without circle constraints and noise: data, decision fields, loss curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.constrained_langevin.experiments.spirals import METHODS

from ..base import Figure, Results

_NAMES = (
    "epoch", "train_loss", "test_loss", "train_accuracy", "test_accuracy", "field", "side",
    "train_inputs", "train_signs", "test_inputs", "test_signs", "setting", "grid_validation",
)  # fmt: skip

_PUBLISHED = (81.0, 80.45, 86.95, 84.45, 91.7)
"""Test accuracy in per cent, in the order of the methods."""


def data(results: Results) -> dict[str, np.ndarray]:
    """Methods along the first axis, draws along the second, evaluations along the last."""
    arrays = results["constrained_spirals"].arrays
    return {name: np.asarray(arrays[name]) for name in _NAMES}


def _field(axes: Any, values: dict[str, np.ndarray], column: int, part: str, style: Any) -> None:
    side = values["side"][column]
    probability = 1.0 / (1.0 + np.exp(-np.clip(values["field"][column], -50.0, 50.0)))
    axes.imshow(
        probability, origin="lower", extent=(side[0], side[-1], side[0], side[-1]), cmap="RdBu_r",
        vmin=-0.7, vmax=1.7, interpolation="bilinear", aspect="auto",
    )  # fmt: skip
    axes.contour(side, side, values["field"][column], levels=[0.0], colors="black", linewidths=0.8)
    points, signs = values[f"{part}_inputs"][column], values[f"{part}_signs"][column]
    for sign, color in ((1.0, style.colors[1]), (-1.0, style.colors[0])):
        chosen = points[signs == sign]
        size = 9 if part == "train" else 1.5
        axes.scatter(chosen[:, 0], chosen[:, 1], s=size, color=color, linewidths=0)
    axes.set(xticks=[], yticks=[], xlim=(-1.1, 1.1), ylim=(-1.1, 1.1))
    axes.grid(False)


def draw(results: Results, style: Any) -> Any:
    """A column a method: training data, test data, losses."""
    values = data(results)
    figure, axes = style.subplots(3, len(METHODS), width=2.5, height=2.3)
    for column, method in enumerate(METHODS):
        top, middle, bottom = axes[:, column]
        _field(top, values, column, "train", style)
        _field(middle, values, column, "test", style)
        scores = {
            part: 100.0 * values[f"{part}_accuracy"][column, :, -1] for part in ("train", "test")
        }
        top.set_title(f"{method}\ntrain {np.mean(scores['train']):.1f}%", fontsize=10)
        difference = 100.0 * (values["test_accuracy"][column] - values["test_accuracy"][0])[:, -1]
        draws = len(difference)
        error = style.half_width(difference) if draws > 1 else 0.0
        against = "" if column == 0 else f"\nvs SGD {np.mean(difference):+.1f} ± {error:.1f}"
        printed = f" (◇ {_PUBLISHED[column]:.1f})"
        middle.set_title(f"test {np.mean(scores['test']):.1f}%{printed}{against}", fontsize=9)
        epoch = values["epoch"][column]
        for part, color in (("train", style.colors[2]), ("test", style.colors[3])):
            curves = values[f"{part}_loss"][column]
            low, high = np.quantile(curves, [0.1, 0.9], axis=0)
            bottom.fill_between(epoch, low, high, color=color, alpha=0.25, linewidth=0)
            bottom.plot(epoch, np.median(curves, axis=0), color=color, label=part, linewidth=1.3)
        bottom.set(yscale="log", xlabel="epoch", ylim=(1e-3, 4.0))
        if column == 0:
            bottom.set_ylabel("loss")
            bottom.legend(fontsize=8, loc="lower left")
        else:
            bottom.set_yticklabels([])
    return figure


FIGURE = Figure(
    name="constrained_spirals",
    title="Two spirals: what the circle constraint and the noise add",
    draw=draw,
    experiments=("constrained_spirals",),
    claims=("CL-41",),
    caption=(
        "Network 2-100-1, ReLU, 100 training points, batch 20, 4,000 epochs, float32. Each method "
        "has four settings, chosen by validation accuracy over four draws of their own; kept were "
        "h = 1 for all, weight decay 1e-5, radii 5 and 5, τ = 1e-3 for SGLD and 1e-4 for C-SGLD (h "
        "= 1 is the largest in the grids). Decision field and data of the first of twenty fresh "
        "draws; accuracies are means over the draws, differences to SGD paired with 95 % t "
        "intervals; losses are medians with the 10-90% range. The gain in accuracy comes with the "
        "noise; the constraint keeps the test loss down, and alone changes the accuracy by less "
        "than its interval. C-SGLD is not shown to be more accurate than SGLD. The published "
        "values (◇) are of one draw at settings that are not on record."
    ),
    data=data,
    note=(
        "{draws} draws of data, start and noise; differences: 95 % t intervals; losses: "
        "medians, 10-90 % range; ◇ published, of one draw"
    ),
)
