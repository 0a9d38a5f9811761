"""How many local minima the energy of 32 points has, against the dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_SPACES = ("points (full space)", "lines (half space)")


def data(results: Results) -> dict[str, np.ndarray]:
    """Counts and relative excess energies of the minima found."""
    result = results["hyperspherical_minima"]
    energies = result["energies"]
    lowest = np.nanmin(energies, axis=2, keepdims=True)
    return {
        "dimensions": result["dimensions"],
        "minima": result["minima"],
        "starts": result["starts"],
        "excess": energies / lowest - 1.0,
    }


def draw(results: Results, style: Any) -> Any:
    """Left: the counts. Right: by how much each start ends above the best."""
    values = data(results)
    neurons = results["hyperspherical_minima"].config.neurons
    figure, (left, right) = style.subplots(1, 2, width=5.4, height=3.9)
    places = np.arange(values["dimensions"].size)
    for index, name in enumerate(_SPACES):
        color = style.colors[index]
        offset = 0.19 * (2 * index - 1)
        counts = values["minima"][:, index]
        left.plot(places + offset, counts, "os"[index], color=color, label=name)
        for place, count in zip(places + offset, counts, strict=True):
            left.annotate(
                f"{count:.0f}", (place, count), xytext=(0, 6), textcoords="offset points",
                ha="center", fontsize=8.5, color=style.ink,
            )  # fmt: skip
        for place in places:
            excess = values["excess"][place, index]
            above = excess[np.isfinite(excess) & (excess > 1e-8)]
            right.scatter(
                np.full(above.size, place + offset), above, s=14, color=color, alpha=0.5, lw=0,
                marker="os"[index], label=name if place == 0 else None,
            )  # fmt: skip
    left.step(
        np.append(places - 0.5, places[-1] + 0.5),
        np.append(values["starts"][:, 0], values["starts"][-1, 0]),
        where="post",
        color=style.soft,
        linestyle="--",
        linewidth=1.0,
        label="random starts",
    )
    left.set(yscale="log", ylim=(0.7, 700.0), ylabel="different minima found",
             title=f"{neurons} neurons, s = 2")  # fmt: skip
    left.legend(loc="upper right", ncols=1)
    right.set(yscale="log", ylabel="excess energy over the best, relative",
              title="starts that end above the best")  # fmt: skip
    right.set_ylim(1e-8, 1e-1)
    right.legend(loc="upper right")
    for axes in (left, right):
        axes.set_xticks(places, [str(k) for k in values["dimensions"]])
        axes.set_xlabel("dimension k")
        axes.set_xlim(-0.6, places[-1] + 0.6)
        axes.grid(visible=False, axis="x")
    return figure


FIGURE = Figure(
    name="hyperspherical_minima",
    title="Local minima of hyperspherical energy, against the dimension",
    draw=draw,
    experiments=("hyperspherical_minima",),
    claims=("HE-28", "HE-30"),
    caption=(
        "Left: how many different energies the descents of 32 neurons end at (more starts may "
        "find more; dashed, the number of starts). Right: how far each of the other starts ends "
        "above the best. With as many dimensions as neurons every descent reaches the global "
        "minimum; between, as where neurons are projected to fewer dimensions, minima abound, "
        "and their energies differ by less than one per cent."
    ),
    data=data,
    note="every start is shown that ends above the best",
)
