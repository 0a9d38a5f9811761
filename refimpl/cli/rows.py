"""Lists for the terminal: a name, and beside it what it is, wrapped at words.

Elsewhere, as in a pipe, every entry is one line of full length, so that it can be searched.

>>> import io
>>> from rich.console import Console
>>> console = Console(file=io.StringIO(), width=30)
>>> show(console, "Fruit", [Row("apple", "round", "sweetness=1")])
>>> print(console.file.getvalue())
Fruit
apple  round; sweetness=1
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_WIDEST = 30


class Row(NamedTuple):
    """An entry of a list.

    Attributes
    ----------
    name, text : str
    detail : str
        Below the text, set back.
    style : str
        Of the detail.
    """

    name: str
    text: str
    detail: str = ""
    style: str = "dim"


def show(console: Console, title: str, rows: Sequence[Row]) -> None:
    """Print the list under its title.

    Parameters
    ----------
    console : Console
    title : str
    rows : sequence of Row
    """
    from rich.table import Table
    from rich.text import Text

    width = min(max((len(row.name) for row in rows), default=0), _WIDEST) + 2
    console.print(Text(title, "bold"), soft_wrap=True)
    if console.is_terminal:
        grid = Table.grid()
        grid.add_column(width=width, overflow="fold")
        grid.add_column(ratio=1)
        for row in rows:
            text = Text(row.text)
            if row.detail:
                text.append(f"\n{row.detail}", row.style)
            grid.add_row(Text(row.name, "bold"), text)
        console.print(grid)
    else:
        for row in rows:
            whole = "; ".join(filter(None, (row.text, row.detail)))
            console.print(f"{row.name:<{width - 2}}  {whole}", soft_wrap=True, markup=False)
    console.print()


def make_table(title: str, *columns: str) -> Table:
    """An empty table for numbers, whose first column is not wrapped."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, overflow="fold", no_wrap=index == 0)
    return table
