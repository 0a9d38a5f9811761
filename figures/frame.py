"""What stands around a drawn figure: notes, a banner, the sizes of a slide, a single panel."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.text import Text

from refimpl.errors import SettingError

LEAST_LETTERS = 12.0
"""Points: the smallest letters of a picture that fills a slide."""
SLIDE_WIDTH = 13.0
"""Inches of such a picture."""

_BANNER_COLOR = "#b3001b"
_SOFT = "#5f5f5f"
_BANNER_LINE = 0.2  # inches of height per line of the banner
_TITLE_LINE = 0.3
_NOTE = "note"
_PANEL_SIZE = (6.4, 4.6)  # inches of a figure of one panel


def add_note(figure: Figure, text: str) -> None:
    """Keep a note for :func:`place_notes`."""
    figure.text(0.0, 0.0, text, gid=_NOTE, in_layout=False, visible=False)


def place_notes(figure: Figure, mark: str = "", *, talk: bool = False) -> None:
    """Write the notes below the panels, and ``mark`` at the right, where nothing else is.

    Parameters
    ----------
    figure : matplotlib Figure
        Grows to make room, except on a slide.
    mark : str
        Such as "quick profile".
    talk : bool
    """
    found = [text for text in figure.texts if text.get_gid() == _NOTE]
    words = "; ".join(text.get_text() for text in found)
    for text in found:
        text.remove()
    if not words and not mark:
        return
    size = least_letters(figure)
    width = figure.get_size_inches()[0]
    letters = int(width * 72.0 / (0.53 * size)) - 2 - (len(mark) + 4 if mark else 0)
    lines = textwrap.wrap(words, max(20, letters))
    line = 1.35 * size / 72.0
    room = line * max(1, len(lines)) + 0.06
    _make_room(figure, bottom=room + _lift_legends(figure, room), grow=not talk)
    height = figure.get_size_inches()[1]
    look: Any = {"va": "bottom", "fontsize": size, "in_layout": False}
    if lines:
        figure.text(0.06 / width, 0.04 / height, "\n".join(lines), color=_SOFT, gid="notes", **look)
    if mark:
        figure.text(
            1.0 - 0.06 / width, 0.04 / height, mark, ha="right", color=_BANNER_COLOR,
            fontweight="bold", gid="mark", **look,
        )  # fmt: skip


def banner(figure: Figure, messages: Sequence[str], *, talk: bool = False) -> None:
    """Print failures across the top of a figure, which grows to make room for them."""
    width = figure.get_size_inches()[0]
    size = least_letters(figure)
    letters = max(20, int(width * 110.0 / size))
    lines = [line for text in messages for line in textwrap.wrap(text, letters)]
    title = figure.get_suptitle()
    band = _BANNER_LINE * size / 10.0 * len(lines) + 0.25
    share = _make_room(figure, top=band + (_TITLE_LINE if title else 0.0), grow=not talk)
    height = figure.get_size_inches()[1]
    if title:
        # A suptitle stays at the top edge, under the banner: write it again below.
        figure.suptitle("")
        letter = matplotlib.rcParams["figure.titlesize"]
        figure.text(0.5, share, title, ha="center", va="bottom", fontsize=letter, in_layout=False)
    figure.text(
        0.5,
        1.0 - 0.5 * band / height,
        "\n".join(lines),
        ha="center",
        va="center",
        color="white",
        fontsize=size,
        fontweight="bold",
        bbox={"facecolor": _BANNER_COLOR, "edgecolor": "none", "pad": 5.0},
        in_layout=False,
    )


def _make_room(
    figure: Figure, *, top: float = 0.0, bottom: float = 0.0, grow: bool = True
) -> float:
    """Keep inches free above and below what is laid out; the share of the height where it ends."""
    width, height = figure.get_size_inches()
    total = height + top + bottom if grow else height
    engine: Any = figure.get_layout_engine()
    low, high = 0.0, 1.0
    if engine is not None:
        low, share = engine.get()["rect"][1], engine.get()["rect"][3]
        high = low + share
    else:
        low, high = figure.subplotpars.bottom, figure.subplotpars.top
    if grow:
        figure.set_size_inches(width, total)
        low, high = (low * height + bottom) / total, (high * height + bottom) / total
    else:
        low, high = low + bottom / total, high - top / total
    if engine is not None:
        engine.set(rect=(0.0, low, 1.0, high - low))
    else:
        figure.subplots_adjust(bottom=low, top=high)
    return high


def fit_titles(figure: Figure) -> None:
    """Break titles that are wider than what they stand over."""
    figure.draw_without_rendering()
    whole = figure.bbox.width
    title = getattr(figure, "_suptitle", None)
    panels: list[Any] = list(figure.axes)
    for text, room in [
        *((axes._left_title, axes.bbox.width) for axes in panels),
        *([(title, 0.98 * whole)] if title is not None else []),
    ]:
        words = text.get_text()
        wide = text.get_window_extent().width
        if wide <= max(room, 1.0) or "\n" in words or "$" in words:
            continue
        text.set_text("\n".join(textwrap.wrap(words, max(14, int(len(words) * room / wide)))))


def _lift_legends(figure: Figure, room: float) -> float:
    """Put legends that stand below the panels ``room`` inches high; what they take up."""
    every: list[Any] = figure.legends
    legends = [legend for legend in every if legend._outside_loc == "lower"]
    if not legends:
        return 0.0
    figure.draw_without_rendering()
    most = max(float(legend.get_window_extent().height) for legend in legends) / figure.dpi
    box = (0.0, room, float(figure.get_size_inches()[0]), most)
    for legend in legends:
        legend.set_bbox_to_anchor(box, transform=figure.dpi_scale_trans)
    return most + 0.1


def least_letters(figure: Figure) -> float:
    """Points that become :data:`LEAST_LETTERS` where the figure is as wide as a slide.

    Examples
    --------
    >>> least_letters(Figure(figsize=(6.5, 4.0)))
    8.5
    """
    size = LEAST_LETTERS * float(figure.get_size_inches()[0]) / SLIDE_WIDTH
    return max(8.5, round(size, 1))


def enlarge(figure: Figure) -> None:
    """Make letters that a draw function set small readable on a slide."""
    least = least_letters(figure)
    letters: list[Any] = figure.findobj(Text)
    for text in letters:
        if text.get_text() and text.get_fontsize() < least:
            text.set_fontsize(least)
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            for which in ("major", "minor"):
                labels: list[Any] = [*axis.get_ticklabels(which=which)]
                if any(label.get_fontsize() < least for label in labels):
                    axis.set_tick_params(which=which, labelsize=least)


def thicken(figure: Figure) -> None:
    """Make thin lines thick enough for a slide."""
    for axes in figure.axes:
        for line in axes.get_lines():
            if line.get_linewidth() < 2.0:
                line.set_linewidth(1.5 * line.get_linewidth())


def keep_panel(figure: Figure, number: int, *, talk: bool = False) -> None:
    """Leave one panel of a figure, with what it shared with its neighbors.

    Parameters
    ----------
    figure : matplotlib Figure
    number : int
        From 1, in the order in which the panels were made: row by row.
    talk : bool
        The figure keeps its size.

    Raises
    ------
    SettingError
        If there is no such panel.
    """
    bars: list[Any] = [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]
    panels = [axes for axes in figure.axes if axes not in bars]
    if not 1 <= number <= len(panels):
        raise SettingError(
            f"there is no panel {number}: the figure has {len(panels)}", panels=len(panels)
        )
    kept = panels[number - 1]
    _share_names(kept, panels)
    legends: list[Any] = [
        axes.get_legend() for axes in panels if axes.get_legend()
    ] + figure.legends
    scales = [
        (bar._colorbar.mappable, bar.get_ylabel())
        for bar in bars
        if kept in bar._colorbar_info["parents"]
    ]
    for bar in bars:
        bar._colorbar.remove()
    for axes in figure.axes:
        if axes is not kept:
            axes.remove()
    if kept.get_legend() is None and legends:
        entries = legends[0].get_texts()
        kept.legend(legends[0].legend_handles, [entry.get_text() for entry in entries])
    for legend in list(figure.legends):
        legend.remove()
    kept.set_subplotspec(GridSpec(1, 1, figure=figure)[0])
    for scale, label in scales:  # a bar may have stood beside several panels
        figure.colorbar(ScalarMappable(scale.norm, scale.cmap), ax=kept, label=label)
    if not talk:
        figure.set_size_inches(*_PANEL_SIZE)


def _share_names(axes: Any, panels: Sequence[Any]) -> None:
    """The names that a neighbor bore for all: of shared axes, or the only one of its row."""
    row = [other for other in panels if _row(other) == _row(axes)]
    for name, siblings, others in (
        ("x", axes.get_shared_x_axes().get_siblings(axes), []),
        ("y", axes.get_shared_y_axes().get_siblings(axes), row),
    ):
        own, label = getattr(axes, f"{name}axis"), f"get_{name}label"
        if len(siblings) > 1:
            own.set_tick_params(**{"labelbottom" if name == "x" else "labelleft": True})
        said = {getattr(other, label)() for other in [*siblings, *others]} - {""}
        if not getattr(axes, label)() and len(said) == 1:
            getattr(axes, f"set_{name}label")(said.pop())


def _row(axes: Any) -> Any:
    spec = axes.get_subplotspec()
    return None if spec is None else (spec.get_gridspec(), spec.rowspan)
