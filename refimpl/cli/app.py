"""The ``refimpl`` command group and how its errors are shown."""

from __future__ import annotations

import importlib
import sys
import traceback
from typing import Any

import click

import refimpl
from refimpl.cli.options import traceback_option
from refimpl.errors import RefimplError, unknown_name
from refimpl.progress import tolerant_streams

_COMMANDS = {
    "verify": "verify",
    "train": "train",
    "plot": "plot",
    "sample": "sample",
    "check": "check",
    "compare": "compare",
    "figures": "figures",
    "list": "listing",
    "data": "data",
    "bench": "bench",
    "vectors": "vectors",
}


class CommandGroup(click.Group):
    """A group that shows the package's own errors in one line, and names near misses.

    Parameters
    ----------
    modules : dict of str to str
        Command name and the module below ``refimpl.cli`` that defines ``command``.
    """

    def __init__(self, *args: Any, modules: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.modules = modules or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.modules, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.modules:
            return importlib.import_module(f"refimpl.cli.{self.modules[cmd_name]}").command
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(unknown_name("command", args[0], self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        tolerant_streams()
        with one_line_errors(ctx):
            return super().invoke(ctx)


class one_line_errors:  # noqa: N801  reads as a statement: with one_line_errors(context)
    """Context manager: a typed error of the package becomes one red line and exit code 1.

    Parameters
    ----------
    context : click.Context
        With ``--traceback`` remembered in its root, the traceback is printed before the line; what
        its root remembers as "interrupted" is printed at Ctrl-C.
    """

    def __init__(self, context: click.Context) -> None:
        self.context = context

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, KeyboardInterrupt):
            click.echo(self.context.find_root().meta.get("interrupted", "interrupted"), err=True)
            self.context.exit(130)
        if isinstance(error, (RefimplError, OSError)) and not isinstance(error, BrokenPipeError):
            if self.context.find_root().meta.get("traceback"):
                traceback.print_exception(kind, error, trace, file=sys.stderr)
            click.echo(f"{click.style('error:', fg='red', bold=True)} {error}", err=True)
            self.context.exit(1)


def _show_version(context: click.Context, option: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"refimpl {refimpl.__version__}")
        context.exit()


@click.command(
    cls=CommandGroup,
    modules=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@traceback_option
def app() -> None:
    """Reference implementations of methods that regularise, constrain and sample neural
    networks: check the theory, train, and see what there is.

    \b
    refimpl verify                                 check every claim (minutes)
    refimpl verify --paper foundations             check one paper's
    refimpl train --data digits --algorithm sgd    train one network
    refimpl plot outputs/train/digits-sgd-*        draw what came of it
    refimpl sample --constraint circle             draw from a law on a set
    refimpl check my_module:step --against adam    is your own implementation right?
    refimpl compare amp_noisy_digits               methods on data, fairly tuned and paired
    refimpl list algorithms                        names, hyper-parameters, defaults
    refimpl figures --quick                        draw every figure
    """
