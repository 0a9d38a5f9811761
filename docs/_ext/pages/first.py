"""Beside the words of the first page: a card for each paper, with a picture and verdicts."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from pages.claim import Records
from pages.rst import indented, plain
from refimpl import catalogue
from refimpl.experiments.figure import Figure
from refimpl.generated import counted

_SHAPE = 1.6  # width over height that suits a card


def cards(records: Records, root: Path) -> str:
    """A grid of the papers: a picture, the title, and how many claims have which verdict."""
    counts = counted(records)
    out = [".. grid:: 1 2 3 3\n   :gutter: 3\n   :class-container: papers\n\n"]
    for name, paper in catalogue.papers().items():
        shown = _picture(catalogue.figures_of(papers=[name]), root)
        image = f"   :img-top: /generated/images/{shown}.png\n   :img-alt: \n" if shown else ""
        card = (
            f".. grid-item-card:: {plain(paper.title)}\n"
            f"   :link: /generated/papers/{name}\n   :link-type: doc\n{image}\n"
            f"   {_verdicts(counts.get(name, ''))}\n\n"
        )
        out.append(indented(card) + "\n\n")
    return "".join(out)


def _verdicts(text: str) -> str:
    total, _, verdicts = text.partition(": ")
    return f"{total} claims: {verdicts}" if verdicts else ""


def _picture(figures: list[Figure], root: Path) -> str:
    """The figure whose picture suits a card best; one of the full profile if there is any."""
    found = []
    for figure in figures:
        path = root / "figures" / "gallery" / f"{figure.name}.png"
        if path.is_file():
            with Image.open(path) as image:
                quick = str(image.info.get("Comment", "")).startswith("quick")
                found.append((quick, abs(image.width / image.height - _SHAPE), figure.name))
    return min(found)[2] if found else ""
