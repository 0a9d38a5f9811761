"""Bound, exact expectation and cross-entropy against λ, with their tangents at zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """The curves of one recorded instance."""
    result = results["isda_bound"]
    names = ("plain", "expected", "bound", "expected_linear", "bound_linear")
    return {
        "strength": np.asarray(result.config.curve),
        **{name: np.asarray(result[f"curve_{name}"]) for name in names},
    }


def draw(results: Results, style: Any) -> Any:
    """Three curves and two tangents."""
    values = data(results)
    figure, axes = style.subplots(width=6.4, height=4.0)
    x = values["strength"]
    closed, exact = style.colors[1], style.colors[0]
    axes.plot(x, values["bound"], color=closed, label="closed-form bound")
    axes.plot(x, values["bound_linear"], ":", color=closed, label="its tangent")
    axes.plot(x, values["expected"], color=exact, label="exact expectation")
    axes.plot(x, values["expected_linear"], ":", color=exact, label="its tangent")
    axes.axhline(float(values["plain"]), color=style.ink, ls="--", lw=1.2, label="cross-entropy")
    axes.set(xlabel="λ", ylabel="mean loss", xlim=(0.0, x[-1]))
    axes.legend(loc="upper left")
    return figure


FIGURE = Figure(
    name="isda_bound",
    title="The closed-form bound lies above the expectation that it stands for",
    draw=draw,
    experiments=("isda_bound",),
    claims=("IS-1", "IS-4"),
    caption=(
        "One random problem of five classes and sixteen examples, one covariance of rank one a "
        "class, so that the expectation over augmented features is exact. Dotted: the forms linear "
        "in λ, tangent at 0. Their slopes differ by v̄'Σv̄/2, the price of the closed form."
    ),
    data=data,
)
