"""The gallery: the generated part of ``figures/README.md``, and its images."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from figures.engine import FOLDER, Drawn
from refimpl.errors import DataError
from refimpl.experiments.store import write_atomic

BEGIN = "<!-- gallery: written by python -m figures --gallery -->"
END = "<!-- end of the gallery -->"


def write_gallery(drawn: Sequence[Drawn], folder: Path = FOLDER) -> Path:
    """Copy the images to ``folder/gallery`` and rewrite the list between the two markers.

    Parameters
    ----------
    drawn : sequence of Drawn
        Those that failed keep their old image, if there is one, and are left out otherwise.
    folder : path
        Holds ``README.md``.

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
    entries = []
    for item in drawn:
        if item.status == "failed":
            continue
        shutil.copyfile(item.path, images / item.path.name)
        sidecar = json.loads(item.path.with_suffix(".json").read_text())
        entries.append(_entry(sidecar))
    write_atomic(readme, before + BEGIN + "\n\n" + "\n".join(entries) + END + after)
    return readme


def _entry(sidecar: dict[str, Any]) -> str:
    name = sidecar["figure"]
    verdicts = ", ".join(f"{claim['id']} {claim['verdict']}" for claim in sidecar["claims"])
    lines = [
        f"## {sidecar['title']}",
        "",
        f"![{sidecar['title']}](gallery/{name}.png)",
        "",
    ]
    if sidecar["caption"]:
        lines += [sidecar["caption"], ""]
    lines += [
        f"`python -m figures {name}`"
        + (" `--quick`" if sidecar["profile"] == "quick" else "")
        + f", seed {sidecar['seed']}"
        + (f"; claims: {verdicts}" if verdicts else ""),
        "",
        "",
    ]
    return "\n".join(lines)
