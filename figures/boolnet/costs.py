"""Memory by stage and energy by its parts: the printed tables, which the models reproduce."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Bits (stage, kind) for k = 1, 4 and a usual binary network; energy parts (network, part)."""
    result = results["boolnet_accounting"]
    return {
        "memory": np.asarray(result["memory"][:12]).reshape(4, 3),
        "network": result["network"],
        "parts": result["parts"],
    }


def draw(results: Results, style: Any) -> Any:
    """Left: memory; right: stacked energies."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2, width=5.2, height=3.8)
    for kind, label in enumerate(("k = 1", "k = 4", "32-bit features")):
        left.bar(
            np.arange(4) + 0.27 * (kind - 1), values["memory"][:, kind] / 1e6, 0.25,
            color=style.colors[kind], label=label,
        )  # fmt: skip
    left.set_xticks(range(4), ["64 x 56²", "128 x 28²", "256 x 14²", "512 x 7²"])
    left.set(xlabel="channels and map of the block", ylabel="memory, Mbit", title="memory")
    left.legend()
    places, base = np.arange(len(values["network"]))[::-1], np.zeros(len(values["network"]))
    for part, label in enumerate(("compute", "SRAM", "DRAM")):
        right.barh(
            places, values["parts"][:, part], left=base, color=style.colors[part], label=label
        )
        base = base + values["parts"][:, part]
    for place, total in zip(places, base, strict=True):
        right.text(total + 90.0, place, f"{total:.0f}", va="center", color=style.ink)
    style.published(right, base, places, label="total, published")
    right.set_yticks(places, [str(name) for name in values["network"]])
    right.set(xlabel="energy, µJ (published)", title="energy of an inference", xlim=(0.0, 4700.0))
    right.legend(loc="lower right")
    right.grid(visible=False, axis="y")
    return figure


FIGURE = Figure(
    name="boolnet_costs",
    title="Memory by stage and energy by part",
    draw=draw,
    experiments=("boolnet_accounting",),
    claims=("BN-15", "BN-17", "BN-18"),
    caption=(
        "Left: bits of a convolutional block by the model that gives all totals of the paper's "
        "table. Right: published energies and the sums of their parts; they can not be computed "
        "anew, since energies per access were not published. Computation is 1.7 to 7.7 % of them."
    ),
    data=data,
)
