"""What implementations with a known deviation would have arrived at, beside the right numbers.

The deviations are those that :mod:`refimpl.conformance` knows of a method: other settings of the
reference, and steps that stand in its place. Those are written down that can be run on the inputs
of the file and have other numbers there.

>>> from refimpl.variants import Variant
>>> from refimpl.vectors.methods import written
>>> [item["name"] for item in written(Variant("momentum"))["deviations"]]
['dampening', 'dampening after the first step']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from refimpl import autodiff as ad
from refimpl import catalogue
from refimpl.conformance import Deviation, Gradient, Subject
from refimpl.conformance.records import changed
from refimpl.errors import RefimplError
from refimpl.variants import Problem
from refimpl.vectors.encoding import decode, distance, encode
from refimpl.vectors.running import Draws, run

AFTER = 2
"""Steps after which the parameters are written down."""

Make = Callable[[Mapping[str, Any]], Any]


def known(method: str) -> dict[str, Deviation]:
    """The known deviations of a method by name."""
    subject = catalogue.subjects().get(method)
    return {} if subject is None else {item.name: item for item in subject.deviations}


def params_with(
    method: str,
    deviation: Deviation,
    make: Make,
    settings: Mapping[str, Any],
    problem: Problem,
    draws: Draws,
) -> Any:
    """The parameters after two steps with a deviation, or None where it does not run here."""
    subject = catalogue.subjects()[method]
    by_settings = not (deviation.instead or deviation.family or deviation.around)
    try:
        if by_settings:
            made = make({**settings, **deviation.values})
            return run(made, problem, draws.stream, (AFTER,))[-1]["params"]
        if subject.kind == "optimizer" and not any(draws.given.values()):
            return _followed(subject, deviation, settings, problem)
    except (RefimplError, ValueError, TypeError):
        pass
    return None


def _followed(
    subject: Subject, deviation: Deviation, settings: Mapping[str, Any], problem: Problem
) -> Any:
    """Two steps of an implementation under the contract of the conformance kit."""
    chosen = {name: settings[name] for name in subject.settings if name in settings}
    optimizer = changed([deviation], subject.make, subject.chosen(chosen))
    leaves, structure = ad.flatten(problem.params)
    state = optimizer.init(leaves)
    for number in range(AFTER):
        batch = problem.batches[number % len(problem.batches)]

        def slope(params: Any, batch: Any = batch) -> list[Any]:
            tree = ad.unflatten(structure, list(params))
            return ad.flatten(ad.grad(problem.objective)(tree, batch))[0]

        leaves, state = optimizer.step(leaves, state, Gradient(slope(leaves), slope), ())
    return ad.unflatten(structure, list(leaves))


def written(
    method: str,
    make: Make,
    settings: Mapping[str, Any],
    problem: Problem,
    draws: Draws,
    reference: Mapping[str, Any],
    tolerance: float,
) -> list[dict[str, Any]]:
    """The record of all deviations whose numbers are others than those of the reference.

    Parameters
    ----------
    method : str
    make, settings : callable, mapping
        The reference is ``make(settings)``.
    problem : Problem
    draws : Draws
        Those of the reference, given.
    reference : mapping
        Its output after two steps.
    tolerance : float
        Of that output.
    """
    found = []
    for name, deviation in known(method).items():
        params = params_with(method, deviation, make, settings, problem, draws)
        if params is None or distance(params, reference["params"]) <= 3.0 * tolerance:
            continue
        found.append(
            {"name": name, "what": deviation.what, "step": AFTER, "params": encode(params)}
        )
    return found


def checked(
    record: Mapping[str, Any],
    make: Make,
    settings: Mapping[str, Any],
    problem: Problem,
    draws: Draws,
) -> list[str]:
    """The deviations of a record that have other numbers here."""
    tolerance = decode(record["outputs"][1]["tolerance"])
    here, found = known(record["method"]), []
    for item in record["deviations"]:
        if item["name"] not in here:
            found.append(f"there is no deviation {item['name']!r} of {record['method']} here")
            continue
        deviation = here[item["name"]]
        params = params_with(record["method"], deviation, make, settings, problem, draws)
        expected = decode(item["params"])
        off = None if params is None else distance(decode(encode(params)), expected)
        if off is None or not off <= tolerance:
            found.append(f"with {item['name']!r} the parameters differ by {off}")
    return found
