"""Trained projections and the released epsilon: a floor, a blow-up and a loophole."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results


def data(results: Results) -> dict[str, np.ndarray]:
    """The descent of the distortion, the blow-up and the loophole."""
    games = results["hyperspherical_games"].arrays
    identities = results["hyperspherical_identities"].arrays
    names = ("course", "optimum", "random", "neurons", "dimension", "shrink", "blow_up")
    values = {name: games[name] for name in names}
    for name in ("loophole_scales", "loophole_released", "loophole_exact"):
        values[name] = identities[name]
    return values


def draw(results: Results, style: Any) -> Any:
    """Left: angle-preserving descent. Middle: adversarial blow-up. Right: the loophole."""
    values = data(results)
    figure, (left, middle, right) = style.subplots(1, 3, width=4.3)
    left.plot(np.arange(values["course"].size), values["course"], color=style.colors[0])
    left.axhline(float(values["random"]), color=style.soft, linestyle=":", linewidth=1.4)
    left.axhline(float(values["optimum"]), color=style.colors[1], linestyle="--", linewidth=1.4)
    end = values["course"].size - 1
    left.text(end, float(values["random"]), "random P, orthogonal neurons", ha="right", va="bottom")
    left.set_ylim(top=1.12 * max(float(values["random"]), float(np.max(values["course"]))))
    left.text(0, float(values["optimum"]) - 0.15, "best P, orthogonal neurons", va="top")
    left.set_ylim(min(float(values["optimum"]), values["course"][-1]) - 0.9)
    left.set(
        xlabel="descent steps on P", ylabel=r"$\|\cos(PW) - \cos(W)\|_F$",
        title=f"N = {values['neurons']}, k = {values['dimension']}",
    )  # fmt: skip
    middle.plot(values["shrink"], values["blow_up"], "o-", color=style.colors[0], label="E(PW)")
    law = values["blow_up"][-1] * (values["shrink"] / values["shrink"][-1]) ** -2.0
    middle.plot(values["shrink"], law, ":", color=style.soft, label="slope −2")
    middle.set(
        xscale="log", yscale="log", xlabel="part of ŵ₁ − ŵ₂ that P keeps",
        ylabel="mean energy of PW", title="no maximum over P",
    )  # fmt: skip
    middle.legend(loc="upper right")
    scales = values["loophole_scales"]
    right.plot(scales, values["loophole_released"], "o-", color=style.colors[1], label="ε = 10⁻⁴")
    right.plot(scales, values["loophole_exact"], "s-", color=style.colors[0], label="ε = 0")
    right.axhline(0.5, color=style.soft, linestyle="--", linewidth=1.0)
    right.set(
        xscale="log", xlabel="scale of the weights", ylabel="half-space energy, mean",
        title="shrinking norms pass for diversity",
    )  # fmt: skip
    right.legend(loc="center left")
    return figure


FIGURE = Figure(
    name="hyperspherical_games",
    title="Trained projections and the loophole in the norms",
    draw=draw,
    experiments=("hyperspherical_games", "hyperspherical_identities"),
    claims=("HE-37", "HE-38", "HE-39", "HE-40"),
    caption=(
        "Left: plain descent of the released distortion at rate 0.1 from a Gaussian projection, "
        "He-initialised neurons in R^1152; for exactly orthogonal neurons no projection does "
        "better than the dashed line. Middle: the energy of projected neurons as the projection "
        "loses the difference of two of them. Right: one correlated layer, scaled down."
    ),
    data=data,
)
