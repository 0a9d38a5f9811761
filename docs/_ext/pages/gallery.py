"""The gallery: every figure that has been drawn, by paper, with its caption and claims."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pages.rst import indented, plain, title
from refimpl import catalogue
from refimpl.experiments.figure import Figure


def blocks(figures: Iterable[Figure], root: Path) -> str:
    """A figure, its title and its caption for each of those that have an image."""
    out = []
    for figure in figures:
        if not (root / "figures" / "gallery" / f"{figure.name}.png").is_file():
            continue
        claims = f" Claims: {', '.join(figure.claims)}." if figure.claims else ""
        caption = f"**{plain(figure.title)}.** {plain(figure.caption)}"
        command = f"``refimpl figures {figure.name}`` draws it.{claims}"
        out.append(
            f".. figure:: /generated/images/{figure.name}.png\n"
            f"   :alt: {figure.title}\n\n"
            f"{indented(caption)}\n\n{indented(command)}\n\n"
        )
    return "".join(out)


def page(root: Path) -> str:
    """All of them."""
    out = [title("Gallery")]
    out.append("Each picture comes with its data, settings and verdicts: ``refimpl figures``.\n\n")
    for name, paper in catalogue.papers().items():
        figures = blocks(catalogue.figures_of(papers=[name]), root)
        if figures:
            out += [title(paper.title, "-"), figures]
    return "".join(out)
