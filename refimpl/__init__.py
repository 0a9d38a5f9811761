"""Exact, readable reference implementations of methods that regularize, constrain and sample
neural networks, on NumPy (CPU) or CuPy (GPU).

>>> import refimpl
>>> backend = refimpl.backend("numpy", "float64")
>>> backend.asarray([1.0, 2.0]).dtype
dtype('float64')

The public names are loaded when they are first used: ``from refimpl import SGD, MLP, train``. Those
of the papers (``Minnorm``, ``MHE``, ``AMP``, ...) are the classes of their entries; the stub beside
this file lists all.

>>> from refimpl import MHE, Composition, Momentum
>>> algorithm = Composition(Momentum(learning_rate=0.1), penalties=[MHE(strength=1.0)])
"""

import importlib
from typing import Any

LAZY = {
    "Adam": "refimpl.algorithms.adam",
    "Circle": "refimpl.constraints.circle",
    "Composition": "refimpl.algorithms.composition",
    "DeepLinear": "refimpl.models.linear",
    "EarlyStopping": "refimpl.algorithms.early_stopping",
    "L1": "refimpl.algorithms.l1",
    "L2": "refimpl.algorithms.l2",
    "Langevin": "refimpl.algorithms.langevin",
    "LinearChain": "refimpl.models.linear",
    "MLP": "refimpl.models.mlp",
    "Momentum": "refimpl.algorithms.momentum",
    "Objective": "refimpl.models.losses",
    "Orthogonal": "refimpl.constraints.orthogonal",
    "Orthogonality": "refimpl.algorithms.orthogonality",
    "Replay": "refimpl.random",
    "Rng": "refimpl.random",
    "SGD": "refimpl.algorithms.sgd",
    "SGLD": "refimpl.algorithms.sgld",
    "SRIP": "refimpl.algorithms.srip",
    "UserConstraint": "refimpl.constraints.user",
    "backend": "refimpl.arrays",
    "check": "refimpl.api",
    "list_algorithms": "refimpl.api",
    "load_dataset": "refimpl.api",
    "load_run": "refimpl.training.runs",
    "make": "refimpl.api",
    "namespace": "refimpl.arrays",
    "to_host": "refimpl.arrays",
    "train": "refimpl.api",
    "verify": "refimpl.api",
}
"""Names of the core and the modules that define them."""

MODULES = ("arrays", "errors", "random")
"""Modules that are there without an import of their own."""

__all__ = ["Replay", "Rng", "backend", "namespace", "to_host"]


def __getattr__(name: str) -> Any:
    found: Any
    if name == "__version__":
        found = _version()
    elif name in LAZY:
        found = getattr(importlib.import_module(LAZY[name]), name)
    elif name in MODULES:
        found = importlib.import_module(f"refimpl.{name}")
    elif name[:1].isupper():  # a class; small letters may be a module that is being imported
        found = importlib.import_module("refimpl.catalogue").public(name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def _version() -> str:
    """The version of the installed distribution; "unknown" where files are used in place."""
    metadata = importlib.import_module("importlib.metadata")
    try:
        return metadata.version("refimpl")
    except metadata.PackageNotFoundError:
        return "unknown"


def __dir__() -> list[str]:
    papers = importlib.import_module("refimpl.catalogue").offered()
    return sorted({*globals(), *LAZY, *papers})
