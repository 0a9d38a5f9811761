"""The page of a paper: what it says, its algorithms, its claims with verdicts, its figures."""

from __future__ import annotations

import inspect
from pathlib import Path

from pages.claim import ROLES, Records, claims_table
from pages.gallery import blocks
from pages.rst import bars, plain, statements, table, title
from refimpl import catalogue
from refimpl.generated import counted

_TUPLES = ("algorithms", "models", "losses", "datasets")


def page(name: str, records: Records, root: Path) -> str:
    """The whole page."""
    record = catalogue.paper(name)
    text = bars(statements(inspect.cleandoc(catalogue.page(name))))
    out = [ROLES, "\n", title(record.title)]
    if record.reference:
        where = plain(record.reference.replace(f", arXiv:{record.arxiv}", ""))
        link = f" `arXiv:{record.arxiv} <https://arxiv.org/abs/{record.arxiv}>`__"
        out.append(f"*{where}*{link if record.arxiv else ''}\n\n")
    out += [text, "\n\n", title("By name", "-"), _entries(name), title("Claims", "-")]
    out.append(
        f"``refimpl verify --paper {name}`` computes them. The verdicts below are recorded ones: "
        "of the quick profile, or of the full one where it says so.\n\n"
    )
    out.append(claims_table(catalogue.claims([name]), records))
    figures = blocks(catalogue.figures_of(papers=[name]), root)
    if figures:
        out += [title("Figures", "-"), figures]
    return "".join(out)


def _entries(name: str) -> str:
    rows = []
    for kind in _TUPLES:
        for entry in getattr(catalogue, kind)().values():
            if entry.name not in catalogue.names_of(name):
                continue
            factory = entry.factory
            link = f":doc:`{factory.__name__} </generated/reference/{factory.__module__}>`"
            rows.append((f"``{entry.name}``", entry.kind, link, plain(entry.summary)))
    return table(("name", "kind", "class or function", "what it is"), rows, (24, 12, 24, 40))


def index(records: Records) -> str:
    """The list of papers."""
    counts = counted(records)
    rows = [
        (
            f":doc:`{paper.title} <{name}>`",
            plain(paper.reference),
            counts.get(name, "").replace(": ", " claims: ", 1),
        )
        for name, paper in catalogue.papers().items()
    ]
    toc = "".join(f"   {name}\n" for name in catalogue.papers())
    return (
        title("Papers")
        + table(("paper", "reference", "recorded verdicts"), rows, (35, 40, 25))
        + f".. toctree::\n   :hidden:\n\n{toc}"
    )
