"""Slices of one number: a thermometer."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.boolnet.signs import multi_sign, slice_offsets

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Signs of every slice on a line, for each number of slices, and counts of patterns."""
    result = results["boolnet_structure"]
    grid = np.linspace(-1.2, 1.2, 481)
    found = {"x": grid, "slices": result["slices"], "patterns": result["patterns_released"]}
    for k in result["slices"]:
        found[f"signs_{k}"] = multi_sign(grid[:, None], slice_offsets(int(k)))
    return found


def draw(results: Results, style: Any) -> Any:
    """A strip for each number of slices, a row for each slice."""
    values = data(results)
    figure, panels = style.subplots(1, len(values["slices"]), width=3.2, height=3.6)
    for axes, k, count in zip(panels, values["slices"], values["patterns"], strict=True):
        signs = values[f"signs_{k}"].T
        axes.imshow(
            signs, aspect="auto", origin="lower", cmap="gray_r", vmin=-1.6, vmax=1.6,
            extent=(values["x"][0], values["x"][-1], 0.5, int(k) + 0.5), interpolation="nearest",
        )  # fmt: skip
        for offset in slice_offsets(int(k)):
            axes.axvline(-offset, color=style.colors[1], lw=1.0)
        axes.set(xlabel="x", title=f"k = {k}: {count} patterns")
        axes.set_yticks(range(1, int(k) + 1))
        axes.grid(visible=False)
    panels[0].set_ylabel("slice")
    return figure


FIGURE = Figure(
    name="boolnet_slices",
    title="Slices of one number are a thermometer",
    draw=draw,
    experiments=("boolnet_structure",),
    claims=("BN-10", "BN-11"),
    caption=(
        "Dark: sign(x + b) = +1, with the released offsets; lines at −b. k slices change one after "
        "the other, so that only k + 1 of the 2^k patterns occur: log2(k + 1) bits a number, until "
        "XNOR and OR mix slices of different numbers."
    ),
    data=data,
)
