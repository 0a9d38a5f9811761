"""What is compared, and what is known to go wrong: the records that papers fill in.

A *subject* is a method that an implementation of somebody else can be checked against: how it has
to be callable, how the reference makes one under the same contract, on what it is tried. Since
theirs and ours are called in the same way, a *deviation* is a change of an implementation: other
settings, another implementation, or something put around one. The diagnosis applies deviations to
the reference until it has their numbers.

>>> half = Deviation("half", "the value is halved", around=lambda f, settings: lambda x: f(x) / 2)
>>> changed([half], lambda factor: lambda x: factor * x, {"factor": 3.0})(5.0)
7.5
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from refimpl.errors import SettingError, unknown_name

Kind = Literal["function", "optimizer", "constraint"]
"""How an implementation is called; see :mod:`refimpl.conformance`."""

Implementation = Any
Make = Callable[..., Implementation]

NUMBER = 2.5
"""Rank of another number for a setting."""

_NONE = object()
_STEPS = (2.0, 0.5, 10.0, 0.1)
_TYPICAL = (1e-12, 1e-10, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3)


@dataclass(frozen=True)
class Deviation:
    """A way in which implementations differ from the reference.

    Attributes
    ----------
    name : str
        Short; the diagnosis shows it.
    what : str
        What is done instead, and what follows, in one sentence.
    values : mapping
        Settings of the reference that do the same.
    instead : callable, optional
        ``instead(**settings)`` makes an implementation that takes the place of the reference.
    family, options : callable and mapping, optional
        ``family(**options)`` gives an ``instead``; the options of two deviations of one family are
        taken together.
    around : callable, optional
        ``around(implementation, settings)`` makes one of one.
    rank : float
        Where it stands among causes that have the same numbers: 0 known of the method, 1 a choice
        among its settings, 2 known of every method, then another number for a setting, 3 fitted.
    """

    name: str
    what: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    instead: Make | None = None
    family: Callable[..., Make] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    around: Callable[[Implementation, Mapping[str, Any]], Implementation] | None = None
    rank: float = 0

    @property
    def shown(self) -> str:
        """The name, and for a known deviation the settings that do the same."""
        if self.rank:
            return self.name
        given = ", ".join(f"{name}={value!r}" for name, value in self.values.items())
        return self.name if not given or self.name == given else f"{self.name} ({given})"


class Known(NamedTuple):
    """A known difference between implementations of a paper and the reference, for its errata.

    Attributes
    ----------
    name : str
    what : str
        What is done instead, and what follows.
    switch : str, dict or callable, optional
        How the reference does the same: in words, the settings, or what makes it; None or empty
        where nothing here does.
    part : str
        The class or function that the settings belong to, where the paper has several.
    """

    name: str
    what: str
    switch: Any = None
    part: str = ""


class Contrast(NamedTuple):
    """A known difference as two callables.

    Attributes
    ----------
    name : str
    what : str
        What the other implementation does, and what follows.
    here, there : callable
        Makes or does it as in this package, and as in the other implementation.
    """

    name: str
    what: str
    here: Callable[..., Any]
    there: Callable[..., Any]


def changed(
    deviations: Sequence[Deviation], make: Make, settings: Mapping[str, Any]
) -> Implementation:
    """The reference with these deviations.

    Raises
    ------
    SettingError
        If two of them change the same setting, or both stand in its place.
    """
    values, options = dict(settings), dict[str, Any]()
    for deviation in deviations:
        for mine, others in ((deviation.values, values), (deviation.options, options)):
            known = settings if others is values else {}
            if any(name in others and others[name] != known.get(name, _NONE) for name in mine):
                raise SettingError("two deviations change one thing")
            others.update(mine)
    places = {deviation.instead for deviation in deviations if deviation.instead is not None}
    families = {deviation.family for deviation in deviations if deviation.family is not None}
    if len(places) + len(families) > 1:
        raise SettingError("two deviations stand in the place of the reference")
    for family in families:
        places = {family(**options)}
    implementation = (places.pop() if places else make)(**values)
    for deviation in deviations:
        if deviation.around is not None:
            implementation = deviation.around(implementation, values)
    return implementation


@dataclass(frozen=True)
class Case:
    """One thing to try.

    Attributes
    ----------
    name : str
    arguments : mapping of str to object
        What the contract names, in its order; arrays are NumPy's.
    sizes : mapping of str to int
        By which a sum may have been divided, such as the number of neurons.
    method : str
        What is called: the implementation itself, or its method of this name.
    derived : mapping of str to callable
        ``function(value, arguments)``: what else is read off the value, such as a residual.
    whole : bool
        Whether the value itself is compared, not only what is derived.
    """

    name: str
    arguments: Mapping[str, Any]
    sizes: Mapping[str, int] = field(default_factory=dict)
    method: str = ""
    derived: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    whole: bool = True


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A method that an implementation can be checked against.

    Attributes
    ----------
    name : str
    kind : {"function", "optimizer", "constraint"}
    contract : str
        How theirs is called, in one line.
    make : callable
        ``make(**settings)``: the reference under the same contract.
    settings : mapping
        Names and defaults.
    cases : callable
        ``cases(settings, rng)``: what is tried.
    differentiate : tuple of str
        Arguments in which derivatives are compared.
    alternatives : mapping of str to tuple
        Values that the diagnosis tries for a setting, over those that its type suggests.
    fixed : tuple of str
        Settings that the diagnosis leaves alone.
    deviations : tuple of Deviation
        Known of this method.
    common : str
        Which table of :mod:`refimpl.conformance.general` applies besides; empty for none.
    invariances : tuple of str
        ``"scale"`` and ``"rotation"`` are measured and shown.
    hints : mapping of str to type
        Of the settings.
    residual : callable, optional
        ``residual(settings, params)``: how far an optimizer's parameters are off the constraint.
    """

    name: str
    contract: str
    make: Make
    cases: Callable[..., Sequence[Case]]
    kind: Kind = "function"
    settings: Mapping[str, Any] = field(default_factory=dict)
    hints: Mapping[str, Any] = field(default_factory=dict)
    differentiate: tuple[str, ...] = ()
    alternatives: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    common: str = ""
    invariances: tuple[str, ...] = ()
    residual: Callable[..., float] | None = None

    def chosen(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The settings with those that are given.

        Raises
        ------
        SettingError
            For one that there is not; the message names the nearest.
        """
        for name in given:
            if name not in self.settings:
                raise SettingError(unknown_name(f"setting of {self.name}", name, self.settings))
        return {**self.settings, **given}

    def switches(self, settings: Mapping[str, Any]) -> list[Deviation]:
        """Every other value of every setting that is worth a try, one at a time."""
        found = []
        for name, value in settings.items():
            if name in self.fixed:
                continue
            others = self.alternatives.get(name)
            if others is None:
                others = suggested(self.hints.get(name), value)
            for other in others:
                if other != value:
                    text = f"{name}={other!r}"
                    what = f"the reference with {text} in place of {value!r}"
                    number = isinstance(value, (int, float)) and not isinstance(value, bool)
                    rank = NUMBER if number else 1
                    found.append(Deviation(text, what, {name: other}, rank=rank))
        return found


def suggested(hint: Any, value: Any) -> tuple[Any, ...]:
    """Values to try for a setting of this type.

    Examples
    --------
    >>> suggested(Literal["sum", "mean"], "sum"), suggested(bool, True), suggested(int, 3)
    (('mean',), (False,), (1, 2, 4, 6))
    """
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not type(None))
    if typing.get_origin(hint) is Literal:
        return tuple(other for other in get_args(hint) if other != value)
    if hint is bool or isinstance(value, bool):
        return (not value,)
    if hint is int or (hint is not float and isinstance(value, int)):
        if not isinstance(value, int):
            return ()
        tried = dict.fromkeys((1, value - 1, value + 1, 2 * value))
        return tuple(other for other in tried if other >= 0 and other != value)
    if isinstance(value, float):
        if value == 0.0:
            return _TYPICAL
        scaled = [factor * value for factor in _STEPS]
        return tuple(dict.fromkeys([*scaled, 0.0, value**0.5 if value > 0 else value, value**2]))
    return ()


def settings_of(kind: Any, **defaults: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Defaults and types of the fields of a dataclass.

    Examples
    --------
    >>> from refimpl.algorithms.sgd import SGD
    >>> settings_of(SGD, learning_rate=0.5)[0]
    {'learning_rate': 0.5}
    """
    hints = typing.get_type_hints(kind)
    values = {}
    for item in dataclasses.fields(kind):
        if not item.init:
            continue
        made = item.default_factory
        value = item.default if made is dataclasses.MISSING else made()
        values[item.name] = defaults.get(item.name, value)
    return values, {name: hints[name] for name in values}
