"""Karate club: the state equation along training, and the club by prediction."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.graph_propagation.karate import CLASSES, EDGES

from ..base import Figure, Results

METHODS = ("released", "augmented")


def data(results: Results) -> dict[str, np.ndarray]:
    """Residuals (seed, epoch) of both settings; predictions and labeled nodes of the first seed."""
    result = results["graph_karate"]
    rows = {name: result.select(method=name) for name in METHODS}
    values = {f"residuals_{name}": rows[name]["residuals"] for name in METHODS}
    augmented = rows["augmented"]
    return {**values, "predicted": augmented["predicted"][0], "labeled": augmented["labeled"][0]}


def _places() -> np.ndarray:
    """Nodes on a circle, class after class, a gap between two classes."""
    order = [v for nodes in CLASSES for v in nodes]
    slots = [i + 2 * k for i, k in enumerate(np.repeat(range(4), [len(c) for c in CLASSES]))]
    places = np.zeros((34, 2))
    for v, slot in zip(order, slots, strict=True):
        angle = 2.0 * np.pi * slot / (34 + 8)
        places[v] = np.cos(angle), np.sin(angle)
    return places


def draw(results: Results, style: Any) -> Any:
    """Left: residual of every seed. Right: the club."""
    values = data(results)
    figure, panels = style.subplots(1, 2, width=5.2, height=4.2)
    for name in METHODS:
        curves = values[f"residuals_{name}"]
        for curve in curves:
            panels[0].semilogy(curve, color=style.look(name).color, lw=0.5, alpha=0.25)
        panels[0].semilogy(
            np.median(curves, axis=0), color=style.look(name).color, lw=1.6, label=name
        )
    panels[0].axhline(1e-4, color=style.soft, ls="--", lw=1.0)
    panels[0].set(xlabel="epoch", title="max |x − F|; dashed: ε of the released setting")
    panels[0].legend(loc="lower left")
    places = _places()
    for v, u in EDGES:
        panels[1].plot(*places[[v, u]].T, color="#dddddd", lw=0.7, zorder=1)
    colors = [style.colors[int(k)] for k in values["predicted"]]
    panels[1].scatter(*places.T, c=colors, s=55, zorder=2, lw=0)
    panels[1].scatter(
        *places[values["labeled"]].T, s=130, facecolors="none", edgecolors=style.ink, zorder=3
    )
    panels[1].set(
        title="predicted class, augmented, first seed", xticks=[], yticks=[], aspect="equal"
    )
    return figure


FIGURE = Figure(
    name="graph_karate",
    title="Karate club: is the state equation met?",
    draw=draw,
    experiments=("graph_karate",),
    claims=("LPG-20", "LPG-21"),
    caption=(
        "Released setting: Adam, eps, one multiplier a node, means. Augmented: lin, a multiplier "
        "for each dimension, ρ = 4. One labeled node a class (ringed). Faint: a line a seed, "
        "thick: their median. Residuals are compared at epoch 3000. The true classes are the four "
        "arcs of the circle. In the quick profile the runs are too few and too short to judge."
    ),
    data=data,
    note="{seeds} seeds; thick: medians",
)
