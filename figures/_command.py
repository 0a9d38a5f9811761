"""The command behind ``python -m figures`` and ``refimpl figures``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from refimpl.cli.app import one_line_errors
from refimpl.cli.options import CACHE, check_run, output_option, run_options


def _formats(context: click.Context, option: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in value.split(",")))
    for name in names:
        if name not in ("png", "pdf", "svg"):
            raise click.BadParameter(f"{name!r} is none of png, pdf, svg", context, option)
    return names


@click.command(
    short_help="Draw figures: PNG, PDF, the numbers and their origin.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--paper", "papers", multiple=True, metavar="NAME", help="This paper's figures.")
@click.option("--list", "listing", is_flag=True, help="Name the figures and stop.")
@click.option("--gallery", is_flag=True, help="Also rewrite the gallery in figures/README.md.")
@click.option("--force", is_flag=True, help="Draw again what is up to date, or is full.")
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["page", "talk"]),
    default="page",
    show_default=True,
    help="For a talk: 16:9, large letters, thick lines.",
)
@click.option(
    "--format",
    "formats",
    default="png,pdf",
    show_default=True,
    callback=_formats,
    help="Of the images, of png, pdf and svg.",
)
@click.option("--panel", type=click.IntRange(min=1), metavar="N", help="This panel alone.")
@click.option("--no-title", is_flag=True, help="Leave out the title above the panels.")
@output_option("outputs/figures")
@run_options(quick=False)
@click.pass_context
def command(
    context: click.Context,
    names: Sequence[str],
    papers: Sequence[str],
    listing: bool,
    gallery: bool,
    force: bool,
    purpose: str,
    formats: tuple[str, ...],
    panel: int | None,
    no_title: bool,
    output: Path,
    quick: bool,
    cache: bool,
    **options: Any,
) -> None:
    """Draw figures: images, the plotted data (npz) and where they come from (JSON).

    With neither a NAME nor a --paper, all of them. Finished tasks are kept, so an interrupted run
    goes on where it was, and a figure that is up to date is not drawn again. A full picture is not
    replaced by a quick one. A figure whose data files are absent is skipped.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise click.ClickException(
            "the figures need matplotlib: pip install 'refimpl[experiments]'"
        ) from None
    from refimpl import catalogue
    from refimpl.cli.display import TaskProgress, make_console
    from refimpl.errors import RefimplError

    from . import engine, picture
    from ._gallery import write_gallery

    variant = picture.Variant(purpose == "talk", panel or 0, not no_title)
    if gallery and (variant != picture.PAGE or "png" not in formats):
        raise click.UsageError("the gallery shows whole figures, with titles, as PNG", context)
    console = make_console()
    if listing:
        for line in _listed(catalogue.figures_of(names, papers)):
            console.print(line, soft_wrap=True)
        return
    with one_line_errors(context):
        try:
            chosen = catalogue.figures_of(names, papers)
        except RefimplError as error:
            raise click.UsageError(str(error), context) from None
        check_run(output, options)
        profile = "quick" if quick else "full"
        console.print(
            f"Drawing {len(chosen)} figure{'s'[: len(chosen) != 1]}: {profile} profile, "
            f"{options['backend']} {options['dtype']}, seed {options['seed']}"
        )
        with TaskProgress(console) as progress:
            drawn = engine.render(
                chosen,
                output=output,
                profile=profile,
                force=force,
                formats=formats,
                variant=variant,
                progress=progress.task_done,
                on_start=progress.say,
                on_figure=lambda item: progress.print(_line(item), soft_wrap=True),
                cache_dir=CACHE if cache else None,
                **options,
            )
        if gallery:
            console.print(
                f"gallery: {write_gallery(drawn, force=force)}", soft_wrap=True, markup=False
            )
        if any(item.status == "failed" for item in drawn):
            context.exit(1)


def _listed(figures: Sequence[Any]) -> list[str]:
    """Names and titles, with markup."""
    from rich.markup import escape

    width = max((len(figure.name) for figure in figures), default=0) + 2
    return [f"{figure.name:<{width}}{escape(figure.title)}" for figure in figures]


def _line(drawn: Any) -> str:
    """What became of a figure, with markup."""
    from rich.markup import escape

    line = f"{drawn.name:<36}{drawn.status:<12}{escape(str(drawn.path))}"
    if drawn.status == "failed":
        return f"{drawn.name:<36}[bold red]failed[/]      {escape(drawn.error)}"
    if drawn.status == "skipped":
        return f"{drawn.name:<36}[yellow]skipped[/]     {escape(drawn.error)}"
    if drawn.status == "kept":
        return f"{line}  (a full picture: --force replaces it)"
    if drawn.failing:
        return f"{line}  [bold red]shows failing {', '.join(drawn.failing)}[/]"
    return line
