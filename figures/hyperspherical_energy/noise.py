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
    """Left: noise over signal against k. Right: size and direction for three layers."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2, width=5.4)
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
        title=f"{neurons} neurons in R^{inputs}",
    )  # fmt: skip
    left.legend(loc="upper right", ncols=2)
    places = np.arange(len(values["shapes"]))
    right.bar(places - 0.2, values["ratio"], width=0.4, color=style.colors[0], label="size")
    twin = right.twinx()
    twin.bar(places + 0.2, values["cosine"], width=0.4, color=style.colors[1], label="cosine")
    right.set_xticks(places, [f"{many} in R^{size}" for size, many in values["shapes"]])
    right.set(ylabel="size / exact gradient's", title="k = 40, C = 20")
    right.yaxis.label.set_color(style.colors[0])
    twin.set(ylabel="cosine with it", ylim=(0.0, 0.32))
    twin.yaxis.label.set_color(style.colors[1])
    twin.spines["right"].set_visible(True)
    twin.grid(visible=False)
    right.grid(axis="x", visible=False)
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
        "the size of that; dotted: the rule (n/k)/√C. Below k = 8 the variance is infinite. "
        "Right: size of a projected gradient and its cosine with the exact one, in three layers."
    ),
    data=data,
)
