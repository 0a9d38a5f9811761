"""``refimpl train``: one data set, one algorithm, one network.

The algorithm's hyper-parameters are options of the command: they are read from the fields of
its dataclass, so ``refimpl train --algorithm sgd --help`` shows those of SGD. What the options
lead to is in :mod:`refimpl.cli.run`, what is shown in :mod:`refimpl.cli.summary`.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from refimpl.cli.hyper import AlgorithmCommand, given
from refimpl.cli.options import (
    backend_option,
    check_folder,
    dtype_option,
    output_option,
    seed_option,
    traceback_option,
)


def _parse_data_options(
    context: click.Context, option: click.Parameter, values: Sequence[str]
) -> dict[str, Any]:
    parsed = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or not value:
            raise click.BadParameter(f"{text!r} is not of the form NAME=VALUE")
        try:
            parsed[name.replace("-", "_")] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            parsed[name.replace("-", "_")] = value
    return parsed


def _parse_plain(
    context: click.Context, option: click.Parameter, values: Sequence[str]
) -> dict[str, str]:
    parsed = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or not value:
            raise click.BadParameter(f"{text!r} is not of the form NAME=VALUE")
        parsed[name.replace("-", "_")] = value
    return parsed


def _parse_widths(
    context: click.Context, option: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    if value is None:
        return None
    try:
        return tuple(int(part) for part in value.split("-"))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not of the form 64-100-10") from None


def _recipe(context: click.Context, data: str, algorithm: str) -> dict[str, Any]:
    """What data set and algorithm want otherwise than the defaults, for the options that were not
    given."""
    from refimpl import catalogue
    from refimpl.cli import parts

    default = click.core.ParameterSource.DEFAULT
    wanted = dict(parts.recipe(data))
    if "full_batch" in catalogue.entry(algorithm).requires:
        wanted["batch_size"] = 0
    return {
        name: value
        for name, value in wanted.items()
        if context.get_parameter_source(name) == default
    }


@click.command("train", cls=AlgorithmCommand)
@click.option(
    "--epochs",
    type=click.IntRange(min=0),
    default=30,
    show_default=True,
    help="Passes over the data.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=0),
    default=64,
    show_default=True,
    help="Examples a step; 0: all.",
)
@click.option(
    "--width",
    "hidden",
    type=click.IntRange(min=1),
    multiple=True,
    help="Of a hidden layer; repeat for more layers.  [default: 128]",
)
@click.option(
    "--widths",
    callback=_parse_widths,
    metavar="64-100-10",
    help="Of all layers, inputs and outputs included, instead of --width.",
)
@click.option("--bias/--no-bias", default=True, show_default=True, help="Neurons with biases.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of data files.  [default: $REFIMPL_DATA, or that of `refimpl data fetch`]",
)
@click.option(
    "--data-option",
    "data_options",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parse_data_options,
    help="Option of the data set (see `refimpl data list`), such as label_noise=0.2; repeatable.",
)
@click.option(
    "--penalty",
    "penalties",
    multiple=True,
    metavar="NAME[:KEY=VALUE,...]",
    help="Add a penalty, such as l2:strength=1e-4; repeatable.",
)
@click.option(
    "--wrapper",
    "wrappers",
    multiple=True,
    metavar="NAME[:KEY=VALUE,...]",
    help="Put a wrapper around the gradient, such as amp:radius=0.5; repeatable.",
)
@click.option(
    "--projection",
    "projections",
    multiple=True,
    metavar="NAME[:KEY=VALUE,...]",
    help="Project the weights after each step; repeatable.",
)
@click.option(
    "--model-option",
    "model_options",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parse_plain,
    help="Option of the network; repeatable.",
)
@click.option(
    "--loss-option",
    "loss_options",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parse_plain,
    help="Option of the loss; repeatable.",
)
@backend_option
@dtype_option
@seed_option
@output_option("outputs/train")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint of the same run.")
@click.option(
    "--replay/--no-replay",
    default=True,
    show_default=True,
    help="Replay the pass over the network from a recording: the same bits in less time.",
)
@click.option(
    "--export-sparse",
    is_flag=True,
    help="Write the network without its zeros, and check that it reads back the same.",
)
@click.option(
    "--export-safetensors", is_flag=True, help="Write params.safetensors too, for PyTorch and JAX."
)
@traceback_option
@click.pass_context
def command(context: click.Context, **values: Any) -> None:
    """Train a network and print its losses and accuracies.

    Any update goes with any penalties, under any wrappers:

    \b
    refimpl train --data digits --update adam --learning-rate 1e-3 \\
        --penalty mhe --penalty l2:strength=1e-4

    Saves params.npz, history.npz, summary.json and checkpoint.npz below OUTPUT, in a folder named
    after the data set, the algorithm, the seed and a hash of all settings but the epochs; `refimpl
    plot` draws it, `refimpl.load_run(FOLDER)` reads it. The algorithm's hyper-parameters are
    options too: `refimpl train --algorithm sgd --help` shows those of SGD.
    """
    from refimpl.progress import working

    own, hyper = given(values)
    check_folder(own["output"], "name another folder with --output")
    with working(f"starting: reading {own['data']}, making {own['model']}"):
        from refimpl.cli import folders, run, summary
        from refimpl.cli.display import make_console
        from refimpl.errors import CheckpointError

        own.update(_recipe(context, own["data"], own["algorithm"]))
        settings = run.Settings(**own, hyper=hyper)
        try:
            plan, lines = folders.prepare(run.plan(settings))
        except (ValueError, TypeError) as error:
            raise click.UsageError(str(error), context) from None
    console = make_console()
    for line in (*summary.opening(plan), *lines):
        console.print(line, soft_wrap=not console.is_terminal, markup=False)
    try:
        outcome = run.carry_out(plan)
    except CheckpointError as error:
        raise click.UsageError(str(error), context) from None
    except KeyboardInterrupt:
        click.echo(summary.interrupted(plan), err=True)
        context.exit(130)
    run.save(plan, outcome)
    if (steps := summary.steps_table(outcome.trained.history)) is not None:
        console.print(steps)
    console.print(summary.table(outcome.results))
    for line in summary.closing(plan, outcome):
        console.print(line, soft_wrap=True, markup=False)
