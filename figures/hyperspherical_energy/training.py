"""Hyperspherical energy against iteration: every variant and its controls."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_STYLES = {
    "half-space, matched": (0, (5, 2)),
    "half-space, matched, noise": (0, (1, 1.5)),
    "adversarial": (0, (4, 1, 1, 1)),
    "angle-preserving": (0, (3, 1)),
}


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
    colors = iter([*style.colors, "#8c510a", "#7a7a7a"])
    base = {}
    for name, strength, runs in zip(
        values["methods"], values["strengths"], values["excess"], strict=True
    ):
        name, runs = str(name), 1e3 * runs
        if strength == 1.0:
            base[name] = next(colors)
            change = runs - runs[:, :1]
            if name != "orthogonal":  # its strength has a scale of its own: see the right panel
                _curve(panels[0], values["steps"], change, base[name], name, _STYLES.get(name, "-"))
        if name in ("none", "orthogonal", "random projection", "half-space"):
            label = name if name != "half-space" else f"half-space, λ = {strength:g}"
            dashes = {10.0: (0, (5, 2)), 100.0: (0, (1, 1.5))}.get(float(strength), "-")
            _curve(panels[1], values["steps"], runs, base[name], label, dashes)
    panels[0].set(title="strength 1", xlabel="iteration", ylabel="energy since the start, × 10⁻³")
    panels[1].set(title="other strengths", xlabel="iteration", ylim=(0.0, None))
    panels[1].set(ylabel="energy above its bound, × 10⁻³")
    for axes in panels:
        low, high = axes.get_xlim()
        axes.set_xlim(low, high)
        style.label_line_ends(axes)
    return figure


def _curve(axes: Any, steps: Any, runs: Any, color: Any, label: str, dashes: Any) -> None:
    axes.plot(steps, runs.mean(axis=0), color=color, label=label, linestyle=dashes)
    axes.fill_between(steps, runs.min(axis=0), runs.max(axis=0), color=color, alpha=0.1, lw=0)


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
)
