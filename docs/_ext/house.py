"""Writes the pages that the package knows best, before the site is built from them.

From the catalogue, the recorded verdicts and the gallery: a page for each paper, the list of what
is false or unclear in print and in released code, the gallery, and the reference of the public
face. They land in ``docs/generated``, which is not kept.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import jupytext
from pages import first, gallery, paper, reference, wrong
from pages.rst import bars

from refimpl import catalogue
from refimpl.claims.recorded import recorded

ROOT = Path(__file__).resolve().parent.parent.parent


def write_pages(app: Any) -> None:
    """Write all generated pages anew; files that did not change keep their time."""
    folder = Path(app.srcdir) / "generated"
    records = recorded()
    pages = {"errata.rst": wrong.page(records), "gallery.rst": gallery.page(ROOT)}
    for name in catalogue.papers():
        pages[f"papers/{name}.rst"] = paper.page(name, records, ROOT)
    pages["papers/index.rst"] = paper.index(records)
    pages["papers/cards.inc"] = first.cards(records, ROOT)
    pages |= reference.pages()
    _write(folder, pages)
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    for path in (ROOT / "figures" / "gallery").glob("*.png"):
        shutil.copy2(path, images / path.name)


def _write(folder: Path, pages: dict[str, str]) -> None:
    kept = {folder / name for name in pages}
    for old in folder.rglob("*.rst"):
        if old not in kept:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def escape_bars(app: Any, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    """In docstrings, bars are a modulus."""
    lines[:] = bars("\n".join(lines)).split("\n")


def write_notebooks(app: Any, exception: Exception | None) -> None:
    """Each tutorial as a notebook beside the pages: shell blocks become cells that call it."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "notebooks"
    folder.mkdir(exist_ok=True)
    for path in sorted((Path(app.srcdir) / "tutorials").glob("*.md")):
        if path.stem == "index":
            continue
        text = re.sub(r"^```sh\n(.*?)^```$", _cell, path.read_text("utf-8"), flags=re.M | re.S)
        text = re.sub(r"\]\(\.\./(\w+)\)", r"](../\1.html)", text)
        jupytext.write(jupytext.reads(text, fmt="md"), folder / f"{path.stem}.ipynb")


def _cell(match: re.Match[str]) -> str:
    lines = "\n".join(f"!{line}" for line in match.group(1).strip().splitlines())
    return f"```python\n{lines}\n```"


def setup(app: Any) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", write_pages)
    app.connect("build-finished", write_notebooks)
    app.connect("autodoc-process-docstring", escape_bars, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
