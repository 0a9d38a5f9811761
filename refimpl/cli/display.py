"""The console, and the progress of many tasks: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from refimpl.progress import Lines, live, tolerant_streams

if TYPE_CHECKING:
    from rich.console import Console


def make_console(width_elsewhere: int = 120, *, stderr: bool = False) -> Console:
    """The console for results: as wide as the terminal, and of a fixed width elsewhere."""
    from rich.console import Console

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
    >>> from rich.console import Console
    >>> with TaskProgress(Console(quiet=True)) as progress:
    ...     progress.print("a result")
    """

    def __init__(self, console: Console) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self.console = console
        self._task: Any = None
        self._taken, self._total = 0, 0
        self._lines = Lines()
        self._bar = live(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        )

    def __enter__(self) -> TaskProgress:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("starting: looking at what is kept", total=None)
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

    @property
    def all_kept(self) -> str:
        """A line where every task was found in the cache and nothing was computed; else empty."""
        whole = self._total > 0 and self._taken == self._total
        return f"nothing was computed: all {self._total} tasks are kept" if whole else ""

    def say(self, text: str) -> None:
        """Say what is being done."""
        if self._bar is not None:
            self._bar.update(self._task, description=text)

    def task_done(self, report: Any) -> None:
        """Take note of a :class:`refimpl.experiments.runner.TaskReport`."""
        self._taken += report.cached
        self._total = report.total
        if self._bar is not None:
            self._bar.update(
                self._task,
                description=report.experiment,
                completed=report.done,
                total=report.total,
            )
            return
        self._lines.say(f"{report.done} of {report.total} tasks done, last: {report.experiment}")


class Transfers:
    """Bars for the bytes of several files.

    Parameters
    ----------
    console : Console
    """

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn

        self._tasks: dict[str, Any] = {}
        self._lines = Lines()
        self._bar = live(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=console,
        )

    def __enter__(self) -> Transfers:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, file: str, done: int, total: int | None) -> None:
        """Take note of the bytes of a file."""
        if self._bar is None:
            whole = "" if total is None else f" of {total}"
            self._lines.say(f"{file}: {done}{whole} bytes")
            return
        if file not in self._tasks:
            self._tasks[file] = self._bar.add_task(file)
        self._bar.update(self._tasks[file], completed=done, total=total)
