"""What the figures of training share: the cells that validation chose, as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from refimpl.experiments.base import Result
from refimpl.papers.lattice_networks.experiments.recipe import PENALTIES, POINTS, chosen

TITLES = {"plain": "standard", "periodic": "periodic"}
MARKS = {"lattice": ("o", "-"), "random": ("s", (0, (4, 2)))}


def curves(result: Result, model: str, dimension: int) -> dict[str, np.ndarray]:
    """Test and training errors as (points, penalty, size, seed)."""
    sizes = result.config.sizes
    cells = [
        [[chosen(result, model, n, points, penalty, dimension) for n in sizes]
         for penalty in PENALTIES]
        for points in POINTS
    ]  # fmt: skip
    return {
        name: np.array([[[cell[name] for cell in row] for row in block] for block in cells])
        for name in ("test", "train")
    }


def draw_curves(axes: Any, sizes: Any, values: np.ndarray, style: Any) -> None:
    """Geometric means, bars from the lowest seed to the highest: color = penalty, mark = points."""
    for i, points in enumerate(POINTS):
        marker, dashes = MARKS[points]
        for k, penalty in enumerate(PENALTIES):
            seeds = np.maximum(values[i, k], 1e-8)
            mean = np.exp(np.log(seeds).mean(axis=-1))
            axes.errorbar(
                np.asarray(sizes) * (1.0 + 0.03 * (2 * i - 1)),
                mean,
                yerr=np.maximum([mean - seeds.min(axis=-1), seeds.max(axis=-1) - mean], 0.0),
                color=style.look(penalty).color,
                marker=marker,
                linestyle=dashes,
                capsize=2.5,
                elinewidth=1.0,
                label=f"{penalty}, {points}",
            )
    axes.set(xscale="log", yscale="log", xticks=list(sizes), xticklabels=[str(n) for n in sizes])
    axes.minorticks_off()
    axes.set_xlabel("training points N")
