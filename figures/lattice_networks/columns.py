"""How the columns of the first layer decay after training, with and without tailoring."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.papers.lattice_networks.experiments.recipe import PENALTIES, chosen

from ..base import Figure, Results
from .shared import TITLES


def _size(result: Any) -> int:
    return 127 if 127 in result.config.sizes else result.config.sizes[-1]


def data(results: Results) -> dict[str, np.ndarray]:
    """max_p |W_{0,pj}|: (penalty, seed, j), and b_j / (2 Q) of the tailored runs, by model."""
    result = results["lattice_training"]
    values = {}
    for model in result.config.models:
        cells = [chosen(result, model, _size(result), "lattice", p) for p in PENALTIES]
        values[f"peaks_{model}"] = np.array([cell["peaks"] for cell in cells])
        values[f"growth_{model}"] = np.array([cell["growth"] for cell in cells])
    return values


def draw(results: Results, style: Any) -> Any:
    """One panel a model, both axes logarithmic."""
    values, result = data(results), results["lattice_training"]
    models = result.config.models
    figure, panels = style.subplots(1, len(models), width=4.9, height=4.0, squeeze=False)
    for axes, model in zip(panels[0], models, strict=True):
        peaks = values[f"peaks_{model}"]
        j = np.arange(1, peaks.shape[-1] + 1)
        for k, penalty in enumerate(PENALTIES):
            axes.loglog(
                j, peaks[k].mean(axis=0), "o-", color=style.look(penalty).color, label=penalty
            )
            axes.fill_between(
                j, peaks[k].min(axis=0), peaks[k].max(axis=0),
                color=style.look(penalty).color, alpha=0.15,
                lw=0,
            )  # fmt: skip
        scale = 0.5 if model == "plain" else 1.0 / np.sqrt(6.0)
        limit = scale * (0.5 / j**2) / values[f"growth_{model}"][2].mean()
        axes.loglog(j, limit, "--", color=style.soft, label="$b_j$ / Q")
        axes.set(title=f"{TITLES[model]}, lattice, N = {_size(result)}", xlabel="input j")
        axes.set_xlim(0.9, 45.0)
        axes.set_xticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
        axes.minorticks_off()
        style.label_line_ends(axes)
    panels[0, 0].set_ylabel("max |W₀| in column j")
    return figure


FIGURE = Figure(
    name="lattice_columns",
    title="First layer after training: columns against the decay of the target",
    draw=draw,
    experiments=("lattice_training",),
    claims=("LAT-22", "LAT-24"),
    caption=(
        "Largest absolute weight on each input, mean over seeds, bands from the lowest to the "
        "highest, at the strengths that validation chose. Dashed: b_j/Q with the decay in the "
        "inputs that the first layer sees and the mean Q of the tailored runs, below which the "
        "bound on all mixed derivatives matches the target; trained networks lie far above it, "
        "for the bound is loose. In the quick profile the runs are too short to judge."
    ),
    data=data,
    note="{seeds} seeds; bands: lowest to highest",
)
