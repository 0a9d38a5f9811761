"""The test vectors of a method: one record per variant, written and checked.

>>> from refimpl.variants import Variant
>>> record = written(Variant("sgd", settings={"learning_rate": 0.5}))
>>> record["method"], record["hyper_parameters"], [out["step"] for out in record["outputs"]]
('sgd', {'learning_rate': {'float': '0x1.0p-1'}}, [1, 2, 5, 20])
>>> checked(record)
[]
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from refimpl import autodiff as ad
from refimpl import catalogue
from refimpl.algorithms.composition import Composition, alone
from refimpl.algorithms.sgd import SGD
from refimpl.errors import DataError
from refimpl.papers import Entry
from refimpl.random import Rng
from refimpl.variants import Problem, Variant
from refimpl.vectors import deviations, refusals
from refimpl.vectors.encoding import decode, decode_like, distance, encode
from refimpl.vectors.problems import PROBLEMS, coarse
from refimpl.vectors.running import Draws, penalty_at, perturbed, recorded, run, tolerances

_WHOLE = re.MULTILINE | re.DOTALL

LOSS_RATE = 0.5
"""Step of the descent that writes down a loss."""

PENALTY, DIFFERENCES = 1e-10, 1e-7
"""Tolerances of penalties, and of their Hessian products where these are differences."""

HEAD = (-1,)
"""Where the losses on features find the last layer of the network problem."""


def entry_of(name: str) -> Entry:
    """The entry of an algorithm or loss.

    Raises
    ------
    DataError
        If there is none of this name.
    """
    found = {**catalogue.algorithms(), **catalogue.losses()}
    if name not in found:
        raise DataError(f"there is no method {name!r} here")
    return found[name]


def algorithm_of(entry: Entry) -> str:
    """The numbered lines of the method, from the page of its module.

    Examples
    --------
    >>> algorithm_of(entry_of("sgd")).splitlines()
    ['1. g ← ∇L(w; batch)', '2. w ← w − α g']
    """
    text = inspect.getdoc(sys.modules[entry.factory.__module__]) or ""
    found = re.search(r"^Algorithm[^\n]*\n-+\n(.*?)(?=\n\nSource|\n\n[^\n]+\n-{4,})", text, _WHOLE)
    return re.sub(r":\w+:`~?([^`]+)`", r"\1", found[1]).strip() if found else ""


def problem_of(variant: Variant) -> Problem:
    """The problem of a variant."""
    if callable(variant.problem):
        return variant.problem()
    if variant.problem is not None:
        return PROBLEMS[variant.problem]()
    entry = entry_of(variant.method)
    if "tasks" in entry.requires:
        return PROBLEMS["tasks"]()
    if "full_batch" in entry.requires:
        return PROBLEMS["steady"]()
    wants_model = {"objective", "training", "classification"} & set(entry.requires)
    return PROBLEMS["network" if wants_model else "quadratic"]()


def settings_of(variant: Variant) -> dict[str, Any]:
    """All hyper-parameters of a variant: its own, and the defaults of the entry."""
    entry = entry_of(variant.method)
    own = {name: entry.default(name) for name in entry.fields}
    return {**own, **variant.settings}


def made(variant: Variant, settings: Mapping[str, Any]) -> Any:
    """The method, or what stands in its place, with these hyper-parameters."""
    entry = entry_of(variant.method)
    if variant.factory is None:
        return entry.make(**settings)
    if entry.is_part:
        return alone(variant.factory, **settings)
    return variant.factory(**settings)


def prepared(
    variant: Variant, settings: Mapping[str, Any], problem: Problem
) -> tuple[Any, Problem]:
    """What takes the steps, and the problem as it sees it: a loss takes the objective's place."""
    method = made(variant, settings)
    if entry_of(variant.method).kind != "loss":
        return method, problem
    objective = method.objective(problem.objective.model, head=HEAD)
    stands = Problem(problem.statement, objective, problem.params, problem.batches, problem.extra)
    return Composition(SGD(learning_rate=LOSS_RATE)), stands


def written(variant: Variant) -> dict[str, Any]:
    """The record of a variant."""
    entry, problem, settings = entry_of(variant.method), problem_of(variant), settings_of(variant)
    method, seen = prepared(variant, settings, problem)
    log = Draws()
    outputs = run(method, seen, log.stream)
    again = Draws(log.given)
    moved = run(method, perturbed(seen), again.stream)
    allowed = tolerances(outputs, moved)
    record: dict[str, Any] = {
        "method": variant.method,
        "variant": variant.name,
        "kind": entry.kind,
        "role": "control" if variant.faulty else "reference",
        "summary": entry.summary,
        "source": entry.source,
        "note": variant.note,
        "algorithm": algorithm_of(entry) if variant.name == "default" else "",
        "hyper_parameters": encode(settings),
        "problem": problem.statement,
    }
    if entry.kind == "loss":
        record["problem"] += f"; minimized by p <- p - {LOSS_RATE} gradient"
    record["params"] = encode(problem.params)
    record["batches"] = encode(problem.batches)
    record["extra"] = encode(dict(problem.extra)) if _uses_extra(variant) else {}
    record["draws"] = log.record()
    if variant.own_draws is not None:
        own = [variant.own_draws(settings, step, problem) for step in range(20)]
        record["own_draws"] = encode(own)
    if entry.kind == "penalty":
        record["penalty"] = _penalty(method, seen)
    record["outputs"] = recorded(outputs, allowed)
    cases = variant.name == "default"  # once for each method
    make = functools.partial(made, variant)
    record["valid"] = refusals.accepted(entry, make, settings) if cases else []
    record["invalid"] = refusals.refused(entry, make, settings, seen) if cases else []
    if cases and entry.kind != "loss":
        record["deviations"] = deviations.written(
            variant.method, make, settings, seen, again, outputs[1], allowed[1]
        )
    return record


def _uses_extra(variant: Variant) -> bool:
    return bool({"validation", "training"} & set(entry_of(variant.method).requires))


def _penalty(method: Any, problem: Problem) -> dict[str, Any]:
    """Value, gradient and Hessian product of the penalty, with the draws of one evaluation."""
    part = method.penalties[0]
    stream = Rng(4).child("direction")
    along = ad.map_tree(lambda leaf: coarse(stream.normal(leaf.shape)), problem.params)
    log = Draws()
    part_at = penalty_at(part, problem, lambda: log.stream(0), along)
    once = len(log.given.get(0, ())) // log.asked
    return {"draws": encode(log.given.get(0, [])[:once]), **encode(part_at)}


# --- checking -------------------------------------------------------------------------------------


def variant_of(record: Mapping[str, Any]) -> Variant:
    """The variant that a record is of.

    Raises
    ------
    DataError
        If there is none of its name.
    """
    for variant in catalogue.variants():
        if (variant.method, variant.name) == (record["method"], record["variant"]):
            return variant
    raise DataError(f"there is no variant {record['variant']!r} of {record['method']!r} here")


def checked(record: Mapping[str, Any]) -> list[str]:
    """Everything in which the package differs from a record: an empty list where nothing does.

    The inputs, hyper-parameters and draws are those of the record.
    """
    variant = variant_of(record)
    template = problem_of(variant)
    extra = dict(template.extra)
    if record["extra"]:
        extra = decode_like(record["extra"], extra)
    problem = Problem(
        template.statement,
        template.objective,
        decode_like(record["params"], template.params),
        decode_like(record["batches"], template.batches),
        extra,
    )
    settings = _plain(decode(record["hyper_parameters"]))
    method, seen = prepared(variant, settings, problem)
    outputs = run(method, seen, Draws.of_record(record["draws"]).stream)
    found = compared(outputs, record["outputs"])
    if "penalty" in record:
        found += _differs_as_penalty(method, seen, record["penalty"])
    if "own_draws" in record and variant.own_draws is not None:
        own = [variant.own_draws(settings, step, problem) for step in range(20)]
        if distance(own, decode(record["own_draws"])) > 0.0:
            found.append("the method draws other noise of its own")
    make = functools.partial(made, variant)
    if "deviations" in record:
        draws = Draws.of_record(record["draws"])
        found += deviations.checked(record, make, settings, seen, draws)
    return found + refusals.checked(make, settings, seen, record)


def compared(outputs: Sequence[Mapping[str, Any]], expected: Sequence[Any]) -> list[str]:
    """The differences of outputs from those of a record, beyond its tolerances."""
    found = []
    for here, there in zip(outputs, expected, strict=True):
        allowed = decode(there["tolerance"])
        for key in ("params", "memory", "diagnostics"):
            if key not in there:
                continue
            off = distance(decode(encode(here[key])), decode(there[key]))
            if not off <= allowed:
                found.append(
                    f"step {here['step']}: {key} differ by {off:.3g}, allowed {allowed:.3g}"
                )
    return found


def _differs_as_penalty(method: Any, problem: Problem, record: Mapping[str, Any]) -> list[str]:
    along = decode_like(record["direction"], problem.params) if "direction" in record else None
    given = {0: decode(record["draws"])}
    here = penalty_at(method.penalties[0], problem, lambda: Draws(given).stream(0), along)
    found = []
    for key in ("value", "gradient", "hessian_product"):
        if key in record:
            by_differences = key == "hessian_product" and record["hessian_by"] == "differences"
            allowed = DIFFERENCES if by_differences else PENALTY
            off = distance(decode(encode(here[key])), decode(record[key]))
            if not off <= allowed:
                found.append(f"{key} of the penalty differs by {off:.3g}, allowed {allowed}")
    return found


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Lists of JSON as the tuples that hyper-parameters are."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()}
