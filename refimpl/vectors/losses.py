"""The test vectors of the losses of the core, as functions of the outputs.

>>> record = written("hinge", "sum")
>>> record["method"], record["variant"], len(record["values"])
('hinge', 'sum', 2)
>>> checked(record)
[]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refimpl import autodiff as ad
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.sgd import SGD
from refimpl.variants import Problem
from refimpl.vectors import refusals
from refimpl.vectors.encoding import decode, distance, encode
from refimpl.vectors.methods import LOSS_RATE, compared
from refimpl.vectors.problems import of_loss
from refimpl.vectors.running import Draws, perturbed, recorded, run, tolerances


def written(name: str, reduction: str) -> dict[str, Any]:
    """The record of a loss of the core: value, gradient in the outputs, and a descent on them."""
    problem = of_loss(name, reduction)
    method = Composition(SGD(learning_rate=LOSS_RATE))
    outputs = run(method, problem, Draws().stream)
    allowed = tolerances(outputs, run(method, perturbed(problem), Draws().stream))
    values = [_at(problem, batch) for batch in problem.batches]
    return {
        "method": name,
        "variant": reduction,
        "kind": "loss",
        "role": "reference",
        "summary": f"{name.replace('_', ' ')}, {reduction} over the examples",
        "source": "standard",
        "note": "",
        "algorithm": "",
        "hyper_parameters": {"reduction": reduction},
        "problem": f"{problem.statement}; minimized by p <- p - {LOSS_RATE} gradient",
        "params": encode(problem.params),
        "batches": encode([{"targets": batch.targets} for batch in problem.batches]),
        "extra": {},
        "draws": [],
        "values": encode(values),
        "outputs": recorded(outputs, allowed),
        "valid": [],
        "invalid": refusals.of_loss(name, problem),
    }


def _at(problem: Problem, batch: Any) -> dict[str, Any]:
    value, gradient = ad.value_and_grad(problem.objective)(problem.params, batch)
    return {"loss": float(value), "gradient": gradient}


def checked(record: Mapping[str, Any]) -> list[str]:
    """Everything in which a loss of the core differs from its record."""
    problem = of_loss(record["method"], record["variant"])
    targets = [part["targets"] for part in decode(record["batches"])]
    batches = tuple(
        batch._replace(targets=given) for batch, given in zip(problem.batches, targets, strict=True)
    )
    seen = Problem(problem.statement, problem.objective, decode(record["params"]), batches)
    outputs = run(Composition(SGD(learning_rate=LOSS_RATE)), seen, Draws().stream)
    found = compared(outputs, record["outputs"])
    for number, (batch, value) in enumerate(zip(batches, record["values"], strict=True)):
        off = distance(decode(encode(_at(seen, batch))), decode(value))
        if not off <= 1e-13:
            found.append(f"batch {number}: loss or gradient differs by {off:.3g}, allowed 1e-13")
    return found + refusals.checked_loss(record, problem)
