"""Data sets, real and synthetic, behind one call.

>>> from refimpl.random import Rng
>>> parts = load("spirals", rng=Rng(0), training=20)
>>> len(parts.train), parts.train.features, parts.train.classes
(20, 2, 2)

``DATASETS`` names them all; each entry carries a description and its options with their defaults.
Everything random comes from the ``rng`` argument, drawn on the host, so that one seed gives the
same data on every backend.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from refimpl.arrays import Backend
from refimpl.datasets.base import Batch, Dataset, Size, Split, partition, split, with_label_noise
from refimpl.datasets.digits import DESCRIPTION as _DIGITS
from refimpl.datasets.digits import digits, load_digits
from refimpl.datasets.fetch import SOURCES, Fetched, fetch
from refimpl.datasets.few_shot import DESCRIPTION as _FEW_SHOT
from refimpl.datasets.few_shot import load_few_shot_digits
from refimpl.datasets.gaussians import gaussian_teacher, gaussians, load_gaussians
from refimpl.datasets.idx import read_idx, write_idx
from refimpl.datasets.mnist import find_files, load_fashion_mnist, load_mnist
from refimpl.datasets.sinusoids import (
    SinusoidFamily,
    Sinusoids,
    load_sinusoid,
    load_sinusoids,
)
from refimpl.datasets.spirals import load_four_turn_spirals, load_spirals, spirals
from refimpl.datasets.tasks import Episode, TaskSet, TaskSplit
from refimpl.datasets.teacher_student import linear_teacher, load_teacher_student, teacher_student
from refimpl.errors import unknown_name
from refimpl.random import Rng

__all__ = [
    "DATASETS",
    "SOURCES",
    "Batch",
    "Dataset",
    "Entry",
    "Episode",
    "Fetched",
    "SinusoidFamily",
    "Sinusoids",
    "Size",
    "Split",
    "TaskSet",
    "TaskSplit",
    "digits",
    "fetch",
    "find_files",
    "gaussian_teacher",
    "gaussians",
    "linear_teacher",
    "load",
    "partition",
    "read_idx",
    "spirals",
    "split",
    "teacher_student",
    "with_label_noise",
    "write_idx",
]


@dataclass(frozen=True)
class Entry:
    """A data set that can be loaded by name.

    Attributes
    ----------
    name, description : str
    kind : {"real", "synthetic"}
    loader : callable
        Takes ``rng``, ``backend`` and the options, all by keyword, and returns a Split.
    needs_files : bool
        Whether the loader also takes ``data_dir``.
    recipe : mapping
        What training from the command line takes where it is not given, if the general defaults
        do not suit: ``epochs``, ``batch_size``, ``hidden``, ``initialiser``.

    Examples
    --------
    >>> DATASETS["gaussians"].options["margin"]
    0.5
    """

    name: str
    description: str
    kind: Literal["real", "synthetic"]
    loader: Callable[..., Any]
    needs_files: bool = False
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Any]:
        """The options of the loader and their defaults, in the order of its signature."""
        common = {"rng", "backend", "data_dir"}
        parameters = inspect.signature(self.loader).parameters
        return {name: p.default for name, p in parameters.items() if name not in common}


_TASKS = {"epochs": 200, "batch_size": 4}  # few tasks: an epoch is a few steps

DATASETS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("digits", _DIGITS, "real", load_digits),
        Entry(
            "mnist",
            "MNIST: 70000 handwritten digits of 28x28 pixels, from IDX files",
            "real",
            load_mnist,
            needs_files=True,
        ),
        Entry(
            "fashion-mnist",
            "Fashion-MNIST: 70000 articles of clothing of 28x28 pixels, from IDX files",
            "real",
            load_fashion_mnist,
            needs_files=True,
        ),
        Entry("spirals", "two interleaved noisy spirals of two turns", "synthetic", load_spirals),
        Entry(
            "four-turn-spirals",
            "two interleaved noisy spirals of four turns",
            "synthetic",
            load_four_turn_spirals,
        ),
        Entry(
            "gaussians",
            "Gaussian points, linearly separable with a given margin",
            "synthetic",
            load_gaussians,
        ),
        Entry(
            "teacher-student",
            "linear regression onto a noisy linear teacher",
            "synthetic",
            load_teacher_student,
        ),
        Entry("sinusoid", "regression onto one sinusoid", "synthetic", load_sinusoid),
        Entry(
            "sinusoids",
            "few-shot regression: tasks are sinusoids of random amplitude and phase",
            "synthetic",
            load_sinusoids,
            recipe={**_TASKS, "hidden": (40, 40), "initializer": "torch_default"},
        ),
        Entry("few-shot-digits", _FEW_SHOT, "real", load_few_shot_digits, recipe=_TASKS),
    )
}
"""Every data set by name."""


_FORMERLY = {"centre": "center", "normalised": "normalized"}
"""Other spellings of options, which stay valid."""


def load(
    name: str,
    *,
    rng: Rng,
    data_dir: str | os.PathLike[str] | None = None,
    backend: Backend | None = None,
    **options: Any,
) -> Split:
    """Load or generate the data set called ``name``.

    Parameters
    ----------
    name : str
        A key of ``DATASETS``.
    rng : Rng
        Decides everything random: draws, splits, subsets, label noise.
    data_dir : path-like, optional
        Where data files lie; by default the variable REFIMPL_DATA, or else the folder of this
        user's data. Sets without files ignore it.
    backend : Backend, optional
        Where the arrays are made, NumPy in float64 by default. Inputs and floating targets have
        its dtype, labels are int64.
    **options
        Those of the entry, ``DATASETS[name].options``.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If the name is unknown or an option has a bad value.
    TypeError
        If the data set has no such option.
    DataError
        If files are missing or damaged.

    Examples
    --------
    >>> load("gaussians", rng=Rng(0), size=3)
    Traceback (most recent call last):
    ...
    TypeError: data set 'gaussians' has no option 'size'; it has training, validation, test,
    dimension, classes, margin
    """
    if name not in DATASETS:
        raise ValueError(unknown_name("data set", name, DATASETS))
    entry = DATASETS[name]
    known = entry.options
    options = {_FORMERLY.get(option, option): value for option, value in options.items()}
    for option in options:
        if option not in known:
            raise TypeError(
                f"data set {name!r} has no option {option!r}; it has {', '.join(known)}"
            )
    if entry.needs_files:
        options["data_dir"] = data_dir
    return entry.loader(rng=rng, backend=backend, **options)
