"""What a figure is, and which there are: one file each, found by listing the folders of the papers.

>>> "sgld_gaussian" in FIGURES
True
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.errors import RefimplError, unknown_name
from refimpl.experiments.base import Result

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


_NAMED = re.compile(r'^FIGURE = Figure\(\s*name="(\w+)"', re.MULTILINE)


def _listed() -> dict[str, str]:
    found = {}
    for path in sorted(Path(__file__).parent.glob("*/*.py")):
        for name in _NAMED.findall(path.read_text(encoding="utf-8")):
            found[name] = f"figures.{path.parent.name}.{path.stem}"
    return dict(sorted(found.items()))


FIGURES: dict[str, str] = _listed()
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
