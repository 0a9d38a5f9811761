"""The reference of the public face: a page for each module that defines a public name."""

from __future__ import annotations

import re
from pathlib import Path

import refimpl
from pages.rst import title
from refimpl import catalogue, generated

_LINE = re.compile(r"^from (\S+) import (\w+) as \w+$", re.MULTILINE)

GROUPS = (
    ("First calls", r"refimpl\.(api|arrays|random|interop|testing|conformance|vectors)\b"),
    ("Models, data, constraints", r"refimpl\.(models|datasets|constraints)\b"),
    ("Algorithms that no paper owns", r"refimpl\.algorithms\b"),
    ("Training", r"refimpl\.training\b"),
    ("Sampling", r"refimpl\.sampling\b"),
    ("Papers", r"refimpl\.papers\b"),
    ("More", r"refimpl\b"),
)
EXTRA = (
    "refimpl.errors",
    "refimpl.training.loop",
    "refimpl.claims.ledger",
    "refimpl.claims.outcomes",
    "refimpl.experiments.base",
    "refimpl.experiments.comparison",
    "refimpl.experiments.declared",
    "refimpl.experiments.grids",
    "refimpl.experiments.tuning",
    "refimpl.experiments.stacking",
    "refimpl.experiments.records",
    "refimpl.algorithms.base",
    "refimpl.constraints.base",
    "refimpl.constraints.many",
    "refimpl.constraints.many_base",
    "refimpl.sampling.run",
    "refimpl.sampling.draws",
    "refimpl.sampling.diagnostics",
    "refimpl.sampling.warmup",
    "refimpl.sampling.targets",
    "refimpl.papers",
    "refimpl.catalogue",
    "refimpl.interop",
    "refimpl.testing",
    "refimpl.conformance",
    "refimpl.vectors",
)
"""Modules that users read although the public face does not name what is in them."""


def pages() -> dict[str, str]:
    """The index and the page of each module."""
    modules: dict[str, list[str]] = {}
    for module, name in _LINE.findall(generated.stub()):
        modules.setdefault(module, []).append(name)
    for kind in ("algorithms", "models", "losses", "datasets"):
        for entry in getattr(catalogue, kind)().values():
            modules.setdefault(entry.factory.__module__, [])
    package = Path(refimpl.__file__).parent.parent
    for module in EXTRA:
        place = package.joinpath(*module.split("."))
        if place.with_suffix(".py").is_file() or (place / "__init__.py").is_file():
            modules.setdefault(module, [])
    found = {f"reference/{module}.rst": _module(module) for module in modules}
    return {**found, "reference/index.rst": _index(modules)}


def _module(module: str) -> str:
    return f"{title(module)}.. automodule:: {module}\n   :members:\n"


def _index(modules: dict[str, list[str]]) -> str:
    out = [title("Reference"), "The public names, by the module that defines them.\n\n"]
    left = dict(sorted(modules.items()))
    for heading, pattern in GROUPS:
        own = [module for module in left if re.match(pattern, module)]
        if own:
            out += [title(heading, "-"), ".. toctree::\n   :maxdepth: 1\n\n"]
            for module in own:
                names = ", ".join(sorted(left.pop(module)))
                label = f"{module} ({names})" if names else module
                out.append(f"   {label} <{module}>\n")
            out.append("\n")
    return "".join(out)
