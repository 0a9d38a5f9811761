"""Running a function under its contract: values, derivatives, invariances.

Whatever is a map of arrays goes this way: penalties, losses, layers, projections, wrappers (which
get a gradient as a function) and closed forms. Theirs, ours and every candidate of the diagnosis
are observed by the same code at the same points.

>>> import numpy as np
>>> from refimpl.conformance.foreign import Arrays
>>> case = Case("line", {"x": np.asarray([1.0, 2.0])})
>>> observe_function(lambda x: 2.0 * x, case, Arrays(), "float64")
{('line', 'value'): array([2., 4.])}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from refimpl.conformance.foreign import Arrays, BrokenError, guarded
from refimpl.conformance.records import Case

Key = tuple[str, str]
Observation = dict[Key, np.ndarray]

SCALED = "change under scaling by 2"
ROTATED = "change under a rotation of the inputs"
PRODUCT = "Hessian times a direction, in"


def observe_function(
    implementation: Any,
    case: Case,
    arrays: Arrays,
    dtype: str,
    *,
    differentiate: Sequence[str] = (),
    invariances: Sequence[str] = (),
    values_only: bool = False,
) -> Observation:
    """What a function shows in one case.

    Parameters
    ----------
    implementation : callable, or an object with the method that the case names
    case : Case
    arrays : Arrays
        Which it takes.
    dtype : str
    differentiate : sequence of str
        Arguments in which the gradient, and the product of the Hessian and a direction (by central
        differences of gradients at points that are the same for all), are taken; skipped where the
        implementation offers no derivatives.
    invariances : sequence of str
        Of the first argument: ``"scale"``, ``"rotation"``.
    values_only : bool
        The first look of the diagnosis.

    Raises
    ------
    BrokenError
        If it raises, or returns no numbers.
    """
    function = method_of(implementation, case)

    def call(arguments: Mapping[str, Any]) -> Any:
        sent = {name: _sent(value, arrays, dtype) for name, value in arguments.items()}
        return _received(guarded(case.name, function, *sent.values()), arrays, case.name)

    found: Observation = {}
    values = call(case.arguments)
    for index, value in enumerate(values if case.whole else []):
        name = "value" if len(values) == 1 else f"output {index}"
        found[case.name, name] = value
    for name, read in case.derived.items():
        found[case.name, name] = np.asarray(read(values[0], case.arguments), dtype="float64")
    if values_only:
        return found
    found.update(_invariances(call, case, invariances, values))
    if differentiate:
        found.update(_derivatives(function, case, arrays, dtype, differentiate))
    return found


def method_of(implementation: Any, case: Case) -> Callable[..., Any]:
    """What is called in this case.

    Raises
    ------
    BrokenError
        If the implementation lacks it.
    """
    if case.method and hasattr(implementation, case.method):
        return getattr(implementation, case.method)
    if callable(implementation) and case.method in ("", "project"):
        return implementation
    raise BrokenError(case.name, f"there is no {case.method or 'function to call'}")


def offers(implementation: Any, case: Case) -> bool:
    """Whether the implementation has what the case calls."""
    try:
        method_of(implementation, case)
    except BrokenError:
        return False
    return True


def _invariances(
    call: Callable[[Mapping[str, Any]], list[np.ndarray]],
    case: Case,
    invariances: Sequence[str],
    values: list[np.ndarray],
) -> Observation:
    found: Observation = {}
    first, *_ = case.arguments
    weight = case.arguments[first]
    for name in invariances:
        label = SCALED if name == "scale" else ROTATED
        moved = 2.0 * weight if name == "scale" else weight @ rotation(weight.shape[-1])
        found[case.name, label] = call({**case.arguments, first: moved})[0] - values[0]
    return found


def _derivatives(
    function: Callable[..., Any],
    case: Case,
    arrays: Arrays,
    dtype: str,
    names: Sequence[str],
) -> Observation:
    def gradients(arguments: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
        sent = {name: _sent(value, arrays, dtype) for name, value in arguments.items()}
        where = f"{case.name}, derivatives"
        found = guarded(where, arrays.gradients, function, sent, names)
        if found is None:
            return None
        return {name: _numbers(arrays.receive(g), where) for name, g in found.items()}

    here = gradients(case.arguments)
    if here is None:
        return {}
    found: Observation = {(case.name, f"gradient in {name}"): g for name, g in here.items()}
    reach = stencil(dtype)
    shifts = {name: reach * direction_at(case.arguments[name]) for name in names}
    ends = []
    for sign in (1.0, -1.0):
        moved = {name: case.arguments[name] + sign * shift for name, shift in shifts.items()}
        end = gradients({**case.arguments, **moved})
        assert end is not None
        ends.append(end)
    for name in names:
        found[case.name, f"{PRODUCT} {name}"] = (ends[0][name] - ends[1][name]) / (2.0 * reach)
    return found


def stencil(dtype: str) -> float:
    """The relative step of the differences of gradients."""
    return float(np.finfo(dtype).eps) ** (1.0 / 3.0)


def direction_at(array: np.ndarray) -> np.ndarray:
    """A fixed direction of the mean size of the entries."""
    size = float(np.sqrt(np.mean(array * array))) if array.size else 0.0
    wave = np.sin(1.0 + 2.0 * np.arange(array.size)).reshape(array.shape)
    return (size or 1.0) * wave


def rotation(n: int) -> np.ndarray:
    """A fixed rotation of n axes: the Cayley transform of a skew matrix.

    >>> turn = rotation(3)
    >>> bool(np.allclose(turn @ turn.T, np.eye(3)))
    True
    """
    upper = np.triu(np.cos(np.arange(n * n, dtype="float64")).reshape(n, n), 1)
    skew = upper - upper.T
    return np.linalg.solve(np.eye(n) + skew, np.eye(n) - skew)


def _sent(value: Any, arrays: Arrays, dtype: str) -> Any:
    """An argument for their side: arrays, lists of them, and functions of them."""
    if isinstance(value, np.ndarray):
        return arrays.send(value, dtype)
    if isinstance(value, (list, tuple)):
        return type(value)(_sent(part, arrays, dtype) for part in value)
    if callable(value):

        def there(*args: Any) -> Any:
            given = [_here(arg, arrays) for arg in args]
            return _sent(value(*given), arrays, dtype)

        return there
    return value


def _here(value: Any, arrays: Arrays) -> Any:
    if isinstance(value, (list, tuple)):
        return [_here(part, arrays) for part in value]
    return np.asarray(arrays.receive(value), dtype="float64")


def _received(value: Any, arrays: Arrays, where: str) -> list[np.ndarray]:
    parts = list(value.values()) if isinstance(value, dict) else value
    parts = list(parts) if isinstance(parts, (list, tuple)) else [parts]
    return [_numbers(guarded(where, arrays.receive, part), where) for part in parts]


def _numbers(array: np.ndarray, where: str) -> np.ndarray:
    if array.dtype.kind not in "fiub":
        raise BrokenError(where, f"numbers were expected, not {array.dtype}")
    return array if array.dtype.kind == "f" else array.astype("float64")
