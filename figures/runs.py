"""Pictures of runs of ``refimpl train``: losses, metrics, and what the steps told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .style import Style

_MOST_COLUMNS = 3
_POINTS = 400
_DASHES = {"train": "--", "test": "-", "validation": ":"}


class Curve(NamedTuple):
    """A line of a panel: epochs or steps, values, the label of its run, and its dashes."""

    x: np.ndarray
    y: np.ndarray
    run: str
    part: str = ""


def panels(
    histories: Mapping[str, Any], only: Sequence[str] = ()
) -> dict[str, tuple[str, list[Curve]]]:
    """What there is to draw: for each quantity, the name of its x axis and its lines.

    Parameters
    ----------
    histories : mapping of str to History
        By the label of the run.
    only : sequence of str
        These quantities; by default all.

    Returns
    -------
    dict of str to (str, list of Curve)
        Metrics on several parts of the data share a panel; columns without a number are left out.
    """
    found: dict[str, tuple[str, list[Curve]]] = {}
    for run, history in histories.items():
        epochs = history.epochs.get("epoch", np.zeros(0))
        for name, values in history.epochs.items():
            part, _, metric = name.partition("_")
            if metric and part in _DASHES and len(epochs):
                curve = Curve(epochs, values, run, part)
                found.setdefault(metric, ("epoch", []))[1].append(curve)
        for name, values in history.steps.items():
            known = np.isfinite(values)
            if not np.any(values[known]):
                continue
            place = "loss of the batch" if name == "loss" else name
            curve = Curve(1.0 + np.flatnonzero(known), values[known], run)
            found.setdefault(place, ("step", []))[1].append(curve)
    wanted = {name.replace("_", " "): name for name in found}
    return {name: found[wanted.get(name, name)] for name in only} if only else found


def draw(histories: Mapping[str, Any], only: Sequence[str] = (), title: str = "") -> Any:
    """A figure with a panel for each quantity; a color for each run.

    Parameters
    ----------
    histories, only
        As in :func:`panels`.
    title : str

    Returns
    -------
    matplotlib Figure
    """
    style = Style()
    chosen = panels(histories, only)
    columns = min(_MOST_COLUMNS, len(chosen))
    rows = math.ceil(len(chosen) / columns)
    runs = {run: style.colors[k % len(style.colors)] for k, run in enumerate(histories)}
    with style.context():
        figure, axes = style.subplots(rows, columns, squeeze=False)
        for axis in axes.flat[len(chosen) :]:
            axis.set_axis_off()
        for axis, (name, (unit, curves)) in zip(axes.flat, chosen.items(), strict=False):
            _panel(axis, name, unit, curves, runs)
        if len(runs) > 1:
            handles = [axes.flat[0].plot([], [], color=color)[0] for color in runs.values()]
            figure.legend(handles, list(runs), loc="outside lower center", ncols=1)
        figure.suptitle(title or " ".join(runs) if len(runs) == 1 else title)
    return figure


def _panel(
    axis: Any, name: str, unit: str, curves: Sequence[Curve], runs: Mapping[str, str]
) -> None:
    parts = list(dict.fromkeys(curve.part for curve in curves))
    for curve in curves:
        x, y = thinned(curve.x, curve.y)
        dashes = _DASHES.get(curve.part, "-")
        marker = "o" if len(x) == 1 else ""
        axis.plot(x, y, dashes, color=runs[curve.run], marker=marker, linewidth=1.4)
    axis.set_title(name.replace("_", " "))
    axis.set_xlabel(unit)
    values = np.concatenate([curve.y for curve in curves])
    values = values[np.isfinite(values)]
    if len(values) and np.min(values) > 0.0 and np.max(values) > 30.0 * np.min(values):
        axis.set_yscale("log")
    if len(parts) > 1:
        handles = [axis.plot([], [], _DASHES[part], color="#444444")[0] for part in parts]
        axis.legend(handles, parts)


def thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most some hundred points: of each stretch its least and its largest value, in order.

    Examples
    --------
    >>> thinned(np.arange(4.0), np.arange(4.0))[1]
    array([0., 1., 2., 3.])
    >>> x, y = thinned(np.arange(5000.0), np.arange(5000.0) == 77)
    >>> len(x) <= 400, float(np.max(y))
    (True, 1.0)
    """
    if len(x) <= _POINTS:
        return x, y
    kept: list[int] = []
    for piece in np.array_split(np.arange(len(x)), _POINTS // 2):
        ends = {int(piece[np.argmin(y[piece])]), int(piece[np.argmax(y[piece])])}
        kept += sorted(ends)
    return x[kept], y[kept]
