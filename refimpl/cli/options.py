"""Options that several commands share, and what their values mean."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from refimpl.cli.names import Name

Command = TypeVar("Command", bound=Callable[..., Any])

CACHE = Path("outputs/cache")
"""Where finished tasks are kept, below the working directory."""


def core_count() -> int:
    """The cores that this process may use, containers' limits included.

    Examples
    --------
    >>> core_count() >= 1
    True
    """
    try:
        import joblib
    except ImportError:
        return os.cpu_count() or 1
    return joblib.cpu_count()


def _resolve_jobs(context: click.Context, option: click.Parameter, value: int | None) -> int:
    return core_count() if value is None else value


def _remember(context: click.Context, option: click.Parameter, value: bool) -> None:
    if value:
        context.find_root().meta["traceback"] = True


def _remember_cache(context: click.Context, option: click.Parameter, value: bool) -> bool:
    kept = f"finished tasks are kept in {CACHE}, and the next run goes on there"
    end = kept if value else "without a cache nothing is kept"
    context.find_root().meta["interrupted"] = f"interrupted; {end}"
    return value


traceback_option = click.option(
    "--traceback",
    is_flag=True,
    expose_value=False,
    callback=_remember,
    help="Show where an error came from.",
)

backend_option = click.option(
    "--backend",
    type=Name("backend", ["numpy", "cupy"]),
    default="numpy",
    show_default=True,
    help="Where to compute.",
)

dtype_option = click.option(
    "--dtype",
    type=Name("dtype", ["float64", "float32"]),
    default="float64",
    show_default=True,
    help="Floating-point numbers.",
)

seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all randomness."
)


def check_folder(folder: Path, option: str) -> None:
    """Make the folder, and see that files can be written there.

    Raises
    ------
    SettingError
        If not, before anything is computed for it.
    """
    import tempfile

    from refimpl.errors import SettingError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # of its own: another command may check here too
            pass
    except OSError as error:
        reason = error.strerror or error
        raise SettingError(f"nothing can be written to {folder} ({reason}): {option}") from None


def check_run(output: Path, options: dict[str, Any]) -> None:
    """Raise where output, backend or Dask scheduler of a run are not there.

    Raises
    ------
    SettingError, BackendError
        Now, not when all has been computed.
    """
    from refimpl.arrays import backend

    check_folder(output, "name another folder with --output")
    backend(options["backend"], options["dtype"])
    if options["dask"]:
        from refimpl.experiments.runner import check_address

        check_address(options["dask"])


def output_option(default: str) -> Callable[[Command], Command]:
    """``--output FOLDER``."""
    return click.option(
        "--output",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path(default),
        show_default=True,
        help="Folder for the results.",
    )


def run_options(*, quick: bool) -> Callable[[Command], Command]:
    """The options of commands that run experiments: profile, backend, seed, jobs, cache.

    Parameters
    ----------
    quick : bool
        Whether the quick profile is the default.
    """
    options = (
        click.option(
            "--quick/--full",
            "quick",
            default=quick,
            show_default=True,
            help="Small configurations, or those of the papers.",
        ),
        backend_option,
        dtype_option,
        seed_option,
        click.option(
            "--jobs",
            type=click.IntRange(min=1),
            callback=_resolve_jobs,
            help="Processes.  [default: one per core]",
        ),
        click.option("--dask", metavar="ADDRESS", help="Scheduler of a Dask cluster to use."),
        click.option(
            "--cache/--no-cache",
            default=True,
            show_default=True,
            callback=_remember_cache,
            help=f"Keep finished tasks in {CACHE} and take those found there.",
        ),
        traceback_option,
    )

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add
