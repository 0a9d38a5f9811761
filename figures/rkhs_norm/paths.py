"""Clean against robust accuracy, and slopes against spectral norms, as the strengths grow."""

from __future__ import annotations

from typing import Any

import numpy as np

SHOWN = (
    ("weight decay", "weight decay"),
    ("projection", "spectral projection"),
    ("loss gradient", "loss gradient (l2)"),
    ("gradient norm", "‖∇f‖²"),
    ("adversarial norm", "$‖f‖^2_δ$"),
    ("PGD l2", "PGD l2"),
    ("Tikhonov", "Tikhonov"),
)
"""Methods in the results and how they are called in the figures."""


def rows(result: Any, name: str, key: str) -> np.ndarray:
    """Values of a method, (strength, seed), as its strengths grow in the grid."""
    return result[key][result["method"] == name]


def draw_paths(result: Any, style: Any, x: str, y: str, axes: Any) -> None:
    """A path for each method from the plain network, with 95 % t intervals at every strength."""
    start = [float(rows(result, "none", key).mean()) for key in (x, y)]
    for name, label in SHOWN:
        color = style.look(name).color
        across, up = rows(result, name, x), rows(result, name, y)
        path_x = np.concatenate([[start[0]], across.mean(axis=1)])
        path_y = np.concatenate([[start[1]], up.mean(axis=1)])
        axes.plot(path_x, path_y, "-", color=color, lw=1.4, alpha=0.8)
        axes.errorbar(
            path_x[1:],
            path_y[1:],
            xerr=style.half_width(across),
            yerr=style.half_width(up),
            fmt="o",
            color=color,
            ms=4,
            lw=1.0,
            label=label,
        )
        axes.plot(path_x[-1], path_y[-1], "o", color=color, ms=8)
    axes.plot(*start, "*", color=style.ink, ms=15, label="none", zorder=5)


def size(result: Any) -> str:
    """What stands on the picture about the runs."""
    return f"digits, n = {result['clean'].shape[1]} seeds, bars: 95 % t intervals"
