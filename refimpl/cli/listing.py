"""``refimpl list``: what there is, in tables."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import click

from refimpl.cli.names import Name
from refimpl.cli.options import traceback_option


def make_table(title: str, *columns: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, overflow="fold", no_wrap=index == 0)
    return table


def _algorithms() -> Any:
    from rich.markup import escape

    from refimpl import catalogue

    table = make_table(
        "Algorithms", "name", "what it does (source)", "hyper-parameters and defaults"
    )
    for name, entry in catalogue.algorithms().items():
        values = ", ".join(f"{field}={entry.default(field)!r}" for field in entry.fields)
        table.add_row(name, f"{entry.summary} ({entry.source})", escape(values))
    return table


def _datasets() -> Any:
    from rich.markup import escape

    from refimpl import catalogue
    from refimpl.datasets import DATASETS

    table = make_table("Data sets", "name", "what it is (source)")
    for name, loader in DATASETS.items():
        table.add_row(name, loader.description)
    for name, entry in catalogue.datasets().items():
        table.add_row(name, escape(f"{entry.summary} ({entry.source})"))
    return table


def _losses() -> Any:
    from rich.markup import escape

    from refimpl import catalogue
    from refimpl.models import LOSSES

    table = make_table("Losses", "name", "what it is (source)", "hyper-parameters and defaults")
    for name, function in LOSSES.items():
        table.add_row(name, escape(_first_line(function)), "")
    for name, entry in catalogue.losses().items():
        values = ", ".join(f"{field}={entry.default(field)!r}" for field in entry.fields)
        table.add_row(name, f"{entry.summary} ({entry.source})", escape(values))
    return table


def _claims() -> Any:
    from refimpl import catalogue

    table = make_table("Claims", "id", "paper", "place", "statement")
    for claim in catalogue.claims():
        table.add_row(claim.id, claim.paper, claim.place, claim.statement)
    return table


def _figures() -> Any:
    from refimpl import catalogue

    table = make_table("Figures (refimpl figures NAME)", "name", "title", "claims")
    for name in catalogue.figures():
        figure = catalogue.figure(name)
        table.add_row(name, figure.title, ", ".join(figure.claims))
    return table


def _experiments() -> Any:
    from refimpl import catalogue

    table = make_table("Experiments", "name", "what it computes", "tasks, quick and full")
    for name in catalogue.experiments():
        experiment = catalogue.experiment(name)
        counts = [len(experiment.tasks(experiment.preset(p))) for p in ("quick", "full")]
        summary = experiment.summary or _first_line(experiment.run_task)
        table.add_row(name, summary, f"{counts[0]}, {counts[1]}")
    return table


def _first_line(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0]


_TABLES: dict[str, Callable[[], Any]] = {
    "algorithms": _algorithms,
    "datasets": _datasets,
    "losses": _losses,
    "experiments": _experiments,
    "claims": _claims,
    "figures": _figures,
}


@click.command("list", short_help="Show algorithms, data sets, losses, claims, figures.")
@click.argument("kind", required=False, metavar="[KIND]", type=Name("list", list(_TABLES)))
@traceback_option
def command(kind: str | None) -> None:
    """Show the algorithms, data sets, losses, experiments, claims and figures.

    KIND is algorithms, datasets, losses, experiments, claims or figures; without it, everything.
    """
    from refimpl.cli.display import make_console

    console = make_console(140)
    for name, build in _TABLES.items():
        if kind in (None, name):
            table = build()
            if table.row_count:
                console.print(table)
            else:
                console.print(f"There are no {name} yet.")
