"""``refimpl compare``: a paper's method against tuned baselines on data, kept as a record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from refimpl.cli.options import CACHE, check_folder, run_options

QUICK_FOLDER = Path("outputs/compare")
MINUTES = 25.0


@click.command("compare")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--list", "listing", is_flag=True, help="Show what can be compared, and records.")
@click.option("--paper", "papers", multiple=True, metavar="NAME", help="All of this paper's.")
@click.option("--seeds", type=click.IntRange(min=2), help="Fewer or more than declared.")
@click.option("--data", type=click.Choice(["digits", "mnist", "fashion-mnist"]),
              help="Images of this set instead; the record then goes to --output.")  # fmt: skip
@click.option("--minutes", default=MINUTES, show_default=True,
              help="Longest run to begin, as it would be if no grid grew.")  # fmt: skip
@click.option("--output", type=click.Path(file_okay=False, path_type=Path),
              help="Folder of the records.  [default: beside the figures of the paper; with "
              "--quick, outputs/compare]")  # fmt: skip
@run_options(quick=False)
@click.pass_context
def command(
    context: click.Context,
    names: Sequence[str],
    listing: bool,
    papers: Sequence[str],
    minutes: float,
    output: Path | None,
    **options: Any,
) -> None:
    """Compare methods on data, every one at its best setting by validation.

    All methods have as many settings; a grid grows while the best setting lies at its end; test
    sets are looked at when the choices are made; differences to the best-tuned baseline are paired
    by seed. The time that is said at the start is that of the declared grids; grown ones usually
    take two to four times that. The record goes beside the figures of the paper, where claims and
    figures read it. A run that was killed goes on where it was.
    """
    from refimpl import catalogue

    if listing:
        _list()
        return
    for name in papers:
        catalogue.paper(name)
        room = f"{catalogue.rooms()[name].module}."
        names = [*names, *(n for n, m in catalogue.comparisons().items() if m.startswith(room))]
    if not names:
        raise click.UsageError("name a comparison, or --paper or --list", context)
    chosen = [catalogue.comparison(name) for name in dict.fromkeys(names)]
    for comparison in chosen:
        _compare(comparison, minutes, output, options)


def _compare(comparison: Any, minutes: float, output: Path | None, options: dict[str, Any]) -> None:
    import dataclasses

    from refimpl.cli.display import TaskProgress, make_console
    from refimpl.errors import SettingError
    from refimpl.experiments import records, tuning

    given = {name: options[name] for name in ("seeds", "data") if options[name] is not None}
    size = comparison.quick if options["quick"] else comparison.full
    size = dataclasses.replace(size, **given)
    changed = options["quick"] or bool(given)
    folder = output or (QUICK_FOLDER if changed else None)
    path = records.path_of(comparison.paper, comparison.name, folder)
    check_folder(path.parent, "name another folder with --output")
    console = make_console()
    console.print(f"{comparison.name}: {comparison.title}", style="bold", markup=False)
    expected = budget(comparison, size, options["seed"])
    console.print(
        f"about {_duration(expected)} on one core before grids grow, usually 2 to 4 times that in "
        f"the end ({len(comparison.methods)} methods, {len(comparison.methods[0].grid)} settings "
        f"each, {size.seeds} seeds); record: {path}",
        markup=False, soft_wrap=True,
    )  # fmt: skip
    if expected / options["jobs"] > 60.0 * minutes:
        raise SettingError(
            f"{comparison.name} would take {_duration(expected / options['jobs'])} if no grid "
            f"grew, longer than {minutes:g} min: --minutes allows it, --quick and --seeds make it "
            f"shorter"
        )
    cache = CACHE if options["cache"] else None
    kept = {name: options[name] for name in ("backend", "dtype", "seed", "jobs", "dask")}
    with TaskProgress(console) as progress:
        run = tuning.run(comparison, size, cache_dir=cache, progress=progress.task_done,
                         on_start=progress.say, **kept)  # fmt: skip
    found = records.document(comparison, size, run)
    records.write(found, folder)
    console.print(table(found))
    for line in words(found):
        console.print(line, markup=False, soft_wrap=True)


def budget(comparison: Any, size: Any, seed: int) -> float:
    """Seconds that the declared grids would take on one core, networks one by one."""
    from refimpl.experiments.settings_runs import step_seconds
    from refimpl.experiments.tuning import middle

    rate = next((middle(method) for method in comparison.methods if method.tunes_rate), None)
    settings = {
        method.name: (middle(method), None if method.tunes_rate else rate)
        for method in comparison.methods
    }
    seconds = step_seconds(comparison, size, settings, seed, steps=9, turns=1)
    steps = steps_of(comparison, size, seed)
    settings_and_test = len(comparison.methods[0].grid) + 1
    return sum(
        step * steps * settings_and_test * size.seeds
        for step in seconds.values()
        if math.isfinite(step)
    )


def steps_of(comparison: Any, size: Any, seed: int) -> int:
    """Steps of one run."""
    from refimpl.arrays import backend
    from refimpl.random import Rng

    rng = Rng(seed).child(comparison.name, 0)
    examples = len(comparison.problem(size, backend("numpy"), rng).split.train)
    return size.epochs * math.ceil(examples / (size.batch_size or examples))


def table(found: Mapping[str, Any]) -> Any:
    """A record as a table of the terminal."""
    from refimpl.cli.rows import make_table

    rows = make_table(
        f"{found['title']}: test {found['score']}, best baseline: {found['reference']}",
        "method", "chosen", "settings", found["score"], "difference", "interval", "p (Holm)",
        "step, us",
    )  # fmt: skip
    for row in found["methods"]:
        scores = row["scores"][f"test_{found['score']}"]
        mean = sum(scores) / len(scores)
        low, high = row.get("interval", (math.nan, math.nan))
        rows.add_row(
            row["name"] + ("" if not row["baseline"] else " (baseline)"),
            f"{row['varies']} {row['chosen']:g}" + (" (end of grid)" if row["at_end"] else ""),
            str(len(row["grid"])),
            f"{mean:.4f}",
            f"{row['mean']:+.4f}" if "mean" in row else "-",
            f"[{low:+.4f}, {high:+.4f}]" if "mean" in row else "-",
            f"{row['p_holm']:.2g}" if "p_holm" in row else "-",
            f"{1e6 * row['step_seconds']:.0f}",
        )
    return rows


def words(found: Mapping[str, Any]) -> list[str]:
    """What the table does not say: levels, what was cut, and the time."""
    level = 100.0 * found["confidence"]
    lines = [
        f"paired over {found['size']['seeds']} seeds; {level:.3g} % t intervals, which hold "
        f"together at 95 %; {_duration(found['seconds'])} of training"
    ]
    return lines + ([f"left out: {found['cut']}"] if found["cut"] else [])


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100.0 else f"{seconds / 60.0:.0f} min"


def _list() -> None:
    """Every comparison with its title, and of those that have a record what it found."""
    from refimpl import catalogue
    from refimpl.cli.display import make_console
    from refimpl.cli.rows import Row, show
    from refimpl.experiments import records
    from refimpl.experiments.record_lines import lines, unit

    rows = []
    for name in catalogue.comparisons():
        comparison = catalogue.comparison(name)
        path = records.path_of(comparison.paper, name)
        detail = "no record yet"
        if path.is_file():
            found = records.read(path)
            said = ", ".join(line.words for line in lines(found))
            detail = f"recorded {found['date']}: {said} {unit(found)}"
        rows.append(Row(name, f"{comparison.title} ({comparison.expects})", detail))
    show(make_console(), "Comparisons (refimpl compare NAME)", rows)
