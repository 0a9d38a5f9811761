"""Generalization against the number of training points: points and penalties."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results
from .shared import TITLES, curves, draw_curves


def data(results: Results) -> dict[str, np.ndarray]:
    """Errors of the chosen strengths: (points, penalty, size, seed) for each model."""
    result = results["lattice_training"]
    dimension = result.config.dimensions[0]
    return {
        f"{name}_{model}": values
        for model in result.config.models
        for name, values in curves(result, model, dimension).items()
    }


def draw(results: Results, style: Any) -> Any:
    """Rows: standard and periodic. Columns: E_G, E_T and the gap."""
    values, config = data(results), results["lattice_training"].config
    models = config.models
    figure, panels = style.subplots(len(models), 3, width=4.0, height=3.4, squeeze=False)
    for row, model in zip(panels, models, strict=True):
        test, train = values[f"test_{model}"], values[f"train_{model}"]
        shown = {"E_G": test, "E_T": train, "gap E_G − E_T": test - train}
        for axes, (name, numbers) in zip(row, shown.items(), strict=True):
            draw_curves(axes, config.sizes, numbers, style)
            axes.set_title(f"{name}, {TITLES[model]}, s = {config.dimensions[0]}")
    panels[0, 0].set_ylabel("RMS error")
    panels[-1, 0].set_ylabel("RMS error")
    panels[0, 2].legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    return figure


FIGURE = Figure(
    name="lattice_training",
    title="Training on lattice and random points with three penalties",
    draw=draw,
    experiments=("lattice_training",),
    claims=("LAT-24", "LAT-25", "LAT-26"),
    caption=(
        "Root mean squared errors of networks with three hidden layers of 32 swish neurons on the "
        "algebraic targets: on 8,192 fresh points (E_G; 1,024 in the quick profile), on the "
        "training points (E_T), and their difference, drawn at 1e-8 where it is negative or below. "
        "Strengths are those with the least mean error on validation points. Geometric means; all "
        "methods of a seed share initial weights, validation and test points. At N = 1021 the "
        "tailored penalty is trained alone. In the quick profile the runs are too short to judge."
    ),
    data=data,
    note="{seeds} seeds; bars: lowest to highest",
)
