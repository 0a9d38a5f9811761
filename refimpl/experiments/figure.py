"""What a figure is: the experiments it reads, the claims it shows, and how it is drawn.

The figures stand in the folder ``figures``, a paper each; :mod:`refimpl.catalogue` finds them. In
a clone that folder lies beside the package, in an installed package within it, so its files name
each other by relative imports only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

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
        names of the experiments to their Results, ``style`` is the ``Style`` of the figures. No
        pyplot: the figure is made by ``style.subplots``.
    experiments, claims : tuple of str
    caption : str
        What is to be seen, for the gallery.
    note : str
        Printed below the panels: how many seeds or draws, and what bars and bands are. A name in
        braces, such as ``{seeds}``, stands for the setting of an experiment in the profile that
        was drawn.
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
    note: str = ""
