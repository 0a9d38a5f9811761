"""What the methods are run on: small problems that one line of mathematics describes.

All given numbers are multiples of 1/64, so that they are exact in single precision too and short
in hexadecimal.

>>> problem = quadratic()
>>> [leaf.shape for leaf in problem.params[0].values()], len(problem.batches)
([(4, 3), (4,)], 2)
>>> float(problem.params[0]["bias"][0] * 64) % 1.0
0.0
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace
from refimpl.datasets import Batch, Episode
from refimpl.models import LOSSES, MLP, Objective
from refimpl.random import Rng
from refimpl.variants import Problem

QUADRATIC_WIDTHS = (3, 4, 2)
NETWORK_WIDTHS = (3, 4, 3)
BATCHES = 2


class Quadratic(NamedTuple):
    """A batch of the quadratic problem: two trees like the parameters."""

    slope: Any
    curvature: Any


def coarse(values: Array) -> Array:
    """The nearest multiples of 1/64."""
    return namespace(values).round(64.0 * values) / 64.0


def layers(widths: tuple[int, ...], rng: Rng, scale: float = 1.0) -> list[dict[str, Array]]:
    """Normal weights and biases on the grid."""
    made = []
    for number in range(len(widths) - 1):
        shape = (widths[number + 1], widths[number])
        weight = scale * rng.child("weight", number).normal(shape)
        bias = 0.5 * scale * rng.child("bias", number).normal(shape[:1])
        made.append({"weight": coarse(weight), "bias": coarse(bias)})
    return made


def quadratic_loss(params: Any, batch: Quadratic) -> Any:
    """Σ g θ + ½ h θ², over all entries of all parameters."""
    terms = ad.flatten(ad.map_tree(lambda p, g, h: ad.sum((g + 0.5 * h * p) * p), params, *batch))[
        0
    ]
    return functools.reduce(lambda a, b: a + b, terms)


def quadratic() -> Problem:
    """A loss whose gradient is g + h θ, entry by entry, with new g and h in each step."""
    rng = Rng(1).child("quadratic")
    params = layers(QUADRATIC_WIDTHS, rng.child("params"))

    def batch(number: int) -> Quadratic:
        stream = rng.child("batch", number)
        slope = ad.map_tree(lambda leaf: coarse(0.5 * stream.normal(leaf.shape)), params)
        curvature = ad.map_tree(lambda leaf: coarse(stream.uniform(leaf.shape)), params)
        return Quadratic(slope, curvature)

    return Problem(
        "loss(params; batch) = sum over all entries of slope * p + curvature * p * p / 2, so that "
        "its gradient is slope + curvature * p, entry by entry",
        quadratic_loss,
        params,
        tuple(batch(number) for number in range(BATCHES)),
        {"validation": batch(BATCHES)},
    )


NETWORK = (
    "a network of two layers, f(x) = W1 tanh(W0 x + b0) + b1 with params[l] = {weight: W_l (out, "
    "in), bias: b_l}"
)


def steady() -> Problem:
    """The quadratic problem with one batch for all steps, for methods that compare its values."""
    problem = quadratic()
    return dataclasses.replace(problem, batches=problem.batches[:1])


def network() -> Problem:
    """A classifier with a hidden layer of tanh units under cross-entropy."""
    rng = Rng(1).child("network")
    params = layers(NETWORK_WIDTHS, rng.child("params"))
    inputs = coarse(rng.child("inputs").normal((8, 3)))
    labels = rng.child("labels").integers(0, 3, (8,))

    def batch(chosen: Any) -> Batch:
        return Batch(inputs[chosen, :], labels[chosen], chosen)

    orders = [rng.child("order", number).permutation(8)[:5] for number in range(BATCHES)]
    everything = namespace(labels).arange(8)
    return Problem(
        NETWORK + "; loss(params; batch) = mean over the examples i of "
        "log(sum_k exp f_k(x_i)) - f_{y_i}(x_i); batch = {inputs: x (examples, 3), targets: y, "
        "indices: positions among all examples}",
        Objective(MLP(NETWORK_WIDTHS, activation="tanh"), "softmax_cross_entropy"),
        params,
        tuple(map(batch, orders)),
        {"validation": batch(everything[:4]), "training": batch(everything)},
    )


def tasks() -> Problem:
    """Regression on several tasks, with points to adapt on and points to judge by."""
    rng = Rng(1).child("tasks")

    def points(stream: Rng, count: int) -> Batch:
        inputs = coarse(stream.child("inputs").normal((3, count, 1)))
        return Batch(inputs, coarse(stream.child("targets").normal((3, count, 1))))

    def episode(number: int) -> Episode:
        stream = rng.child("episode", number)
        return Episode(points(stream.child("support"), 3), points(stream.child("query"), 4))

    return Problem(
        NETWORK + " for each of 3 tasks (the first axis of a batch's arrays); loss of a task = "
        "mean over its points of sum_k (f_k(x) - y_k)^2 / 2; batch = {support, query}, each "
        "{inputs: (tasks, points, 1), targets: (tasks, points, 1)}",
        Objective(MLP((1, 4, 1), activation="tanh"), "mean_squared_error"),
        layers((1, 4, 1), rng.child("params")),
        tuple(episode(number) for number in range(BATCHES)),
    )


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "quadratic": quadratic,
    "steady": steady,
    "network": network,
    "tasks": tasks,
}

FORMULAS = {
    "mean_squared_error": "sum_k (f_k - y_k)^2 / 2",
    "softmax_cross_entropy": "log(sum_k exp f_k) - f_y",
    "logistic": "log(1 + exp(-y f)), y in {-1, 1}",
    "hinge": "max(0, 1 - y f), y in {-1, 1}",
    "multiclass_margin": "max(0, 1 + max_{k != y} f_k - f_y)",
}
"""Of the losses of the core, for one example with outputs f and target y."""


def of_loss(name: str, reduction: str) -> Problem:
    """A loss of the core as a function of the outputs, which are the parameters."""
    rng = Rng(1).child("loss")
    scores = coarse(rng.child("outputs").normal((6, 3)))
    labels = rng.child("labels")
    if name in ("logistic", "hinge"):
        scores = scores[:, :1]

    def batch(number: int) -> Batch:
        stream = labels.child(number)
        if name == "mean_squared_error":
            return Batch(None, coarse(stream.normal((6, 3))))
        if name in ("logistic", "hinge"):
            return Batch(None, 2 * stream.integers(0, 2, (6,)) - 1)
        return Batch(None, stream.integers(0, 3, (6,)))

    def objective(outputs: Any, batch: Batch) -> Any:
        return LOSSES[name](outputs, batch.targets, reduction=reduction)

    return Problem(
        f"params are the outputs f (examples, classes); loss = {reduction} over the examples of "
        f"{FORMULAS[name]}",
        objective,
        scores,
        tuple(batch(number) for number in range(BATCHES)),
    )
