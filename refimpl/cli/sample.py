"""``refimpl sample``: many chains of an exact sampler on a constraint set, and their worth."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from refimpl.cli.names import Name
from refimpl.cli.options import (
    backend_option,
    check_folder,
    dtype_option,
    output_option,
    seed_option,
    traceback_option,
)


def _parse_shape(context: click.Context, option: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(part) for part in value.split("x"))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise click.BadParameter(f"{value!r} is not of the form 4x2")
    return shape


def _parse_settings(
    context: click.Context, option: click.Parameter, values: Sequence[str]
) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or not value:
            raise click.BadParameter(f"{text!r} is not of the form NAME=VALUE")
        try:
            parsed[name.replace("-", "_")] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            parsed[name.replace("-", "_")] = value
    return parsed


@click.command("sample", short_help="Draw from a law on a constraint set by exact chains.")
@click.option(
    "--constraint",
    type=Name("constraint", ["orthogonal", "circle", "none"]),
    default="orthogonal",
    show_default=True,
    help="Orthonormal columns, |w| <= 1 for every weight, or the whole space.",
)
@click.option("--shape", default="4x2", show_default=True, callback=_parse_shape, help="Of a draw.")
@click.option(
    "--target",
    default="von-mises-fisher",
    show_default=True,
    type=Name("target", ["uniform", "von-mises-fisher", "gaussian", "bimodal"]),
    help="The law exp(-V); uniform needs a compact constraint.",
)
@click.option("--strength", type=float, help="The number k of V.  [default: the target's own]")
@click.option(
    "--algorithm", default="constrained_hmc", show_default=True, metavar="NAME", help="The sampler."
)
@click.option(
    "--set",
    "hyper",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parse_settings,
    help="Hyper-parameter of the sampler, such as leapfrog_steps=10; repeatable.",
)
@click.option("--chains", type=click.IntRange(min=1), default=100, show_default=True)
@click.option(
    "--draws", type=click.IntRange(min=6), default=500, show_default=True, help="A chain."
)
@click.option(
    "--warmup",
    type=click.IntRange(min=0),
    default=200,
    show_default=True,
    help="Steps that tune the step size; 0 keeps it.",
)
@click.option("--thin", type=click.IntRange(min=1), default=1, show_default=True)
@click.option(
    "--acceptance",
    type=click.FloatRange(0.05, 0.99),
    default=0.8,
    show_default=True,
    help="That the warm-up aims at.",
)
@click.option(
    "--arviz",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.nc",
    help="Write an ArviZ InferenceData too.",
)
@backend_option
@dtype_option
@seed_option
@output_option("outputs/sample")
@traceback_option
@click.pass_context
def command(context: click.Context, **options: Any) -> None:
    """Draw from a law on a constraint set by many Metropolis-exact chains.

    Prints means, their errors, R-hat and effective sample sizes; saves draws.npz and summary.json
    below OUTPUT, in a folder for these settings.

    \b
    refimpl sample --constraint orthogonal --shape 4x2 --target von-mises-fisher
    refimpl sample --constraint circle --shape 3 --target bimodal --set leapfrog_steps=10
    """
    from refimpl.cli.display import make_console

    check_folder(options["output"], "name another folder with --output")
    try:
        chains, potential, start, rng = _prepared(options)
    except (ValueError, TypeError) as error:
        raise click.UsageError(str(error), context) from None
    draws = _drawn(options, chains, potential, start, rng)
    rows = draws.summary()
    _save(options, draws, rows)
    console = make_console()
    console.print(_table(rows))
    acceptance = float(draws.stats["acceptance"].mean())
    console.print(
        f"{options['chains']} chains of {options['draws']} draws, step size "
        f"{draws.settings['step_size']:.4g}, acceptance {acceptance:.2f}, "
        f"{draws.settings['gradients_per_draw']} gradients a draw, "
        f"{draws.settings['seconds']:.1f} s -> {_folder(options)}",
        soft_wrap=True, markup=False,
    )  # fmt: skip


def _prepared(options: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    """The chains, the potential, where the chains start (uniform on the set), and the stream."""
    from refimpl import Rng, arrays, catalogue
    from refimpl.sampling import TARGETS

    where = arrays.backend(options["backend"], options["dtype"])
    rng, shape = Rng(options["seed"]), options["shape"]
    settings: dict[str, Any] = {"temperature": 1.0, "constraint": options["constraint"]}
    if options["constraint"] == "orthogonal":
        settings["free_first"] = False
        if len(shape) < 2:
            raise ValueError("orthogonality needs a shape of two axes or more, such as 4x2")
    if options["constraint"] == "circle" and len(shape) < 2:
        shape = (1, *shape)  # a weight is what has two axes
    if options["constraint"] == "none" and options["target"] in ("uniform", "bimodal"):
        raise ValueError(f"{options['target']} has no law on the whole space: name a constraint")
    algorithm = catalogue.make(options["algorithm"], **{**settings, **options["hyper"]})
    if not hasattr(algorithm, "many"):
        raise ValueError(
            f"{options['algorithm']} has no many chains: take constrained_hmc or constrained_mala"
        )
    like = where.zeros((options["chains"], *shape))
    start = _start(options["constraint"], algorithm, like, rng.child("start"))
    return algorithm.many(), TARGETS[options["target"]].potential(options["strength"]), start, rng


def _start(constraint: str, algorithm: Any, like: Any, rng: Any) -> Any:
    """Points of the uniform law, or standard normal ones where there is none."""
    from refimpl.arrays import namespace
    from refimpl.constraints import Circle, Orthogonal

    if constraint == "circle":
        circle = Circle(float(algorithm.radii[0]))
        return circle.parameters(circle.random_point(rng, like))
    if constraint == "none":
        return rng.normal(like.shape, like=like)
    one = Orthogonal(tuple(like.shape[1:]))
    rows, columns = one.tall(like[0, ...]).shape
    gaussian = rng.normal((like.shape[0], rows, columns), like=like)
    matrices = one.nearest(gaussian).point  # the polar factor of a Gaussian matrix is uniform
    return namespace(like).reshape(matrices.mT if one.wide else matrices, like.shape)


def _drawn(options: dict[str, Any], chains: Any, potential: Any, start: Any, rng: Any) -> Any:
    from refimpl.experiments.runner import single_thread_blas
    from refimpl.progress import progress_bar
    from refimpl.sampling import sample

    total = options["warmup"] + options["draws"] * options["thin"]
    bar = progress_bar("sampling", total, unit="steps", value="acceptance", digits=2)
    with single_thread_blas(), bar as advance:
        return sample(
            chains, potential, [start], draws=options["draws"], warmup=options["warmup"],
            thin=options["thin"], target_acceptance=options["acceptance"], rng=rng.child("chains"),
            on_step=advance,
        )  # fmt: skip


def _folder(options: dict[str, Any]) -> Path:
    """Constraint, target, seed, and eight digits of a hash of all settings: no draws take the place
    of others."""
    deciding = {k: v for k, v in options.items() if k not in ("output", "arviz")}
    text = json.dumps(deciding, sort_keys=True, default=str)
    digits = hashlib.sha256(text.encode()).hexdigest()[:8]
    name = f"{options['constraint']}-{options['target']}-seed{options['seed']}-{digits}"
    return options["output"] / name


def _save(options: dict[str, Any], draws: Any, rows: list[dict[str, Any]]) -> None:
    from refimpl.files import write_atomic

    folder = _folder(options)
    draws.save(folder / "draws.npz")
    plain = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if not isinstance(value, Path)
    }
    summary = {"options": plain, "settings": dict(draws.settings), "summary": rows}
    write_atomic(folder / "summary.json", json.dumps(summary, indent=2) + "\n")
    if options["arviz"] is not None:
        draws.inference_data().to_netcdf(str(options["arviz"]))


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for name in ("mean", "sd", "error", "R-hat", "ESS bulk", "ESS tail"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row["name"],
            *(f"{row[name]:.4f}" for name in ("mean", "sd", "error")),
            f"{row['rhat']:.3f}",
            *(f"{row[name]:.0f}" for name in ("ess_bulk", "ess_tail")),
        )
    return table
