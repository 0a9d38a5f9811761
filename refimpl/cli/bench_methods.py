"""The tables of ``refimpl bench`` that look at every method: costs, and how they grow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def methods_table(console: Any, names: Sequence[str], seconds: float) -> dict[str, Any]:
    """Print what a step of each method costs; the numbers as plain values."""
    from threadpoolctl import threadpool_limits

    from refimpl.benchmarks import methods
    from refimpl.benchmarks.timing import kernels
    from refimpl.cli.rows import make_table

    with threadpool_limits(1):
        found = list(methods.measure(_chosen(names), seconds=seconds))
    found.sort(key=lambda method: -method.ratio)
    blas = kernels()
    rows = make_table(
        f"A step of every method, {methods.NETWORK}, float32, one thread, {', '.join(blas)}",
        "method", "us", "x sgd (quartiles)", "/products and draws (quartiles)", "products",
    )  # fmt: skip
    for method in found:
        if method.timing is None:
            rows.add_row(method.name, "-", "-", method.error, "-")
            continue
        color = "bold red" if method.ratio > methods.AIM else "green"
        rows.add_row(
            method.name,
            f"{method.timing.microseconds:.0f}",
            _spread(method.timing.ratios[methods.REFERENCE]),
            f"[{color}]{_spread(method.timing.ratios['floor'])}[/]",
            str(method.products),
        )
    console.print(rows)
    short = sum(method.ratio > methods.AIM for method in found)
    console.print(
        f"{short} of {len(found)} methods above {methods.AIM} times their products and draws"
    )
    return {
        "blas": blas,
        "methods": [
            {
                "method": method.name,
                "microseconds": method.timing.microseconds if method.timing else None,
                "ratios": {k: list(v) for k, v in method.timing.ratios.items()}
                if method.timing
                else {},
                "products": method.products,
                "error": method.error,
            }
            for method in found
        ],
    }


def scaling_table(console: Any, names: Sequence[str], seconds: float) -> dict[str, Any]:
    """Print how the time of a step grows; the numbers as plain values."""
    from threadpoolctl import threadpool_limits

    from refimpl import catalogue
    from refimpl.benchmarks import scaling
    from refimpl.benchmarks.timing import kernels
    from refimpl.cli.rows import make_table

    penalties = [n for n, entry in catalogue.algorithms().items() if entry.kind == "penalty"]
    chosen = _chosen(names) if names else ["sgd", *penalties]
    with threadpool_limits(1):
        found = list(scaling.measure(chosen, seconds=seconds))
    blas = kernels()
    rows = make_table(
        f"Log-log slopes of a step, float32, one thread, {', '.join(blas)}",
        "method", "network", "grows", "time", "operations", "time / operations", "steepest",
    )  # fmt: skip
    for growth in found:
        if growth.error:
            rows.add_row(growth.method, growth.title, growth.error, "-", "-", "-", "-")
            continue
        slopes = growth.slopes
        rows.add_row(
            growth.method,
            growth.title,
            f"{growth.size} {growth.sizes[0]}-{growth.sizes[-1]}",
            *(f"{slopes[name]:.2f}" for name in slopes),
        )
    console.print(rows)
    return {"blas": blas, "sweeps": [growth.as_dict() for growth in found if not growth.error]}


def _chosen(names: Sequence[str]) -> list[str]:
    """The methods asked for, or all; a UsageError names those that there are."""
    import click

    from refimpl.benchmarks import methods
    from refimpl.errors import unknown_name

    offered = methods.offered()
    for name in names:
        if name not in offered:
            raise click.UsageError(unknown_name("method", name, offered))
    return list(names) or offered


def _spread(ratio: tuple[float, float, float]) -> str:
    middle, low, high = ratio
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"
