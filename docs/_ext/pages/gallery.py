"""The gallery: every figure that has been drawn, by paper, with its caption and claims."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pages.rst import indented, plain, title
from refimpl import catalogue
from refimpl.experiments.figure import Figure


def drawn(figures: Iterable[Figure], root: Path) -> list[Figure]:
    """Those that have an image."""
    folder = root / "figures" / "gallery"
    return [figure for figure in figures if (folder / f"{figure.name}.png").is_file()]


def blocks(figures: Iterable[Figure], root: Path, anchors: bool = False) -> str:
    """A figure, its title and its caption for each of those that have an image."""
    out = []
    for figure in drawn(figures, root):
        if anchors:
            out.append(f".. _figure-{figure.name}:\n\n")
        claims = f" Claims: {', '.join(figure.claims)}." if figure.claims else ""
        caption = f"**{plain(figure.title)}.** {plain(figure.caption)}"
        command = f"``refimpl figures {figure.name}`` draws it.{claims}"
        out.append(
            f".. figure:: /generated/images/{figure.name}.png\n"
            f"   :alt: {figure.title}\n\n"
            f"{indented(caption)}\n\n{indented(command)}\n\n"
        )
    return "".join(out)


def thumbnails(figures: Iterable[Figure]) -> str:
    """Small pictures, each a link to the large one below."""
    out = [".. container:: thumbnails\n\n"]
    for figure in figures:
        out.append(
            f"   .. image:: /generated/images/{figure.name}.png\n"
            f"      :alt: {figure.title}\n      :width: 150px\n"
            f"      :target: figure-{figure.name}_\n\n"
        )
    return "".join(out)


def page(root: Path) -> str:
    """All of them."""
    out = [title("Gallery")]
    out.append(
        "Each picture comes with its data, settings and verdicts: ``refimpl figures``. Open "
        "diamonds are numbers that somebody has printed. What was drawn in the quick profile, "
        "with fewer seeds and shorter runs, says so on the picture.\n\n"
    )
    groups = {
        paper.title: drawn(catalogue.figures_of(papers=[name]), root)
        for name, paper in catalogue.papers().items()
    }
    for name, figures in groups.items():
        if figures:
            out += [title(name, "-"), thumbnails(figures), blocks(figures, root, anchors=True)]
    return "".join(out)
