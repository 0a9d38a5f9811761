"""``refimpl check``: an implementation of the caller's against the reference."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from refimpl.cli.names import Name
from refimpl.errors import RefimplError, unknown_name

_COLORS = {"agrees": "green", "differs": "bold red", "raises": "bold red", "note": "dim"}


@click.command("check", short_help="Check your own implementation against the reference.")
@click.argument("target", required=False)
@click.option("--against", metavar="NAME", help="What it implements; --list shows the names.")
@click.option(
    "--set",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of the reference, that of your implementation; can be repeated.",
)
@click.option(
    "--dtype",
    type=Name("dtype", ["float64", "float32"]),
    default="float64",
    show_default=True,
    help="Of the arrays that your implementation gets.",
)
@click.option(
    "--arrays",
    type=Name("kind of arrays", ["auto", "numpy", "torch", "jax"]),
    default="auto",
    show_default=True,
    help="Which it takes; auto looks at what its module imports.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of all that is drawn for the comparison.",
)
@click.option(
    "--steps", type=click.IntRange(min=1), default=20, show_default=True, help="Of an optimizer."
)
@click.option(
    "--pairs/--no-pairs",
    default=True,
    show_default=True,
    help="Let the diagnosis try pairs of changes too.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, nothing else.")
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report as a page.",
)
@click.option("--list", "listing", is_flag=True, help="Show what there is to check against.")
@click.pass_context
def command(
    context: click.Context,
    target: str | None,
    against: str | None,
    given: Sequence[str],
    as_json: bool,
    page: Path | None,
    listing: bool,
    **options: Any,
) -> None:
    """Check your own implementation against the reference, and be told what is different.

    TARGET is module:name, as seen from here, or file.py:name. What it has to look like is said by
    --list and in the documentation of refimpl.conformance; the shortest: a penalty is f(weight), an
    optimizer has init(params) and step(params, state, gradient, noise). Exit code 0 where it
    agrees, 1 where it differs.

    \b
    refimpl check my_module:penalty --against mhe --set space=full
    refimpl check my_module:MyAdam --against adam --set learning_rate=0.01 --html report.html
    """  # fmt: skip
    from refimpl import catalogue, conformance

    if listing:
        for name, item in catalogue.subjects().items():
            click.echo(f"{name:<28} {item.contract}")
        return
    if target is None or against is None:
        raise click.UsageError("name what to check, and --against what; see --help", context)
    try:
        subject = catalogue.subject(against)
        settings = _settings(given, subject.settings)
        theirs = load(target)
        report = conformance.check(theirs, subject, settings=settings, **options)
    except (RefimplError, ValueError, TypeError) as error:
        raise click.UsageError(str(error), context) from None
    if page is not None:
        from refimpl.files import write_atomic

        write_atomic(page, report.to_html())
    if as_json:
        click.echo(report.dumps(), nl=False)
    else:
        _show(report)
    context.exit(0 if report.agrees else 1)


def load(target: str) -> Any:
    """What ``module:name`` or ``file.py:name`` stands for.

    Raises
    ------
    RefimplError
        If there is no such module or name; the message names the nearest.

    Examples
    --------
    >>> load("math:sqroot")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    refimpl.errors.RefimplError: unknown name in math 'sqroot' (did you mean 'sqrt'?): ...
    """
    place, separator, name = target.rpartition(":")
    if not separator or not place or not name:
        raise RefimplError(f"name the implementation as module:name, not {target!r}")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = _file(place) if place.endswith(".py") else importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is None or not place.startswith(error.name):
            raise RefimplError(f"{place} cannot be imported: {error}") from error
        near = unknown_name("module", place, sorted(path.stem for path in Path.cwd().glob("*.py")))
        raise RefimplError(f"{near} (in {Path.cwd()})") from None
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        raise RefimplError(f"{place} cannot be imported: {text}") from error
    finally:
        sys.path.pop(0)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [item for item in vars(found) if not item.startswith("_")]
            raise RefimplError(unknown_name(f"name in {place}", part, known))
        found = getattr(found, part)
    return found


def _file(place: str) -> Any:
    path = Path(place)
    if not path.is_file():
        raise RefimplError(f"there is no file {place}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    spec.loader.exec_module(module)
    return module


def _settings(given: Sequence[str], known: Any) -> dict[str, Any]:
    """The values of ``--set``, in the types of the defaults."""
    found: dict[str, Any] = {}
    for text in given:
        name, separator, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not separator:
            raise RefimplError(f"a setting is given as NAME=VALUE, not {text!r}")
        if name not in known:
            raise RefimplError(unknown_name("setting", name, known))
        found[name] = _value(value.strip(), known[name])
    return found


def _value(text: str, default: Any) -> Any:
    special = {"true": True, "false": False, "none": None}
    if text.lower() in special and not isinstance(default, str):
        return special[text.lower()]
    if isinstance(default, str):
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(default, tuple) and not isinstance(value, tuple):
        return (value,)
    return value


def _show(report: Any) -> None:
    from rich.text import Text

    from refimpl.cli.display import make_console

    console = make_console()
    text = Text(str(report))
    for word, style in _COLORS.items():
        text.highlight_regex(rf"(?<= ){word}(?= |$)", style)
    console.print(text, soft_wrap=True)
