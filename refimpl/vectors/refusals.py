"""What a method must accept and what it must refuse, with the kind of the error.

Hyper-parameters are refused when the method is made, parameters when it starts or takes its first
step. The kind of an error is given twice: its own name here, and the builtin kinds that it is of,
for languages that have no such names.

>>> from refimpl.papers.foundations import ALGORITHMS
>>> sgd = ALGORITHMS[0]
>>> refused_settings(sgd, lambda given: sgd.make(**given), {"learning_rate": 0.1})[0]
{'hyper_parameters': {'learning_rate': {'float': 'nan'}}, 'error': 'ValueError', \
'is': ['ValueError'], 'names': 'learning_rate'}
"""

from __future__ import annotations

import functools
import math
import typing
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from refimpl import autodiff as ad
from refimpl.arrays import namespace
from refimpl.datasets import Batch
from refimpl.errors import RefimplError
from refimpl.models import LOSSES
from refimpl.papers import Entry
from refimpl.random import Rng
from refimpl.variants import Problem
from refimpl.vectors.encoding import decode, encode
from refimpl.vectors.running import begun

Make = Callable[[Mapping[str, Any]], Any]
"""Makes the method from all its hyper-parameters."""

_BUILTIN = (ValueError, TypeError, ArithmeticError)
_REFUSES = (RefimplError, *_BUILTIN)


def kind_of(error: BaseException) -> dict[str, Any]:
    """The name of an error, and the builtin kinds that it is of."""
    builtin = [kind.__name__ for kind in _BUILTIN if isinstance(error, kind)]
    return {"error": type(error).__name__, "is": builtin}


def outcome(action: Callable[[], Any]) -> BaseException | None:
    """The error by which an action refuses, or None; what is no refusal is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of arithmetic on what should have been refused
        try:
            action()
        except _REFUSES as error:
            return error
    return None


def judged(case: Mapping[str, Any], error: BaseException | None) -> list[str]:
    """What is wrong with the error, or the lack of one, where a case wants another."""
    what = next(case[key] for key in ("what", "params", "hyper_parameters") if key in case)
    if error is None:
        return [f"{what} is invalid, but accepted"]
    if type(error).__name__ != case["error"]:
        return [f"{what} is refused by {type(error).__name__}, not {case['error']}"]
    if str(case.get("names", "")) not in str(error):
        return [f"{what} is refused without naming {case['names']}: {error}"]
    return []


# --- hyper-parameters -----------------------------------------------------------------------------


def _candidates(hint: Any) -> list[Any]:
    """Values that are of the wrong kind or out of range for most hyper-parameters."""
    if hint is float:
        return [math.nan, -1.0, "much"]
    if hint is int:
        return [1.5, -1]
    if hint is bool:
        return ["yes"]
    return ["no such choice"] if typing.get_origin(hint) is Literal else []


def refused_settings(entry: Entry, make: Make, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Single hyper-parameters that the method refuses beside the others of the variant."""
    found = []
    for name in entry.own_fields if entry.is_part else entry.fields:
        for value in _candidates(entry.hints[name]):
            error = outcome(functools.partial(make, {**settings, name: value}))
            if error is not None:
                given = {"hyper_parameters": encode({name: value})}
                found.append({**given, **kind_of(error), "names": name})
    return found


def accepted(entry: Entry, make: Make, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Other values of single hyper-parameters that the method takes: each choice, and zero."""
    found = []
    for name in entry.own_fields:
        hint = entry.hints[name]
        options: Sequence[Any] = ()
        if typing.get_origin(hint) is Literal:
            options = typing.get_args(hint)
        elif hint is float:
            options = (0.0,)
        elif hint is bool:
            options = (True, False)
        for value in options:
            changed = {**settings, name: value}
            if value != settings[name] and outcome(functools.partial(make, changed)) is None:
                found.append({"hyper_parameters": encode({name: value})})
    return found


# --- parameters -----------------------------------------------------------------------------------


def spoiled(params: Any) -> dict[str, Any]:
    """Parameters that some method or other cannot start from, by names for them.

    Examples
    --------
    >>> import numpy as np
    >>> {name: value[0].tolist() for name, value in spoiled([np.array([1.5])]).items()}
    {'integers': [1], 'zeros': [0.0], 'ones': [1.0], '1024 times': [1536.0], \
'nan': [nan], 'vectors': [1.5]}
    """
    xp = namespace(*ad.flatten(params)[0])

    def filled(value: float) -> Any:
        return ad.map_tree(lambda leaf: xp.full_like(leaf, value), params)

    return {
        "integers": ad.map_tree(lambda leaf: xp.astype(leaf, xp.int64), params),
        "zeros": filled(0.0),
        "ones": filled(1.0),
        "1024 times": ad.map_tree(lambda leaf: 1024.0 * leaf, params),
        "nan": filled(math.nan),
        "vectors": ad.map_tree(lambda leaf: xp.reshape(leaf, (-1,)), params),
    }


def _start(method: Any, problem: Problem, params: Any) -> None:
    seen = Problem(problem.statement, problem.objective, params, problem.batches, problem.extra)
    rng = Rng(0)
    state = begun(method, seen, rng.child)
    method.step(state, problem.objective, problem.batches[0], rng.child("step"))


def refused(
    entry: Entry, make: Make, settings: Mapping[str, Any], problem: Problem
) -> list[dict[str, Any]]:
    """All that the method must refuse: hyper-parameters, then parameters."""
    found = refused_settings(entry, make, settings)
    if entry.kind == "loss" or "graphs" in entry.requires:
        return found
    method = make(settings)
    for name, params in spoiled(problem.params).items():
        try:
            error = outcome(functools.partial(_start, method, problem, params))
        except Exception:  # not a refusal: nothing is promised about such parameters
            continue
        if error is not None:
            found.append({"params": name, **kind_of(error)})
    return found


def checked(
    make: Make, settings: Mapping[str, Any], problem: Problem, record: Mapping[str, Any]
) -> list[str]:
    """The cases of a record that turn out otherwise here."""
    found = []
    for case in record["valid"]:
        changed = {**settings, **decode(case["hyper_parameters"])}
        error = outcome(functools.partial(make, changed))
        if error is not None:
            found.append(f"{case['hyper_parameters']} is valid, but refused: {error}")
    for case in record["invalid"]:
        if "params" in case:
            params = spoiled(problem.params)[case["params"]]
            action = functools.partial(_start, make(settings), problem, params)
        else:
            action = functools.partial(make, {**settings, **decode(case["hyper_parameters"])})
        found += judged(case, outcome(action))
    return found


# --- losses of the core ---------------------------------------------------------------------------


def of_loss(name: str, problem: Problem) -> list[dict[str, Any]]:
    """Targets that a loss refuses."""
    targets = problem.batches[0].targets
    xp = namespace(targets)
    bad = {"one example too few": targets[1:], "another axis": xp.stack([targets, targets])}
    found = []
    for what, given in bad.items():
        error = outcome(functools.partial(LOSSES[name], problem.params, given))
        if error is not None:
            found.append({"what": what, "targets": encode(given), **kind_of(error)})
    return found


def checked_loss(record: Mapping[str, Any], problem: Problem) -> list[str]:
    """The invalid targets of a record that are not refused here as there."""
    found = []
    for case in record["invalid"]:
        batch = Batch(None, decode(case["targets"]))
        action = functools.partial(problem.objective, problem.params, batch)
        found += judged(case, outcome(action))
    return found
