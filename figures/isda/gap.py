"""Where the bound is loose: its gap over the points of a trained head."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Gap, its second-order form and whether the point is classified correctly, first seed."""
    result = results["isda_points"]
    return {
        "gap": result["gap"][0],
        "predicted": result["predicted"][0],
        "right": result["right"][0],
        "slopes": result["slope"],
        "strength": np.asarray(result.config.strength),
    }


def draw(results: Results, style: Any) -> Any:
    """Points on the diagonal, right and wrong ones apart by color."""
    values = data(results)
    figure, axes = style.subplots(width=6.0, height=4.6)
    half = 0.5 * float(values["strength"])
    x, y, right = values["predicted"] / half, values["gap"], values["right"]
    for chosen, color, name in ((right, 0, "right"), (~right, 1, "wrong")):
        axes.loglog(
            x[chosen],
            y[chosen],
            "o",
            ms=3.5,
            alpha=0.5,
            color=style.colors[color],
            label=f"classified {name} (n = {int(chosen.sum())}, mean {y[chosen].mean():.2g})",
        )
    ends = np.array([x[x > 0].min(), x.max()])
    axes.loglog(ends, half * ends, color=style.ink, lw=1.2, label="(λ/2) v̄'Σv̄")
    slopes = values["slopes"]
    axes.set(
        xlabel="v̄'Σv̄",
        ylabel=f"bound − expectation at λ = {2.0 * half:g}",
        title=f"regression slope / (λ/2): {slopes.min():.3f} to {slopes.max():.3f} "
        f"over {slopes.size} seeds",
        xlim=(1e-7, None),
        ylim=(1e-9, None),
    )
    axes.legend(loc="upper left")
    return figure


FIGURE = Figure(
    name="isda_gap",
    title="The bound is tight on sure, correct points and loose on wrong ones",
    draw=draw,
    experiments=("isda_points",),
    claims=("IS-4", "IS-5"),
    caption=(
        "A linear head on ten random projections of the digits' pixels, its training points, one "
        "covariance of rank one for all of them. The gap follows (λ/2) v̄'Σv̄, which is small "
        "where the prediction is sure and right. Points below the axes are left out."
    ),
    data=data,
    note="{seeds} seeds",
)
