"""Experiments: a config goes in, named numbers come out; claims and figures only read those.

Each module of ``papers/*/experiments`` that is more than shared code defines one ``EXPERIMENT``. A
new file needs no registration: the folders are listed, and a module is imported when its
experiment is asked for.

>>> "sgld_gaussian" in EXPERIMENTS
True
>>> get("sgld_gaussian").name
'sgld_gaussian'
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import refimpl
from refimpl.errors import RefimplError, unknown_name
from refimpl.experiments.base import Experiment, ExperimentError, Result

_PAPERS = Path(refimpl.__file__).parent / "papers"
_NAMED = re.compile(r'^EXPERIMENT = Experiment\(\s*(?:name=)?"(\w+)"', re.MULTILINE)


def _listed() -> dict[str, str]:
    """The name that each file in ``papers/*/experiments`` gives its experiment."""
    found = {}
    for path in sorted(_PAPERS.glob("*/experiments/*.py")):
        for name in _NAMED.findall(path.read_text(encoding="utf-8")):
            found[name] = f"refimpl.papers.{path.parts[-3]}.experiments.{path.stem}"
    return dict(sorted(found.items()))


EXPERIMENTS: dict[str, str] = _listed()
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
            f"it must be {name!r}"
        )
    return experiment


__all__ = ["EXPERIMENTS", "Experiment", "ExperimentError", "Result", "get"]
