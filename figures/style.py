"""How the figures look: one palette, one look a method, two sets of sizes, labels at line ends.

The colors are those of M. Okabe and K. Ito, "Color universal design" (2008), which readers with
any of the common color vision deficiencies can tell apart. Their order puts the darkest first.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure

from .frame import add_note
from .methods import METHODS

TALK_SIZE = (40.0 / 3.0, 7.5)
"""Inches: a slide of 16:9."""


class Look(NamedTuple):
    """How a method is drawn, in every figure."""

    color: str
    marker: str
    line: Any


@dataclass(frozen=True)
class Style:
    """Colours, sizes and helpers that are handed to every ``draw``.

    Attributes
    ----------
    colors : tuple of str
        For data series, in order.
    ink, soft : str
        For text, and for what should stand back (references, grids).
    width, height : float
        Of one panel, in inches.
    talk : bool
        For a slide: the figure is 13.33 by 7.5 inches, letters and lines are larger, and panels
        of a long row stand in two rows.
    """

    colors: tuple[str, ...] = (
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000",
    )  # fmt: skip
    ink: str = "#222222"
    soft: str = "#8a8a8a"
    width: float = 4.8
    height: float = 3.6
    talk: bool = False

    @contextlib.contextmanager
    def context(self) -> Iterator[None]:
        """Matplotlib's settings for the figures, undone afterwards."""
        settings: Any = {
            "axes.prop_cycle": cycler(color=list(self.colors)),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": self.ink,
            "axes.labelcolor": self.ink,
            "axes.labelsize": 11,
            "axes.titlesize": 11,
            "axes.titlelocation": "left",
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#e6e6e6",
            "grid.linewidth": 0.8,
            "figure.titlesize": 13,
            "font.size": 10.5,
            "font.family": "DejaVu Sans",
            "legend.frameon": False,
            "legend.fontsize": 10,
            "lines.linewidth": 1.8,
            "lines.markersize": 5.5,
            "pdf.fonttype": 42,
            "savefig.dpi": 144,
            "text.color": self.ink,
            "xtick.color": self.ink,
            "ytick.color": self.ink,
            "svg.hashsalt": "figures",  # the same bytes on every rerun
        }
        if self.talk:
            settings |= {
                "axes.labelsize": 16,
                "axes.titlesize": 16,
                "figure.titlesize": 20,
                "font.size": 14,
                "legend.fontsize": 14,
                "lines.linewidth": 2.8,
                "lines.markersize": 8.5,
                "axes.linewidth": 1.2,
                "grid.linewidth": 1.0,
            }
        with matplotlib.rc_context(settings):
            yield

    def subplots(
        self,
        rows: int = 1,
        columns: int = 1,
        *,
        width: float = 0.0,
        height: float = 0.0,
        **more: Any,
    ) -> tuple[Figure, Any]:
        """A figure with panels, laid out so that nothing overlaps.

        Parameters
        ----------
        rows, columns : int
        width, height : float
            Of one panel in inches, where the default does not suit.
        **more
            Of ``Figure.subplots`` (such as ``sharex``).

        Returns
        -------
        figure : matplotlib Figure
        axes : Axes or array of Axes
        """
        if not self.talk:
            size = (columns * (width or self.width), rows * (height or self.height))
            figure = Figure(figsize=size, layout="constrained")
            return figure, figure.subplots(rows, columns, **more)
        figure = Figure(figsize=TALK_SIZE, layout="constrained")
        if rows > 1 or columns < 4 or columns % 2:
            return figure, figure.subplots(rows, columns, **more)
        flat = more.pop("squeeze", True)
        panels = figure.subplots(2, columns // 2, **more)
        return figure, panels.reshape(columns) if flat else panels.reshape(1, columns)

    def look(self, method: str) -> Look:
        """Color, marker and line of a method: the same in every figure.

        Parameters
        ----------
        method : str
            As in the table of :mod:`figures.methods`; case does not matter. A name that is not
            there gets a look of its own, drawn from its letters.

        Returns
        -------
        Look

        Examples
        --------
        >>> Style().look("weight decay")
        Look(color='#d55e00', marker='s', line='-')
        """
        name = method.casefold()
        letters = zlib.crc32(name.encode())
        color, marker, line = METHODS.get(name, (letters % 6, "os^vDP"[letters // 6 % 6], "-"))
        return Look(self.soft if color is None else self.colors[color], marker, line)

    def half_width(self, values: Any, *, confidence: float = 0.95, axis: int = -1) -> Any:
        """Half the width of the t interval of a mean, which is honest for few values too.

        Parameters
        ----------
        values : array
            Independent values along ``axis``; at least two, or the width is infinite.
        confidence : float
        axis : int

        Returns
        -------
        float or array

        Examples
        --------
        >>> round(float(Style().half_width([1.0, 2.0])), 2)  # 12.7 standard errors
        6.35
        """
        from scipy.stats import t as student

        values = np.asarray(values, dtype=float)
        count = values.shape[axis]
        if count < 2:
            return np.full(np.delete(values.shape, axis), np.inf)[()]
        quantile = student.ppf(0.5 + 0.5 * confidence, count - 1)
        return quantile * np.std(values, axis=axis, ddof=1) / np.sqrt(count)

    def note(self, figure: Figure, text: str) -> None:
        """Say below the panels what the sample is: how many seeds, and what bars and bands are.

        Parameters
        ----------
        figure : matplotlib Figure
        text : str
            Several notes follow each other.
        """
        add_note(figure, text)

    def published(self, axes: Any, x: Any, y: Any, label: str = "published") -> None:
        """Mark numbers that somebody has printed: open diamonds, in every figure."""
        axes.plot(
            x, y, linestyle="none", marker="D", markersize=matplotlib.rcParams["lines.markersize"],
            markerfacecolor="white", markeredgecolor=self.ink, markeredgewidth=1.3, zorder=5,
            label=label,
        )  # fmt: skip

    def label_line_ends(self, axes: Any, lines: Sequence[Any] | None = None) -> None:
        """Write each line's label at its right end in its color, moved apart where they meet.

        Parameters
        ----------
        axes : Axes
            With its final limits and scales: call this last.
        lines : sequence of Line2D, optional
            Default: all with a label.
        """
        chosen = [
            line
            for line in (axes.get_lines() if lines is None else lines)
            if not str(line.get_label()).startswith("_")
        ]
        ends = []
        for line in chosen:
            x, y = (np.asarray(values, dtype=float) for values in line.get_data(orig=False))
            finite = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
            if finite.size:
                ends.append((line, x[finite[-1]], y[finite[-1]]))
        if not ends:
            return
        # Places in points above the bottom of the axes, which has its size from the figure.
        total = axes.get_position().height * axes.figure.get_size_inches()[1] * 72.0
        to_fraction = axes.transData + axes.transAxes.inverted()
        places = [to_fraction.transform((x, y))[1] * total for _, x, y in ends]
        size = matplotlib.rcParams["legend.fontsize"]
        for (line, x, y), old, new in zip(ends, places, spread(places, 1.25 * size), strict=True):
            axes.annotate(
                line.get_label(),
                (x, y),
                xytext=(5.0, new - old),
                textcoords="offset points",
                va="center",
                color=line.get_color(),
                fontsize=size,
                annotation_clip=False,
            )


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Move ``places`` apart to at least ``gap``, keeping their order and, in each group that
    had to move, their mean.

    Examples
    --------
    >>> spread([0.0, 1.0, 20.0], 5.0)
    [-2.0, 3.0, 20.0]
    """
    order = np.argsort(places, kind="stable")
    groups: list[tuple[float, int]] = []  # mean place and count, bottom to top
    for index in order:
        groups.append((float(places[index]), 1))
        while len(groups) > 1:
            (low, many), (high, more) = groups[-2:]
            if high - low >= 0.5 * gap * (many + more):
                break
            groups[-2:] = [((low * many + high * more) / (many + more), many + more)]
    moved = [
        mean + gap * (position - (count - 1) / 2.0)
        for mean, count in groups
        for position in range(count)
    ]
    result = [0.0] * len(moved)
    for index, place in zip(order, moved, strict=True):
        result[int(index)] = place
    return result
