"""``refimpl plot``: losses, metrics and diagnostics of runs, in one picture."""

from __future__ import annotations

import importlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from refimpl.cli.options import traceback_option

_FORMATS = (".png", ".svg", ".pdf")
_HOME = Path("outputs/train")


def _check_format(context: click.Context, option: click.Parameter, value: Path | None) -> Any:
    if value is not None and value.suffix.lower() not in _FORMATS:
        raise click.BadParameter(f"{value} must end in one of {', '.join(_FORMATS)}")
    return value


@click.command("plot", short_help="Draw losses, metrics and diagnostics of runs.")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_check_format,
    metavar="FILE",
    help="Picture: .png, .svg or .pdf.  [default: run.png in the folder of the one run, or "
    "runs.png here]",
)
@click.option("--only", multiple=True, metavar="NAME", help="Draw this quantity; can be repeated.")
@click.option("--title", default="", help="Above the picture.")
@traceback_option
@click.pass_context
def command(
    context: click.Context,
    runs: Sequence[str],
    output: Path | None,
    only: Sequence[str],
    title: str,
) -> None:
    """Draw loss, metrics and what the steps told, of one run or of several.

    RUN is the folder that `refimpl train` names at its end, or its name below outputs/train.

    \b
    refimpl plot outputs/train/digits-mhe-*
    refimpl plot RUN RUN --only accuracy --output compared.svg
    """
    from refimpl.errors import RefimplError, unknown_name
    from refimpl.files import figures_package, write_atomic
    from refimpl.training.runs import load_run

    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise click.ClickException(
            "pictures need matplotlib: pip install 'refimpl[experiments]'"
        ) from None
    drawing = importlib.import_module(f"{figures_package()}.runs")
    try:
        found = [load_run(_place(run)) for run in dict.fromkeys(runs)]
    except RefimplError as error:
        raise click.UsageError(str(error), context) from None
    histories = {label: run.history for label, run in zip(_labels(found), found, strict=True)}
    known = [name.replace("_", " ") for name in drawing.panels(histories)]
    if not known:
        raise click.UsageError(f"nothing is recorded in {', '.join(runs)}", context)
    only = [name.replace("_", " ") for name in only]
    for name in only:
        if name not in known:
            raise click.UsageError(unknown_name("quantity", name, known), context)
    if output is None:
        output = found[0].folder / "run.png" if len(found) == 1 else Path("runs.png")
    picture = io.BytesIO()
    drawing.draw(histories, only, title).savefig(picture, format=output.suffix[1:].lower())
    write_atomic(output, picture.getvalue())
    click.echo(f"{', '.join(only or known)} -> {output}")


def _place(run: str) -> Path:
    """The folder, where it stands or below the usual place."""
    path, usual = Path(run), _HOME / run
    return usual if not path.exists() and (usual.exists() or len(path.parts) == 1) else path


def _labels(runs: Sequence[Any]) -> list[str]:
    """Names of the folders, or paths where two have one name."""
    names = [run.folder.resolve().name for run in runs]
    return [
        name if names.count(name) == 1 else str(run.folder)
        for name, run in zip(names, runs, strict=True)
    ]
