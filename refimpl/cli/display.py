"""Progress of many tasks: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

_SECONDS_BETWEEN_LINES = 10.0


def tolerant_streams() -> None:
    """Print what the console's encoding lacks as a question mark: no result depends on it."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def make_console(width_elsewhere: int = 120, *, stderr: bool = False) -> Console:
    """The console for results: as wide as the terminal, and of a fixed width elsewhere."""
    tolerant_streams()
    console = Console(highlight=False, stderr=stderr)
    if not console.is_terminal and console.width < width_elsewhere:
        console = Console(highlight=False, width=width_elsewhere, stderr=stderr)
    return console


class TaskProgress:
    """Shows how many tasks are done; lines printed meanwhile appear above the bar.

    Parameters
    ----------
    console : Console
        For the results. The plain progress lines go to standard error.

    Examples
    --------
    >>> with TaskProgress(Console(quiet=True)) as progress:
    ...     progress.print("a result")
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bar: Progress | None = None
        self._task: Any = None
        self._spoken = time.monotonic()
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=console,
                transient=True,
            )

    def __enter__(self) -> TaskProgress:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("starting", total=None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def print(self, *values: Any, **options: Any) -> None:
        """Print a result line."""
        self.console.print(*values, **options)

    def task_done(self, report: Any) -> None:
        """Take note of a :class:`refimpl.experiments.runner.TaskReport`."""
        if self._bar is not None:
            self._bar.update(
                self._task,
                description=report.experiment,
                completed=report.done,
                total=report.total,
            )
            return
        now = time.monotonic()
        if now - self._spoken >= _SECONDS_BETWEEN_LINES:
            self._spoken = now
            Console(stderr=True, highlight=False).print(
                f"{report.done} of {report.total} tasks done, last: {report.experiment}"
            )


def transfer_bar(console: Console) -> Progress:
    """A progress bar for bytes, silent where there is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
