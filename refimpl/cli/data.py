"""``refimpl data``: get and check the files of data sets that are not generated."""

from __future__ import annotations

from pathlib import Path

import click

from refimpl.cli.options import check_folder, traceback_option

_data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the data files.  [default: $REFIMPL_DATA, or that of your user's data]",
)


@click.group("data")
def command() -> None:
    """Download, list and check data files."""


def _check_name(name: str, context: click.Context) -> None:
    from refimpl.cli.parts import data_names
    from refimpl.datasets import SOURCES
    from refimpl.errors import unknown_name

    if name not in SOURCES:
        message = unknown_name("data set with files", name, sorted(SOURCES))
        if name in data_names():
            message = f"{name} needs no files: it is generated, or comes with a package"
        raise click.UsageError(message, context)


@command.command("fetch")
@click.argument("name")
@_data_dir
@traceback_option
@click.pass_context
def fetch_command(context: click.Context, name: str, data_dir: Path | None) -> None:
    """Download the public files of NAME and check their checksums.

    Files that are there and right are left alone, so an interrupted download is simply repeated.
    They go to the folder NAME in --data-dir, or in the folder that the variable REFIMPL_DATA
    names, or else in that of your user's data, where they are found again.
    """
    from refimpl.cli.display import Transfers, make_console
    from refimpl.datasets import SOURCES, fetch
    from refimpl.datasets.fetch import data_directory

    _check_name(name, context)
    console = make_console()
    folder = data_directory(data_dir) / name
    check_folder(folder, "name another folder with --data-dir")
    license = SOURCES[name].license
    console.print(f"{SOURCES[name].title} ({license}) -> {folder}", soft_wrap=True, markup=False)
    with Transfers(console) as transfers:
        results = fetch(name, data_dir, progress=transfers.advance)
    for item in results:
        said = "downloaded" if item.status == "downloaded" else "present, as published"
        console.print(f"{said}: {item.path}", soft_wrap=True, markup=False)


@command.command("list")
@traceback_option
def list_command() -> None:
    """Show the data sets and their options, as `refimpl list datasets` does."""
    from refimpl.cli.display import make_console
    from refimpl.cli.listing import datasets
    from refimpl.cli.rows import show

    for title, rows in datasets():
        show(make_console(), title, rows)


@command.command("check")
@click.argument("name")
@_data_dir
@traceback_option
@click.pass_context
def check_command(context: click.Context, name: str, data_dir: Path | None) -> None:
    """Check that the files of NAME are there and are the published ones."""
    from refimpl.cli.display import make_console
    from refimpl.datasets import SOURCES, find_files
    from refimpl.datasets.fetch import mismatch

    _check_name(name, context)
    console = make_console()
    wrong = 0
    for role, path in find_files(name, data_dir).items():
        problem = mismatch(path, SOURCES[name].files[role])
        wrong += problem is not None
        console.print(f"{path}: {problem or 'as published'}", soft_wrap=True, markup=False)
    if wrong:
        context.exit(1)
