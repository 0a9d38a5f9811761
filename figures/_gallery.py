"""The gallery: the generated part of ``figures/README.md``, and its images.

Images have 256 colors at most here, which nobody sees and which makes them half as large. In
front stand the contents: a table of small pictures for each paper.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from refimpl import catalogue
from refimpl.errors import DataError
from refimpl.files import write_atomic

from .base import Figure
from .engine import FOLDER
from .picture import Drawn

BEGIN = "<!-- gallery: written by python -m figures --gallery -->"
END = "<!-- end of the gallery -->"

_COLUMNS = 4
_WIDTH = 220
_MOST = 150_000  # bytes of an image, where fewer colors can help


def write_gallery(
    drawn: Sequence[Drawn],
    folder: Path = FOLDER,
    figures: Sequence[Figure] | None = None,
    *,
    force: bool = False,
) -> Path:
    """Copy new images to ``folder/gallery`` and rewrite the list between the two markers.

    Parameters
    ----------
    drawn : sequence of Drawn
        Those that failed or were skipped keep their old image, if there is one; so do those of the
        quick profile whose image here is of the full one.
    folder : path
        Holds ``README.md``. Listed are the figures with an image in its ``gallery``.
    figures : sequence of Figure, optional
        Default: all that there are.
    force : bool
        Quick images replace full ones too.

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
        place = images / f"{item.name}.png"
        if item.status in ("failed", "skipped"):
            continue
        source = item.path.with_suffix(".png")
        if force or not place.is_file() or not is_quick(source) or is_quick(place):
            write_atomic(place, shrunk(source))
    papers = catalogue.papers()
    groups: dict[str, list[Figure]] = {paper: [] for paper in papers}
    for figure in catalogue.figures_of() if figures is None else figures:
        if (images / f"{figure.name}.png").is_file():
            groups[_paper(figure)].append(figure)
    shown = {papers[paper].title: members for paper, members in groups.items() if members}
    contents = ["## Contents", *(_thumbnails(title, group) for title, group in shown.items())]
    sections = [
        f"## {title}\n\n" + "\n".join(_entry(figure, images) for figure in members)
        for title, members in shown.items()
    ]
    page = "\n\n".join(contents) + "\n\n" + "\n".join(sections)
    write_atomic(readme, f"{before}{BEGIN}\n\n{page}{END}{after}")
    return readme


def is_quick(path: Path) -> bool:
    """Whether an image says of itself that it shows the quick profile."""
    from PIL import Image

    with Image.open(path) as image:
        return str(image.info.get("Comment", "")).startswith("quick")


def shrunk(path: Path) -> bytes:
    """The image at ``path`` with a palette of its own; what it says of itself stays."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    with Image.open(path) as image:
        said = PngInfo()
        for name in ("Comment", "Software"):
            if name in image.info:
                said.add_text(name, image.info[name])
        for colors in (256, 128, 64):
            target = io.BytesIO()
            reduced = image.convert("RGB").quantize(colors, dither=Image.Dither.NONE)
            reduced.save(target, "png", optimize=True, pnginfo=said, dpi=image.info.get("dpi"))
            if target.tell() < _MOST:
                break
        return target.getvalue()


def _paper(figure: Figure) -> str:
    """The paper whose folder holds the figure; the first one for a figure from elsewhere."""
    module = catalogue.figures().get(figure.name, "")
    for room in catalogue.rooms().values():
        if module.startswith(f"{room.figures}."):
            return room.name
    return next(iter(catalogue.papers()))


def _anchor(text: str) -> str:
    """The name that a heading gets from those who show the page."""
    kept = "".join(c for c in text.lower() if c.isalnum() or c in " -_")
    return kept.strip().replace(" ", "-")


def _thumbnails(title: str, figures: Sequence[Figure]) -> str:
    """A table of small pictures, each a link to the figure below."""
    cells = [
        f'<td width="{_WIDTH}" valign="top"><a href="#{figure.name}">'
        f'<img src="gallery/{figure.name}.png" width="{_WIDTH}" alt=""><br>'
        f"{figure.title}</a></td>"
        for figure in figures
    ]
    rows = [
        "<tr>\n" + "\n".join(cells[first : first + _COLUMNS]) + "\n</tr>"
        for first in range(0, len(cells), _COLUMNS)
    ]
    return f"**[{title}](#{_anchor(title)})**\n\n<table>\n" + "\n".join(rows) + "\n</table>"


def _entry(figure: Figure, images: Path) -> str:
    lines = [
        f'<a id="{figure.name}"></a>',
        "",
        f"### {figure.title}",
        "",
        f"![{figure.title}](gallery/{figure.name}.png)",
        "",
    ]
    if figure.caption:
        lines += [figure.caption, ""]
    claims = f"; claims {', '.join(figure.claims)}" if figure.claims else ""
    quick = " --quick" if is_quick(images / f"{figure.name}.png") else ""
    return "\n".join([*lines, f"`python -m figures {figure.name}{quick}`{claims}", "", ""])
