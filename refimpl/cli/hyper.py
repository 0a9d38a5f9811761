"""Options that are read off a dataclass, and the command that has those of the algorithm named.

>>> hyper_option("step_size", float, 0.1, "step", set()).opts
['--step-size']
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import click

from refimpl.cli.names import Name

PREFIX = "hyper_"
"""Before the name of every field among the values of a command."""

_FORMERLY = {"initializer": ("--initialiser",)}
"""Other spellings of options, which stay valid."""

_CHOSEN = ("data", "algorithm", "model", "activation", "initializer", "loss")


_PARTS = ("penalties", "wrappers", "projections")

_GROUPS = {
    "Data": ("data", "data_dir", "data_options"),
    "Model and loss": (
        "model", "model_options", "hidden", "widths", "bias", "activation", "initializer", "loss",
        "loss_options",
    ),
    "Training": ("algorithm", *_PARTS, "epochs", "batch_size", "seed"),
}  # fmt: skip
"""Where ``--help`` shows an option, by its name; the others belong to the run."""

_UPDATE = re.compile(r"^--update(?==|$)")


def _value_of(args: Sequence[str], option: str) -> str | None:
    """The value of ``option`` among unparsed arguments; the last one counts."""
    value = None
    for index, argument in enumerate(args):
        if argument == option and index + 1 < len(args):
            value = args[index + 1]
        elif argument.startswith(f"{option}="):
            value = argument.partition("=")[2]
    return value


def _usual_algorithm(data: str | None) -> str | None:
    """What a data set is trained with where none is named; None where the choice is open."""
    if data is None:
        return None
    from refimpl.cli import parts

    return parts.recipe(data).get("algorithm") if data in parts.data_names() else None


def hyper_option(
    name: str, annotation: Any, default: Any, help: str, taken: set[str], formerly: str = ""
) -> Any:
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
    formerly : str
        Another spelling of the name, which stays valid.

    Examples
    --------
    >>> hyper_option("step_size", float, 0.1, "step", set()).opts
    ['--step-size']
    >>> hyper_option("seed", int, 0, "", {"seed"}).opts
    ['--hyper-seed']
    """
    found = _click_type(name, annotation)
    if found is None:
        return None
    flag = "--" + (f"hyper-{name}" if name in taken else name).replace("_", "-")
    if found.pop("switch", False):
        flag = f"{flag}/--no-{flag[2:]}"
    required = default is dataclasses.MISSING
    if not required:
        found["default"] = None  # so that only what was given reaches the algorithm
    note = "required" if required else f"default: {default}"
    return click.Option(
        [flag, *([f"--{formerly}"] if formerly else []), PREFIX + name],
        required=required,
        help=f"{help}  [{note}]".strip(),
        **found,
    )


def _click_type(name: str, annotation: Any) -> dict[str, Any] | None:
    """What an annotation means to click; None where its type is not plain."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
        if len(rest) != 1:
            return None
        annotation = rest[0]
    found: dict[str, Any] = {}
    if typing.get_origin(annotation) is tuple:
        kinds = [kind for kind in typing.get_args(annotation) if kind is not Ellipsis]
        if Ellipsis in typing.get_args(annotation):
            found["multiple"] = True
        else:
            found["nargs"] = len(kinds)
        annotation = kinds[0]
    if typing.get_origin(annotation) is Literal:
        found["type"] = Name(name.replace("_", " "), map(str, typing.get_args(annotation)))
    elif annotation is bool:
        found["switch"] = True
    elif annotation in (float, int, str):
        found["type"] = annotation
    else:
        return None
    return found


def hyper_options(name: str, taken: set[str]) -> list[click.Parameter]:
    """The options for the fields of the algorithm called ``name``; none for an unknown one.

    Parameters
    ----------
    name : str
    taken : set of str
        Names of the command's own options.
    """
    from refimpl import catalogue

    if name not in catalogue.algorithms():
        return []
    entry = catalogue.entry(name)
    hints = entry.hints
    made = (
        hyper_option(
            field,
            hints[field],
            entry.default(field),
            str(item.metadata.get("help", "")),
            taken,
            str(item.metadata.get("formerly", "")),
        )
        for field, item in entry.fields.items()
    )
    return [option for option in made if option is not None]


def given(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The command's own values, and the hyper-parameters that were given.

    Examples
    --------
    >>> given({"epochs": 3, "hyper_momentum": 0.5, "hyper_learning_rate": None})
    ({'epochs': 3}, {'momentum': 0.5})
    """
    own = {name: value for name, value in values.items() if not name.startswith(PREFIX)}
    hyper = {
        name.removeprefix(PREFIX): value
        for name, value in values.items()
        if name.startswith(PREFIX) and value is not None and value != ()
    }
    return own, hyper


def _choices() -> list[click.Parameter]:
    """The options whose values are names that the package knows."""
    from refimpl import catalogue
    from refimpl.cli import parts
    from refimpl.models import ACTIVATIONS, INITIALIZERS

    activations, initializers = ", ".join(ACTIVATIONS), ", ".join(INITIALIZERS)
    names: dict[str, tuple[Name, str]] = {
        "data": (
            Name("data set", parts.data_names(), "refimpl list datasets"),
            "Data set; see `refimpl list datasets`.",
        ),
        "algorithm": (
            Name("algorithm", catalogue.algorithms(), "refimpl list algorithms"),
            "Algorithm, or the update below the parts (--update means the same); see `refimpl "
            "list algorithms`. With --help, its own options are shown.",
        ),
        "model": (Name("model", parts.model_names()), f"One of {', '.join(parts.model_names())}."),
        "activation": (
            Name("activation", ACTIVATIONS),
            f"Between the layers: {activations}.  [default: relu, or the network's own]",
        ),
        "initializer": (
            Name("initializer", INITIALIZERS),
            f"Of the weights: {initializers}.  [default: he_normal, or the network's own]",
        ),
        "loss": (
            Name("loss", parts.loss_names(), "refimpl list losses"),
            "See `refimpl list losses`.  [default: softmax_cross_entropy, or mean_squared_error]",
        ),
    }
    # A default of None would count as a value that was given, and nothing would be missing.
    defaults: dict[str, dict[str, Any]] = {
        "model": {"default": "mlp"},
    }
    return [
        click.Option(
            [f"--{name}", *_FORMERLY.get(name, ()), name],
            type=kind,
            required=name in ("data", "algorithm"),
            show_default=name in defaults,
            metavar="NAME",
            help=help,
            **defaults.get(name, {}),
        )
        for name, (kind, help) in names.items()
    ]


class AlgorithmCommand(click.Command):
    """A command whose options depend on the algorithm that is named on the line.

    ``--update`` means ``--algorithm`` where that is not given. An option of the algorithm takes the
    place of a general one of its name, such as ``--penalty`` of an algorithm that has its own.
    """

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        chosen, rest = _choices(), super().get_params(ctx)
        flags = {flag for option in rest for flag in option.opts}
        taken = {str(option.name) for option in rest if option.name not in _PARTS} | set(_CHOSEN)
        own = hyper_options(ctx.meta.get("algorithm", ""), taken)
        replaced = flags & {flag for option in own for flag in option.opts}
        rest = [option for option in rest if not replaced & set(option.opts)]
        return [*chosen[:2], *own, *chosen[2:], *rest]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The algorithm's own options first, then those of data, model, training and run."""
        groups: dict[str, list[tuple[str, str]]] = {"": [], **{name: [] for name in _GROUPS}}
        groups["Run"] = []
        for option in self.get_params(ctx):
            row = option.get_help_record(ctx)
            name = str(option.name)
            home = [group for group, names in _GROUPS.items() if name in names]
            place = "" if name.startswith(PREFIX) else (home or ["Run"])[0]
            if row is not None:
                groups[place].append(row)
        groups = {f"Options of {ctx.meta.get('algorithm', '')}": groups.pop(""), **groups}
        for title, rows in groups.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        from refimpl import catalogue

        if _value_of(args, "--algorithm") is None:
            args = [_UPDATE.sub("--algorithm", argument) for argument in args]
        name = _value_of(args, "--algorithm")
        if name is None and (name := _usual_algorithm(_value_of(args, "--data"))) is not None:
            args = [*args, "--algorithm", name]
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
                if str(option.name).startswith(PREFIX)
            ]
            of = (
                f"{name}'s hyper-parameters are {', '.join(own)}" if name else "name an --algorithm"
            )
            raise click.UsageError(f"no such option {error.option_name}: {of}", ctx) from None
