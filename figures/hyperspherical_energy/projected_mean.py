"""Random projection in the mean: the energy's affine law, and the factor of its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.hyperspherical_energy.theory.projection import half_space_mean

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Means over projections with their standard errors, and the laws on a grid of k."""
    result = results["projected_energy"]
    fine = np.arange(8.0, float(np.max(result["k"])) + 3.0)
    names = ("k", "energy", "mean_energy", "energy_error", "ratio", "ratio_error", "cosine")
    neurons, energy = result.config.neurons, float(result["energy"][0])
    return {
        **{name: result[name] for name in names},
        "fine": fine,
        "energy_law": np.array([half_space_mean(energy, neurons, int(k)) for k in fine]),
        "ratio_law": fine / (fine - 3.0),
    }


def draw(results: Results, style: Any) -> Any:
    """Left: the ratio of the gradients. Right: the energies."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2, width=4.9, height=3.9)
    color = style.look("random projection").color
    for axes, name, error, law, label in (
        (left, "ratio", "ratio_error", "ratio_law", "k / (k − 3)"),
        (right, "mean_energy", "energy_error", "energy_law", "(k HS − N(N − 1)) / (k − 3)"),
    ):
        axes.plot(values["fine"], values[law], color=style.ink, linewidth=1.3, label=label)
        axes.errorbar(
            values["k"], values[name], yerr=1.96 * values[error], fmt="^", color=color, capsize=3,
            label="mean over projections",
        )  # fmt: skip
        axes.set_xlabel("dimension k")
    exact = float(values["energy"][0])
    left.axhline(1.0, color=style.soft, linestyle="--", linewidth=1.0)
    right.axhline(exact, color=style.soft, linestyle="--", linewidth=1.0, label="before, HS(W)")
    cosine = float(np.min(values["cosine"]))
    left.set(ylabel="mean gradient / exact gradient", title=f"cosine at least {cosine:.4f}")
    right.set(ylabel="half-space energy", title="energy of the projected neurons")
    left.legend(loc="upper right")
    right.legend(loc="upper right")
    return figure


FIGURE = Figure(
    name="hyperspherical_projected_mean",
    title="In the mean, random projection is half-space energy with a factor",
    draw=draw,
    experiments=("projected_energy",),
    claims=("HE-23", "HE-24"),
    caption=(
        "Ten neurons in R⁶⁰, s = 2. Left: the mean gradient of the projected energy along the "
        "exact one, over its length: k/(k−3), and nothing else, as the cosine of the two says. "
        "Right: the mean energy, an affine map of the energy before. What projection adds is noise."
    ),
    data=data,
    note="{draws} projections each; bars: 95 % intervals",
)
