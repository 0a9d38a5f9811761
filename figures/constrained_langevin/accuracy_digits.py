"""Test accuracy of constrained methods and baselines on digits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results
from . import accuracy as table


def data(results: Results) -> dict[str, np.ndarray]:
    """Accuracies by method and seed."""
    return table.data(results["constrained_digits"])


def draw(results: Results, style: Any) -> Any:
    """A row a method."""
    return table.draw(data(results), style)


FIGURE = Figure(
    name="constrained_digits",
    title="Constrained training and its baselines on digits",
    draw=draw,
    experiments=("constrained_digits",),
    caption=(
        "Digits, network 64-100-100-10, 20 epochs, 5 seeds. Hyper-parameters by mean "
        "validation accuracy over the seeds, from grids of two to four points; the seeds (split, "
        "start, order, noise) are shared by the methods. No ranking is claimed. float32."
    ),
    data=data,
)
