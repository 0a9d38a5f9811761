"""``refimpl list``: what there is, with a line or two for each."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from refimpl.cli.names import Name
from refimpl.cli.options import traceback_option
from refimpl.cli.rows import Row, show

Chapters = Iterable[tuple[str, Sequence[Row]]]
"""Titles, and the rows under each."""


def _defaults(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in values.items())


def _entry(entry: Any) -> tuple[str, str]:
    """What an entry of the catalogue is, and its hyper-parameters."""
    values = {field: entry.default(field) for field in entry.fields}
    return f"{entry.summary} ({entry.source})", _defaults(values)


def _algorithms(papers: Sequence[str]) -> Chapters:
    from refimpl import catalogue

    rows = [Row(name, *_entry(entry)) for name, entry in catalogue.algorithms().items()]
    yield "Algorithms: what they do (source), hyper-parameters and defaults", rows


def datasets(papers: Sequence[str] = ()) -> Chapters:
    """The data sets: those of the core, then those of the papers."""
    from refimpl import catalogue
    from refimpl.datasets import DATASETS

    rows = [
        Row(name, f"{entry.description} [{entry.kind}]", _defaults(entry.options))
        for name, entry in DATASETS.items()
    ]
    rows += [Row(name, *_entry(entry)) for name, entry in catalogue.datasets().items()]
    yield "Data sets: what they are, options (--data-option) and defaults", rows


def _losses(papers: Sequence[str]) -> Chapters:
    from refimpl import catalogue
    from refimpl.models import LOSSES

    rows = [Row(name, _first_line(function)) for name, function in LOSSES.items()]
    rows += [Row(name, *_entry(entry)) for name, entry in catalogue.losses().items()]
    yield "Losses: what they are (source), options (--loss-option) and defaults", rows


def _claims(papers: Sequence[str]) -> Chapters:
    """By paper: id, statement; then whose it is, its profile, and what the last record says."""
    from refimpl import catalogue
    from refimpl.claims.recorded import recorded
    from refimpl.cli.claim_lines import COLORS

    verdicts = recorded()
    found: dict[str, list[Row]] = {}
    for claim in catalogue.select(papers, ()):
        entry = verdicts.get(claim.id, {})
        verdict = entry.get("verdict", "no record")
        ran = f" ({entry['profile']})" if entry.get("profile") else ""
        needs = "" if claim.profile == "quick" else "; needs --full"
        whose = "" if claim.place.startswith(claim.origin) else f"{claim.origin}: "
        detail = f"{verdict}{ran}; {whose}{claim.place}{needs}"
        style = COLORS.get(verdict, "dim")
        found.setdefault(claim.paper, []).append(Row(claim.id, claim.statement, detail, style))
    for name, rows in found.items():
        yield f"{catalogue.paper(name).title} ({name}, {len(rows)} claims)", rows


def _figures(papers: Sequence[str]) -> Chapters:
    from refimpl import catalogue

    found = (
        catalogue.figures_of((), papers) if papers else map(catalogue.figure, catalogue.figures())
    )
    rows = [Row(figure.name, figure.title, ", ".join(figure.claims)) for figure in found]
    yield "Figures (refimpl figures NAME): title and claims", rows


def _experiments(papers: Sequence[str]) -> Chapters:
    from refimpl import catalogue

    rows = []
    for name in catalogue.experiments_of(papers) if papers else catalogue.experiments():
        experiment = catalogue.experiment(name)
        counts = [len(experiment.tasks(experiment.preset(p))) for p in ("quick", "full")]
        summary = experiment.summary or _first_line(experiment.run_task)
        rows.append(Row(name, summary, f"tasks: {counts[0]} quick, {counts[1]} full"))
    yield "Experiments: what they compute, and their tasks", rows


def _first_line(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0]


_LISTS: dict[str, Callable[[Sequence[str]], Chapters]] = {
    "algorithms": _algorithms,
    "datasets": datasets,
    "losses": _losses,
    "experiments": _experiments,
    "claims": _claims,
    "figures": _figures,
}
_OF_PAPERS = ("experiments", "claims", "figures")


@click.command("list", short_help="Show algorithms, data sets, losses, claims, figures.")
@click.argument("kind", required=False, metavar="[KIND]", type=Name("list", list(_LISTS)))
@click.option(
    "--paper",
    "papers",
    multiple=True,
    metavar="NAME",
    help="This paper's experiments, claims and figures.",
)
@traceback_option
@click.pass_context
def command(context: click.Context, kind: str | None, papers: Sequence[str]) -> None:
    """Show the algorithms, data sets, losses, experiments, claims and figures.

    KIND is algorithms, datasets, losses, experiments, claims or figures; without it, everything.
    A claim is shown with its last recorded verdict and whose statement it is.

    \b
    refimpl list claims --paper minnorm
    refimpl list claims | grep refuted
    """
    from refimpl.cli.display import make_console
    from refimpl.cli.kept import kept, place

    if papers and kind not in (None, *_OF_PAPERS):
        raise click.UsageError(f"--paper goes with {', '.join(_OF_PAPERS)}", context)
    console = make_console()
    for name in [kind] if kind else [*_LISTS] if not papers else _OF_PAPERS:
        make = functools.partial(_made, context, name, papers)
        for title, rows in kept(place(name, *papers), make):
            if rows:
                show(console, title, [Row(*row) for row in rows])
            else:
                console.print(f"There are no {name} yet.")


def _made(context: click.Context, kind: str, papers: Sequence[str]) -> tuple[list[Any], list[Path]]:
    """The chapters of a list, and the folders of what stands in it."""
    from refimpl import catalogue
    from refimpl.errors import RefimplError

    rooms = catalogue.rooms()  # a broken room is no fault of the command
    for name in papers:
        try:
            catalogue.paper(name)
        except RefimplError as error:
            raise click.UsageError(str(error), context) from None
    folders = {catalogue.PACKAGE, *(catalogue.figures_folder(room) for room in rooms.values())}
    folders |= {room.folder for room in rooms.values()}
    outer = [path for path in folders if not folders.intersection(path.parents)]
    return list(_LISTS[kind](papers)), outer
