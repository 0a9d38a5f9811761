"""The streaming covariance's error against batches, several orders."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Errors after each batch, (order, batch)."""
    result = results["isda_statistics"]
    return {
        "error": result["error"],
        "diagonal_error": result["diagonal_error"],
        "scale": np.asarray(result["scale"]),
    }


def draw(results: Results, style: Any) -> Any:
    """A line for each order; zero errors stand on the floor of the picture."""
    values = data(results)
    figure, axes = style.subplots(width=6.0, height=3.8)
    floor = 1e-17
    batches = np.arange(1, values["error"].shape[1] + 1)
    for row, errors in enumerate(values["error"]):
        axes.semilogy(
            batches,
            np.maximum(errors, floor),
            "o-",
            color=style.colors[0],
            alpha=0.5,
            lw=1.0,
            label="streaming against pooled" if row == 0 else None,
        )
    for row, errors in enumerate(values["diagonal_error"]):
        axes.semilogy(
            batches,
            np.maximum(errors, floor),
            "s--",
            color=style.colors[1],
            alpha=0.5,
            lw=1.0,
            ms=4,
            label="diagonal against full" if row == 0 else None,
        )
    axes.axhline(1e-12, color=style.ink, lw=1.2, ls=":", label="tolerance of the claims")
    axes.set(
        xlabel="batches seen",
        ylabel="largest error of an entry",
        ylim=(0.5 * floor, 1e-11),
        xticks=batches,
        title=f"{values['error'].shape[0]} orders; largest entry {float(values['scale']):.3g}",
    )
    axes.legend(loc="upper right", bbox_to_anchor=(1.0, 0.82))
    return figure


FIGURE = Figure(
    name="isda_streaming",
    title="Streaming class covariances are the pooled ones, in every order",
    draw=draw,
    experiments=("isda_statistics",),
    claims=("IS-7", "IS-8"),
    caption=(
        "Six batches of 1 to 40 examples of four classes, one class absent from the first batch of "
        "the first order. Errors of exactly zero are drawn at 1e-17."
    ),
    data=data,
)
