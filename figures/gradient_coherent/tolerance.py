"""The tolerance level against depth, for three initial scales."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def draw(results: Results, style: Any) -> Any:
    result = results["gradient_coherent_tolerance"]
    figure, axes = style.subplots(1, 2, sharey=True)
    method, gain = np.asarray(result["method"]), np.asarray(result["gain"])
    for panel, name, title in (
        (axes[0], "plain", "plain"),
        (axes[1], "delayed 8", "delayed by 8 epochs"),
    ):
        for index, value in enumerate(np.unique(gain[method == name])):
            own = (method == name) & (gain == value)
            panel.plot(
                np.asarray(result["depth"])[own],
                np.asarray(result["level"])[own],
                "o-",
                color=style.colors[index],
                label=f"gain {value:g}",
            )
        panel.set(xlabel="weight layers D", yscale="log", title=title)
    late = method == "delayed 30"
    if late.any():
        axes[1].plot(
            np.asarray(result["depth"])[late],
            np.asarray(result["level"])[late],
            "*",
            color=style.colors[0],
            markersize=14,
            label="gain 0.5, delayed by 30",
        )
    axes[0].set_ylabel("largest λ that trains")
    axes[1].legend(loc="lower left")
    axes[0].legend(loc="lower left")
    return figure


FIGURE = Figure(
    name="gradient_coherent_tolerance",
    title="Tolerance of strong L2 against depth",
    draw=draw,
    experiments=("gradient_coherent_tolerance",),
    claims=("GC-42", "GC-43"),
    caption=(
        "The largest λ, by bisection, at which the training accuracy on digits exceeds one half "
        "after 25 epochs. Left: from depth 4 on the plain level falls by about sqrt(gain/2) a "
        "layer (gain: variance of the initial weights times fan-in; 2 is He's). Right: after a "
        "delay it forgets the initial scale, provided that the delay outlasts the escape from "
        "the origin (star). Levels below 0.001 are left out."
    ),
    note="one seed a point, found by bisection",
)
