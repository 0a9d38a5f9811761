"""Angle preservation: the probability that Theorem 1 claims against the true one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Claimed and true probabilities over (k, c, ε)."""
    result = results["projection_theorems"]
    return {
        "projected": np.asarray(result.config.projected),
        "cosines": np.asarray(result.config.cosines),
        **result.arrays,
    }


def draw(results: Results, style: Any) -> Any:
    """One panel for each k: claimed once (it knows no cosine), true for each cosine."""
    values = data(results)
    figure, panels = style.subplots(1, values["projected"].size, width=4.2, sharey=True)
    epsilon = values["epsilon"]
    for row, axes in enumerate(np.atleast_1d(panels)):
        k = values["projected"][row]
        limit = math.sqrt(8.0 * math.log(2.0) / k)
        axes.axvspan(0.0, min(limit, 1.0), color=style.soft, alpha=0.15, lw=0)
        for index, cosine in enumerate(values["cosines"]):
            axes.plot(
                epsilon,
                values["printed_true"][row, index],
                color=style.colors[index],
                label=f"true, c = {cosine:g}".replace("-", "−"),
            )
        axes.plot(
            epsilon,
            values["printed_claimed"][row, 0],
            color=style.ink,
            linestyle="--",
            label="claimed by Theorem 1",
        )
        second = values["second_claimed"][row, 0]
        axes.plot(
            epsilon,
            np.where(second > 0.0, second, np.nan),
            color=style.soft,
            linestyle="-.",
            label="claimed by Theorem 2",
        )
        axes.set(xlim=(0.0, 1.0), ylim=(0.0, 1.04), xlabel="ε", title=f"k = {k}")
    np.atleast_1d(panels)[0].set_ylabel("probability of the stated interval")
    np.atleast_1d(panels)[-1].legend(loc="lower right")
    return figure


FIGURE = Figure(
    name="hyperspherical_theorem_one",
    title="Angle preservation under projection: claimed and true probability",
    draw=draw,
    experiments=("projection_theorems",),
    claims=("HE-16", "HE-17", "HE-18", "HE-20"),
    caption=(
        "Dashed: the probability (1 − 2 exp(−kε²/8))² that Theorem 1 claims for its interval. "
        "Coloured: the exact probability of that interval for Gaussian projections, by the "
        "cosine c before projection. In the shaded range kε² < 8 log 2 the base of the square is "
        "negative and the claim is void: it rises to 1 as ε falls, while the truth falls to 0. "
        "Dash-dotted: what Theorem 2 claims, for another, wider interval, where it is positive; "
        "that one is true."
    ),
    data=data,
)
