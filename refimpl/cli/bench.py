"""``refimpl bench``: what training steps cost, beside what one would take instead."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from refimpl.cli.options import traceback_option

_NETWORKS = ("deep", "narrow", "digits", "wide", "large")


@click.command("bench")
@click.option(
    "--backend",
    "place",
    type=click.Choice(["numpy", "cupy"]),
    help="Instead of the table: the report of a GPU (cupy), or its rehearsal on the CPU (numpy).",
)
@click.option(
    "--table",
    "which",
    type=click.Choice(["steps", "methods", "scaling"]),
    default="steps",
    show_default=True,
    help="Training steps beside others'; every method beside its own matrix products; how times "
    "grow.",
)
@click.option("--method", "names", multiple=True, help="Of methods and scaling; default: all.")
@click.option("--network", "networks", type=click.Choice(_NETWORKS), multiple=True)
@click.option("--dtype", "dtypes", type=click.Choice(["float32", "float64"]), multiple=True)
@click.option("--seconds", default=0.5, show_default=True, help="Of each step in each cell.")
@click.option("--peers/--no-peers", default=True, help="Time PyTorch and JAX too, if installed.")
@click.option("--output", type=click.Path(path_type=Path), help="A JSON file for the numbers.")
@traceback_option
def command(
    place: str | None,
    which: str,
    names: Sequence[str],
    networks: Sequence[str],
    dtypes: Sequence[str],
    seconds: float,
    peers: bool,
    output: Path | None,
) -> None:
    """Time the step of a training run against the same step written by hand in NumPy.

    One table: five networks, two dtypes, value and gradient, SGD and Adam; ratios of processor time
    to the hand-written step, to PyTorch and to JAX where they are installed, as medians of turns in
    one process on one thread. Cells that fall short of 1.1 times the hand-written step come first.
    Ratios depend on the kernels of the BLAS, which are named above the table.

    With --table methods: the step of every method at 784-256-10, in steps of SGD, and over the time
    of its own matrix products and random draws. With --table scaling: how the time of a step grows
    with the size of the network, beside the count of operations; the report of `refimpl verify`
    shows these slopes where outputs/bench/scaling.json is there.

    With --backend cupy: the tests of the GPU, its agreement with the CPU, and absolute times of
    steps, in one JSON file, in less than eight minutes.
    """
    from refimpl.cli.display import make_console

    console = make_console()
    if place is not None:
        _device(console, place, seconds, output or Path("outputs/bench/device.json"))
        return
    if which != "steps":
        from refimpl.cli.bench_methods import methods_table, scaling_table

        made = methods_table if which == "methods" else scaling_table
        _write(output or Path("outputs/bench") / f"{which}.json", made(console, names, seconds))
        return
    _table(console, networks or _NETWORKS, dtypes or ("float32", "float64"), seconds, peers, output)


def _device(console: Any, place: str, seconds: float, output: Path) -> None:
    from refimpl.arrays import backend
    from refimpl.benchmarks.device import report

    found = report(backend(place), seconds=seconds)
    _write(output, found)
    console.print(f"{found['status']}, {found['seconds']:.0f} s: {output}")
    broken = [row for row in found.get("algorithms", ()) if "error" in row]
    for row in broken:
        console.print(f"[bold red]{row['algorithm']}[/]: {row['error']}", markup=True)


def _table(
    console: Any,
    networks: Sequence[str],
    dtypes: Sequence[str],
    seconds: float,
    peers: bool,
    output: Path | None,
) -> None:
    from threadpoolctl import threadpool_limits

    from refimpl.benchmarks import table
    from refimpl.benchmarks.peers import versions
    from refimpl.benchmarks.timing import kernels
    from refimpl.cli.rows import make_table

    start = time.perf_counter()
    with threadpool_limits(1):
        cells = list(table.measure(networks, dtypes, seconds=seconds, with_peers=peers))
        held = {
            f"{name} {kind}": table.memory(name, "float32", kind)
            for name in networks
            for kind in ("sgd", "adam")
        }
    blas = kernels()
    found = versions() if peers else {}
    cells.sort(key=lambda cell: cell.ratio <= table.AIM)  # those that fall short come first
    shown = dict.fromkeys(name for cell in cells for name in cell.timing.ratios)
    others = [name for name in shown if name not in ("hand", "products")]
    rows = make_table(
        f"A training step over the same step of others, one thread, {', '.join(blas)}",
        "network", "dtype", "step", "us", "/hand (quartiles)", "products' share",
        *(f"/{name}" for name in others),
    )  # fmt: skip
    for cell in cells:
        middle, low, high = cell.timing.ratios["hand"]
        color = "bold red" if middle > table.AIM else "green"
        rows.add_row(
            str(table.NETWORKS[cell.network]), cell.dtype, cell.kind,
            f"{cell.timing.microseconds:.0f}",
            f"[{color}]{middle:.2f}[/] ({low:.2f}-{high:.2f})",
            f"{cell.share:.2f}",
            *(_ratio(cell.timing.ratios.get(name)) for name in others),
        )  # fmt: skip
    console.print(rows)
    short = sum(cell.ratio > table.AIM for cell in cells)
    console.print(
        f"{short} of {len(cells)} cells above {table.AIM} times the hand-written step; "
        f"{', '.join(f'{name} {version}' for name, version in found.items()) or 'no peers'}; "
        f"{time.perf_counter() - start:.0f} s"
    )
    for name, ratio in sorted(held.items(), key=lambda item: -item[1]):
        console.print(f"memory of {name}: {ratio:.2f} of what it must hold")
    if output is not None:
        _write(output, {"blas": blas, "peers": found, "memory": held, "cells": _plain(cells)})


def _ratio(found: tuple[float, float, float] | None) -> str:
    return "-" if found is None else f"{found[0]:.2f}"


def _plain(cells: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            "network": cell.network,
            "dtype": cell.dtype,
            "kind": cell.kind,
            "microseconds": cell.timing.microseconds,
            "ratios": {name: list(ratio) for name, ratio in cell.timing.ratios.items()},
        }
        for cell in cells
    ]


def _write(path: Path, values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=1), encoding="utf-8")
