"""A little reStructuredText: titles, lists, tables, and text that must not be read as markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_MARKS = re.compile(r"([*_`|\\])")


def plain(text: str) -> str:
    """``text`` with its marks escaped.

    >>> plain("w_1 * x")
    'w\\\\_1 \\\\* x'
    """
    return _MARKS.sub(r"\\\1", text)


def bars(text: str) -> str:
    """A docstring with its bars escaped: they are a modulus, never a substitution.

    Literals, examples and indented blocks after ``::`` stay as they are.
    """
    out, example, block = [], False, False
    for line in text.splitlines():
        bare = line.strip()
        example = bool(bare) and (example or bare.startswith(">>> "))
        block = bare.endswith("::") or (block and (not bare or line.startswith(" ")))
        if not example and not block:
            pieces = line.split("``")
            pieces[::2] = [piece.replace("|", "\\|") for piece in pieces[::2]]
            line = "``".join(pieces)
        out.append(line)
    return "\n".join(out)


def title(text: str, mark: str = "=") -> str:
    """A heading; it is as long as the longest text of East Asian width would need."""
    return f"{text}\n{mark * max(4, 2 * len(text))}\n\n"


def indented(text: str, by: int = 3) -> str:
    """Every line moved to the right."""
    return "\n".join(" " * by + line if line.strip() else "" for line in text.splitlines())


_RULE = re.compile(r"^=+( =+){3}$")


def statements(text: str) -> str:
    """A page's table of statements with each row in one piece.

    In the source a cell that is too long goes on in the next line, in the first column too, where
    reStructuredText would begin a new row. A line belongs to the row above if it says nothing in
    the first or in the second column, or if the claims above end with a comma.
    """
    lines = text.split("\n")
    rules = [index for index, line in enumerate(lines) if _RULE.match(line)]
    if len(rules) < 3:
        return text
    first, second, last = rules[:3]
    stops = [match.end() for match in re.finditer("=+", lines[first])]
    starts = [0, *(stop + 1 for stop in stops[:-1])]
    rows: list[list[str]] = []
    for line in lines[second + 1 : last]:
        ends = [*starts[1:], None]
        row = [line[a:b].strip() for a, b in zip(starts, ends, strict=True)]
        if rows and (not row[0] or not row[1] or rows[-1][3].endswith(",")):
            rows[-1] = [_joined(a, b) for a, b in zip(rows[-1], row, strict=True)]
        else:
            rows.append(row)
    cells = [[bars(cell) for cell in row] for row in rows]
    made = table(lines[first + 1].split(), cells, (38, 20, 22, 20))
    return "\n".join([*lines[:first], made, *lines[last + 1 :]])


def _joined(above: str, below: str) -> str:
    space = "" if above.endswith(".") and below and below[0].islower() else " "
    return f"{above}{space}{below}".strip()


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]) -> str:
    """A ``list-table``; cells are reStructuredText and may have several lines."""
    out = [
        ".. list-table::",
        "   :header-rows: 1",
        f"   :widths: {' '.join(map(str, widths))}",
        "",
    ]
    for row in (heads, *rows):
        for index, cell in enumerate(row):
            first, *rest = indented(cell or "\\ ", 7).splitlines()
            out.append(("   * - " if index == 0 else "     - ") + first.strip())
            out += rest
    return "\n".join(out) + "\n\n"
