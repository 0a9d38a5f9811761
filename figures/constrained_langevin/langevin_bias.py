"""Bias of the constrained Langevin schemes against the step size, with the exact values known."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.constrained_langevin.theory import bias
from refimpl.papers.constrained_langevin.theory import stationary as laws

from ..base import Figure, Results

_LINES = {
    "OBA": ("OBA", {}),
    "stale force": ("AOAB", {"stale": True}),
    "BAOAB": ("BAOAB", {}),
    "BAOAB, drift by SHAKE": ("BAOAB", {"drift": "shake"}),
    "OBABO": ("OBABO", {}),
}
_STEPS = np.geomspace(0.05, 0.4, 5)


def data(results: Results) -> dict[str, np.ndarray]:
    """Signed biases of every curve and point."""
    circle = results["circle_bias"]
    exact = laws.circle_mean(1.0)
    values: dict[str, Any] = {"circle_h": _STEPS}
    for label, (name, options) in _LINES.items():
        means = [bias.underdamped_law(name, float(h), **options).mean for h in _STEPS]  # type: ignore[arg-type]
        values[f"circle {label}"] = np.array(means) - exact
    names = np.asarray(circle["law_names"])
    chosen = np.isin(names, ["OBA", "OBABO"]) & (circle["law_steps"] == 0.4)
    values["step_names"] = names[chosen]
    values["step_h"] = circle["law_steps"][chosen]
    values["step_bias"] = circle["laws"][chosen, 0] - exact
    values["overdamped_h"] = circle["step_sizes"]
    values["overdamped SHAKE"] = circle["od_mean"][0] - exact
    values["overdamped radial"] = circle["od_mean"][1] - exact
    return values


def _guide(axes: Any, style: Any, x: np.ndarray, y: float, order: int, above: bool) -> None:
    """A dotted line of the given order that ends at (x[-1], y), with its name at the middle."""
    line = y * (x / x[-1]) ** order
    axes.plot(x, line, color=style.soft, linestyle=":", linewidth=1.2, label="_guide")
    axes.annotate(
        f"order {order}",
        (x[len(x) // 2], line[len(x) // 2]),
        xytext=(0, 8 if above else -15),
        textcoords="offset points",
        ha="center",
        color=style.soft,
        fontsize=9,
    )


def _steps(axes: Any, ticks: tuple[float, ...]) -> None:
    """Logarithmic step sizes with plain numbers at ``ticks``."""
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)


def draw(results: Results, style: Any) -> Any:
    """Circle: underdamped splittings left, overdamped steps right, both to rounding."""
    values = data(results)
    figure, (circle, overdamped) = style.subplots(1, 2, width=5.4, height=3.9)
    for index, label in enumerate(_LINES):
        color = style.colors[index]
        circle.plot(_STEPS, np.abs(values[f"circle {label}"]), color=color, label=label)
        at = values["step_names"] == label
        circle.plot(values["step_h"][at], np.abs(values["step_bias"][at]), marker="o", color=color)
    order = np.argsort(values["overdamped_h"])
    h = values["overdamped_h"][order]
    for index, name in enumerate(("SHAKE", "radial")):
        overdamped.plot(
            h,
            np.abs(values[f"overdamped {name}"])[order],
            "o-",
            color=style.colors[index],
            label=name,
        )
    _steps(circle, (0.05, 0.1, 0.2, 0.4))
    _steps(overdamped, tuple(float(value) for value in h))
    for axes in (circle, overdamped):
        axes.set(yscale="log", xlabel="step size h", ylabel="|bias of the mean|")
    circle.set_ylim(4e-6, 0.6)
    overdamped.set_ylim(3e-4, 3e-2)
    _guide(circle, style, _STEPS, 0.35, 1, above=True)
    _guide(circle, style, _STEPS, 4e-4, 2, above=False)
    _guide(overdamped, style, h, 0.014, 1, above=True)
    circle.set_title("circle, V = θ: splittings")
    overdamped.set_title("circle, V = θ: overdamped steps")
    style.label_line_ends(circle)
    style.label_line_ends(overdamped)
    return figure


FIGURE = Figure(
    name="langevin_bias",
    title="Constrained Langevin schemes: bias of the mean against the step size",
    draw=draw,
    experiments=("circle_bias",),
    claims=("CL-6", "CL-8"),
    caption=(
        "Distance of the mean from its exact value on the circle with V = θ, where the stationary "
        "law of each scheme is computed to rounding. Left: splittings of position drift (A), noise "
        "(O) and force (B), named in their order (lines from theory; circles from the transition "
        "operator of the step itself). OBA and a stale force are of order 1; BAOAB, whose drift is "
        "a rotation or a step with SHAKE, and OBABO are of order 2. Right: the overdamped step, "
        "projected along the normal of the old point (SHAKE) or radially, both of order 1."
    ),
    data=data,
    note="no sampling: exact to rounding",
)
