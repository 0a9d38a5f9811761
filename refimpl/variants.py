"""The settings under which a method is written down as test vectors: records for the papers.

A paper that offers methods lists variants of them in ``refimpl/papers/NAME/vectors.py``::

    VECTORS = (
        Variant("momentum"),
        Variant("momentum", "nesterov", settings={"nesterov": True}),
    )

A method that is not listed is written down at its defaults; ``refimpl.vectors`` finds all through
the catalogue.

>>> Variant("momentum", "heavy", settings={"momentum": 0.99}).file
'momentum.heavy.json'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Problem:
    """What a method is run on.

    Attributes
    ----------
    statement : str
        In words that need no library: the loss, and what the arrays of a batch mean.
    objective : callable
        ``objective(params, batch)``.
    params : tree of array
    batches : tuple
        Step k (from 0) sees number k modulo their number.
    extra : mapping
        What methods ask for at the start, such as a validation set.
    """

    statement: str
    objective: Any
    params: Any
    batches: tuple[Any, ...]
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Variant:
    """One way to run a method.

    Attributes
    ----------
    method : str
        Name of the entry.
    name : str
        Of the variant.
    settings : mapping
        Hyper-parameters away from the entry's defaults.
    factory : callable, optional
        A class in place of the entry's.
    faulty : bool
        A known deviation, whose vectors must not be those of the method.
    note : str
        What is special here.
    problem : str or callable, optional
        ``"quadratic"``, ``"steady"`` (one batch), ``"network"``, ``"tasks"``, or a function that
        makes a :class:`Problem`; default: by what the entry requires.
    own_draws : callable, optional
        ``own_draws(settings, step, problem)``: noise that the method draws from a seed among its
        settings, for those who have other generators.
    """

    method: str
    name: str = "default"
    settings: Mapping[str, Any] = field(default_factory=dict)
    factory: Callable[..., Any] | None = None
    faulty: bool = False
    note: str = ""
    problem: str | Callable[[], Problem] | None = None
    own_draws: Callable[[Mapping[str, Any], int, Problem], Any] | None = None

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.method}.{self.name}.json"
