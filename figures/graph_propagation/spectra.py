"""Spectral radii of the iterations against the rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from refimpl.papers.graph_propagation.experiments.spectra import CURVES, SIGMAS
from refimpl.papers.graph_propagation.theory.spectra import (
    augmented_radius,
    extragradient_radius,
    loss_radius,
    simultaneous_radius,
)

from ..base import Figure, Results

NAMES = {
    "simultaneous": "simultaneous, no loss",
    "alternating": "alternating, no loss",
    "extragradient": "extragradient, no loss",
    "loss": "simultaneous, with loss",
    "augmented": "augmented, ρ = 0.5, no loss",
}


def data(results: Results) -> dict[str, np.ndarray]:
    """Radii of the step on a linear network."""
    arrays = results["graph_spectra"].arrays
    return {"rates": arrays["rates"], **{name: arrays[f"curve_{name}"] for name in CURVES}}


def _augmented(rate: float, sigmas: Sequence[float]) -> float:
    return augmented_radius(rate, 0.5, sigmas)


def draw(results: Results, style: Any) -> Any:
    """One panel; lines are formulas where there is one, points are measured."""
    values = data(results)
    figure, axes = style.subplots(1, 1, width=7.6, height=4.6)
    for k, (name, label) in enumerate(NAMES.items()):
        axes.plot(values["rates"], values[name], "o-", color=style.colors[k], label=label, ms=3.5)
    rates = np.linspace(0.02, 1.2, 100)
    laws = (simultaneous_radius, loss_radius, extragradient_radius, _augmented)
    for law in laws:
        axes.plot(rates, [law(float(r), SIGMAS) for r in rates], "--", color=style.ink, lw=1.0)
    axes.axhline(1.0, color=style.soft, lw=1.0)
    axes.set(xlabel="rate η of states and multipliers", ylabel="spectral radius")
    axes.set(ylim=(0.75, 1.6), xlim=(0.0, 1.25))
    axes.legend(loc="upper left")
    return figure


FIGURE = Figure(
    name="graph_spectra",
    title="When plain steps converge: spectral radius of a step",
    draw=draw,
    experiments=("graph_spectra",),
    claims=("LPG-6", "LPG-7", "LPG-8", "LPG-9", "LPG-10"),
    caption=(
        "Linear F with singular values of I − M from 0.75 to 1.55, G = lin, a multiplier for each "
        "state. Points: eigenvalues of the matrix of a step; dashed: the formulas; for alternating "
        "steps it is 1. The loss is ½‖x − y‖². Below 1 the search converges."
    ),
    data=data,
)
