"""The command behind ``python -m figures`` and ``refimpl figures``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from refimpl.cli.app import one_line_errors
from refimpl.cli.options import CACHE, output_option, run_options


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--paper", "papers", multiple=True, metavar="NAME", help="This paper's figures.")
@click.option("--list", "listing", is_flag=True, help="Name the figures and stop.")
@click.option("--gallery", is_flag=True, help="Also rewrite the gallery in figures/README.md.")
@click.option("--force", is_flag=True, help="Draw again what is up to date.")
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
    output: Path,
    quick: bool,
    cache: bool,
    **options: Any,
) -> None:
    """Draw figures: PNG, PDF, the plotted data (npz) and where they come from (JSON).

    With neither a NAME nor a --paper, all of them. Finished tasks are kept, so an interrupted run
    goes on where it was, and a figure that is up to date is not drawn again.
    """
    from rich.markup import escape

    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise click.ClickException(
            "the figures need matplotlib: pip install 'refimpl[experiments]'"
        ) from None
    from refimpl import catalogue
    from refimpl.cli.display import TaskProgress, make_console
    from refimpl.errors import RefimplError

    from . import engine
    from ._gallery import write_gallery

    console = make_console()
    if listing:
        found = catalogue.figures_of(names, papers)
        width = max((len(figure.name) for figure in found), default=0) + 2
        for figure in found:
            console.print(f"{figure.name:<{width}}{escape(figure.title)}", soft_wrap=True)
        return
    with one_line_errors(context):
        try:
            chosen = catalogue.figures_of(names, papers)
        except RefimplError as error:
            raise click.UsageError(str(error), context) from None
        profile = "quick" if quick else "full"
        console.print(
            f"Drawing {len(chosen)} figure{'s'[: len(chosen) != 1]}: {profile} profile, "
            f"{options['backend']} {options['dtype']}, seed {options['seed']}"
        )
        with TaskProgress(console) as progress:

            def show(drawn: engine.Drawn) -> None:
                line = f"{drawn.name:<36}{drawn.status:<12}{escape(str(drawn.path))}"
                if drawn.error:
                    line = f"{drawn.name:<36}[bold red]failed[/]      {escape(drawn.error)}"
                elif drawn.failing:
                    line += f"  [bold red]shows failing {', '.join(drawn.failing)}[/]"
                progress.print(line, soft_wrap=True)

            drawn = engine.render(
                chosen,
                output=output,
                profile=profile,
                force=force,
                progress=progress.task_done,
                on_figure=show,
                cache_dir=CACHE if cache else None,
                **options,
            )
        if gallery:
            console.print(f"gallery: {write_gallery(drawn)}", soft_wrap=True, markup=False)
        if any(item.status == "failed" for item in drawn):
            context.exit(1)
