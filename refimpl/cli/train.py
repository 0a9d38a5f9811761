"""``refimpl train``: one data set, one algorithm, one network.

The algorithm's hyper-parameters are options of the command: they are read from the fields of
its dataclass, so ``refimpl train --algorithm sgd --help`` shows those of SGD.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import time
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import click

from refimpl.cli.options import (
    backend_option,
    dtype_option,
    output_option,
    seed_option,
    traceback_option,
)

_DEFAULT_HIDDEN = (128,)
_PREFIX = "hyper_"
_BINARY_LOSSES = ("logistic", "hinge")


def _value_of(args: Sequence[str], option: str) -> str | None:
    """The value of ``option`` among unparsed arguments; the last one counts."""
    value = None
    for index, argument in enumerate(args):
        if argument == option and index + 1 < len(args):
            value = args[index + 1]
        elif argument.startswith(f"{option}="):
            value = argument.partition("=")[2]
    return value


def hyper_option(name: str, annotation: Any, default: Any, help: str, taken: set[str]) -> Any:
    """The option for one field of an algorithm's dataclass; None where its type is not plain.

    Parameters
    ----------
    name : str
    annotation : type
        float, int, bool, str, a Literal of strings, a tuple of these, or one of them or None.
    default : object
        ``dataclasses.MISSING`` makes the option required.
    help : str
    taken : set of str
        Names of the command's own options; a field of the same name gets the prefix ``hyper-``.

    Examples
    --------
    >>> hyper_option("step_size", float, 0.1, "step", set()).opts
    ['--step-size']
    >>> hyper_option("seed", int, 0, "", {"seed"}).opts
    ['--hyper-seed']
    """
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
        if len(rest) != 1:
            return None
        annotation = rest[0]
    more: dict[str, Any] = {}
    if typing.get_origin(annotation) is tuple:
        kinds = [kind for kind in typing.get_args(annotation) if kind is not Ellipsis]
        if Ellipsis in typing.get_args(annotation):
            more["multiple"] = True
        else:
            more["nargs"] = len(kinds)
        annotation = kinds[0]
    flag = "--" + (f"hyper-{name}" if name in taken else name).replace("_", "-")
    if typing.get_origin(annotation) is Literal:
        more["type"] = click.Choice([str(value) for value in typing.get_args(annotation)])
    elif annotation is bool:
        flag = f"{flag}/--no-{flag[2:]}"
    elif annotation in (float, int, str):
        more["type"] = annotation
    else:
        return None
    required = default is dataclasses.MISSING
    if not required:
        more["default"] = None  # so that only what was given reaches the algorithm
    note = "required" if required else f"default: {default}"
    return click.Option(
        [flag, _PREFIX + name],
        required=required,
        help=f"{help}  [{note}]".strip(),
        **more,
    )


class TrainCommand(click.Command):
    """A command whose options depend on the algorithm that is named on the line."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        from refimpl import catalogue
        from refimpl.datasets import DATASETS
        from refimpl.models import ACTIVATIONS, INITIALISERS, LOSSES

        known: dict[str, tuple[Any, str]] = {
            "data": (DATASETS, "Data set; see `refimpl list datasets`."),
            "algorithm": (
                catalogue.algorithms(),
                "Algorithm; with --help, its hyper-parameters are shown.",
            ),
            "activation": (ACTIVATIONS, "Between the layers."),
            "initialiser": (INITIALISERS, "Of the weights."),
            "loss": (LOSSES, "[default: softmax_cross_entropy, or mean_squared_error]"),
        }
        # A default of None would count as a value that was given, and nothing would be missing.
        defaults: dict[str, dict[str, Any]] = {
            "activation": {"default": "relu"},
            "initialiser": {"default": "he_normal"},
        }
        chosen: list[click.Parameter] = [
            click.Option(
                [f"--{name}"],
                type=click.Choice(list(names)),
                required=name in ("data", "algorithm"),
                show_default=name in defaults,
                metavar="NAME" if name in ("data", "algorithm") else None,
                help=help,
                **defaults.get(name, {}),
            )
            for name, (names, help) in known.items()
        ]
        rest = super().get_params(ctx)
        return [*chosen[:2], *self._hyper_options(ctx, rest), *chosen[2:], *rest]

    def _hyper_options(
        self, ctx: click.Context, others: Sequence[click.Parameter]
    ) -> list[click.Parameter]:
        from refimpl import catalogue

        name = ctx.meta.get("algorithm")
        if name not in catalogue.algorithms():
            return []
        entry = catalogue.entry(name)
        hints = entry.hints
        taken = {str(option.name) for option in others} | {
            "data", "algorithm", "activation", "initialiser", "loss",
        }  # fmt: skip
        made = (
            hyper_option(
                field,
                hints[field],
                entry.default(field),
                str(item.metadata.get("help", "")),
                taken,
            )
            for field, item in entry.fields.items()
        )
        return [option for option in made if option is not None]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        from refimpl import catalogue

        name = _value_of(args, "--algorithm")
        if name is not None:
            try:
                catalogue.entry(name)
            except ValueError as error:
                raise click.UsageError(str(error), ctx) from None
            ctx.meta["algorithm"] = name
        try:
            return super().parse_args(ctx, args)
        except click.MissingParameter as error:
            missing = None if error.param is None else error.param.name
            if missing not in ("data", "algorithm"):
                raise
            kind = "datasets" if missing == "data" else "algorithms"
            raise click.UsageError(
                f"name one with --{missing}; `refimpl list {kind}` shows them", ctx
            ) from None
        except click.NoSuchOption as error:
            own = [
                option.opts[0]
                for option in self.get_params(ctx)
                if str(option.name).startswith(_PREFIX)
            ]
            of = (
                f"{name}'s hyper-parameters are {', '.join(own)}" if name else "name an --algorithm"
            )
            raise click.UsageError(f"no such option {error.option_name}: {of}", ctx) from None


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


def _parse_widths(
    context: click.Context, option: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    if value is None:
        return None
    try:
        return tuple(int(part) for part in value.split("-"))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not of the form 64-100-10") from None


@click.command("train", cls=TrainCommand)
@click.option("--epochs", type=click.IntRange(min=0), default=30, show_default=True)
@click.option(
    "--batch-size", type=click.IntRange(min=0), default=64, show_default=True, help="0: all data."
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
    help="Folder of data files.  [default: $REFIMPL_DATA]",
)
@click.option(
    "--data-option",
    "data_options",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parse_data_options,
    help="Option of the data set (see `refimpl data list`), such as label_noise=0.2; repeatable.",
)
@backend_option
@dtype_option
@seed_option
@output_option("outputs/train")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint of the same run.")
@click.option(
    "--export-sparse",
    is_flag=True,
    help="Write the network without its zeros, and check that it reads back the same.",
)
@traceback_option
@click.pass_context
def command(
    context: click.Context,
    data: str,
    algorithm: str,
    activation: str,
    initialiser: str,
    loss: str | None,
    epochs: int,
    batch_size: int,
    hidden: Sequence[int],
    widths: tuple[int, ...] | None,
    bias: bool,
    data_dir: Path | None,
    data_options: dict[str, Any],
    backend: str,
    dtype: str,
    seed: int,
    output: Path,
    resume: bool,
    export_sparse: bool,
    **hyper: Any,
) -> None:
    """Train a multilayer perceptron and print its losses and accuracies.

    Saves history.npz, summary.json and checkpoint.npz below OUTPUT, in a folder named after the
    data set, the algorithm and the seed; with --export-sparse also sparse.npz. The algorithm's
    hyper-parameters are options too: `refimpl train --algorithm sgd --help` shows those of SGD.
    """
    from refimpl import arrays, catalogue, datasets, models, training
    from refimpl.cli.display import make_console
    from refimpl.errors import RefimplError, SettingError
    from refimpl.experiments.runner import single_thread_blas
    from refimpl.experiments.store import provenance
    from refimpl.files import write_atomic
    from refimpl.models import compression
    from refimpl.random import Rng

    where = arrays.backend(backend, dtype)
    rng = Rng(seed)
    given = {
        name.removeprefix(_PREFIX): value
        for name, value in hyper.items()
        if value is not None and value != ()
    }
    if widths and hidden:
        raise click.UsageError("give --width or --widths, not both", context)
    try:
        method: Any = catalogue.make(algorithm, **given)
        split = datasets.load(
            data, rng=rng.child("data"), data_dir=data_dir, backend=where, **data_options
        )
        loss = loss or ("softmax_cross_entropy" if split.train.classes else "mean_squared_error")
        labelled = split.train.classes is not None
        split, outputs = _prepare(split, loss)
        layers = widths or (split.train.features, *(hidden or _DEFAULT_HIDDEN), outputs)
        _check_widths(layers, split.train.features, outputs)
        model = models.MLP(layers, activation=activation, bias=bias)
    except (ValueError, TypeError) as error:
        raise click.UsageError(str(error), context) from None

    objective = models.Objective(model, models.LOSSES[loss])
    metrics: dict[str, Callable[..., float]] = {"loss": training.chunked_mean(objective)}
    if labelled:
        metrics["accuracy"] = training.chunked_mean(_accuracy(model))
    sets = {"train": split.train, "validation": split.validation, "test": split.test}
    sets = {name: dataset for name, dataset in sets.items() if len(dataset)}
    folder = output / f"{data}-{algorithm}-seed{seed}"
    console = make_console()
    console.print(
        f"{data}: {', '.join(f'{len(dataset)} {name}' for name, dataset in sets.items())}; "
        f"{'-'.join(map(str, layers))} {activation}, {loss}; {where.name} {where.dtype_name}"
    )
    console.print(str(method), soft_wrap=True)
    if resume and not (folder / "checkpoint.npz").exists():
        console.print(f"no checkpoint in {folder} yet: training from the start", soft_wrap=True)
    start = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    with single_thread_blas(), arrays.linalg_errors():
        try:
            result = training.train(
                method,
                objective,
                model.init(rng.child("init"), initialiser, backend=where),
                split.train,
                epochs=epochs,
                rng=rng.child("training"),
                batch_size=batch_size or None,
                evaluate=sets,
                metrics=metrics,
                checkpoint=folder / "checkpoint.npz",
                resume=resume,
            )
        except ValueError as error:
            if isinstance(error, RefimplError):
                raise
            raise SettingError(f"{algorithm}: {error}") from error
        final = {
            name: {metric: float(take(result.params, dataset)) for metric, take in metrics.items()}
            for name, dataset in sets.items()
        }
    seconds = time.perf_counter() - start
    stored = compression.describe(result.params)
    if export_sparse:
        compression.save(folder / "sparse.npz", result.params)
        again = compression.load(folder / "sparse.npz", where)
        for name, dataset in sets.items():
            _check_same(model, name, result.params, again, dataset.inputs)
    result.history.save(folder / "history.npz")
    summary = {
        "data": data,
        "data_options": data_options,
        "algorithm": algorithm,
        "hyper_parameters": dataclasses.asdict(method),
        "widths": list(layers),
        "activation": activation,
        "initialiser": initialiser,
        "loss": loss,
        "epochs": epochs,
        "batch_size": batch_size or len(split.train),
        "steps": int(result.state.step),
        "stopped": bool(result.stopped),
        "results": final,
        "compression": stored.as_dict(),
        "seconds": round(seconds, 3),
        "provenance": provenance(where, seed),
    }
    write_atomic(folder / "summary.json", json.dumps(summary, indent=2) + "\n")
    console.print(_summary_table(final))
    if export_sparse or stored.nonzero < stored.weights:
        console.print(_sparsity(stored), soft_wrap=True)
    early = ", stopped by the algorithm" if result.stopped else ""
    console.print(
        f"{result.state.step} steps in {seconds:.1f} s{early} -> {folder}", soft_wrap=True
    )


def _prepare(split: Any, loss: str) -> tuple[Any, int]:
    """The data with targets in the form that the loss takes, and the number of outputs."""
    classes = split.train.classes
    if classes is None:
        if loss != "mean_squared_error":
            raise ValueError(f"loss {loss!r} needs labels; regression takes mean_squared_error")
        # The network gives (P, K); a single target is a column, or it would broadcast.
        return type(split)(*map(_as_columns, split)), split.train.outputs
    if loss == "mean_squared_error":
        return type(split)(*(dataset.one_hot() for dataset in split)), classes
    if loss in _BINARY_LOSSES:
        raise ValueError(
            f"loss {loss!r} is for one score and labels of -1 and 1; "
            f"with {classes} classes take softmax_cross_entropy or multiclass_margin"
        )
    return split, classes


def _as_columns(dataset: Any) -> Any:
    if dataset.targets.ndim == 2:
        return dataset
    return dataclasses.replace(dataset, targets=dataset.targets[:, None])


def _check_widths(widths: Sequence[int], features: int, outputs: int) -> None:
    if len(widths) < 2 or widths[0] != features or widths[-1] != outputs:
        raise ValueError(
            f"--widths {'-'.join(map(str, widths))} does not fit the data, "
            f"which needs {features}-...-{outputs}"
        )


def _accuracy(model: Any) -> Callable[[Any, Any], float]:
    """The share of rows whose largest output is the label's, or the largest target's."""

    def correct(params: Any, batch: Any) -> float:
        from refimpl import arrays, models

        targets = batch.targets
        if targets.ndim == 2:
            targets = arrays.namespace(targets).argmax(targets, axis=1)
        return models.accuracy(model(params, batch.inputs), targets)

    return correct


def _check_same(model: Any, name: str, params: Any, again: Any, inputs: Any) -> None:
    """Raise unless both networks give the same outputs, bit for bit."""
    from refimpl import arrays
    from refimpl.errors import DataError

    first, second = model(params, inputs), model(again, inputs)
    xp = arrays.namespace(first)
    if not bool(xp.all(first == second)):
        gap = float(xp.max(xp.abs(first - second)))
        raise DataError(f"the exported network predicts otherwise on {name}", difference=gap)


def _sparsity(stored: Any) -> str:
    if stored.collapsed:
        return f"collapsed: all {stored.weights} weights are zero"
    return (
        f"{stored.nonzero} of {stored.weights} weights are not zero: compression "
        f"{stored.ratio:.2f}x; stored in {stored.sparse_bytes / 1000:.1f} kB of "
        f"{stored.dense_bytes / 1000:.1f} kB ({stored.storage_ratio:.2f}x)"
    )


def _summary_table(final: dict[str, dict[str, float]]) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("set")
    for metric in next(iter(final.values())):
        table.add_column(metric, justify="right")
    for name, values in final.items():
        cells = (
            f"{value:.2%}" if metric == "accuracy" else f"{value:.5g}"
            for metric, value in values.items()
        )
        table.add_row(name, *cells)
    return table
