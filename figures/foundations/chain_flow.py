"""Gradient flow of linear chains and a deep linear network against their closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.foundations.theory.gradient_flow import gain_at

from ..base import Figure, Results

_POINTS = 300


def data(results: Results) -> dict[str, np.ndarray]:
    """The closed forms on a fine grid of times, and what was integrated."""
    result = results["gradient_flow"]
    arrays = result.arrays
    times = np.linspace(0.0, float(arrays["times"][-1]), _POINTS)

    def law(start: float, slope: float, depth: int) -> np.ndarray:
        return np.array([gain_at(float(t), start=start, slope=slope, depth=depth) for t in times])

    start, slope = float(arrays["start"]), float(arrays["slope"])
    first = float(arrays["network_start"])
    depths = [int(depth) for depth in arrays["depths"]]
    deepest = len(depths) - 1
    return {
        "grid": times,
        "depths": arrays["depths"],
        "chain_law": np.array([law(start, slope, depth) for depth in depths]),
        "times": arrays["times"],
        "gain": arrays["gain"],
        "slopes": arrays["slopes"],
        "mode_law": np.array([law(first, float(s), depths[deepest]) for s in arrays["slopes"]]),
        "modes": arrays["modes"][deepest],
    }


def draw(results: Results, style: Any) -> Any:
    """Left: the gain of scalar chains. Right: the modes of the deepest network."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2, width=5.2)
    for index, depth in enumerate(values["depths"]):
        color = style.colors[index % len(style.colors)]
        left.plot(values["grid"], values["chain_law"][index], color=color, label=f"depth {depth}")
        left.plot(values["times"], values["gain"][index], "o", color=color, mfc="white")
    left.set(
        xlabel="time t / τ",
        ylabel=r"gain $u = w_D \cdots w_1$",
        title="scalar chains of several depths",
    )
    left.legend(loc="lower right")
    for index, slope in enumerate(values["slopes"]):
        color = style.colors[index % len(style.colors)]
        right.plot(values["grid"], values["mode_law"][index], color=color, label=f"s = {slope:g}")
        right.plot(values["times"], values["modes"][:, index], "o", color=color, mfc="white")
    right.set(
        xlabel="time t / τ",
        ylabel="singular value of the map",
        title=f"modes of a linear network, depth {values['depths'][-1]}",
    )
    style.label_line_ends(right)
    return figure


FIGURE = Figure(
    name="chain_flow",
    title="Gradient flow of linear chains: closed forms and integrated gradients",
    draw=draw,
    experiments=("gradient_flow",),
    claims=("FD-1", "FD-2", "FD-3", "FD-4"),
    caption=(
        "Lines: closed forms of Saxe, McClelland and Ganguli (2014), extended to every depth. "
        "Circles: an adaptive integrator that follows the gradients of autodiff. Left: the gain "
        "of a balanced scalar chain that learns the slope 2; depth delays the escape from the "
        "origin. Right: each singular mode of a deep linear network is learned as a chain of its "
        "own, the strongest first."
    ),
    data=data,
)
