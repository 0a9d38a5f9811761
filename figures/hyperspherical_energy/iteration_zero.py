"""Energies of the nine-layer network before training, from its shapes alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.hyperspherical_energy.claims.networks import projected_mean, welch
from refimpl.papers.hyperspherical_energy.experiments.projection import NETWORK, OUTPUT

from ..base import Figure, Results

_ROWS = {
    "plain": "hidden, no projection",
    "projected 40": "hidden, k = 40",
    "projected 30": "hidden, k = 30",
    "output": "output × 10",
}
_LOGGED = {
    "projected 40": (5.1348,),
    "projected 30": (5.1797, 5.1808),
    "output": (5.0269, 5.0191, 5.0229),
}
"""Energies at iteration 0 in the logs of the released code."""


def _mean(neurons: int, pair: float) -> float:
    return (0.25 + (neurons - 1.0) * pair) / (2.0 * neurons - 1.0)


def data(results: Results) -> dict[str, np.ndarray]:
    """By layer, the energy at Gaussian weights in the mean and its bound; the sums."""
    result = results["hyperspherical_projection"]
    rows = []
    for layer, (inputs, neurons) in enumerate(NETWORK):
        inverse = (inputs - 2.0) / (inputs - 3.0)
        plain = _mean(neurons, inverse)
        projected = [projected_mean(neurons, k, inverse) if layer else plain for k in (40.0, 30.0)]
        bound = _mean(neurons, 1.0 / (1.0 - welch(neurons, inputs)))
        rows.append([bound, plain, *projected])
    layers = np.asarray(rows)
    output = 10.0 * 0.5 * (OUTPUT[0] - 2.0) / (OUTPUT[0] - 3.0)
    return {
        "layers": layers,
        "predicted": np.append(layers[:, 1:].sum(axis=0), output),
        "measured": np.array([float(result[name]) for name in _ROWS]),
        "bound": layers[:, 0].sum(),
    }


def draw(results: Results, style: Any) -> Any:
    """Left: the sums, predicted, drawn and logged. Right: layer by layer."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2, width=5.2, height=4.0)
    for row, name in enumerate(_ROWS):
        first = row == 0
        left.plot(values["predicted"][row], row, "|", color=style.ink, markersize=22, mew=1.8,
                  label="predicted from shapes" if first else None)  # fmt: skip
        left.plot(values["measured"][row], row, "o", color=style.colors[0],
                  label="Gaussian draws" if first else None)  # fmt: skip
        logged = _LOGGED.get(name, ())
        if logged:
            label = "released logs" if name == "projected 40" else "_logs"
            style.published(left, logged, np.full(len(logged), row + 0.22), label)
    left.axvline(values["bound"], color=style.soft, linestyle="--", label="bound, hidden")
    left.set_yticks(range(len(_ROWS)), list(_ROWS.values()))
    left.set(xlabel="energy at iteration 0", ylim=(3.6, -0.6), xlim=(4.99, 5.195))
    left.grid(axis="y", visible=False)
    left.legend(loc="center left", bbox_to_anchor=(0.1, 0.5))
    places = np.arange(len(NETWORK))
    for column, (label, marker, color) in enumerate(
        (("bound", "_", style.ink), ("no projection", "o", style.colors[0]),
         ("k = 40", "^", style.colors[2]), ("k = 30", "v", style.colors[4]))
    ):  # fmt: skip
        right.plot(places, values["layers"][:, column], marker, color=color, label=label,
                   markersize=14 if marker == "_" else 6, linestyle="none")  # fmt: skip
    shapes = [f"{neurons}\n{inputs}" for inputs, neurons in NETWORK]
    right.set_xticks(places, shapes, fontsize=9)
    right.set(xlabel="layer: neurons over inputs", ylabel="mean pair energy", ylim=(0.495, 0.525))
    right.legend(loc="upper center", ncols=2)
    return figure


FIGURE = Figure(
    name="hyperspherical_iteration_zero",
    title="The energies that the released code logs first follow from the shapes of its layers",
    draw=draw,
    experiments=("hyperspherical_projection",),
    claims=("HE-42", "HE-43"),
    caption=(
        "Half-space energies (s = 2) of the ten hidden layers of the nine-layer network, summed, "
        "and ten times the full-space energy of its output, at He initialisation: predicted by the "
        "affine law of random projection, drawn, and as logged by the released code (◇; its "
        "epsilon is 1e-4, k = 30 are the angle-preserving and the adversarial run). Right: where "
        "the sums come from; the first layer has more neurons than inputs and is not projected."
    ),
    data=data,
    note="{networks} networks, {outputs} output layers; ◇ released logs",
)
