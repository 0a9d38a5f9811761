"""Is the law kept: deviations of Metropolis-exact chains and of chains without a safeguard."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_LABELS = {
    "circle": "circle", "sphere": "sphere", "stiefel": "St(4, 2)", "wave": "two\nconstraints",
    "oval": "narrow\noval",
}  # fmt: skip
_LOOKS = {
    "mala": ("MALA", "o"),
    "hmc": ("HMC, 3 steps a test", "s"),
    "partial": ("generalized HMC", "^"),
    "no test": ("control: no Metropolis test", "x"),
    "no way back": ("control: no reversibility check", "P"),
}
_ALLOWED = 6.0


def data(results: Results) -> dict[str, np.ndarray]:
    """The larger deviation of each run in standard errors, and what became of its proposals."""
    result = results["exact_sampling"]
    deviations = np.abs(result["means"] - result["exact"]) / result["errors"]
    return {
        "target": np.asarray(result["target"]),
        "sampler": np.asarray(result["sampler"]),
        "deviation": deviations.max(axis=1),
        "shares": np.asarray(result["shares"]),
    }


def draw(results: Results, style: Any) -> Any:
    """Left: deviations. Right: accepted, refused and why."""
    values = data(results)
    figure, (left, right) = style.subplots(1, 2, width=5.4, height=3.9)
    places = {name: index for index, name in enumerate(_LABELS)}
    for index, (sampler, (label, marker)) in enumerate(_LOOKS.items()):
        rows = values["sampler"] == sampler
        x = np.array([places[str(name)] for name in values["target"][rows]])
        left.plot(
            x + 0.13 * (index - 2), values["deviation"][rows], marker,
            color=style.colors[index], markersize=7, label=label,
        )  # fmt: skip
    left.axhline(_ALLOWED, color=style.soft, linestyle=":", label="6 standard errors")
    left.set(yscale="log", ylabel="deviation of a mean, standard errors")
    low, high = left.get_ylim()
    left.set_ylim(low, high * (high / low) ** 0.45)
    left.set_title("means after steps from exact draws")
    left.legend(fontsize=8, loc="upper center", ncol=2)
    rows = values["sampler"] == "partial"
    shares = values["shares"][rows]
    x = np.array([places[str(name)] for name in values["target"][rows]])
    rejected = 1.0 - shares[:, 0] - shares[:, 1] - shares[:, 2]
    bottom = np.zeros(x.size)
    for index, (label, part) in enumerate(
        (
            ("accepted", shares[:, 0]),
            ("rejected: energy", rejected),
            ("rejected: no projection", shares[:, 1]),
            ("rejected: way back ends elsewhere", shares[:, 2]),
        )
    ):
        right.bar(x, part, 0.6, bottom, color=style.colors[index], label=label)
        bottom = bottom + part
    right.set(ylabel="share of the proposals", ylim=(0.0, 1.45))
    right.set_yticks([0.0, 0.5, 1.0])
    right.set_title("one step a test")
    right.legend(fontsize=8, loc="upper center", ncol=2)
    for axes in (left, right):
        axes.set_xticks(range(len(places)), list(_LABELS.values()), fontsize=8.5)
    return figure


FIGURE = Figure(
    name="exact_sampling",
    title="Metropolis-exact constrained chains keep their law; without a safeguard they do not",
    draw=draw,
    experiments=("exact_sampling",),
    claims=("CL-42", "CL-43"),
    caption=(
        "Left: independent chains start in exact draws of five laws and make a few large steps; "
        "the larger deviation of two means from their exact values, in standard errors. Controls "
        "make the same steps without the Metropolis test, or without following proposals back, and "
        "have more chains. Right: what becomes of the proposals of generalized hybrid Monte Carlo. "
        "Two constraints: x² + y² = 1 and z = 0.8 (x² − y²); narrow oval: Cassini's, on which "
        "Newton's method reaches the other side."
    ),
    data=data,
)
