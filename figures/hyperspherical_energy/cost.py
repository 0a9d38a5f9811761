"""Cost of random projection against the energy of the neurons themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Multiples of the plain energy's time by layer and number of projections, and the counts."""
    result = results["hyperspherical_cost"]
    config = result.config
    size = np.asarray(config.projections) * config.dimension
    inputs, neurons = np.asarray(result["shape"], dtype=float).T
    return {
        "rows": size,
        "shape": result["shape"],
        "multiple": result["multiple"],
        "count": size * (1.0 / inputs + 1.0 / neurons)[:, None],
        "even": inputs * neurons / (inputs + neurons),
    }


def draw(results: Results, style: Any) -> Any:
    """Time, and the count of products, against the projected coordinates of all projections."""
    values = data(results)
    figure, axes = style.subplots(width=6.6, height=4.4)
    for index, (inputs, neurons) in enumerate(values["shape"]):
        color = style.colors[index]
        label = rf"{neurons} in $\mathbb{{R}}^{{{inputs}}}$"
        axes.plot(values["rows"], values["multiple"][index], "o", color=color, label=label)
        axes.plot(values["rows"], values["count"][index], "-", color=color, linewidth=1.3)
    axes.plot([], [], "-", color=style.soft, label="products: Ck (1/n + 1/N)")
    axes.axhline(1.0, color=style.ink, linestyle="--", linewidth=1.0)
    axes.set(
        xscale="log", yscale="log", xlabel="projected coordinates Ck (k = 40; last: as released)",
        ylabel="time / that of half-space MHE",
    )  # fmt: skip
    ticks = values["rows"]
    axes.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
    axes.minorticks_off()
    axes.legend(loc="upper left")
    return figure


FIGURE = Figure(
    name="hyperspherical_cost",
    title="At the released settings random projection costs more than it saves",
    draw=draw,
    experiments=("hyperspherical_cost",),
    claims=("HE-49",),
    caption=(
        "Time of energy and gradient with C random projections to k = 40 dimensions, drawn in "
        "every step, over that of half-space MHE: measured on one machine, not judged. Lines: the "
        "ratio of the counts of products, Ck (1/n + 1/N); it is above 1 (dashed) from "
        "Ck = nN/(n + N) on, and the released code has Ck = 800."
    ),
    data=data,
    note="fastest of {repetitions} repetitions",
)
