"""The loss of ``refimpl train``: one of the package's own by name, or one that a paper offers.

A paper's loss is a dataclass of hyper-parameters, given by ``--loss-option``. One with a method
``objective(model, head)`` makes the whole objective, which may have a memory; fields ``epochs``
and ``steps_per_epoch`` are filled in from the run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

LAST = (-1,)
"""Where the command's networks have their head: the last of the layers."""


class Chosen(NamedTuple):
    """A loss by name: its objective, its hyper-parameters, and how it is shown."""

    objective: Any
    hyper_parameters: dict[str, Any]
    shown: str


def names() -> list[str]:
    """The losses that can be named, those of the papers last."""
    from refimpl import catalogue
    from refimpl.models import LOSSES

    return [*LOSSES, *catalogue.losses()]


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Raise ValueError if ``options`` are no hyper-parameters of the loss called ``name``."""
    from refimpl import catalogue
    from refimpl.models import LOSSES

    if name in LOSSES:
        if options:
            raise ValueError(f"the loss {name!r} has no options, but {', '.join(options)} is given")
        return
    catalogue.losses()[name].make(**options)


def choose(
    name: str, options: Mapping[str, Any], model: Any, *, epochs: int, steps_per_epoch: int
) -> Chosen:
    """The objective of ``model`` under the loss called ``name``.

    Parameters
    ----------
    name : str
    options : dict
        Hyper-parameters of a paper's loss.
    model : callable
    epochs, steps_per_epoch : int
        Of the run, for losses that ask for them.

    Raises
    ------
    ValueError, TypeError
        For options that the loss does not have, or values outside their range.
    """
    from refimpl import catalogue, models

    check_options(name, options)
    if name in models.LOSSES:
        return Chosen(models.Objective(model, name), {}, "")
    entry = catalogue.losses()[name]
    known = {"epochs": max(epochs, 1), "steps_per_epoch": max(steps_per_epoch, 1)}
    filled = {key: value for key, value in known.items() if key in entry.fields}
    loss = entry.make(**{**filled, **options})
    make = getattr(loss, "objective", None)
    objective = models.Objective(model, loss) if make is None else make(model, head=LAST)
    values = dataclasses.asdict(loss) if dataclasses.is_dataclass(loss) else dict(options)  # type: ignore[call-overload]
    return Chosen(objective, values, str(loss))


def fitting(algorithm: Any, objective: Any) -> Any:
    """``algorithm`` in the form that carries the memory of ``objective``, if it has one.

    Raises
    ------
    ValueError
        If the algorithm cannot carry one.
    """
    from refimpl.algorithms.base import is_stateful
    from refimpl.algorithms.composition import Composition

    if not is_stateful(objective) or isinstance(algorithm, Composition):
        return algorithm
    if hasattr(algorithm, "direction") and hasattr(algorithm, "buffers"):
        return Composition(algorithm)
    raise ValueError(
        f"{type(algorithm).__name__} carries no memory of a loss from step to step: "
        "take sgd, momentum, nesterov or adam, or a composition of parts"
    )
