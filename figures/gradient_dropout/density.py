"""The two families of noise, and the mass of Gaussian noise that turns signs around."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refimpl.papers.gradient_dropout.theory import noise

from ..base import Figure, Results


def draw(results: Results, style: Any) -> Any:
    result = results["gradient_dropout_noise"]
    rates = np.unique(result["rate"])
    figure, panels = style.subplots(1, len(rates), width=3.9, height=3.6, sharey=True)
    x = np.linspace(-2.5, 4.5, 700)
    blue, red = style.colors[:2]
    for axes, rate in zip(panels, rates, strict=True):
        here = (result["noise"] == "gaussian") & (result["rate"] == rate)
        v = noise.variance(float(rate))
        density = np.exp(-((x - 1.0) ** 2) / (2.0 * v)) / math.sqrt(2.0 * math.pi * v)
        edges = result["edges"][here][0]
        heights = result["histogram"][here][0] / (result["draws"][here][0] * np.diff(edges))
        axes.stairs(heights, edges, color=blue, alpha=0.35, fill=True, label="Gaussian, drawn")
        axes.plot(x, density, color=blue, label="Gaussian density")
        axes.fill_between(x, density, where=x < 0, color=red, label="sign turned around")
        top = [0.0, 1.0 / (1.0 - rate)]
        mass = [float(rate), float(1.0 - rate)]
        axes.vlines(top, 0.0, mass, color=style.ink, linewidth=2.5)
        axes.plot(top, mass, "o", color=style.ink, label="Bernoulli masses")
        flipped = noise.flipped(float(rate))
        axes.set(
            xlabel="n",
            xlim=(-2.5, 4.5),
            title=f"p = {rate:g}: P(n < 0) = {flipped:.5f}\ndrawn {result['flipped'][here][0]:.5f}",
        )
    panels[0].set_ylabel("density, or mass")
    panels[-1].legend(loc="upper right", fontsize=8)
    return figure


FIGURE = Figure(
    name="gradient_dropout_density",
    title="Noise of mean 1 and variance p/(1−p): Gaussian noise can turn a gradient around",
    draw=draw,
    experiments=("gradient_dropout_noise",),
    claims=("GD-1", "GD-2"),
    caption=(
        "Bernoulli noise has two masses, at 0 and 1/(1−p); Gaussian noise of the same mean and "
        "variance has a density, whose part below 0 is red. Histograms: a million draws each."
    ),
)
