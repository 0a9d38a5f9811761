"""Semantic directions on drawn shapes: what a move means, and the variance along it."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.isda.experiments.shapes import FACTORS, HIGH, KINDS, LOW, SIDE, render

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Found factors and whether the kind was kept, first seed; variances of all seeds."""
    result = results["isda_shapes"]
    return {
        "moves": np.asarray(result.config.moves),
        "found": result["found"][0],
        "kept": result["kept"],
        "relative_variance": result["relative_variance"],
        "random_variance": result["random_variance"],
    }


def draw(results: Results, style: Any) -> Any:
    """Left: images that moves of a square lead to; right: variances."""
    values = data(results)
    kind, moves = KINDS.index("square"), values["moves"]
    figure, panels = style.subplots(1, 2, width=5.4, height=4.0)
    left, right = panels
    gap, side = 2, SIDE + 2
    canvas = np.ones((len(FACTORS) * side - gap, len(moves) * side - gap))
    for row in range(len(FACTORS)):
        for column in range(len(moves)):
            found = 0.5 * (LOW + HIGH) + 0.5 * (HIGH - LOW) * values["found"][kind, row, column]
            image = render(np.array([kind]), found[None]).reshape(SIDE, SIDE)
            top, start = row * side, column * side
            canvas[top : top + SIDE, start : start + SIDE] = 0.85 * (1.0 - image)
    left.imshow(canvas, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
    left.set_xticks(
        [column * side + SIDE / 2 - 0.5 for column in range(len(moves))],
        [f"{move:+.1f}".replace("-", "−") for move in moves],
    )
    left.set_yticks([row * side + SIDE / 2 - 0.5 for row in range(len(FACTORS))], FACTORS)
    left.grid(visible=False)
    left.set(xlabel="move along the semantic direction", title="nearest image of the pool")
    _variances(right, values, style)
    return figure


def _variances(axes: Any, values: dict[str, np.ndarray], style: Any) -> None:
    """Points for seeds, a bar for their mean; what random directions reach."""
    runs, blind = values["relative_variance"], values["random_variance"]
    count = len(FACTORS)
    for kind, name in enumerate(KINDS):
        place = np.arange(count) + 0.25 * (kind - 1)
        color = style.colors[kind]
        axes.bar(place, runs[:, kind].mean(axis=0), 0.22, color=color, alpha=0.6, label=name)
        for row in runs[:, kind]:
            axes.plot(place, row, "o", color=color, ms=4, mec="white", mew=0.5)
    axes.axhline(blind.mean(), color=style.ink, ls="--", lw=1.2, label="random, 95 % below")
    axes.axhline(1.0, color=style.soft, lw=1.0)
    axes.set_xticks(np.arange(count), FACTORS)
    axes.set(
        ylabel="variance / mean direction's",
        title=f"n = {runs.shape[0]} seeds; kind kept in {100.0 * values['kept'].mean():.0f} %",
    )
    axes.grid(axis="x", visible=False)
    axes.legend()


FIGURE = Figure(
    name="isda_shapes",
    title="Class covariances spread features along directions that mean something",
    draw=draw,
    experiments=("isda_shapes",),
    caption=(
        "Discs, squares and crosses of known place and size, a network trained under ISDA. Left: "
        "the features of a square in the middle of all factors are moved along the semantic "
        "direction of one factor, in units of half its range, and the nearest image of a pool is "
        "shown (first seed). Right: the variance of each class along each semantic direction, over "
        "the mean of all directions; dashed, what 95 % of random directions stay below."
    ),
    data=data,
    note="{seeds} seeds; bars: means",
)
