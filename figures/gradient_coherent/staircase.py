"""Singular modes of a deep linear network die one after another as the strength grows."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.gradient_coherent.theory import chain

from ..base import Figure, Results

_DEPTHS = (2, 3, 4)


def data(results: Results) -> dict[str, np.ndarray]:
    """The gain of every mode against the strength, and the modes that were trained."""
    arrays = results["gradient_coherent_stationarity"].arrays
    slopes = np.asarray(arrays["slopes"])
    strengths = np.linspace(1e-4, 1.05 * slopes.max(), 700)
    values = {
        "depths": np.asarray(_DEPTHS),
        "slopes": slopes,
        "strength": strengths,
        "path": np.asarray(arrays["mode_path"]),
        "end": np.asarray(arrays["mode_gain"]),
    }
    for depth in _DEPTHS:
        gains = np.zeros((slopes.size, strengths.size))
        for i, slope in enumerate(slopes):
            for j, strength in enumerate(strengths):
                weight = chain.stationary_weights(float(slope), depth, float(strength))[1]
                gains[i, j] = 0.0 if weight is None else weight**depth
        values[f"gain_{depth}"] = gains
    return values


def draw(results: Results, style: Any) -> Any:
    """Left: how many modes live. Right: gains of one training run."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2, width=5.4, height=3.8)
    for index, depth in enumerate(_DEPTHS):
        rank = (values[f"gain_{depth}"] > 0).sum(axis=0)
        left.step(
            values["strength"],
            rank,
            where="mid",
            linewidth=(6.0, 3.4, 1.6)[index],
            color=style.colors[index],
            label=f"depth {depth}",
        )
    left.set(
        xlabel="strength λ",
        ylabel="modes with a non-zero optimum",
        title="rank against strength",
        yticks=range(values["slopes"].size + 1),
    )
    left.legend(loc="upper right")
    steps = np.arange(len(values["path"]))
    for index, slope in enumerate(values["slopes"]):
        color = style.colors[index]
        right.plot(steps, values["path"][:, index], color=color, label=f"s = {slope:g}")
        weight = chain.stationary_weights(float(slope), 3, 0.15)[1]
        level = 0.0 if weight is None else weight**3
        right.plot(steps, np.full(steps.size, level), ":", color=style.ink, lw=1.0, label="_law")
    right.set(
        xlabel="step (learning rate 0.1)",
        ylabel="singular value of the map",
        title="training at depth 3, λ = 0.15",
    )
    style.label_line_ends(right)
    return figure


FIGURE = Figure(
    name="gradient_coherent_staircase",
    title="The staircase: strong L2 removes singular modes from the weakest up",
    draw=draw,
    experiments=("gradient_coherent_stationarity",),
    claims=("GC-24",),
    caption=(
        "A deep linear network whose target has singular values 1.5, 1, 0.6 and 0.3. Left: the "
        "number of modes with a non-zero optimum, from the spinodal of each (lines of three "
        "widths, so that all are seen). Right: the modes of a depth-3 network trained from "
        "balanced weights 0.7; dotted, the optimum of each mode's own chain. The mode with s = 0.3 "
        "is beyond its spinodal and dies."
    ),
    data=data,
    note="no randomness",
)
