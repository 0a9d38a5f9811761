"""Hyperspherical energy against iteration: every variant and its controls."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Energy above the lower bound, summed over hidden layers: (method, seed, evaluation)."""
    arrays = results["hyperspherical_training"].arrays
    excess = (arrays["energies"] - arrays["bounds"]).sum(axis=-1)
    return {
        "methods": arrays["methods"],
        "strengths": arrays["strengths"],
        "steps": arrays["steps"],
        "excess": excess,
    }


def draw(results: Results, style: Any) -> Any:
    """Left: all methods at strength 1, from each seed's own start. Right: growing strength."""
    values = data(results)
    figure, panels = style.subplots(1, 2, width=6.4, height=4.2)
    for name, strength, runs in zip(
        values["methods"], values["strengths"], values["excess"], strict=True
    ):
        name, runs = str(name), 1e3 * runs
        if strength == 1.0:
            change = runs - runs[:, :1]
            if name != "orthogonal":  # its strength has a scale of its own: see the right panel
                _curve(panels[0], values["steps"], change, name, style)
        if name in ("none", "orthogonal", "random projection", "half-space"):
            label = name if name != "half-space" else f"half-space, λ = {strength:g}"
            dashes = {10.0: (0, (5, 2)), 100.0: (0, (1, 1.5))}.get(float(strength), "-")
            _curve(panels[1], values["steps"], runs, name, style, label=label, dashes=dashes)
    panels[0].set(title="strength 1", xlabel="iteration", ylabel="energy since the start, × 10⁻³")
    panels[1].set(title="other strengths", xlabel="iteration", ylim=(0.0, None))
    panels[1].set(ylabel="energy above its bound, × 10⁻³")
    panels[0].legend(loc="upper left", bbox_to_anchor=(0.0, -0.16), ncols=2, fontsize=9)
    panels[1].legend(loc="upper left", bbox_to_anchor=(0.0, -0.16), ncols=2, fontsize=9)
    return figure


def _curve(axes: Any, steps: Any, runs: Any, name: str, style: Any, **other: Any) -> None:
    look = style.look(name)
    axes.plot(
        steps, runs.mean(axis=0), color=look.color, label=other.get("label", name),
        linestyle=other.get("dashes", look.line), marker=look.marker, markevery=2, markersize=4,
    )  # fmt: skip
    axes.fill_between(steps, runs.min(axis=0), runs.max(axis=0), color=look.color, alpha=0.1, lw=0)


FIGURE = Figure(
    name="hyperspherical_training",
    title="Digits: hyperspherical energy during training",
    draw=draw,
    experiments=("hyperspherical_training",),
    claims=("HE-51",),
    caption=(
        "Half-space energy (s = 2, mean over pairs, epsilon 0), summed over the hidden layers: "
        "its change since the start of each run, and its height above the lower bound. Mean over "
        "seeds, bands from the lowest to the highest. All runs of a seed share data, start and "
        "batches; the orthogonal penalty's strength, 10⁻³ on the sum of squared cosines, is not "
        "comparable. Matched: half space at k/(k−3) times the "
        "strength, which has the expected gradient of random projection; noise: plus tangent "
        "noise of the projected gradient's size. The adversarial game is ill-posed without its "
        "few inner steps. Projection changes little; the strength decides."
    ),
    data=data,
    note="{seeds} seeds; lines: means, bands: lowest to highest",
)
