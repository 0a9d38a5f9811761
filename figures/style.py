"""How the figures look: one palette, one set of sizes, labels at the ends of lines.

The colors are those of M. Okabe and K. Ito, "Color universal design" (2008), which readers with
any of the common color vision deficiencies can tell apart. Their order puts the darkest first.
"""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure

_BANNER_COLOR = "#b3001b"
_BANNER_LINE = 0.2  # inches of height per line of the banner
_TITLE_LINE = 0.3


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
    """

    colors: tuple[str, ...] = (
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000",
    )  # fmt: skip
    ink: str = "#222222"
    soft: str = "#8a8a8a"
    width: float = 4.8
    height: float = 3.6

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
        size = (columns * (width or self.width), rows * (height or self.height))
        figure = Figure(figsize=size, layout="constrained")
        return figure, figure.subplots(rows, columns, **more)

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

    def banner(self, figure: Figure, messages: Sequence[str]) -> None:
        """Print failures across the top of a figure, which grows to make room for them."""
        width, height = figure.get_size_inches()
        lines = [
            line for text in messages for line in textwrap.wrap(text, max(20, int(width * 11)))
        ]
        title = figure.get_suptitle()
        band = _BANNER_LINE * len(lines) + 0.25
        room = band + (_TITLE_LINE if title else 0.0)
        figure.set_size_inches(width, height + room)
        share = height / (height + room)
        engine: Any = figure.get_layout_engine()
        if engine is not None:
            engine.set(rect=(0.0, 0.0, 1.0, share))
        else:
            figure.subplots_adjust(top=figure.subplotpars.top * share)
        if title:
            # A suptitle stays at the top edge, under the banner: write it again below.
            figure.suptitle("")
            size = matplotlib.rcParams["figure.titlesize"]
            figure.text(0.5, share, title, ha="center", va="bottom", fontsize=size, in_layout=False)
        figure.text(
            0.5,
            1.0 - 0.5 * band / (height + room),
            "\n".join(lines),
            ha="center",
            va="center",
            color="white",
            fontsize=10,
            fontweight="bold",
            bbox={"facecolor": _BANNER_COLOR, "edgecolor": "none", "pad": 5.0},
            in_layout=False,
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
