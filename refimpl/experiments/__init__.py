"""Experiments: a config goes in, named numbers come out; claims and figures only read those.

Each module of this package other than the machinery (``base``, ``runner``, ``sources``,
``store``) defines one ``EXPERIMENT``. A new file needs no registration: the registry lists the
folder, and imports a module when its experiment is asked for.

>>> "sgld_gaussian" in EXPERIMENTS
True
>>> get("sgld_gaussian").name
'sgld_gaussian'
"""

from __future__ import annotations

import importlib
import pkgutil

from refimpl.errors import RefimplError, unknown_name
from refimpl.experiments.base import Experiment, ExperimentError, Result

_MACHINERY = {"base", "runner", "sources", "store"}

EXPERIMENTS: dict[str, str] = {
    module.name: f"{__name__}.{module.name}"
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name)
    if module.name not in _MACHINERY and not module.name.startswith("_")
}
"""Name of each experiment and the module that defines it."""


def get(name: str) -> Experiment:
    """The experiment called ``name``, importing its module.

    Raises
    ------
    RefimplError
        If there is no such experiment, or its module defines it under another name.

    Examples
    --------
    >>> get("nonsense")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    refimpl.errors.RefimplError: unknown experiment 'nonsense': `refimpl list ...
    """
    if name not in EXPERIMENTS:
        raise RefimplError(
            unknown_name("experiment", name, EXPERIMENTS, "refimpl list experiments")
        )
    experiment = importlib.import_module(EXPERIMENTS[name]).EXPERIMENT
    if experiment.name != name:
        raise RefimplError(
            f"{EXPERIMENTS[name]} defines EXPERIMENT.name = {experiment.name!r}; "
            f"it must be {name!r}, the name of its file"
        )
    return experiment


__all__ = ["EXPERIMENTS", "Experiment", "ExperimentError", "Result", "get"]
