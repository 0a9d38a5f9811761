"""``refimpl verify``: check claims, one line each, and write the report."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from refimpl.cli.options import CACHE, output_option, run_options

_COLORS = {
    "holds": "green",
    "qualified": "yellow",
    "refuted": "magenta",
    "fails": "bold red",
    "error": "bold red",
}


def _row(
    id: str,
    verdict: str,
    predicted: str,
    measured: str,
    difference: str,
    statement: str,
    width: int,
) -> Any:
    """One line of the table, cut to the width."""
    from rich.text import Text

    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{id:<8}", "bold")
    line.append(f"{verdict:<10}", _COLORS.get(verdict, ""))
    for value in (predicted, measured):
        shortened = value if len(value) <= 13 else value[:12] + "…"
        line.append(f"{shortened:<14}")
    line.append(f"{difference:<11}", "dim")
    line.append(statement)
    line.truncate(width, overflow="ellipsis")
    return line


@click.command("verify")
@click.option("--paper", "papers", multiple=True, metavar="NAME", help="This paper's claims.")
@click.option("--claim", "ids", multiple=True, metavar="ID", help="This claim.")
@output_option("outputs/verify")
@run_options(quick=True)
@click.pass_context
def command(
    context: click.Context,
    papers: Sequence[str],
    ids: Sequence[str],
    output: Path,
    quick: bool,
    cache: bool,
    **options: Any,
) -> None:
    """Check the claims of the papers: predicted against measured, one line per claim.

    The verdicts: holds; qualified (true under a stated condition); refuted (the printed statement
    is false, the corrected one is measured); reported (a number that is not judged); not shown (a
    comparison that did not separate); fails (the implementation does not show it); error (the
    computation broke). Writes claims.json and report.html. Exit code 1 if a claim fails, 3 if the
    computation of one broke or no claim was looked at. --paper and --claim can be repeated and add
    up; see `refimpl list claims` for the ids.
    """
    from rich.markup import escape

    from refimpl import catalogue
    from refimpl.arrays import backend
    from refimpl.claims import ledger, report
    from refimpl.cli.display import TaskProgress, make_console
    from refimpl.errors import RefimplError
    from refimpl.experiments.store import provenance

    output.mkdir(parents=True, exist_ok=True)  # now, not when all has been computed
    start = time.perf_counter()
    where = backend(options["backend"], options["dtype"])
    try:
        claims = catalogue.select(papers, ids)
    except RefimplError as error:
        raise click.UsageError(str(error), context) from None
    console = make_console()
    profile = "quick" if quick else "full"
    console.print(
        _heading(claims, f"{profile} profile, {where.name} {where.dtype_name}", options),
        markup=False,
    )
    console.print()
    console.print(
        _row("claim", "verdict", "predicted", "measured", "difference", "statement", console.width),
        style="dim",
    )
    with TaskProgress(console) as progress:

        def show(record: ledger.Record) -> None:
            gap = "" if record.difference is None else f"{record.difference:.1e}"
            values = ledger.shown(record.predicted), ledger.shown(record.measured), gap
            progress.print(
                _row(record.id, record.verdict, *values, record.statement, console.width)
            )

        records = ledger.evaluate(
            claims,
            catalogue.experiment,
            on_record=show,
            progress=progress.task_done,
            profile=profile,
            cache_dir=CACHE if cache else None,
            **options,
        )
    seconds = time.perf_counter() - start
    facts = provenance(
        where,
        options["seed"],
        profile=profile,
        jobs=options["jobs"],
        seconds=round(seconds, 2),
        finished=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    titles = {name: paper.title for name, paper in catalogue.papers().items()}
    path = report.write(records, facts, output, titles)
    console.print()
    for record in records:
        if record.verdict in ("fails", "error"):
            console.print(_failure(record), soft_wrap=True)
    line = f"{ledger.summarize(records)} in {seconds:.0f} s -> {path}"
    console.print(line, soft_wrap=True, markup=False)
    if options["seed"]:
        console.print(_out_of_reach(claims, options["seed"]), soft_wrap=True)
    for record in records:
        if record.verdict == ledger.SKIPPED and (ids or len(records) == 1):
            console.print(f"{record.id} skipped: {escape(record.note)}", soft_wrap=True)
    if options["dtype"] == "float32" and any(record.verdict == "fails" for record in records):
        console.print("Tolerances are for float64: a claim can fail for want of digits alone.")
    context.exit(_exit_code({record.verdict for record in records}))


def _heading(claims: Sequence[Any], setting: str, options: dict[str, Any]) -> str:
    count = len({claim.paper for claim in claims})
    placed = f"Dask at {options['dask']}" if options["dask"] else f"{options['jobs']} jobs"
    return (
        f"Checking {len(claims)} claim{'s'[: len(claims) != 1]} of {count} "
        f"paper{'s'[: count != 1]}: {setting}, seed {options['seed']}, {placed}"
    )


def _out_of_reach(claims: Sequence[Any], seed: int) -> str:
    """Which claims read nothing that depends on the seed."""
    from refimpl import catalogue

    fixed = [
        claim.id
        for claim in claims
        if not any(catalogue.experiment(name).seeded for name in claim.experiments)
    ]
    return (
        f"Seed {seed} does not reach {len(fixed)} of these claims, whose computations draw nothing "
        f"or fix their draws: {', '.join(fixed) or 'none'}"
    )


def _failure(record: Any) -> str:
    """All the numbers of a claim that fails, or broke."""
    from rich.markup import escape

    from refimpl.claims.ledger import shown

    place = escape(f"({record.paper}, {record.place})")
    return (
        f"[bold red]{record.id} {record.verdict}[/] {place}: "
        f"predicted {escape(shown(record.predicted))}, "
        f"measured {escape(shown(record.measured))}, "
        f"tolerance {escape(shown(record.tolerance))}. {escape(record.note)}"
    )


def _exit_code(verdicts: set[str]) -> int:
    """1: a claim fails; 3: the computation of one broke, or none was looked at."""
    if "fails" in verdicts:
        return 1
    return 3 if "error" in verdicts or verdicts == {"skipped"} else 0
