"""What a figure is, and which there are: one file each, found by listing this folder.

>>> "sgld_gaussian" in FIGURES
True
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import figures as _package
from refimpl.errors import RefimplError, unknown_name
from refimpl.experiments.base import Result

_MACHINERY = {"base", "engine", "style"}

Results = Mapping[str, Result]


def all_arrays(results: Results) -> dict[str, np.ndarray]:
    """Every array of the results, as ``experiment.name``: the default data of a figure."""
    return {
        f"{name}.{key}": array
        for name, result in results.items()
        for key, array in result.arrays.items()
    }


@dataclass(frozen=True)
class Figure:
    """A figure: the experiments it reads, the claims it shows, and how it is drawn.

    Attributes
    ----------
    name : str
        The name of its file.
    title : str
        One line.
    draw : callable
        ``draw(results, style)`` returns a ``matplotlib.figure.Figure``; ``results`` maps the
        names of the experiments to their Results, ``style`` is a
        :class:`figures.style.Style`. No pyplot: the figure is made by ``style.subplots``.
    experiments, claims : tuple of str
    caption : str
        What is to be seen, for the gallery.
    data : callable
        ``data(results)`` returns the arrays that are plotted, which are saved beside the
        figure. Default: every array of the results.
    """

    name: str
    title: str
    draw: Callable[[Results, Any], Any]
    experiments: tuple[str, ...]
    claims: tuple[str, ...] = ()
    caption: str = ""
    data: Callable[[Results], Mapping[str, Any]] = all_arrays


FIGURES: dict[str, str] = {
    module.name: f"{_package.__name__}.{module.name}"
    for module in sorted(pkgutil.iter_modules(_package.__path__), key=lambda module: module.name)
    if module.name not in _MACHINERY and not module.name.startswith("_")
}
"""Name of each figure and the module that defines it."""


def get(name: str) -> Figure:
    """The figure called ``name``, importing its module.

    Raises
    ------
    RefimplError
        If there is none; the message names the nearest and how to list all.

    Examples
    --------
    >>> get("sgld_gausian")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    refimpl.errors.RefimplError: unknown figure 'sgld_gausian' (did you mean 'sgld_gaussian'?): ...
    """
    if name not in FIGURES:
        raise RefimplError(unknown_name("figure", name, FIGURES, "python -m figures --list"))
    figure = importlib.import_module(FIGURES[name]).FIGURE
    if figure.name != name:
        raise RefimplError(
            f"{FIGURES[name]} defines FIGURE.name = {figure.name!r}; it must be {name!r}"
        )
    return figure


def select(names: Sequence[str]) -> list[Figure]:
    """The figures called ``names``; all of them where no name is given."""
    return [get(name) for name in (dict.fromkeys(names) or FIGURES)]
