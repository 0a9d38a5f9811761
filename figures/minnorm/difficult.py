"""Multipliers of digits: sorted, as a detector of flipped labels, and on the hardest images."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_NAMES = {
    "minnorm_margin": "multipliers,\nmargins",
    "minnorm_equality": "multipliers,\nequalities",
    "gd_residual": "residual of\ngradient descent",
    "l2_residual": "residual of\nL2, γ = 1",
}
_LOOKS = {
    "minnorm_margin": "Minnorm, margins",
    "minnorm_equality": "Minnorm, equalities",
    "gd_residual": "gradient descent",
    "l2_residual": "L2",
}
_SIDE = 8
_SHOWN = 12


def data(results: Results) -> dict[str, np.ndarray]:
    """What is plotted: sorted multipliers, areas under the curve, the hardest images."""
    result = results["minnorm_difficult"]
    names = (
        "scores", "auc", "test", "sorted_alpha", "alpha_flipped", "hardest", "hardest_label",
        "hardest_rival", "hardest_alpha", "hardest_flipped", "clean_sorted_alpha", "clean_hardest",
        "clean_hardest_label", "clean_hardest_rival", "clean_hardest_alpha",
        "clean_hardest_flipped",
    )  # fmt: skip
    return {name: result.arrays[name] for name in names}


def draw(results: Results, style: Any) -> Any:
    """Top: curves, histogram, areas and accuracies. Bottom: hardest images of the first seed."""
    values = data(results)
    figure, whole = style.subplots(1, 1, width=13.2, height=7.0)
    whole.remove()
    rows = figure.add_gridspec(2, 1, height_ratios=(1.3, 1.0))
    above, below = rows[0].subgridspec(1, 4), rows[1].subgridspec(2, _SHOWN)
    curve, histogram, areas, accuracies = (figure.add_subplot(above[0, k]) for k in range(4))
    for name, label, color in (
        ("clean_sorted_alpha", "clean labels", style.colors[0]),
        ("sorted_alpha", "10 % flipped", style.colors[1]),
    ):
        for index, line in enumerate(values[name]):
            share = np.arange(1, line.size + 1) / line.size
            curve.plot(share, line, color=color, lw=1.3, label=label if index == 0 else "_more")
    curve.set(
        xlabel="rank / number of images", ylabel="Σ α of an image", title="sorted multipliers"
    )
    curve.legend(loc="upper right")
    _histogram(histogram, values, style)
    _scores(areas, accuracies, values, style)
    for row, (prefix, title) in enumerate((("clean_", "clean"), ("", "flipped"))):
        for column in range(_SHOWN):
            panel = figure.add_subplot(below[row, column])
            picture = values[f"{prefix}hardest"][0, column].reshape(_SIDE, _SIDE)
            panel.imshow(picture, cmap="Greys", vmin=0.0, vmax=1.0)
            panel.set(xticks=[], yticks=[])
            panel.grid(False)
            label = values[f"{prefix}hardest_label"][0, column]
            rival = values[f"{prefix}hardest_rival"][0, column]
            alpha = values[f"{prefix}hardest_alpha"][0, column]
            wrong = values[f"{prefix}hardest_flipped"][0, column]
            panel.set_title(
                f"{label} (or {rival})\n{alpha:.2g}",
                fontsize=8.5,
                loc="center",
                color=style.colors[1] if wrong else style.ink,
            )
            if column == 0:
                panel.set_ylabel(title)
    return figure


def _histogram(axes: Any, values: dict[str, np.ndarray], style: Any) -> None:
    """Multipliers of images with right and with flipped labels, of all seeds."""
    everything, flipped = values["sorted_alpha"].ravel(), values["alpha_flipped"].ravel()
    bins = np.linspace(0.0, everything.max(), 25)
    total, wrong = np.histogram(everything, bins)[0], np.histogram(flipped, bins)[0]
    for count, label, color in (
        (total - wrong, "right label", style.colors[0]),
        (wrong, "flipped label", style.colors[1]),
    ):
        axes.stairs(count, bins, color=color, label=label, fill=True, alpha=0.5)
        axes.stairs(count, bins, color=color)
    axes.set(
        xlabel="Σ α of an image", ylabel="images", title="with 10 % flipped",
        ylim=(0.0, 1.08 * (total - wrong).max()),
    )  # fmt: skip
    axes.legend(loc="upper right")


def _scores(areas: Any, accuracies: Any, values: dict[str, np.ndarray], style: Any) -> None:
    """A row for each score: seeds as dots, the mean with its t interval."""
    scores = list(values["scores"])
    shown = [name for name in _NAMES if np.isfinite(values["auc"][:, scores.index(name)]).any()]
    for panel, name, title in (
        (areas, "auc", "flipped labels first (AUC)"),
        (accuracies, "test", "test accuracy"),
    ):
        for k, score in enumerate(shown):
            seen = values[name][:, scores.index(score)]
            color = style.look(_LOOKS[score]).color
            panel.plot(seen, np.full(seen.size, -k - 0.14), "o", color=color, alpha=0.6)
            if seen.size > 1:
                reach = style.half_width(seen)
                panel.errorbar(seen.mean(), 0.14 - k, xerr=reach, fmt="D", color=color, capsize=4)
        panel.set(title=title, ylim=(-len(shown) + 0.5, 0.5))
        names = [_NAMES[score] for score in shown] if panel is areas else [""] * len(shown)
        panel.set_yticks(-np.arange(len(shown)), names)
        low, high = np.nanmin(values[name]), np.nanmax(values[name])
        panel.set_xlim(low - 0.6 * (high - low), min(1.02, high + 0.6 * (high - low)))


FIGURE = Figure(
    name="minnorm_difficult",
    title="Multipliers find mislabelled digits; the residual of strong L2 does so at least as well",
    draw=draw,
    experiments=("minnorm_difficult",),
    claims=("MN-48", "MN-49"),
    caption=(
        "Our figure for the abstract's claim that difficult examples are identified, on digits. "
        "Σ α is the sum of an image's margin multipliers. Top: sorted, one curve a seed; of images "
        "with right and with flipped labels; how well scores rank the flipped labels first, a dot "
        "a seed, diamonds the means; accuracy of the networks behind the scores. The residual of "
        "strong L2 ranks at least as well as the multipliers and tests better: fitting wrong "
        "labels exactly hurts. Bottom: the images with the largest multipliers, first seed, with "
        "their label and the other class of the highest score; orange where the label was "
        "flipped."
    ),
    data=data,
    note="{size} images, {seeds} seeds; bars: 95 % t intervals of means; images: label (class that "
    "comes closest) and Σ α, orange where flipped",
)
