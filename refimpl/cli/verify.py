"""``refimpl verify``: check claims, paper by paper, and write the report."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from refimpl.cli.options import CACHE, check_run, output_option, run_options


@click.command("verify")
@click.option("--paper", "papers", multiple=True, metavar="NAME", help="This paper's claims.")
@click.option("--claim", "ids", multiple=True, metavar="ID", help="This claim.")
@click.option("--json", "as_json", is_flag=True, help="Print the document and nothing else.")
@output_option("outputs/verify")
@run_options(quick=True)
@click.pass_context
def command(
    context: click.Context,
    papers: Sequence[str],
    ids: Sequence[str],
    as_json: bool,
    output: Path,
    quick: bool,
    cache: bool,
    **options: Any,
) -> None:
    """Check the claims of the papers: predicted against measured.

    The verdicts: holds; qualified (true under a stated condition); refuted (the printed statement
    is false, the corrected one is measured); reported (a number that is not judged); not shown (a
    comparison that did not separate); fails (the implementation does not show it); error (the
    computation broke). Writes claims.json and report.html, which keep the claims of earlier runs.
    Exit code 1 if a claim fails, 3 if the computation of one broke or no claim was looked at.
    --paper and --claim can be repeated and add up; see `refimpl list claims` for the ids.
    """
    from refimpl.progress import working

    start = time.perf_counter()
    options["profile"] = "quick" if quick else "full"
    with working("starting: reading the claims"):
        from refimpl.cli.display import make_console

        check_run(output, options)
        claims = _chosen(context, papers, ids)
    console = make_console(stderr=as_json)
    console.print(_heading(claims, options), markup=False)
    records = _evaluated(claims, console, {**options, "cache_dir": CACHE if cache else None})
    seconds = time.perf_counter() - start
    facts = _facts(options, seconds)
    path = _written(claims, records, facts, output)
    _conclude(console, claims, records, options, f"in {seconds:.0f} s -> {path}")
    if as_json:
        from refimpl.claims import report

        click.echo(report.claims_json(report.document(records, facts)), nl=False)
    context.exit(_exit_code({record.verdict for record in records}))


def _chosen(context: click.Context, papers: Sequence[str], ids: Sequence[str]) -> list[Any]:
    """The claims of these papers and of these ids."""
    from refimpl import catalogue
    from refimpl.errors import RefimplError

    try:
        return catalogue.select(papers, ids)
    except RefimplError as error:
        raise click.UsageError(str(error), context) from None


def _facts(options: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The provenance of the run."""
    from refimpl.arrays import backend
    from refimpl.experiments.store import provenance

    return provenance(
        backend(options["backend"], options["dtype"]),
        options["seed"],
        profile=options["profile"],
        jobs=options["jobs"],
        seconds=round(seconds, 2),
        finished=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


def _written(
    claims: Sequence[Any], records: Sequence[Any], facts: dict[str, Any], output: Path
) -> Path:
    """Where the report is, which is written to the folder."""
    from refimpl.claims import report

    sources = _sources(claims, output, facts["commit"])
    return report.write(records, facts, output, _chapters(), sources, growth_beside(output))


def growth_beside(output: str | Path) -> Any:
    """What ``refimpl bench --table scaling`` has left beside ``output``; None where it has not."""
    from refimpl.benchmarks.scaling import read

    try:
        return read(Path(output).parent / "bench" / "scaling.json")
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _evaluated(claims: Sequence[Any], console: Any, chosen: dict[str, Any]) -> list[Any]:
    """Run what the claims need, printing each paper when its claims are known."""
    from refimpl import catalogue
    from refimpl.claims import ledger
    from refimpl.cli.claim_lines import ClaimLines
    from refimpl.cli.display import TaskProgress

    titles = {name: paper.title for name, paper in catalogue.papers().items()}
    with TaskProgress(console) as progress:
        lines = ClaimLines(console, claims, titles, progress.print)
        lines.heads()
        records = ledger.evaluate(
            claims,
            catalogue.experiment,
            on_record=lines.add,
            progress=progress.task_done,
            on_start=progress.say,
            **chosen,
        )
    lines.skipped()
    if progress.all_kept:
        console.print(f"\n{progress.all_kept} in {chosen['cache_dir']}", style="dim", markup=False)
    return records


def _conclude(
    console: Any, claims: Sequence[Any], records: Sequence[Any], options: dict[str, Any], end: str
) -> None:
    """What failed, the counts, and what the numbers do not reach."""
    from refimpl.claims import ledger
    from refimpl.cli.claim_lines import failure

    console.print()
    for record in records:
        if record.verdict in ("fails", "error"):
            console.print(failure(record), soft_wrap=True)
    if options["seed"]:
        console.print(_out_of_reach(claims, options["seed"]), soft_wrap=True)
    if options["dtype"] == "float32" and any(record.verdict == "fails" for record in records):
        console.print("Tolerances are for float64: a claim can fail for want of digits alone.")
    console.print(f"{ledger.summarize(records)} {end}", soft_wrap=True, markup=False)


def _chapters() -> list[Any]:
    """What the report says of each paper: its record, and the second paragraph of its page."""
    from refimpl import catalogue
    from refimpl.claims.report import Chapter
    from refimpl.generated import plain

    found = []
    for name, paper in catalogue.papers().items():
        paragraphs = catalogue.page(name).split("\n\n")
        says = plain(" ".join(paragraphs[1].split())) if len(paragraphs) > 1 else ""
        found.append(Chapter(name, paper.title, paper.reference, paper.arxiv, says))
    return found


def _sources(claims: Sequence[Any], output: Path, commit: str | None) -> dict[str, Any]:
    """Where every claim is at home, and the figures of the papers that are looked at."""
    from refimpl import catalogue
    from refimpl.claims.report import Source
    from refimpl.experiments.store import PACKAGE, repository

    shown: dict[str, list[tuple[str, str]]] = {}
    for figure in catalogue.figures_of(papers=list({claim.paper: 1 for claim in claims})):
        picture = Path("outputs/figures") / f"{figure.name}.png"
        link = os.path.relpath(picture, output) if picture.is_file() else ""
        for id in figure.claims:
            shown.setdefault(id, []).append((figure.name, link))
    address = repository() if commit else ""
    found = {}
    for claim in catalogue.claims():
        code = claim.function.__code__
        path = Path(code.co_filename)
        if path.is_relative_to(PACKAGE.parent):
            path = path.relative_to(PACKAGE.parent)
        where, line = path.as_posix(), code.co_firstlineno
        url = f"{address}/blob/{str(commit).rstrip('+')}/{where}#L{line}" if address else ""
        found[claim.id] = Source(f"{where}:{line}", url, tuple(shown.get(claim.id, ())))
    return found


def _heading(claims: Sequence[Any], options: dict[str, Any]) -> str:
    setting = f"{options['profile']} profile, {options['backend']} {options['dtype']}"
    count = len({claim.paper for claim in claims})
    placed = (
        f"Dask at {options['dask']}"
        if options["dask"]
        else f"{options['jobs']} job{'s'[: options['jobs'] != 1]}"
    )
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


def _exit_code(verdicts: set[str]) -> int:
    """1: a claim fails; 3: the computation of one broke, or none was looked at."""
    if "fails" in verdicts:
        return 1
    return 3 if "error" in verdicts or verdicts == {"skipped"} else 0
