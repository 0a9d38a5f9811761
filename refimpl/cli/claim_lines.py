"""Claims as lines of the terminal: by paper in their order, what was skipped last, with the reason.

On a terminal of less than 120 columns a claim takes two lines and more: its numbers, then its
statement. On wider ones the statement stands beside them. Elsewhere, as in a pipe, every claim is
one line of full length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from refimpl.claims.ledger import SKIPPED, Claim, Record, shown

COLORS = {
    "holds": "green",
    "qualified": "yellow",
    "refuted": "magenta",
    "fails": "bold red",
    "error": "bold red",
}

_WIDE = 120
_HEAD = ("claim", "verdict", "predicted", "measured", "tolerance", "statement")
_WIDTHS = (8, 10, 14, 14, 14)


class ClaimLines:
    """Prints each paper's claims together, as soon as they and those before them are known.

    Parameters
    ----------
    console : Console
        Decides the layout.
    claims : sequence of Claim
        All that will come, in the order of printing.
    titles : mapping of str to str
        Of the papers, by name.
    print : callable, optional
        Instead of the console's own, such as that of a running progress bar.
    """

    def __init__(
        self,
        console: Console,
        claims: Sequence[Claim],
        titles: Mapping[str, str],
        print: Callable[..., None] | None = None,
    ) -> None:
        self._console = console
        self._print = print or console.print
        self._titles = titles
        self._waiting: dict[str, list[str]] = {}
        for claim in claims:
            self._waiting.setdefault(claim.paper, []).append(claim.id)
        self._records: dict[str, Record] = {}

    def add(self, record: Record) -> None:
        """Take a record; print what is complete now."""
        self._records[record.id] = record
        while self._waiting:
            paper, ids = next(iter(self._waiting.items()))
            if any(id not in self._records for id in ids):
                return
            del self._waiting[paper]
            looked_at = [r for id in ids if (r := self._records[id]).verdict != SKIPPED]
            if looked_at:
                self._print(Text(f"\n{self._titles.get(paper, paper)}", "bold"), soft_wrap=True)
            for record in looked_at:
                self._show(record)

    def heads(self) -> None:
        """Print the names of the columns, where there are columns."""
        if not self._narrow:
            cells = [head.ljust(width) for head, width in zip(_HEAD, _WIDTHS, strict=False)]
            self._print(Text("".join([*cells, _HEAD[-1]]), "dim"), soft_wrap=True)

    def skipped(self) -> None:
        """Print what was not looked at, by reason."""
        reasons: dict[str, list[str]] = {}
        for record in self._records.values():
            if record.verdict == SKIPPED:
                reason = record.note.replace(record.id, "ID")
                reasons.setdefault(reason, []).append(record.id)
        if reasons:
            self._print(Text("\nSkipped", "bold"))
        for reason, ids in reasons.items():
            ids.sort(key=list(self._records).index)
            line = Text(f"{', '.join(ids)}: {reason}")
            narrow = self._console.is_terminal
            self._print(line if narrow else Text(str(line)), soft_wrap=not narrow)

    @property
    def _narrow(self) -> bool:
        return self._console.is_terminal and self._console.width < _WIDE

    def _show(self, record: Record) -> None:
        if not self._console.is_terminal:
            padded = [
                cell.ljust(width - 1) for cell, width in zip(_cells(record), _WIDTHS, strict=False)
            ]
            self._print(" ".join([*padded, record.statement]), soft_wrap=True, markup=False)
        elif self._narrow:
            head = Text(f"{record.id:<8}", "bold")
            head.append(f"{record.verdict:<10}", COLORS.get(record.verdict, ""))
            named = zip(("predicted", "measured", "tolerance"), _cells(record)[2:], strict=True)
            numbers = "  ".join(f"{name} {value}" for name, value in named if value != "-")
            self._print(_beside(head, Text(numbers), 18))
            self._print(Padding(_said(record), (0, 0, 0, 8)))
        else:
            row = Table.grid(padding=(0, 1, 0, 0))
            for width in _WIDTHS:
                row.add_column(width=width - 1, overflow="fold")
            row.add_column(ratio=1)
            id, verdict, *values = _cells(record)
            row.add_row(
                Text(id, "bold"), Text(verdict, COLORS.get(verdict, "")), *map(Text, values),
                _said(record),
            )  # fmt: skip
            self._print(row)


def _cells(record: Record) -> list[str]:
    values = (record.predicted, record.measured, record.tolerance)
    return [record.id, record.verdict, *map(shown, values)]


def _beside(head: Text, rest: Text, width: int) -> Table:
    row = Table.grid()
    row.add_column(width=width)
    row.add_column(ratio=1)
    row.add_row(head, rest)
    return row


def _said(record: Record) -> Text:
    """The statement, and what the verdict needs beside it."""
    text = Text(record.statement)
    for name in ("correction", "condition"):
        if getattr(record, name):
            text.append(f"\n{name}: {getattr(record, name)}", "dim")
    if record.verdict in ("not shown", "reported") and record.note:
        text.append(f"\n{record.note}", "dim")
    return text


def failure(record: Any) -> Text:
    """All the numbers of a claim that fails, or broke."""
    text = Text(f"{record.id} {record.verdict}", "bold red")
    text.append(
        f" ({record.paper}, {record.place}): predicted {shown(record.predicted)}, "
        f"measured {shown(record.measured)}, tolerance {shown(record.tolerance)}. {record.note}",
        "not bold default",
    )
    return text
