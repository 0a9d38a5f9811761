"""A progress bar for long loops, where there is a terminal to show it on.

>>> with progress_bar("sums", 3, unit="terms", value="total", wanted=False) as advance:
...     for done in range(3):
...         advance(done + 1, 0.5 * done)
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(
    title: str,
    total: int,
    *,
    unit: str,
    value: str,
    digits: int = 4,
    done: int = 0,
    wanted: bool | None = None,
) -> Iterator[Callable[[int, float], None]]:
    """A bar on standard error, or nothing.

    Parameters
    ----------
    title : str
    total : int
        What counts as finished.
    unit : str
        What is counted, in the plural.
    value : str
        Name of the number that is shown beside the count.
    digits : int
        Of that number.
    done : int
        How much is finished at the start.
    wanted : bool, optional
        Show it; by default where standard error is a terminal. Without rich there is none.

    Yields
    ------
    callable
        ``advance(done, value)``.
    """
    if wanted is None:
        wanted = sys.stderr.isatty()
    if wanted:
        try:
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
            )
        except ImportError:
            wanted = False
    if not wanted:
        yield lambda done, value: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{unit}, {value} {{task.fields[value]:.{digits}g}}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total, completed=done, value=math.nan)
        yield lambda done, value: bar.update(task, completed=done, value=value)
