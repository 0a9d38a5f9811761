"""Random projection in the mean: the energy's affine law, and the factor of its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.hyperspherical_energy.theory.projection import half_space_mean

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Means over projections with their standard errors, and what the laws say of them."""
    result = results["projected_energy"]
    names = ("k", "energy", "mean_energy", "energy_error", "ratio", "ratio_error", "cosine")
    neurons = result.config.neurons
    law = [
        half_space_mean(float(energy), neurons, int(k))
        for energy, k in zip(result["energy"], result["k"], strict=True)
    ]
    fine = np.arange(8.0, float(np.max(result["k"])) + 3.0)
    return {name: result[name] for name in names} | {
        "fine": fine,
        "ratio_law": fine / (fine - 3.0),
        "energy_law": np.asarray(law),
    }


def draw(results: Results, style: Any) -> Any:
    """Left: the ratio of the gradients. Right: the energies."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2, width=4.9, height=3.9)
    points = {"fmt": "^", "color": style.look("random projection").color, "capsize": 3}
    points["label"] = "mean over projections"
    left.plot(values["fine"], values["ratio_law"], color=style.ink, lw=1.3, label="k / (k − 3)")
    left.errorbar(values["k"], values["ratio"], yerr=1.96 * values["ratio_error"], **points)
    left.axhline(1.0, color=style.soft, linestyle="--", linewidth=1.0)
    cosine = float(np.min(values["cosine"]))
    left.set(ylabel="mean gradient / exact gradient", title=f"cosine at least {cosine:.4f}")
    right.plot(values["k"], values["energy"], "o", color=style.soft, label="before, HS(W)")
    label = "(k HS(W) − N(N − 1)) / (k − 3)"
    right.plot(values["k"], values["energy_law"], "_", color=style.ink, ms=20, mew=1.6, label=label)
    reach = 1.96 * values["energy_error"]
    right.errorbar(values["k"], values["mean_energy"], yerr=reach, **points)
    right.set(ylabel="half-space energy", title="energy; other neurons for each k")
    for axes in (left, right):
        axes.set_xlabel("dimension k")
        axes.legend(loc="upper right")
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
