"""Test accuracy of constrained methods and baselines on MNIST."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results
from . import accuracy as table


def data(results: Results) -> dict[str, np.ndarray]:
    """Accuracies by method and seed."""
    return table.data(results["constrained_mnist"])


def draw(results: Results, style: Any) -> Any:
    """A row a method."""
    return table.draw(data(results), style)


FIGURE = Figure(
    name="constrained_mnist",
    title="Constrained training and its baselines on MNIST",
    draw=draw,
    experiments=("constrained_mnist",),
    caption=(
        "MNIST, 10,000 training samples, 784-100-100-10, 4 epochs only, 2 seeds. Hyper-parameters "
        "by mean "
        "validation accuracy over the seeds, from grids of two to four points; the seeds (split, "
        "start, order, noise) are shared by the methods. No ranking is claimed. float32."
    ),
    data=data,
)
