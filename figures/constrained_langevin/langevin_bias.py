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
    "BAOAB, SHAKE": ("BAOAB", {"drift": "shake"}),
    "OBABO": ("OBABO", {}),
}
_STEPS = np.geomspace(0.05, 0.4, 5)


def data(results: Results) -> dict[str, np.ndarray]:
    """Signed biases of every curve and point."""
    circle, stiefel = results["circle_bias"], results["stiefel_bias"]
    exact = laws.circle_mean(1.0)
    first, second = laws.stiefel_mean(2.0, 1.0)
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
    values["runs"] = np.array([str(name) for name in stiefel["runs"]])
    values["runs_h"] = stiefel["run_steps"]
    targets = {"sphere": laws.sphere_mean(2.0, 3), "stiefel": 2.0 * first + second, "haar": 0.125}
    center = np.array([targets[str(name).split(" ")[0]] for name in stiefel["runs"]])
    values["runs_bias"] = stiefel["moments"][:, 0] - center
    values["runs_error"] = stiefel["errors"][:, 0]
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


def _sampled(axes: Any, style: Any, values: dict[str, np.ndarray], target: str) -> None:
    """Points with error bars of every scheme run on one target, with their signs."""
    labels = {"shake": "SHAKE (od)", "polar_raw": "polar, raw (od)",
              "polar_tangent": "polar, projected (od)"}  # fmt: skip
    names = [str(name).split(" ") for name in values["runs"]]
    schemes = dict.fromkeys(scheme for place, scheme in names if place == target)
    axes.axhline(0.0, color=style.ink, linewidth=1.0)
    for index, scheme in enumerate(schemes):
        at = [i for i, name in enumerate(names) if name == [target, scheme]]
        h, found = values["runs_h"][at], values["runs_bias"][at]
        order = np.argsort(h)
        axes.errorbar(
            h[order],
            found[order],
            yerr=5.0 * values["runs_error"][at][order],
            fmt="o-",
            linewidth=1.2,
            capsize=2,
            color=style.colors[index % len(style.colors)],
            label=labels.get(scheme, scheme),
        )
    axes.set(xlabel="step size h", ylabel="bias of the mean", xlim=(0.0, None))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9)


def draw(results: Results, style: Any) -> Any:
    """Circle underdamped and overdamped (to rounding), sphere and St(4, 2) (sampled)."""
    values = data(results)
    figure, panels = style.subplots(2, 2, width=5.4, height=3.7)
    (circle, overdamped), (sphere, stiefel) = panels
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
    sphere.set_title("sphere, V = −2 w₃")
    stiefel.set_title("St(4, 2), V = −(2 W₁₁ + W₂₂)")
    _sampled(sphere, style, values, "sphere")
    _sampled(stiefel, style, values, "stiefel")
    style.label_line_ends(circle)
    style.label_line_ends(overdamped)
    return figure


FIGURE = Figure(
    name="langevin_bias",
    title="Constrained Langevin schemes: bias of the mean against the step size",
    draw=draw,
    experiments=("circle_bias", "stiefel_bias"),
    claims=("CL-6", "CL-8", "CL-9", "CL-10"),
    caption=(
        "Distance of the sampled mean from its exact value. Above: on the circle the stationary "
        "law of each splitting is computed to rounding (lines from theory; circles from the "
        "transition operator of the step itself), and so is that of the overdamped steps. OBA "
        "and a stale force are of order 1, BAOAB and OBABO of order 2, both overdamped "
        "projections of order 1. Below: "
        "independent chains on the sphere and on St(4, 2), whose exact means are coth 2 − 1/2 and "
        "1.124704 (bars: 5 standard errors; od = overdamped). The "
        "image of the gallery has 30 000 chains, and 12 000 overdamped ones."
    ),
    data=data,
)
