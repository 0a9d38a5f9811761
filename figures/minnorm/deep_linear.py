"""Generalization of deep linear students against the scale of the start and the load."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_CURVES = ("Minnorm", "descent, end", "descent, best stop", "best ridge")
_COLORS = (0, 1, 4, 2)


def data(results: Results) -> dict[str, np.ndarray]:
    """Means over data sets and half of their 95 % t intervals; the curves over the load."""
    result = results["minnorm_deep_linear"]
    names = ("scales", "students_depths", "load_grid", "load_curves", "loads", "load_mean")
    values = {name: result.arrays[name] for name in names}
    values["load_reach"] = _quantile(result.config.law_seeds) * result["load_error"]
    for name in ("minnorm", "descent", "stopped"):
        errors = result[name]
        count = errors.shape[-1]
        values[f"{name}_mean"] = errors.mean(axis=-1)
        values[f"{name}_reach"] = _quantile(count) * errors.std(axis=-1, ddof=1) / np.sqrt(count)
    values["pinv_mean"] = result["pinv"].mean(axis=-1)
    return values


def _quantile(count: int) -> float:
    from scipy.stats import t as student

    return float(student.ppf(0.975, count - 1))


def draw(results: Results, style: Any) -> Any:
    """Two depths over the scale of the start; the formulas over the load."""
    values = data(results)
    figure, axes = style.subplots(1, 3, width=4.4, height=3.9)
    top = 1.05 * float(np.max(values["descent_mean"] + values["descent_reach"]))
    for index, panel in enumerate(axes[:2]):
        _starts(panel, values, index, style)
        panel.set_ylim(0.0, top)
    axes[0].legend(loc="lower right")
    _loads(axes[2], values, style)
    return figure


def _starts(axes: Any, values: dict[str, np.ndarray], index: int, style: Any) -> None:
    level = values["pinv_mean"][index]
    axes.axhline(level, color=style.ink, linestyle="--", linewidth=1.0, label="pseudo-inverse")
    for name, label, method in (
        ("minnorm", "Minnorm", "Minnorm"),
        ("descent", "descent, end", "gradient descent"),
        ("stopped", "descent, best stop", "early stopping"),
    ):
        look = {"fmt": "o-", "capsize": 2, "color": style.look(method).color, "label": label}
        mean, reach = (values[f"{name}_{part}"][index] for part in ("mean", "reach"))
        axes.errorbar(values["scales"], mean, yerr=reach, **look)
    axes.set(xlabel="scale of the start", ylabel="generalisation error")
    axes.set_title(f"depth {int(values['students_depths'][index])}, load 1/2")


def _loads(axes: Any, values: dict[str, np.ndarray], style: Any) -> None:
    grid = values["load_grid"]
    for column, (label, color) in enumerate(zip(_CURVES, _COLORS, strict=True)):
        look = {"color": style.colors[color], "linestyle": "-" if column != 1 else ":"}
        for part in (grid < 1.0, grid > 1.0):
            name = label if part[0] else f"_{label}"
            axes.plot(grid[part], values["load_curves"][part, column], label=name, **look)
    for column, color in ((0, 0), (1, 2)):
        look = {"fmt": "s", "markersize": 4, "capsize": 2, "color": style.colors[color]}
        mean, reach = values["load_mean"][:, column], values["load_reach"][:, column]
        axes.errorbar(values["loads"], mean, yerr=reach, label="_simulated", **look)
    axes.set(ylim=(0.0, 4.0), xlabel="load P / N", ylabel="generalisation error")
    axes.set_title("any depth: formulas, simulated (squares)")
    axes.legend(loc="upper right")


FIGURE = Figure(
    name="minnorm_deep_linear",
    title="Deep linear students: Minnorm forgets its start, and interpolates the noise",
    draw=draw,
    experiments=("minnorm_deep_linear",),
    claims=("MN-40", "MN-42", "MN-43", "MN-44"),
    caption=(
        "Linear teachers with noise of variance 0.25 (signal 1). Left and middle: error after "
        "training against the scale of the start (standard deviation scale / √fan-in), mean over "
        "data sets with 95 % t intervals. Minnorm ends at the pseudo-inverse from every start; "
        "gradient descent keeps what its start has in the null space of the data, also when it is "
        "stopped at the best moment (chosen on the true error). Right: errors over the load for "
        "shallow students, descent from a start of variance 1. Minnorm loses to the best ridge "
        "wherever there is noise, and most at load 1. Not a figure of the paper."
    ),
    data=data,
    note="{seeds} seeds; bars: 95 % t intervals",
)
