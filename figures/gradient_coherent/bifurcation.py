"""Bifurcation diagram of the regularized chain: optima, thresholds and the basin boundary."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.gradient_coherent.theory import chain

from ..base import Figure, Results

_DEPTHS = (2, 3, 6)
_TARGET = 1.3


def data(results: Results) -> dict[str, np.ndarray]:
    """Roots of the stationarity condition on a grid of strengths; thresholds as found by search."""
    arrays = results["gradient_coherent_chain"].arrays
    values: dict[str, np.ndarray] = {"depths": np.asarray(_DEPTHS)}
    for depth in _DEPTHS:
        limit = chain.spinodal(_TARGET, depth)
        strengths = limit * (1.0 - np.linspace(1.0, 0.0, 301) ** 2 * (1.0 - 1e-6))
        strengths = strengths[strengths < limit]
        roots = [chain.stationary_weights(_TARGET, depth, float(s)) for s in strengths]
        found = [[np.nan if w is None else w for w in pair] for pair in roots]
        values[f"strength_{depth}"] = strengths
        values[f"roots_{depth}"] = np.asarray(found)
    for name in ("depths", "spinodal", "equal_energy"):
        values[f"searched_{name}"] = np.asarray(arrays[name])
    for name in ("tolerance_depths", "starts", "tolerance"):
        values[name] = np.asarray(arrays[name])
    return values


def draw(results: Results, style: Any) -> Any:
    """Left: roots against the strength. Right: thresholds against depth, and the tolerance."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2, width=5.4, height=4.0)
    searched = dict(zip(values["searched_depths"], values["searched_spinodal"], strict=True))
    equal = dict(zip(values["searched_depths"], values["searched_equal_energy"], strict=True))
    for index, depth in enumerate(_DEPTHS):
        color = style.colors[index]
        strengths, roots = values[f"strength_{depth}"], values[f"roots_{depth}"]
        left.plot(strengths, roots[:, 1], color=color, label=f"depth {depth}")
        left.plot(strengths, roots[:, 0], color=color, linestyle="--", label="_unstable")
        top = chain.peak(_TARGET, depth)
        left.plot(searched[depth], top, "o", color=color, mfc="white", label="_spinodal")
        if depth > 2:
            middle = chain.stationary_weights(_TARGET, depth, float(equal[depth]))[1]
            left.plot(equal[depth], middle, "s", color=color, label="_equal")
    left.axhline(0.0, color=style.ink, linewidth=1.2)
    left.set(
        xlabel="strength λ",
        ylabel="balanced weight w",
        title="optima (solid), basin boundary (dashed)",
    )
    left.legend(loc="upper right")

    for index, start in enumerate(values["starts"]):
        color = style.colors[index]
        right.plot(
            values["tolerance_depths"],
            values["tolerance"][:, index],
            "o",
            color=color,
            label=f"$w_0$ = {start:g}",
        )
        depths = np.arange(3, 11)
        law = [chain.tolerance(float(start), 1.0, int(depth)) for depth in depths]
        right.plot(depths, law, color=color, linewidth=1.2, label="_law")
    depths = np.arange(3, 11)
    right.plot(
        depths,
        [chain.spinodal(1.0, int(depth)) for depth in depths],
        color=style.soft,
        linestyle="--",
        label="spinodal",
    )
    right.set(
        yscale="log",
        xlabel="depth D",
        ylabel="largest strength survived",
        title="tolerance from a balanced start, y = 1",
    )
    right.legend(loc="lower left")
    return figure


FIGURE = Figure(
    name="gradient_coherent_bifurcation",
    title="Why strong L2 fails in depth: bistability of the chain",
    draw=draw,
    experiments=("gradient_coherent_chain",),
    claims=("GC-16", "GC-17", "GC-18", "GC-19"),
    caption=(
        "Left: non-zero optima of the balanced chain with y = 1.3. At depth 2 the weight goes to "
        "zero continuously; from depth 3 on it jumps at the spinodal strength (circles, found by "
        "search), zero is stable for every λ > 0, and below the dashed branch all starts die. "
        "Squares: beyond this strength zero is the global minimum. Right: the largest strength "
        "that learning survives from w₀, by bisection on gradient descent (points) and from the "
        "closed form (lines); it falls geometrically with depth. Dashed: the limit that no delay "
        "can pass."
    ),
    data=data,
    note="no randomness",
)
