"""Which penalty AMP's direction follows: errors against three potentials over the size of Δ."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.amp.experiments.shared import slope_of

from ..base import Figure, Results

_SERIES = (
    ("printed", "printed ζ‖∇J‖², unclipped"),
    ("clipped", "ε‖∇J‖, clipped"),
    ("huber", "Huber's (ζ/2)‖∇J‖², unclipped"),
)


def draw(results: Results, style: Any) -> Any:
    """Geometric means and ranges over networks, with the slope of each."""
    result = results["amp_direction"]
    sizes = result["sizes"]
    small = sizes <= 0.01
    figure, axes = style.subplots(1, 1, width=6.4, height=4.4)
    for index, (name, label) in enumerate(_SERIES):
        errors = result[f"{name}_error"]
        slope = slope_of(sizes[small], errors[:, small]).mean()
        color = style.colors[index]
        middle = np.exp(np.log(errors).mean(axis=0))
        axes.plot(sizes, middle, "o-", color=color, label=f"{label}: slope {slope:.2f}")
        axes.fill_between(
            sizes, errors.min(axis=0), errors.max(axis=0), color=color, alpha=0.15, linewidth=0
        )
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="ε where clipped, ζ where not",
        ylabel="‖direction − ∇(J + Ω)‖",
        title=f"{len(result['huber_error'])} networks with tanh units; bands: smallest to largest",
    )
    axes.legend(loc="lower right")
    return figure


FIGURE = Figure(
    name="amp_direction",
    title="The update follows half of the printed penalty",
    draw=draw,
    experiments=("amp_direction",),
    claims=("AMP-6", "AMP-7", "AMP-8"),
    caption=(
        "Distance of AMP's direction (N = 1, one ball) from the gradient of J + Ω for three "
        "potentials Ω of the gradient's norm, on small random networks. Slope 2: Ω is right to "
        "first order. The printed unclipped Ω = ζ‖∇J‖² has slope 1, since the update with Δ held "
        "constant has ζ/2; the two halves that are right make up the Huber function."
    ),
)
