"""The papers: a room each, and the two records by which a room says what it holds.

A paper lives in one folder of one name in three places: ``refimpl/papers/NAME``,
``figures/NAME`` and ``tests/papers/NAME``. Its page, ``refimpl/papers/NAME/__init__.py``, tells
what the paper says and ends with the records::

    PAPER = Paper(name="sgd", prefix="SG", title="Stochastic approximation", year=1951, ...)
    ALGORITHMS = (Entry("sgd", SGD, "gradient descent on minibatches", source="Robbins & Monro"),)

and, where there are any, the tuples ``MODELS``, ``LOSSES`` and ``DATASETS`` of :class:`Entry`.
Nothing is registered anywhere else: :mod:`refimpl.catalogue` reads the folders.

Who may import whom
-------------------
A paper imports the core and ``papers.foundations``, and no other paper; what a second paper needs
moves to the core. Inside a paper ``claims`` read ``experiments``, experiments read the
algorithms, and all three may read ``theory``; theory imports neither algorithms nor experiments,
and algorithms never import theory, for a closed form must not share code with what it checks. The
core never names a paper.

>>> from refimpl.algorithms.momentum import Momentum
>>> entry = Entry("nesterov", Momentum, "look-ahead", source="1983", defaults={"nesterov": True})
>>> entry.make(learning_rate=0.1).nesterov
True
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal, get_args

from refimpl.algorithms.composition import alone
from refimpl.algorithms.updates import UpdateSettings
from refimpl.errors import unknown_name

Kind = Literal[
    "algorithm", "update", "penalty", "wrapper", "projection", "model", "loss", "dataset"
]

PARTS = ("penalty", "wrapper", "projection")
"""The kinds of the parts of a composition."""

_UPDATE = {item.name: item for item in dataclasses.fields(UpdateSettings)}

REQUIRES = (
    "validation", "training", "classification", "objective", "tasks", "graphs", "full_batch",
)  # fmt: skip
"""What an algorithm can need beyond a loss and data."""


@dataclass(frozen=True)
class Paper:
    """A paper: the record ``PAPER`` of its page.

    Attributes
    ----------
    name : str
        Of its folder.
    prefix : str
        Of the ids of its claims, such as ``"MN"`` of MN-1.
    title : str
        What it is about, for the tables.
    authors : str
    year : int
        Papers are listed by year, then by name.
    arxiv, venue : str
        Where it is to be found; either may be empty.

    Examples
    --------
    >>> Paper("amp", prefix="AMP", title="Model perturbation", year=2021, arxiv="1").reference
    '2021, arXiv:1'
    """

    name: str
    _: KW_ONLY
    prefix: str
    title: str
    authors: str = ""
    year: int = 0
    arxiv: str = ""
    venue: str = ""

    @property
    def reference(self) -> str:
        """Authors, year and place in one line."""
        place = f"arXiv:{self.arxiv}" if self.arxiv else ""
        year = str(self.year) if self.year and str(self.year) not in self.venue else ""
        return ", ".join(part for part in (self.authors, year, self.venue, place) if part)


@dataclass(frozen=True)
class Entry:
    """What a paper offers by name: an algorithm, a part of one, a model, a loss or a data set.

    Attributes
    ----------
    name : str
        The name on the command line.
    factory : type or callable
        The class (a dataclass of hyper-parameters) that the name stands for; of a loss or a data
        set it may be a function.
    summary : str
        One line.
    source : str
        Authors and year.
    kind : str
        ``"algorithm"`` and ``"update"`` have ``init`` and ``step`` themselves; a ``"penalty"``,
        ``"wrapper"`` or ``"projection"`` is a part that goes with any update.
    defaults : mapping
        Field values that this name stands for, over those of the dataclass.
    requires : tuple of str
        What it needs beyond a loss and data: ``"validation"`` (a validation set, passed to
        ``init``), ``"training"`` (the whole training set as one batch, and the objective, both
        passed to ``init``), ``"classification"`` (integer labels), ``"tasks"`` (a set of tasks,
        whose batches are episodes), ``"graphs"`` (a set of graphs), ``"objective"`` (an
        ``Objective`` of models, whose outputs it reads), ``"full_batch"`` (the whole training set
        in every step).
    """

    name: str
    factory: Callable[..., Any]
    summary: str
    _: KW_ONLY
    source: str
    kind: Kind = "algorithm"
    defaults: Mapping[str, Any] = field(default_factory=dict)
    requires: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(unknown_name("kind of entry", self.kind, get_args(Kind)))
        for need in self.requires:
            if need not in REQUIRES:
                raise ValueError(unknown_name("requirement", need, REQUIRES))
        for name in self.defaults:
            self._check(name)
        if self.is_part:
            own = {item.name for item in dataclasses.fields(self.factory)}  # type: ignore[arg-type]
            if own & _UPDATE.keys():
                raise ValueError(
                    f"the {self.kind} {self.name!r} has fields of the update that it is put "
                    f"together with: {', '.join(sorted(own & _UPDATE.keys()))}"
                )

    @property
    def is_part(self) -> bool:
        """Whether it is a part of a composition."""
        return self.kind in PARTS

    @property
    def own_fields(self) -> dict[str, dataclasses.Field[Any]]:
        """The hyper-parameters of the factory: name to dataclass field (type, metadata)."""
        if not dataclasses.is_dataclass(self.factory):
            return {}
        return {item.name: item for item in dataclasses.fields(self.factory) if item.init}

    @property
    def fields(self) -> dict[str, dataclasses.Field[Any]]:
        """The hyper-parameters: name to dataclass field (type, metadata).

        Those of a part are followed by those of the update that it is put together with.
        """
        return {**self.own_fields, **_UPDATE} if self.is_part else self.own_fields

    @property
    def hints(self) -> dict[str, Any]:
        """The types of the hyper-parameters by name."""
        hints = typing.get_type_hints(UpdateSettings) if self.is_part else {}
        return {**hints, **typing.get_type_hints(self.factory)}

    def default(self, name: str) -> Any:
        """The value that hyper-parameter ``name`` takes when it is not given."""
        if name in self.defaults:
            return self.defaults[name]
        item = self.fields[name]
        if item.default_factory is not dataclasses.MISSING:
            return item.default_factory()
        return item.default

    def make(self, **hyper: Any) -> Any:
        """The object with these hyper-parameters; a function with these options filled in.

        A name that a field had formerly (``metadata={"formerly": ...}``) stays valid. A penalty,
        wrapper or projection comes as a composition with a first-order
        update, whose ``base``, ``learning_rate`` and ``momentum`` are hyper-parameters too.

        Raises
        ------
        ValueError
            For a hyper-parameter that it does not have, naming those that it has.
        """
        formerly = {str(item.metadata.get("formerly")): name for name, item in self.fields.items()}
        hyper = {formerly.get(name, name): value for name, value in hyper.items()}
        for name in hyper:
            self._check(name)
        values = {**self.defaults, **hyper}
        if self.is_part:
            return alone(self.factory, **values)
        if inspect.isclass(self.factory):
            return self.factory(**values)
        return functools.partial(self.factory, **values) if values else self.factory

    def part(self, **hyper: Any) -> Any:
        """The bare part of a composition, for an update of the caller's.

        Raises
        ------
        ValueError
            For a hyper-parameter that it does not have, or where it is no part.
        """
        if not self.is_part:
            raise ValueError(f"{self.name!r} is no penalty, wrapper or projection: {self.kind}")
        for name in hyper:
            if name not in self.own_fields:
                kind = f"hyper-parameter of {self.name}"
                raise ValueError(unknown_name(kind, name, self.own_fields))
        given = {name: value for name, value in self.defaults.items() if name in self.own_fields}
        return self.factory(**{**given, **hyper})

    def _check(self, name: str) -> None:
        if self.fields and name not in self.fields:
            kind = f"hyper-parameter of {self.name}"
            raise ValueError(unknown_name(kind, name, self.fields))
