"""Comparisons of a paper's method with baselines, declared as data: what, on what, and how tuned.

A paper lists them as ``COMPARISONS`` in a file of its ``experiments``; ``refimpl compare NAME``
runs one (:mod:`refimpl.experiments.tuning`) and keeps what came of it as a record
(:mod:`refimpl.experiments.records`), which claims and figures read.

>>> Size(seeds=1)
Traceback (most recent call last):
...
refimpl.errors.SettingError: paired differences need two seeds or more, not 1
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from refimpl import datasets
from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.checks import count
from refimpl.datasets.base import Split, with_label_noise
from refimpl.errors import SettingError
from refimpl.experiments.comparison import Arm, Problem
from refimpl.experiments.grids import Grid
from refimpl.experiments.settings_runs import trained
from refimpl.models import MLP, Objective
from refimpl.random import Rng

SHARED = "refimpl.experiments.baselines"
"""The module of the methods that many comparisons have."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """The data and the length of the runs of a comparison: plain values.

    Attributes
    ----------
    data : str
        Of :func:`refimpl.datasets.load`, where the problem loads one.
    training, validation, test : int or None
        Examples; None for what the data set gives.
    noise : float
        Probability with which a label of the training and the validation set is redrawn; those of
        the test set stay clean.
    hidden : tuple of int
        Widths of the hidden layers.
    epochs, seeds : int
    batch_size : int or None
        None for the whole set.
    together : int
        Seeds that one task trains.
    dtype : {"float64", "float32"}
    """

    data: str = "digits"
    training: int | None = None
    validation: int | None = None
    test: int | None = None
    noise: float = 0.0
    hidden: tuple[int, ...] = (64,)
    epochs: int = 30
    batch_size: int | None = 32
    seeds: int = 10
    together: int = 10
    dtype: str = "float64"

    def __post_init__(self) -> None:
        if self.seeds < 2:
            raise SettingError(f"paired differences need two seeds or more, not {self.seeds}")
        for name in ("epochs", "together"):
            count(name, getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class Method:
    """One method of a comparison, and the settings among which validation chooses.

    Attributes
    ----------
    name : str
    arm : callable
        ``arm(size, rate, value) -> Arm``; where the method tunes the rate, both are the value.
    grid : tuple of float
    varies : str
        What the grid is of, such as ``"strength"``.
    low, high : float
        Limits of the grid, for what cannot be beyond.
    baseline : bool
        Whether it is one of those to the best of which the others are compared.
    tunes_rate : bool
        Whether its choice is the learning rate of all others.
    """

    name: str
    arm: Callable[[Any, float, float], Arm]
    grid: tuple[float, ...]
    varies: str = "strength"
    low: float = 0.0
    high: float = math.inf
    baseline: bool = False
    tunes_rate: bool = False

    @property
    def settings(self) -> Grid:
        """The grid before it grows."""
        return Grid(self.grid, self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Methods on one problem.

    Attributes
    ----------
    name : str
        Public: streams, caches and records are called by it.
    title : str
        What is compared on what, in one line.
    expects : {"favorable", "control"}
        Whether the paper says that its method helps here, or there is no reason why it should.
    problem : callable
        ``problem(size, backend, rng) -> Problem``, with the stream of one seed.
    methods : tuple of Method
        As many settings each.
    full, quick : Size
        Or subclasses with fields of their own.
    score : str
        The metric by which settings are chosen and methods compared.
    lower : bool
        Whether less of it is better.
    unit : str
        Of the score, for tables.
    cut : str
        What was left out to keep it affordable.

    Raises
    ------
    SettingError
        If two methods have one name, the grids differ in length, no method is a baseline or none
        is not, or several tune the rate.
    """

    name: str
    title: str
    problem: Callable[[Any, Backend, Rng], Problem]
    methods: tuple[Method, ...]
    full: Size
    quick: Size
    expects: Literal["favorable", "control"] = "favorable"
    score: str = "accuracy"
    lower: bool = False
    unit: str = ""
    cut: str = ""

    def __post_init__(self) -> None:
        names = [method.name for method in self.methods]
        lengths = {method.name: len(method.settings.values) for method in self.methods}
        if len(set(names)) < len(names):
            raise SettingError(f"methods of {self.name} have one name: {', '.join(names)}")
        if len(set(lengths.values())) != 1:
            raise SettingError(
                f"every method of {self.name} has as many settings as the others, not {lengths}"
            )
        if {method.baseline for method in self.methods} != {True, False}:
            raise SettingError(f"{self.name} compares baselines and others: {', '.join(names)}")
        if sum(method.tunes_rate for method in self.methods) > 1:
            raise SettingError(f"at most one method of {self.name} tunes the rate for all")

    @property
    def module(self) -> str:
        """Where it is declared: where a method of its own is made."""
        homes = [method.arm.__module__ for method in self.methods]
        return next((home for home in homes if home != SHARED), SHARED)

    @property
    def paper(self) -> str:
        """The folder of the paper that declares it."""
        return self.module.removeprefix("refimpl.papers.").partition(".")[0]

    def method(self, name: str) -> Method:
        """The method called ``name``."""
        return next(method for method in self.methods if method.name == name)

    def trained(self, size: Any, backend: Backend, seed: int, **task: Any) -> dict[str, Any]:
        """One task: see :func:`refimpl.experiments.settings_runs.trained`."""
        return trained(self, size, backend, seed, **task)


def images(
    size: Size, backend: Backend, rng: Rng, *, model: Callable[[tuple[int, ...]], Any] = MLP
) -> Problem:
    """Images to classify: the data set of the size, redrawn labels, a dense network, He's start.

    Parameters
    ----------
    size : Size
    backend : Backend
    rng : Rng
        Of one seed: it decides the split, the labels redrawn and the start.
    model : callable
        ``model(widths)``.
    """
    place = make_backend(backend.name, size.dtype)
    sizes = {"training": size.training, "validation": size.validation, "test": size.test}
    given: dict[str, Any] = {name: number for name, number in sizes.items() if number is not None}
    split = datasets.load(size.data, rng=rng.child("data"), backend=place, center=True, **given)
    split = noisy(split, size.noise, rng.child("noise"))
    network = model((split.train.features, *size.hidden, split.train.outputs))
    start = network.init(rng.child("init"), backend=place)
    return Problem(split, Objective(network), start)


def noisy(split: Split, probability: float, rng: Rng) -> Split:
    """The split with labels of its training and validation sets redrawn with a probability."""
    if probability == 0.0:
        return split
    return split._replace(
        train=with_label_noise(split.train, probability, rng.child("train")),
        validation=with_label_noise(split.validation, probability, rng.child("validation")),
    )
