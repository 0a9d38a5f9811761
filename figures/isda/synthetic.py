"""What the covariance is worth: accuracy against λ on Gaussian classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.isda.experiments.synthetic import KINDS

from ..base import Figure, Results

NAMES = {
    "true": "true covariance",
    "own": "each class's own estimate",
    "isotropic": "isotropic, equal trace",
}


def data(results: Results) -> dict[str, np.ndarray]:
    """Accuracies (seed, size, kind, λ) and the settings."""
    result = results["isda_synthetic"]
    return {
        "plain": result["plain"],
        "accuracy": result["accuracy"],
        "strengths": np.asarray(result.config.strengths),
        "sizes": np.asarray(result.config.sizes),
    }


def draw(results: Results, style: Any) -> Any:
    """A panel for each training size."""
    values = data(results)
    figure, panels = style.subplots(1, values["sizes"].size, width=4.4, height=4.0)
    x, seeds = values["strengths"], values["plain"].shape[0]
    for row, axes in enumerate(panels):
        for index, kind in enumerate(KINDS):
            runs = values["accuracy"][:, row, index]
            error = style.half_width(runs, axis=0)
            axes.errorbar(
                x,
                runs.mean(axis=0),
                yerr=error,
                fmt="o-",
                capsize=3,
                color=style.colors[(2, 0, 1)[index]],
                label=NAMES[kind],
            )
        plain = values["plain"][:, row]
        spread = style.half_width(plain)
        axes.axhline(plain.mean(), color=style.ink, ls="--", lw=1.2, label="cross-entropy")
        axes.axhspan(plain.mean() - spread, plain.mean() + spread, color=style.ink, alpha=0.08)
        axes.set(
            xscale="log",
            xlabel="λ",
            title=f"{values['sizes'][row]} examples a class (n = {seeds} seeds)",
        )
        axes.set_xticks(x, [f"{value:g}" for value in x])
        axes.minorticks_off()
    panels[0].set_ylabel("test accuracy")
    panels[0].legend(loc="center right")
    return figure


FIGURE = Figure(
    name="isda_synthetic",
    title="The gain is in the shape of the covariance, and in knowing it",
    draw=draw,
    experiments=("isda_synthetic",),
    claims=("IS-14", "IS-15", "IS-16"),
    caption=(
        "Five Gaussian classes in R^40, each with five directions of large variance of its own; a "
        "linear head minimizes the bound at constant λ with a weak ridge. Means and two standard "
        "errors over seeds. The true covariance helps much; its isotropic twin does not; the "
        "estimate from a class's few points gains little, and with 20 points it falls at large λ."
    ),
    data=data,
    note="{seeds} seeds; bars and band: 95 % t intervals",
)
