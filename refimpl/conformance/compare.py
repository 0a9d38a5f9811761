"""When two numbers count as equal: tolerances from the dtype and the measured condition.

The reference runs again at inputs that are changed by a few units of rounding. What that changes in
a quantity is what rounding alone may change in an implementation that takes another way to the same
number; the tolerance is a multiple of it, never less than a multiple of the rounding of the
quantity itself.

>>> import numpy as np
>>> ours = {("a", "value"): np.asarray([1.0])}
>>> tolerances(ours, [ours], 1e-16, {"a": 1.0})[("a", "value")]
6.4e-15
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from refimpl.conformance.functions import PRODUCT, Key, Observation
from refimpl.conformance.records import Case
from refimpl.random import Rng

ROUNDINGS = 4
"""Units in the last place by which inputs are changed."""

_OF_TWINS, _OF_SIZE = 16.0, 64.0


def jittered(case: Case, unit: float, rng: Rng) -> Case:
    """The case with every array changed by a few roundings, relative to its entries.

    Whole numbers stay: where a function jumps, they are what it is tried at.
    """

    def shake(array: np.ndarray, stream: Rng) -> np.ndarray:
        if array.dtype.kind != "f":
            return array
        shaken = array * (1.0 + ROUNDINGS * unit * stream.rademacher(array.shape))
        return np.where(array == np.round(array), array, shaken)

    def changed(value: Any, stream: Rng) -> Any:
        if isinstance(value, np.ndarray):
            return shake(value, stream)
        if isinstance(value, (list, tuple)):
            return type(value)(
                changed(part, stream.child(index)) for index, part in enumerate(value)
            )
        if callable(value):
            return _shaken(value, shake, stream)
        return value

    arguments = {name: changed(value, rng.child(name)) for name, value in case.arguments.items()}
    return dataclasses.replace(case, arguments=arguments)


def _shaken(
    function: Callable[..., Any], shake: Callable[..., np.ndarray], stream: Rng
) -> Callable[..., Any]:
    def other(*args: Any) -> Any:
        found = function(*args)
        if isinstance(found, (list, tuple)):
            return [shake(np.asarray(part), stream.child(i)) for i, part in enumerate(found)]
        return shake(np.asarray(found), stream)

    return other


def size(array: np.ndarray) -> float:
    """The largest finite entry, in modulus."""
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max()) if finite.size else 0.0


def gap(theirs: np.ndarray, ours: np.ndarray) -> float:
    """The largest difference; infinite where shapes differ or one is no number."""
    if theirs.shape != ours.shape:
        return float("inf")
    with np.errstate(invalid="ignore"):
        difference = np.abs(theirs.astype("float64") - ours)
    same = (theirs == ours) | (np.isnan(theirs) & np.isnan(ours))
    difference = np.where(same, 0.0, difference)
    if difference.size == 0:
        return 0.0
    worst = float(np.max(np.where(np.isnan(difference), np.inf, difference)))
    return worst


def tolerances(
    ours: Observation,
    twins: Sequence[Observation],
    unit: float,
    arguments: Mapping[str, float],
) -> dict[Key, float]:
    """How far theirs may be from ours, for each quantity.

    Parameters
    ----------
    ours : Observation
    twins : sequence of Observation
        Of the changed inputs.
    unit : float
        Machine epsilon of the dtype.
    arguments : mapping of str to float
        The size of the differentiated arguments of each case.
    """
    found = {}
    for key, value in ours.items():
        case, name = key
        values = [size(v) for (c, n), v in ours.items() if c == case and _is_value(n)]
        floor = max(values, default=arguments.get(case, 0.0))
        if name.startswith(("gradient in", PRODUCT)):
            floor = floor / max(arguments.get(case, 1.0), unit)
        scale = max(size(value), floor)
        spread = max((gap(twin[key], value) for twin in twins if key in twin), default=0.0)
        allowed = _OF_SIZE * unit * scale + _OF_TWINS * spread
        if name.startswith(PRODUCT):
            slope = ours.get((case, name.replace(PRODUCT, "gradient in")), value)
            allowed += _OF_SIZE * unit * max(size(slope), floor) / unit ** (1.0 / 3.0)
        found[key] = allowed
    return found


def _is_value(name: str) -> bool:
    return name.startswith(("value", "output"))
