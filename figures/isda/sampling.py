"""Explicit sampling against the number of drawn features."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Means, quantiles and errors of the sampled loss."""
    result = results["isda_sampling"]
    names = ("draws", "mean", "error", "rms", "low", "high", "exact", "bound")
    return {
        **{name: np.asarray(result[name]) for name in names},
        "replications": np.asarray(result.config.replications),
    }


def draw(results: Results, style: Any) -> Any:
    """The sampled loss, and its error."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2, width=4.6, height=3.8)
    draws = values["draws"]
    left.fill_between(
        draws, values["low"], values["high"], color=style.colors[0], alpha=0.2, lw=0,
        label="5 % to 95 % of the runs",
    )  # fmt: skip
    left.errorbar(
        draws, values["mean"], yerr=2.0 * values["error"], fmt="o-", capsize=3,
        color=style.colors[0], label="mean, two standard errors",
    )  # fmt: skip
    left.axhline(float(values["exact"]), color=style.ink, lw=1.2, label="exact expectation")
    left.axhline(float(values["bound"]), color=style.colors[1], ls="--", label="closed-form bound")
    left.set(xscale="log", xlabel="draws M", ylabel="loss")
    left.legend(loc="upper right", bbox_to_anchor=(1.0, 0.88))
    right.loglog(draws, values["rms"], "o", color=style.colors[0], label="root mean square error")
    right.loglog(draws, values["rms"][0] * draws**-0.5, color=style.ink, lw=1.2, label="M^(−1/2)")
    right.set(
        xlabel="draws M",
        ylabel="error",
        title=f"n = {int(values['replications'])} runs for each M",
    )
    right.legend()
    return figure


FIGURE = Figure(
    name="isda_sampling",
    title="Drawn features tend to the expectation, below the closed form",
    draw=draw,
    experiments=("isda_sampling",),
    claims=("IS-13",),
    caption=(
        "Four examples of five classes, covariances of rank one, λ = 0.5. Each run draws M "
        "features an example. Their mean loss is unbiased for the exact expectation; the closed "
        "form is another number, above it."
    ),
    data=data,
)
