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
