"""Groups of coordinates against random projection, at Gaussian initialization."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_LOOKS = {"groups of coordinates": ("o", 0), "random projection": ("^", 2)}


def _law(inverse: np.ndarray, neurons: int) -> np.ndarray:
    """Mean half-space energy (s = 2) of N lines with mean 1/(1 − c²) = ``inverse``."""
    return (0.25 + (neurons - 1.0) * inverse) / (2.0 * neurons - 1.0)


def data(results: Results) -> dict[str, np.ndarray]:
    """Energies and cosines over (size, layer, way), and what the laws say of the energies."""
    result = results["hyperspherical_groups"]
    neurons, inputs = result.config.neurons, result.config.inputs
    fine = np.geomspace(np.min(result["size"]), inputs, 200)
    before = (inputs - 2.0) / (inputs - 3.0)
    projected = fine / (fine - 3.0) * before - 2.0 / (fine - 3.0)
    return {
        "size": result["size"],
        "energy": result["energy"],
        "cosine": result["cosine"],
        "fine": fine,
        "law": np.stack([_law((fine - 2.0) / (fine - 3.0), neurons), _law(projected, neurons)]),
    }


def draw(results: Results, style: Any) -> Any:
    """Left: energies and their laws. Right: cosine with the gradient of the neurons' energy."""
    values = data(results)
    config = results["hyperspherical_groups"].config
    figure, (left, right) = style.subplots(1, 2, width=4.9, height=3.9)
    for way, (name, (marker, color)) in enumerate(_LOOKS.items()):
        look = {"color": style.colors[color], "marker": marker, "linestyle": "none", "capsize": 3}
        for axes, kind in ((left, "energy"), (right, "cosine")):
            runs = values[kind][:, :, way]
            place = values["size"] * (0.97, 1.03)[way]
            reach = style.half_width(runs)
            axes.errorbar(place, runs.mean(axis=1), yerr=reach, label=name, **look)
        line = ("-", "--")[way]
        left.plot(values["fine"], values["law"][way], line, color=style.colors[color], lw=1.3)
    left.plot([], [], color=style.soft, label="lines: in the mean, derived")
    for axes in (left, right):
        axes.set(xscale="log", xlabel="coordinates of a group, or projected dimension k")
        ticks = values["size"]
        axes.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
        axes.minorticks_off()
    left.set(ylabel="mean pair energy")
    left.set_title(rf"{config.neurons} neurons in $\mathbb{{R}}^{{{config.inputs}}}$")
    left.legend(loc="upper right")
    right.set(ylabel="cosine with the exact gradient", ylim=(0.0, 1.05))
    right.set_title("groups × size = inputs")
    return figure


FIGURE = Figure(
    name="hyperspherical_groups",
    title="Group CoMHE at initialization: much like random projection of equal cost",
    draw=draw,
    experiments=("hyperspherical_groups",),
    caption=(
        "Half-space energy (s = 2) of a Gaussian layer on a random partition of the coordinates "
        "into groups, and after as many random projections to as many dimensions. Gaussian "
        "coordinates are independent, so a group of m is a Gaussian layer in R^m with E 1/(1 − c²) "
        "= (m−2)/(m−3); random projection has (k/(k−3)) E 1/(1 − c²) − 2/(k−3), a little more. "
        "Right: one draw's gradient against that of the neurons themselves: small groups are "
        "mostly noise."
    ),
    data=data,
    note="{layers} layers; means, bars: 95 % t intervals",
)
