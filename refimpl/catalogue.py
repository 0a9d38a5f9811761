"""What there is: papers, algorithms, models, losses, data sets, experiments, claims, figures.

The only file that lists the folders of the papers. A paper is found by its folder below
``refimpl/papers``, or by an entry point of the group ``refimpl.papers`` that names a package of
the same layout in another installed distribution; what it offers stands on its page, in the
records of :mod:`refimpl.papers`. Experiments and figures are found by the name that stands behind
``EXPERIMENT = Experiment(`` (or ``comparison(``), ``COMPARISON = Comparison(`` or
``FIGURE = Figure(``, or in the tuples ``EXPERIMENTS``, ``COMPARISONS`` and ``FIGURES``, so that
listing names imports nothing; the name is checked when the file is imported. The record of a
declared comparison is an experiment of its name.

>>> make("momentum", learning_rate=0.1)
Momentum(learning_rate=0.1, momentum=0.9, nesterov=False)
>>> experiment("sgld_gaussian").name, "FD-10" in [claim.id for claim in claims(["foundations"])]
('sgld_gaussian', True)
>>> make("sdg")  # doctest: +ELLIPSIS
Traceback (most recent call last):
...
ValueError: unknown algorithm 'sdg' (did you mean 'sgd'?): `refimpl list algorithms` shows all ...
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from refimpl.claims.ledger import LEDGER, Claim
from refimpl.errors import RefimplError, unknown_name
from refimpl.experiments.base import Experiment
from refimpl.experiments.declared import Comparison
from refimpl.experiments.figure import Figure
from refimpl.experiments.records import recorded
from refimpl.files import figures_package
from refimpl.papers import Entry, Paper
from refimpl.variants import Variant

if TYPE_CHECKING:
    from refimpl.conformance.records import Subject

GROUP = "refimpl.papers"
"""Entry points of this group add papers: ``name = "package.module"`` of the page."""

PACKAGE = Path(__file__).resolve().parent


class Room(NamedTuple):
    """Where a paper lives: the module of its page, its folder, and the package of its figures."""

    name: str
    module: str
    folder: Path
    figures: str


# --- papers ---------------------------------------------------------------------------------------


@functools.cache
def rooms() -> dict[str, Room]:
    """The rooms of all papers by name, found without importing any.

    Raises
    ------
    RefimplError
        If a folder has files but no page, or two papers have one name.

    Examples
    --------
    >>> rooms()["minnorm"].module
    'refimpl.papers.minnorm'
    """
    found: dict[str, Room] = {}
    for folder in sorted(path for path in (PACKAGE / "papers").iterdir() if path.is_dir()):
        if (folder / "__init__.py").is_file():
            name = folder.name
            figures = f"{figures_package()}.{name}"
            found[name] = Room(name, f"refimpl.papers.{name}", folder, figures)
        elif any(folder.rglob("*.py")):
            raise RefimplError(
                f"{folder} holds files but is no paper: it needs a page, __init__.py, that "
                f"defines PAPER"
            )
    for point in importlib.metadata.entry_points(group=GROUP):
        spec = importlib.util.find_spec(point.module)
        if spec is None or spec.origin is None:
            raise RefimplError(f"entry point {point.name!r} of {GROUP} names no module: {point}")
        if point.name in found:
            raise RefimplError(f"two papers are called {point.name!r}: {point.module} is one")
        folder = Path(spec.origin).parent
        found[point.name] = Room(point.name, point.module, folder, f"{point.module}.figures")
    return found


@functools.cache
def papers() -> dict[str, Paper]:
    """The papers by name, by year: imports the page of each.

    Raises
    ------
    RefimplError
        If a page lacks its record or the record has another name than the folder.

    Examples
    --------
    >>> next(iter(papers())), papers()["minnorm"].prefix
    ('foundations', 'MN')
    """
    found = []
    for room in rooms().values():
        paper = getattr(_page(room), "PAPER", None)
        if not isinstance(paper, Paper) or paper.name != room.name:
            raise RefimplError(
                f"{room.module} is no page of a paper: it must define "
                f"PAPER = Paper(name={room.name!r}, ...)"
            )
        found.append(paper)
    found.sort(key=lambda paper: (paper.year, paper.name))
    return {paper.name: paper for paper in found}


def paper(name: str) -> Paper:
    """The paper called ``name``; RefimplError names the nearest where there is none."""
    if name not in papers():
        raise RefimplError(unknown_name("paper", name, papers()))
    return papers()[name]


def page(name: str) -> str:
    """The page of the paper called ``name``: the docstring of its package."""
    paper(name)
    return _page(rooms()[name]).__doc__ or ""


def _page(room: Room) -> ModuleType:
    return importlib.import_module(room.module)


# --- what papers offer ----------------------------------------------------------------------------


def _offered(attribute: str) -> dict[str, Entry]:
    """The entries in this tuple of every page, in the order of the papers."""
    found: dict[str, Entry] = {}
    for name in papers():
        for entry in getattr(_page(rooms()[name]), attribute, ()):
            if entry.name in found:
                raise RefimplError(f"two entries of {attribute} are called {entry.name!r}")
            found[entry.name] = entry
    return found


_TUPLES = ("ALGORITHMS", "MODELS", "LOSSES", "DATASETS")


@functools.cache
def algorithms() -> dict[str, Entry]:
    """Every algorithm by name."""
    return _offered("ALGORITHMS")


@functools.cache
def models() -> dict[str, Entry]:
    """The models that papers add to :mod:`refimpl.models`, by name."""
    return _offered("MODELS")


@functools.cache
def losses() -> dict[str, Entry]:
    """The losses that papers add to :data:`refimpl.models.LOSSES`, by name."""
    return _offered("LOSSES")


@functools.cache
def datasets() -> dict[str, Entry]:
    """The data sets that papers add to :data:`refimpl.datasets.DATASETS`, by name."""
    return _offered("DATASETS")


@functools.cache
def variants() -> tuple[Variant, ...]:
    """The variants that papers list in their ``vectors.py``, for test vectors.

    A method without one is there at its defaults.

    Raises
    ------
    RefimplError
        If two of one method have one name.

    Examples
    --------
    >>> "nesterov.default.json" in [variant.file for variant in variants()]
    True
    """
    found: dict[str, Variant] = {}
    for name in papers():
        room = rooms()[name]
        if not (room.folder / "vectors.py").is_file():
            continue
        for variant in importlib.import_module(f"{room.module}.vectors").VECTORS:
            if variant.file in found:
                raise RefimplError(f"two variants of {variant.method!r} are {variant.name!r}")
            found[variant.file] = variant
    listed = {variant.method for variant in found.values()}
    others = [name for name in (*algorithms(), *losses()) if name not in listed]
    return (*found.values(), *map(Variant, others))


def entry(name: str) -> Entry:
    """The entry of the algorithm called ``name``.

    Raises
    ------
    ValueError
        If there is none; the message names the closest match and how to list all.
    """
    if name not in algorithms():
        raise ValueError(unknown_name("algorithm", name, algorithms(), "refimpl list algorithms"))
    return algorithms()[name]


def make(name: str, **hyper: Any) -> Any:
    """The algorithm called ``name`` with these hyper-parameters.

    Raises
    ------
    ValueError
        For an unknown name or hyper-parameter, or a value outside its range.
    TypeError
        For a value of the wrong type.

    Examples
    --------
    >>> make("sgd", lr=0.1)
    Traceback (most recent call last):
    ...
    ValueError: unknown hyper-parameter of sgd 'lr': choose one of learning_rate
    """
    return entry(name).make(**hyper)


@functools.cache
def offered() -> dict[str, Any]:
    """The classes that papers offer, by their names: those of their entries and of ``PUBLIC``.

    A name that two papers use for different classes is offered by neither: import it from its
    paper.
    """
    found: dict[str, list[Any]] = {}
    for name in papers():
        page = _page(rooms()[name])
        entries = [entry for kind in _TUPLES for entry in getattr(page, kind, ())]
        for item in (*(entry.factory for entry in entries), *getattr(page, "PUBLIC", ())):
            known = found.setdefault(item.__name__, [])
            if isinstance(item, type) and item not in known:
                known.append(item)
    return {name: items[0] for name, items in sorted(found.items()) if len(items) == 1}


def names_of(paper: str) -> list[str]:
    """The names of all entries of one paper."""
    page = _page(rooms()[paper])
    return [entry.name for kind in _TUPLES for entry in getattr(page, kind, ())]


def public(name: str) -> Any:
    """The class called ``name`` that a paper offers.

    Raises
    ------
    AttributeError
        If there is none, or several; the message names the nearest.
    """
    if name not in offered():
        raise AttributeError(unknown_name("name in refimpl", name, offered(), "dir(refimpl)"))
    return offered()[name]


# --- conformance ----------------------------------------------------------------------------------


@functools.cache
def subjects() -> dict[str, Subject]:
    """What an implementation can be checked against, by name: ``SUBJECTS`` of every paper's
    ``conformance``.

    Raises
    ------
    RefimplError
        If two have one name.

    Examples
    --------
    >>> subjects()["sgd"].contract
    'step(params, state, gradient, noise) -> (params, state)'
    """
    found: dict[str, Subject] = {}
    for name in papers():
        room = rooms()[name]
        if not (room.folder / "conformance.py").is_file():
            continue
        table = importlib.import_module(f"{room.module}.conformance")
        for item in getattr(table, "SUBJECTS", ()):
            if item.name in found:
                raise RefimplError(f"two subjects of conformance are called {item.name!r}")
            found[item.name] = item
    return found


def subject(name: str) -> Subject:
    """The subject called ``name``.

    Raises
    ------
    ValueError
        If there is none; the message names the closest match and how to list all.
    """
    if name not in subjects():
        raise ValueError(unknown_name("subject", name, subjects(), "refimpl check --list"))
    return subjects()[name]


# --- experiments and figures ----------------------------------------------------------------------


def _scan(folder: Path, package: str, kind: str) -> dict[str, str]:
    """The names that the files of ``folder`` give their experiments or figures, and the modules."""
    makers = "Experiment|comparison" if kind == "Experiment" else kind
    constant, made = kind.upper(), rf'(?:{makers})\(\s*(?:name=)?"(\w+)"'
    several = re.compile(rf"^{constant}S\b[^=\n]*= \((.*?)(?=^\w|\Z)", re.MULTILINE | re.DOTALL)
    single = re.compile(rf"^{constant}\b[^=\n]*= {made}", re.MULTILINE)
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        names = single.findall(text)
        for block in several.findall(text):
            names += re.findall(made, block)
        for name in names:
            _enter(found, name, f"{package}.{path.stem}", kind)
    return found


def _enter(found: dict[str, str], name: str, module: str, kind: str) -> None:
    if name in found:
        raise RefimplError(
            f"two {kind.lower()}s are called {name!r}: in {found[name]} and in {module}"
        )
    found[name] = module


def _all_named(kind: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for room in rooms().values():
        if kind in ("Experiment", "Comparison"):
            folder, package = room.folder / "experiments", f"{room.module}.experiments"
        else:
            folder, package = figures_folder(room), room.figures
        for name, module in _scan(folder, package, kind).items():
            _enter(found, name, module, kind)
    return dict(sorted(found.items()))


def figures_folder(room: Room) -> Path:
    """Where the files of the figures of a room are, if it has any."""
    if room.figures == f"{room.module}.figures":
        return room.folder / "figures"
    inside = room.figures.startswith("refimpl.")
    return (PACKAGE if inside else PACKAGE.parent) / "figures" / room.name


def _named(module: str, kind: str, name: str) -> Any:
    """The experiment or figure called ``name``, which the text of ``module`` promises."""
    loaded = importlib.import_module(module)
    several = getattr(loaded, f"{kind.upper()}S", ())
    objects = [*several, *filter(None, [getattr(loaded, kind.upper(), None)])]
    for item in objects:
        if item.name == name:
            return item
    names = ", ".join(repr(item.name) for item in objects) or "none"
    raise RefimplError(
        f"{module} must define {kind.lower()} {name!r}, as its text says; it has {names}"
    )


@functools.cache
def experiments() -> dict[str, str]:
    """Name of each experiment and the module that defines it; nothing is imported."""
    found = _all_named("Experiment")
    for name, module in comparisons().items():
        _enter(found, name, module, "Experiment")
    return dict(sorted(found.items()))


def experiments_of(papers: Sequence[str]) -> list[str]:
    """The names of the experiments of these papers; nothing is imported.

    Examples
    --------
    >>> "minnorm_margin" in experiments_of(["minnorm"])
    True
    """
    for name in papers:
        if name not in rooms():
            raise RefimplError(unknown_name("paper", name, rooms()))
    packages = {f"{rooms()[name].module}.experiments" for name in papers}
    return [name for name, module in experiments().items() if module.rpartition(".")[0] in packages]


def experiment(name: str) -> Experiment:
    """The experiment called ``name``, importing its module.

    Raises
    ------
    RefimplError
        If there is no such experiment, or its module defines it under another name.

    Examples
    --------
    >>> experiment("nonsense")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    refimpl.errors.RefimplError: unknown experiment 'nonsense': `refimpl list ...
    """
    if name not in experiments():
        known = experiments()
        raise RefimplError(unknown_name("experiment", name, known, "refimpl list experiments"))
    if name in comparisons():
        return recorded(comparison(name))
    return _named(experiments()[name], "Experiment", name)


@functools.cache
def comparisons() -> dict[str, str]:
    """Name of each declared comparison and the module of its declaration; nothing is imported."""
    return _all_named("Comparison")


def comparison(name: str) -> Comparison:
    """The comparison called ``name``, importing its module.

    Raises
    ------
    RefimplError
        If there is none, or its module declares it under another name.

    Examples
    --------
    >>> comparison("nonsense")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    refimpl.errors.RefimplError: unknown comparison 'nonsense': ...
    """
    if name not in comparisons():
        known = comparisons()
        raise RefimplError(unknown_name("comparison", name, known, "refimpl compare --list"))
    return _named(comparisons()[name], "Comparison", name)


@functools.cache
def figures() -> dict[str, str]:
    """Name of each figure and the module that defines it; nothing is imported."""
    return _all_named("Figure")


def figure(name: str) -> Figure:
    """The figure called ``name``, importing its module.

    Raises
    ------
    RefimplError
        If there is none; the message names the nearest and how to list all.

    Examples
    --------
    >>> figure("sgld_gausian")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    refimpl.errors.RefimplError: unknown figure 'sgld_gausian' (did you mean 'sgld_gaussian'?): ...
    """
    if name not in figures():
        raise RefimplError(unknown_name("figure", name, figures(), "refimpl list figures"))
    return _named(figures()[name], "Figure", name)


def figures_of(names: Sequence[str] = (), papers: Sequence[str] = ()) -> list[Figure]:
    """The figures of these names and those of these papers; all of them where neither is given."""
    for name in papers:
        if name not in rooms():
            raise RefimplError(unknown_name("paper", name, rooms()))
    packages = {rooms()[name].figures for name in papers}
    own = [name for name, module in figures().items() if module.rpartition(".")[0] in packages]
    chosen = dict.fromkeys([*names, *own])
    return [figure(name) for name in (chosen if names or papers else figures())]


# --- claims ---------------------------------------------------------------------------------------


def claims(names: Iterable[str] | None = None) -> list[Claim]:
    """The claims of the papers called ``names`` (default: all), importing their files.

    Raises
    ------
    RefimplError
        For an unknown paper, or a claim that gives another paper than that of its folder, or has
        another prefix than its paper.

    Examples
    --------
    >>> claims(["minnorm"])[0].id
    'MN-1'
    """
    wanted = list(papers()) if names is None else list(names)
    for name in wanted:
        prefix, room = paper(name).prefix, rooms()[name]
        for path in sorted(room.folder.glob("claims/*.py")):
            importlib.import_module(f"{room.module}.claims.{path.stem}")
        for claim in LEDGER.claims():
            own = claim.paper == name and claim.id.startswith(f"{prefix}-")
            within = claim.function.__module__.startswith(f"{room.module}.claims.")
            if own != within:
                raise RefimplError(
                    f"claim {claim.id} of paper {claim.paper!r} stands in "
                    f"{claim.function.__module__}; the folder of {name!r} holds the claims of "
                    f'paper="{name}", whose ids begin with {prefix}-'
                )
    return LEDGER.claims(wanted)


def select(
    names: Sequence[str] = (), ids: Sequence[str] = (), available: Sequence[Claim] | None = None
) -> list[Claim]:
    """The claims of the given papers together with the claims of the given ids.

    Parameters
    ----------
    names, ids : sequence of str
        Neither: every claim. Ids are taken in any case.
    available : sequence of Claim, optional
        Among which to choose; default: those of the package.

    Raises
    ------
    RefimplError
        For an unknown paper or id, with the nearest one and where to find all; for a paper that
        has no claims yet.
    """
    for name in names:
        paper(name)
    if available is None:
        available = claims(names if names and not ids else None)
    by_id = {claim.id: claim for claim in available}
    ids = [next((known for known in by_id if known.lower() == id.lower()), id) for id in ids]
    for id in ids:
        if id not in by_id:
            raise RefimplError(unknown_name("claim", id, by_id, "refimpl list claims"))
    for name in names:
        if not any(claim.paper == name for claim in available):
            having = dict.fromkeys(claim.paper for claim in [*available, *claims()])
            raise RefimplError(
                f"paper {name!r} has no claims yet; those that have: {', '.join(having) or 'none'}"
            )
    if not names and not ids:
        return list(available)
    return [claim for claim in available if claim.paper in names or claim.id in ids]
