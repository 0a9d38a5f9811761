"""Progress of long work: live on a terminal and in a notebook, plain lines or nothing elsewhere.

The one home of it: training, verification, downloads and figures all open their bars by
:func:`live`.

>>> with progress_bar("sums", 3, unit="terms", value="total", wanted=False) as advance:
...     for done in range(3):
...         advance(done + 1, 0.5 * done)
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

_SECONDS_BETWEEN_LINES = 10.0


def tolerant_streams() -> None:
    """Print what the console's encoding lacks as a question mark: no result depends on it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook.

    Examples
    --------
    >>> in_notebook()
    False
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


def live(*columns: Any, console: Any = None, wanted: bool | None = None) -> Any:
    """A bar of rich that is not started, or None where none can be shown.

    Parameters
    ----------
    *columns
        Of ``rich.progress.Progress``.
    console : rich Console, optional
        Standard error by default.
    wanted : bool, optional
        Show it; by default on a terminal, and in a notebook that has widgets. Without rich there is
        none.
    """
    if wanted is None:
        terminal = sys.stderr.isatty() if console is None else console.is_terminal
        widgets = in_notebook() and importlib.util.find_spec("ipywidgets") is not None
        wanted = terminal or widgets
    if not wanted or importlib.util.find_spec("rich") is None:
        return None
    from rich.console import Console
    from rich.progress import Progress

    return Progress(*columns, console=console or Console(stderr=True), transient=True)


class Lines:
    """Plain lines on standard error, ten seconds apart at least.

    Parameters
    ----------
    wait : float
        Seconds between two lines, and before the first.

    Examples
    --------
    >>> Lines().say("too early to be said")
    """

    def __init__(self, wait: float = _SECONDS_BETWEEN_LINES) -> None:
        self._wait = wait
        self._spoken = time.monotonic()

    def say(self, text: str) -> None:
        """Print the line, if it is time."""
        now = time.monotonic()
        if now - self._spoken >= self._wait:
            self._spoken = now
            print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def working(text: str) -> Iterator[None]:
    """Say what is done while it lasts, on a terminal; nothing of it stays.

    Examples
    --------
    >>> with working("starting: reading digits"):
    ...     pass
    """
    if not sys.stderr.isatty() or importlib.util.find_spec("rich") is None:
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


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
    """A bar on standard error, plain lines in a notebook without widgets, or nothing.

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
        Show it; by default where :func:`live` can.

    Yields
    ------
    callable
        ``advance(done, value)``.
    """

    def told(number: float) -> str:
        return "" if math.isnan(number) else f", {value} {number:.{digits}g}"

    bar = live(*_columns(unit), wanted=wanted)
    if bar is not None:
        with bar:
            task = bar.add_task(title, total=total, completed=done, told="")
            yield lambda done, number: bar.update(task, completed=done, told=told(number))
    elif wanted is None and in_notebook():
        lines = Lines()
        yield lambda done, number: lines.say(f"{title}: {done} of {total} {unit}{told(number)}")
    else:
        yield lambda done, number: None


def _columns(unit: str) -> tuple[Any, ...]:
    try:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
        )
    except ImportError:
        return ()
    return (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{unit}{{task.fields[told]}}"),
        TimeRemainingColumn(),
    )
