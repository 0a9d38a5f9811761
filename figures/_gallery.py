"""The gallery: the generated part of ``figures/README.md``, and its images."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from refimpl import catalogue
from refimpl.errors import DataError
from refimpl.files import write_atomic

from .base import Figure
from .engine import FOLDER, Drawn

BEGIN = "<!-- gallery: written by python -m figures --gallery -->"
END = "<!-- end of the gallery -->"


def write_gallery(
    drawn: Sequence[Drawn], folder: Path = FOLDER, figures: Sequence[Figure] | None = None
) -> Path:
    """Copy new images to ``folder/gallery`` and rewrite the list between the two markers.

    Parameters
    ----------
    drawn : sequence of Drawn
        Those that failed keep their old image, if there is one.
    folder : path
        Holds ``README.md``. Listed are the figures with an image in its ``gallery``.
    figures : sequence of Figure, optional
        Default: all that there are.

    Returns
    -------
    path
        Of the README.

    Raises
    ------
    DataError
        If the README lacks the markers.
    """
    readme = folder / "README.md"
    text = readme.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise DataError(f"{readme} lacks the lines {BEGIN!r} and {END!r}, between which it grows")
    images = folder / "gallery"
    images.mkdir(exist_ok=True)
    for item in drawn:
        if item.status != "failed":
            shutil.copyfile(item.path, images / item.path.name)
    shown = [
        figure
        for figure in (catalogue.figures_of() if figures is None else figures)
        if (images / f"{figure.name}.png").is_file()
    ]
    papers = catalogue.papers()
    groups: dict[str, list[Figure]] = {paper: [] for paper in papers}
    for figure in shown:
        groups[_paper(figure)].append(figure)
    entries = [
        f"## {papers[paper].title}\n\n" + "\n".join(map(_entry, members))
        for paper, members in groups.items()
        if members
    ]
    write_atomic(readme, before + BEGIN + "\n\n" + "\n".join(entries) + END + after)
    return readme


def _paper(figure: Figure) -> str:
    """The paper whose folder holds the figure; the first one for a figure from elsewhere."""
    module = catalogue.figures().get(figure.name, "")
    for room in catalogue.rooms().values():
        if module.startswith(f"{room.figures}."):
            return room.name
    return next(iter(catalogue.papers()))


def _entry(figure: Figure) -> str:
    lines = [f"### {figure.title}", "", f"![{figure.title}](gallery/{figure.name}.png)", ""]
    if figure.caption:
        lines += [figure.caption, ""]
    claims = f"; claims {', '.join(figure.claims)}" if figure.claims else ""
    return "\n".join([*lines, f"`python -m figures {figure.name}`{claims}", "", ""])
