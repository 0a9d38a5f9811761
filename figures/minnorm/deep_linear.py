"""Generalization of deep linear students against the scale of the start and the load."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base import Figure, Results

_CURVES = ("Minnorm", "descent, end", "descent, best stop", "best ridge")
_COLORS = (0, 1, 4, 2)


def data(results: Results) -> dict[str, np.ndarray]:
    """Means and standard errors over data sets; the curves over the load."""
    result = results["minnorm_deep_linear"]
    values = {
        name: result.arrays[name]
        for name in ("scales", "students_depths", "load_grid", "load_curves", "loads",
                     "load_mean", "load_error")
    }  # fmt: skip
    for name in ("minnorm", "descent", "stopped"):
        errors = result[name]
        values[f"{name}_mean"] = errors.mean(axis=-1)
        values[f"{name}_error"] = errors.std(axis=-1, ddof=1) / np.sqrt(errors.shape[-1])
    values["pinv_mean"] = result["pinv"].mean(axis=-1)
    return values


def draw(results: Results, style: Any) -> Any:
    """Two depths over the scale of the start; the formulas over the load."""
    values = data(results)
    figure, axes = style.subplots(1, 3, width=4.6)
    top = 1.05 * float(np.max(values["descent_mean"] + 2.0 * values["descent_error"]))
    for index, depth in enumerate(values["students_depths"]):
        panel = axes[index]
        panel.axhline(
            values["pinv_mean"][index],
            color=style.ink,
            linestyle="--",
            linewidth=1.0,
            label="pseudo-inverse",
        )
        for name, label, method in (
            ("minnorm", "Minnorm", "Minnorm"),
            ("descent", "descent, end", "gradient descent"),
            ("stopped", "descent, best stop", "early stopping"),
        ):
            panel.errorbar(
                values["scales"],
                values[f"{name}_mean"][index],
                yerr=2.0 * values[f"{name}_error"][index],
                fmt="o-",
                capsize=2,
                color=style.look(method).color,
                label=label,
            )
        panel.set(
            ylim=(0.0, top),
            xlabel="scale of the start",
            ylabel="generalisation error",
            title=f"depth {int(depth)}, load 1/2",
        )
    axes[0].legend(loc="lower right")
    load = axes[2]
    grid = values["load_grid"]
    for column, (label, color) in enumerate(zip(_CURVES, _COLORS, strict=True)):
        for part in (grid < 1.0, grid > 1.0):
            load.plot(
                grid[part],
                values["load_curves"][part, column],
                color=style.colors[color],
                linestyle="-" if column != 1 else ":",
                label=label if part[0] else f"_{label}",
            )
    for column, color in ((0, 0), (1, 2)):
        load.errorbar(
            values["loads"],
            values["load_mean"][:, column],
            yerr=2.0 * values["load_error"][:, column],
            fmt="s",
            markersize=4,
            capsize=2,
            color=style.colors[color],
            label="_simulated",
        )
    load.set(
        ylim=(0.0, 4.0),
        xlabel="load P / N",
        ylabel="generalisation error",
        title="any depth: formulas, simulated (squares)",
    )
    load.legend(loc="upper right")
    return figure


FIGURE = Figure(
    name="minnorm_deep_linear",
    title="Deep linear students: Minnorm forgets its start, and interpolates the noise",
    draw=draw,
    experiments=("minnorm_deep_linear",),
    claims=("MN-40", "MN-42", "MN-43", "MN-44"),
    caption=(
        "Linear teachers with noise of variance 0.25 (signal 1). Left and middle: error after "
        "training against the scale of the start (standard deviation scale / √fan-in), mean over "
        "data sets ± 2 standard errors. Minnorm ends at the pseudo-inverse from every start; "
        "gradient descent keeps what its start has in the null space of the data, also when it is "
        "stopped at the best moment (chosen on the true error). Right: errors over the load for "
        "shallow students, descent from a start of variance 1. Minnorm loses to the best ridge "
        "wherever there is noise, and most at load 1. Not a figure of the paper."
    ),
    data=data,
    note="{seeds} seeds; bars: two standard errors",
)
