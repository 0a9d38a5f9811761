"""The diffusion observable in several dimensions: points and penalties."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results
from .shared import curves, draw_curves


def data(results: Results) -> dict[str, np.ndarray]:
    """Errors of the chosen strengths: (points, penalty, size, seed) for each dimension."""
    result = results["lattice_diffusion_training"]
    return {
        f"{name}_{dimension}": values
        for dimension in result.config.dimensions
        for name, values in curves(result, "plain", dimension).items()
    }


def draw(results: Results, style: Any) -> Any:
    """Rows: E_G and the gap. Columns: dimensions."""
    values, config = data(results), results["lattice_diffusion_training"].config
    columns = len(config.dimensions)
    figure, panels = style.subplots(2, columns, width=3.9, height=3.3, squeeze=False)
    for column, dimension in enumerate(config.dimensions):
        test, train = values[f"test_{dimension}"], values[f"train_{dimension}"]
        for axes, (name, numbers) in zip(
            panels[:, column], {"E_G": test, "gap E_G − E_T": test - train}.items(), strict=True
        ):
            draw_curves(axes, config.sizes, numbers, style)
            axes.set_title(f"{name}, s = {dimension}")
    for axes in panels[:, 0]:
        axes.set_ylabel("RMS error of u(½)")
    panels[0, -1].legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    return figure


FIGURE = Figure(
    name="lattice_diffusion",
    title="Training on the observable of a parametric diffusion problem",
    draw=draw,
    experiments=("lattice_diffusion_training",),
    caption=(
        "Root mean squared errors on fresh points and their difference from those on the training "
        "points (drawn at 1e-8 where it is not positive), for s parameters with decay ½/j². The "
        "standard model, strengths by validation, geometric means over seeds that share initial "
        "weights, validation and test points. In the quick profile the runs are too short to judge."
    ),
    data=data,
    note="{seeds} seeds; bars: lowest to highest",
)
