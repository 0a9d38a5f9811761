"""Scalar chains under minimum-norm training: decay of imbalance, accuracy, orbits, stability."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.minnorm.experiments.chain_flows import SLOPE
from refimpl.papers.minnorm.experiments.chain_stability import OUTCOMES

from ..base import Figure, Results

_METHODS = ("Minnorm", "weight decay", "gradient descent")


def data(results: Results) -> dict[str, np.ndarray]:
    """The arrays of the four panels, and the boundary of stability on a fine grid."""
    result = results["minnorm_chain"]
    depth = np.linspace(2.0, float(result["map_depths"][-1]) + 0.3, 200)
    names = (
        "imbalance_times",
        "imbalance",
        "imbalance_decay",
        "accuracies",
        "times_to",
        "portrait_undamped",
        "portrait_damped",
        "map_depths",
        "map_rhos",
        "map_outcomes",
    )
    return {
        **{name: result.arrays[name] for name in names},
        "boundary_depth": depth,
        "boundary": (depth - 2.0) / (depth * SLOPE ** (2.0 - 2.0 / depth)),
    }


def draw(results: Results, style: Any) -> Any:
    """Imbalance, time to accuracy; phase portrait, stability."""
    values = data(results)
    figure, axes = style.subplots(2, 2, width=4.7, height=3.4)
    parts = (_imbalance, _accuracy, _portrait, _stability)
    for panel, part in zip(axes.ravel(), parts, strict=True):
        part(panel, values, style)
    return figure


def _imbalance(axes: Any, values: dict[str, np.ndarray], style: Any) -> None:
    slopes = (-2.0, -2.0 * float(values["imbalance_decay"]), 0.0)
    times = values["imbalance_times"]
    for index, (method, slope) in enumerate(zip(_METHODS, slopes, strict=True)):
        color = style.look(method).color
        axes.plot(times, values["imbalance"][index], color=color, label=method)
        exact = values["imbalance"][index, 0] * np.exp(slope * times[::10])
        axes.plot(times[::10], exact, "o", color=color, mfc="white")
    axes.set(yscale="log", xlabel="time / τ", ylabel="|w₂² − w₁²|")
    axes.set_title("(a) imbalance; predicted (circles)")
    axes.legend(loc="lower left")


def _accuracy(axes: Any, values: dict[str, np.ndarray], style: Any) -> None:
    for column, method in enumerate(("weight decay", "Minnorm, ρ = 1")):
        color = style.look(method.split(",")[0]).color
        times = values["times_to"][:, column]
        axes.plot(values["accuracies"], times, "o-", color=color, label=method)
    axes.set(xscale="log", yscale="log", xlabel="accuracy ε of the weights", ylabel="time / τ")
    axes.set_title("(b) time to accuracy, depth 2")
    axes.invert_xaxis()
    axes.legend(loc="upper left")


def _portrait(axes: Any, values: dict[str, np.ndarray], style: Any) -> None:
    for kind, line, color, label in (
        ("undamped", "-", style.colors[0], "ρ = 0"),
        ("damped", ":", style.colors[1], "ρ = 0.3"),
    ):
        for index, path in enumerate(values[f"portrait_{kind}"]):
            name = label if index == 0 else f"_{label}"
            axes.plot(path[0], path[1], line, color=color, linewidth=1.2, label=name)
    axes.plot([SLOPE], [1.0], "k*", markersize=11)
    axes.set(xscale="log", xlabel="product u", ylabel="multiplier λ")
    axes.set_title("(c) balanced chain of depth 2")
    axes.legend(loc="upper left")


def _stability(axes: Any, values: dict[str, np.ndarray], style: Any) -> None:
    axes.plot(
        values["boundary_depth"], values["boundary"], color=style.ink, label="ρ = (D − 2) / c"
    )
    depth, rho = np.meshgrid(values["map_depths"], values["map_rhos"], indexing="ij")
    marks = (("x", 3), ("s", 4), ("o", 2))
    for kind, (outcome, (mark, color)) in enumerate(zip(OUTCOMES, marks, strict=True)):
        chosen = values["map_outcomes"] == kind
        look = {"marker": mark, "color": style.colors[color], "linestyle": "none"}
        axes.plot(depth[chosen], rho[chosen], label=outcome, **look)
    axes.set(xlabel="depth D", ylabel="damping ρ", xticks=values["map_depths"])
    axes.set(xlim=(1.7, float(values["map_depths"][-1]) + 0.3), ylim=(-0.01, 0.44))
    axes.set_title("(d) fate of starts next to the end point")
    axes.legend(loc="upper center", ncols=2, fontsize=9)


FIGURE = Figure(
    name="minnorm_chain",
    title="Minimum-norm training of a scalar chain needs damping, and then beats weight decay",
    draw=draw,
    experiments=("minnorm_chain",),
    claims=("MN-26", "MN-28", "MN-29", "MN-31", "MN-32"),
    caption=(
        "Chains with target s = 2. (a) Differences of squared weights decay as e^(−2t/τ) for "
        "Minnorm, as e^(−2γt) for weight decay γ = 0.25, not at all for gradient descent (depth "
        "3). (b) Time after which both weights stay within ε of √2, from (2.5, 0.5): weight decay "
        "must be as small as the bias it may leave. (c) Without damping, orbits of product and "
        "multiplier are closed; with damping they spiral into the end point (star). (d) Starts "
        "0.1 % off the end point: they converge just where the damping exceeds (D − 2) / c, "
        "c = D s^(2 − 2/D). Not a figure of the paper."
    ),
    data=data,
    note="no randomness",
)
