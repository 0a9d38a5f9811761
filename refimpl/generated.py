"""What is written from the pages of the papers: the stub of the public face, and README's tables.

``python -m refimpl.generated`` rewrites both in a clone; a test says when they are stale. Given
files ``claims.json`` of ``refimpl verify``, it first takes them into the record of verdicts
(:mod:`refimpl.claims.recorded`), which the table counts.

>>> "from refimpl.papers.minnorm.minnorm import Minnorm as Minnorm" in stub()
True
>>> table().splitlines()[0]
'| name | paper | what it offers | claims, as recorded |'
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import refimpl
from refimpl import catalogue
from refimpl.claims.ledger import SKIPPED, VERDICTS
from refimpl.claims.recorded import entries, merged, recorded, write
from refimpl.errors import DataError
from refimpl.experiments.record_lines import kept, lines, unit
from refimpl.experiments.records import path_of
from refimpl.files import write_atomic
from refimpl.papers import Paper

ROOT = Path(__file__).resolve().parent.parent
BEGIN = "<!-- papers: written by python -m refimpl.generated -->"
END = "<!-- end of the papers -->"
COMPARED = "<!-- comparisons: written by python -m refimpl.generated -->"
COMPARED_END = "<!-- end of the comparisons -->"


def stub() -> str:
    """The text of ``refimpl/__init__.pyi``: every public name and where it is defined."""
    named = dict(refimpl.LAZY)
    named |= {
        name: item.__module__
        for name, item in catalogue.offered().items()
        if name not in named and item.__module__.startswith("refimpl.")
    }
    lines = sorted((module, name) for name, module in named.items())
    imports = [f"from {module} import {name} as {name}" for module, name in lines]
    head = "# Written by python -m refimpl.generated: editors and type checkers read it."
    return "\n".join([head, "", *imports, "", "LAZY: dict[str, str]", "__version__: str", ""])


def table() -> str:
    """The papers as a Markdown table, a line each: the record and the first line of the page."""
    heads = ("name", "paper", "what it offers", "claims, as recorded")
    rows = [_row(heads), _row(("---",) * len(heads))]
    counts = counted(recorded())
    for name, paper in catalogue.papers().items():
        offers = ", ".join(f"`{entry}`" for entry in catalogue.names_of(name))
        rows.append(_row((f"`{name}`", _cited(paper), offers, counts.get(name, ""))))
    return "\n".join(rows) + "\n"


def records() -> list[dict[str, Any]]:
    """The records of all comparisons that have one, by paper."""
    found = {name: catalogue.comparison(name) for name in catalogue.comparisons()}
    order = list(catalogue.papers())
    names = sorted(found, key=lambda name: (order.index(found[name].paper), name))
    return kept({name: path_of(found[name].paper, name) for name in names})


def evidence() -> str:
    """The records as a Markdown table, a line each."""
    heads = ("compared", "the paper's setting", "best baseline", "beyond it", "cost of a step")
    rows = [_row(heads), _row(("---",) * len(heads))]
    for found in records():
        shown = lines(found)
        gains = ", ".join(f"**{line.words}**" if line.better else line.words for line in shown)
        costs = ", ".join(f"{line.cost:.1f}" for line in shown)
        own = "yes" if found["expects"] == "favorable" else "no"
        title = f"{found['title']}, {found['size']['seeds']} seeds"
        rows.append(_row((title, own, found["reference"], f"{gains} {unit(found)}", costs)))
    return "\n".join(rows) + "\n"


def counted(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The verdicts of each paper in words, the most favorable first.

    >>> counted({"FD-1": {"paper": "foundations", "verdict": "holds"}})
    {'foundations': '1: 1 holds'}
    """
    found: dict[str, list[str]] = {}
    for entry in entries.values():
        found.setdefault(entry["paper"], []).append(entry["verdict"])
    return {
        paper: f"{len(verdicts)}: "
        + ", ".join(f"{verdicts.count(v)} {v}" for v in (*VERDICTS, SKIPPED) if v in verdicts)
        for paper, verdicts in found.items()
    }


def take_in(paths: Iterable[str]) -> None:
    """Take documents of ``refimpl verify`` into the record; claims that are no more leave it."""
    found = recorded()
    for path in paths:
        found = merged(found, entries(json.loads(Path(path).read_text(encoding="utf-8"))))
    known = {claim.id for claim in catalogue.claims()}
    write({name: entry for name, entry in found.items() if name in known})


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cited(paper: Paper) -> str:
    """The title, linked where it has a number, with the first author and the year."""
    if not paper.reference:
        return paper.title
    title = paper.title
    if paper.arxiv:
        title = f"[{title}](https://arxiv.org/abs/{paper.arxiv})"
    first, *others = paper.authors.split(", ")
    name = first.split()[-1]
    return f"{title} ({name}{' et al.' if others else ''} {paper.year})"


def plain(text: str) -> str:
    """A paragraph of a docstring without its roles and marks.

    >>> plain("see :func:`~refimpl.api.train` and ``x``")
    'see refimpl.api.train and x'
    """
    return re.sub(r":\w+:`~?([^`]+)`", r"\1", text).replace("``", "").replace("`", "")


def readme(text: str) -> str:
    """The README's text with new tables between their markers.

    Raises
    ------
    DataError
        If it lacks the markers.
    """
    for begin, end, rows in ((BEGIN, END, table), (COMPARED, COMPARED_END, evidence)):
        before, first, rest = text.partition(begin)
        _, last, after = rest.partition(end)
        if not first or not last:
            raise DataError(f"README.md lacks the lines {begin!r} and {end!r}")
        text = f"{before}{begin}\n{rows()}{end}{after}"
    return text


def main(documents: Sequence[str] = ()) -> None:
    """Take in the documents, then rewrite what is generated."""
    take_in(documents)
    write_atomic(ROOT / "refimpl" / "__init__.pyi", stub())
    path = ROOT / "README.md"
    write_atomic(path, readme(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main(sys.argv[1:])
