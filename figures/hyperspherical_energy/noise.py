"""How much of a randomly projected gradient is noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.hyperspherical_energy.theory.projection import noise_ratio

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Noise over signal by dimension and number of projections; ratios and cosines by shape."""
    arrays = results["hyperspherical_projection"].arrays
    names = ("noise", "dimensions", "numbers", "swept_shape", "shapes", "ratio", "cosine")
    return {name: arrays[name] for name in names}


def draw(results: Results, style: Any) -> Any:
    """Left: noise over signal against k. Middle, right: size and direction for three layers."""
    values = data(results)
    figure, (left, size, direction) = style.subplots(1, 3, width=4.4)
    inputs, neurons = values["swept_shape"]
    for index, many in enumerate(values["numbers"]):
        color = style.colors[index]
        left.plot(
            values["dimensions"], values["noise"][:, index], "o-", color=color, label=f"C = {many}"
        )
        law = [noise_ratio(int(inputs), int(k), int(many)) for k in values["dimensions"]]
        left.plot(values["dimensions"], law, color=color, linestyle=":", linewidth=1.2)
    left.plot([], [], ":", color=style.soft, label="(n / k) / √C")
    left.axhline(1.0, color=style.soft, linewidth=1.0, linestyle="--")
    left.set(
        xscale="log", yscale="log", xlabel="dimension k", ylabel="noise / signal",
        title=rf"{neurons} neurons in $\mathbb{{R}}^{{{inputs}}}$",
    )  # fmt: skip
    left.set_ylim(top=20.0 * float(np.max(values["noise"])))
    left.legend(loc="upper right", ncols=2)
    places = np.arange(len(values["shapes"]))
    for axes, name, color, label in (
        (size, "ratio", style.colors[0], "size / exact gradient's"),
        (direction, "cosine", style.colors[1], "cosine with the exact gradient"),
    ):
        axes.bar(places, values[name], width=0.5, color=color)
        axes.set_xticks(places, [rf"{n} in $\mathbb{{R}}^{{{d}}}$" for d, n in values["shapes"]])
        axes.set(ylabel=label, title="k = 40, C = 20")
        axes.grid(axis="x", visible=False)
    return figure


FIGURE = Figure(
    name="hyperspherical_noise",
    title="Random projection: how much of the gradient is noise",
    draw=draw,
    experiments=("hyperspherical_projection",),
    claims=("HE-35", "HE-36"),
    caption=(
        "Gradient of the half-space energy (s = 2) at He initialisation. Left: distance of one "
        "projected gradient from its expectation, which is k/(k−3) times the exact gradient, over "
        "the size of that; dotted: the rule (n/k)/√C. Below k = 8 the variance is infinite. Middle "
        "and right: size of a projected gradient, and its cosine with the exact one, in three "
        "layers."
    ),
    data=data,
)
