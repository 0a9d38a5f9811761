"""Progressive weights: hardtanh(w/λ) as λ falls, and the gradient that does not change."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """Curves (λ, w), their λ, and the gradient."""
    result = results["boolnet_operators"]
    return {
        "strength": np.asarray(result["strength"]),
        "weights": result["curve_weights"],
        "curve": result["curve"],
        "gradient": result["curve_gradient"],
    }


def draw(results: Results, style: Any) -> Any:
    """Left: values for some λ; right: the gradient for all."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2, width=4.6, height=3.6)
    for index, (strength, curve) in enumerate(
        zip(values["strength"], values["curve"], strict=True)
    ):
        if strength >= 1e-3:
            left.plot(
                values["weights"], curve, color=style.colors[index], label=f"λ = {strength:.2g}"
            )
    left.plot(values["weights"], values["curve"][-1], "--", color=style.ink, label="sign")
    left.set(xlabel="w", ylabel="F(w, λ)", title="forward")
    left.legend()
    right.plot(values["weights"], values["gradient"], color=style.ink)
    right.set(xlabel="w", ylabel="gradient", title="backward, for every λ", ylim=(-0.1, 1.2))
    return figure


FIGURE = Figure(
    name="boolnet_weights",
    title="Progressive weights harden, their gradient stays",
    draw=draw,
    experiments=("boolnet_operators",),
    claims=("BN-4",),
    caption=(
        "Left: hardtanh(w/λ) with λ = 0.965^t, and the sign that it tends to. Right: the "
        "straight-through gradient, 1 on [−1, 1] whatever λ is."
    ),
    data=data,
)
