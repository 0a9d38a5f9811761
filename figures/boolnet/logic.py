"""XNOR and OR on the corners of the square: values and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Values (4,) and gradients (2, 4) over (−1, −1), (−1, 1), (1, −1), (1, 1)."""
    result = results["boolnet_operators"]
    names = ("xnor", "xnor_gradient", "or", "or_gradient")
    return {name: np.asarray(result[name]) for name in names}


def draw(results: Results, style: Any) -> Any:
    """A panel for each operation: corners with their value, arrows for their gradient."""
    values = data(results)
    figure, panels = style.subplots(1, 2, width=4.2, height=4.0)
    x, y = np.array([(a, b) for a in (-1, 1) for b in (-1, 1)], dtype=float).T
    for axes, name, title in ((panels[0], "xnor", "XNOR"), (panels[1], "or", "OR")):
        for sign, color in ((1, style.colors[0]), (-1, style.colors[1])):
            chosen = values[name] == sign
            axes.plot(
                x[chosen],
                y[chosen],
                "o",
                ms=16,
                color=color,
                label="value +1" if sign > 0 else "value −1",
                zorder=2,
            )
        slopes = 0.45 * values[f"{name}_gradient"]
        axes.quiver(
            x, y, slopes[0], slopes[1], angles="xy", scale_units="xy", scale=1.0,
            color=style.ink, width=0.012, zorder=3,
        )  # fmt: skip
        axes.set(xlabel="x", ylabel="y", title=title, xlim=(-1.9, 1.9), ylim=(-1.9, 2.4))
        axes.set_xticks([-1, 1])
        axes.set_yticks([-1, 1])
        axes.legend(loc="upper center", ncol=2)
    return figure


FIGURE = Figure(
    name="boolnet_logic",
    title="Logic shortcuts: values and gradients",
    draw=draw,
    experiments=("boolnet_operators",),
    claims=("BN-1", "BN-2"),
    caption=(
        "Color: the value at the four pairs of signs. Arrows: the gradient, not to scale with the "
        "axes. That of XNOR is the partner of each input; that of OR is (1, 1), and nothing at "
        "(+1, +1), where the sum lies beyond the clamp."
    ),
    data=data,
)
