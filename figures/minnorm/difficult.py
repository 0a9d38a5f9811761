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
    figure, grid = style.subplots(1, 1, width=13.2, height=6.6)
    grid.remove()
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.25, 1.0))
    curve, histogram, areas, accuracies = top.subplots(1, 4)
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

    everything = values["sorted_alpha"].ravel()
    flipped = values["alpha_flipped"].ravel()
    bins = np.linspace(0.0, everything.max(), 25)
    total = np.histogram(everything, bins)[0]
    wrong = np.histogram(flipped, bins)[0]
    width = np.diff(bins)
    histogram.bar(bins[:-1], total - wrong, width, align="edge", color=style.colors[0],
                  label="right label")  # fmt: skip
    histogram.bar(bins[:-1], wrong, width, bottom=total - wrong, align="edge",
                  color=style.colors[1], label="flipped label")  # fmt: skip
    histogram.set(xlabel="Σ α of an image", ylabel="images", title="with 10 % flipped")
    histogram.legend(loc="upper right")

    scores = list(values["scores"])
    shown = [name for name in _NAMES if np.isfinite(values["auc"][:, scores.index(name)]).any()]
    for panel, name, title in (
        (areas, "auc", "flipped labels ranked first (AUC)"),
        (accuracies, "test", "test accuracy"),
    ):
        for k, score in enumerate(shown):
            seen = values[name][:, scores.index(score)]
            panel.plot(seen, np.full(seen.size, -k), "o", color=style.colors[k], alpha=0.7)
            panel.plot([seen.mean()], [-k], "|", color=style.ink, markersize=16)
        panel.set_title(title)
        panel.set_ylim(-len(shown) + 0.5, 0.5)
        names = [_NAMES[score] for score in shown] if panel is areas else [""] * len(shown)
        panel.set_yticks(-np.arange(len(shown)), names)

    panels = bottom.subplots(2, _SHOWN)
    for row, (prefix, title) in enumerate((("clean_", "clean"), ("", "10 % flipped"))):
        for column in range(_SHOWN):
            panel = panels[row, column]
            picture = values[f"{prefix}hardest"][0, column].reshape(_SIDE, _SIDE)
            panel.imshow(picture, cmap="Greys", vmin=0.0, vmax=1.0)
            panel.set(xticks=[], yticks=[])
            panel.grid(False)
            label = values[f"{prefix}hardest_label"][0, column]
            rival = values[f"{prefix}hardest_rival"][0, column]
            alpha = values[f"{prefix}hardest_alpha"][0, column]
            wrong = values[f"{prefix}hardest_flipped"][0, column]
            panel.set_title(
                f"{label} (or {rival})  {alpha:.2g}",
                fontsize=8.5,
                loc="center",
                color=style.colors[1] if wrong else style.ink,
            )
        panels[row, 0].set_ylabel(title)
    bottom.suptitle(
        "largest multipliers: label (class that comes closest), Σ α; orange: flipped",
        fontsize=11,
        x=0.01,
        ha="left",
    )
    return figure


FIGURE = Figure(
    name="minnorm_difficult",
    title="Minnorm's multipliers single out hard and mislabelled digits",
    draw=draw,
    experiments=("minnorm_difficult",),
    claims=("MN-48", "MN-49"),
    caption=(
        "Our figure for the abstract's claim that difficult examples are identified, on digits. "
        "Σ α is the sum of an image's margin multipliers. Top: sorted, one curve a seed; of images "
        "with right and with flipped labels; how well scores rank the flipped labels first, a dot "
        "a seed, a bar the mean; accuracy of the networks behind the scores. The residual of "
        "strong L2 ranks at least as well as the multipliers and tests better: fitting wrong "
        "labels exactly hurts. Bottom: the images with the largest multipliers, first seed, with "
        "their label and the other class of the highest score; orange where the label was "
        "flipped. The picture in the gallery is of the quick profile: 150 images, one seed."
    ),
    data=data,
)
