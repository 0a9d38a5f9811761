"""``refimpl vectors``: test vectors for implementations in any language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from refimpl.cli.options import traceback_option

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group("vectors", short_help="Test vectors for implementations in any language.")
def command() -> None:
    """Test vectors: JSON files with inputs, noise and the outputs after 1, 2, 5 and 20 steps.

    \b
    refimpl vectors write DIR                      all methods, losses and constraints
    refimpl vectors write DIR --only adam          those of one method
    refimpl vectors check DIR                      does this package still agree?
    """


@command.command("write")
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option(
    "--only", metavar="METHOD", multiple=True, help="Of this method only; may be given again."
)
@traceback_option
def write_command(folder: Path, only: tuple[str, ...]) -> None:
    """Write the files into DIR, with their schema, an index and a README."""
    from refimpl.vectors import write

    names = write(folder, only)
    size = sum(path.stat().st_size for path in folder.iterdir())
    click.echo(f"{len(names)} files, {size / 1e6:.2f} MB: {folder}")


@command.command("check")
@click.argument("folder", metavar="DIR", type=_FOLDER)
@traceback_option
@click.pass_context
def check_command(context: click.Context, folder: Path) -> Any:
    """Run the package on the inputs in DIR; exit code 1 where it does not agree."""
    from refimpl.vectors import check

    found = check(folder)
    wrong = {name: differences for name, differences in found.items() if differences}
    for name, differences in wrong.items():
        for line in differences:
            click.echo(f"{name}: {line}")
    click.echo(f"{len(found) - len(wrong)} of {len(found)} files agree")
    if wrong:
        context.exit(1)
