"""What implementations are tried on where the caller names nothing else.

>>> problem = descent(lambda rng: [rng.normal((2, 3))], steps=4, rng=Rng(0))
>>> len(problem.arguments["batches"]), problem.arguments["noise"][0][0][0].shape
(4, (2, 3))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from refimpl.conformance.records import Case
from refimpl.random import Rng

Leaves = list[np.ndarray]

SHAPES = ((4, 3), (4,), (4, 4), (2, 4), (2,), (5, 2))
"""Of the parameters of the default start: wide, square and tall weights, and biases."""


def plain_start(rng: Rng) -> Leaves:
    """Parameters of the default shapes, all below 0.9 in modulus, none near zero."""
    found = []
    for index, shape in enumerate(SHAPES):
        stream = rng.child("start", index)
        found.append(stream.rademacher(shape) * stream.uniform(shape, 0.15, 0.9))
    return found


def smooth_gradient(params: Sequence[Any], batch: Any) -> Leaves:
    """The gradient of a smooth loss that couples all parameters, for a batch number.

    L = Σ_l Σ (½ a (w − t)² + w⁴/40) + ½ (Σ_l mean w)², with fixed a in [½, 1½] and with t that the
    batch chooses.
    """
    mean = sum(float(np.mean(w)) for w in params)
    found = []
    for index, w in enumerate(params):
        place = np.arange(w.size).reshape(w.shape)
        a = 1.0 + 0.5 * np.cos(1.7 * place + index)
        t = np.sin(2.3 * place + 1.1 * index + 0.9 * float(batch))
        found.append(a * (w - t) + 0.1 * w**3 + mean / w.size)
    return found


def descent(
    start: Callable[[Rng], Leaves],
    *,
    steps: int,
    rng: Rng,
    draws: Callable[[Leaves], list[tuple[int, ...]]] | None = None,
    repeats: int = 1,
) -> Case:
    """The default case of an optimizer.

    Parameters
    ----------
    start : callable
        ``start(rng)``: the parameters.
    steps : int
    rng : Rng
    draws : callable, optional
        Shapes of the noise, from the parameters; default their own.
    repeats : int
        Draws in a step.
    """
    first = start(rng)
    shapes = [leaf.shape for leaf in first] if draws is None else draws(first)
    noise = [
        tuple(
            [
                rng.child("noise", step, repeat, index).normal(shape)
                for index, shape in enumerate(shapes)
            ]
            for repeat in range(repeats)
        )
        for step in range(steps)
    ]
    return Case(
        "default start",
        {
            "start": first,
            "gradient": smooth_gradient,
            "batches": list(range(steps)),
            "noise": noise,
        },
    )


WEIGHTS = {"wide": (4, 6), "tall": (6, 3), "square": (5, 5)}
"""Shapes of the weights on which penalties are tried, row = neuron."""


def weights(rng: Rng) -> dict[str, np.ndarray]:
    """Weights by name: no two neurons are close to parallel, and lengths differ.

    >>> {name: weight.shape for name, weight in weights(Rng(0)).items()}
    {'wide': (4, 6), 'tall': (6, 3), 'square': (5, 5)}
    """
    found = {}
    for name, shape in WEIGHTS.items():
        best: tuple[float, Any] = (2.0, None)
        for attempt in range(20):
            weight = rng.child("weight", name, attempt).normal(shape)
            unit = weight / np.linalg.norm(weight, axis=1, keepdims=True)
            near = float(np.max(np.abs(unit @ unit.T - np.eye(shape[0]))))
            best = min(best, (near, attempt))
        weight = rng.child("weight", name, best[1]).normal(shape)
        found[name] = weight * np.linspace(0.7, 1.4, shape[0])[:, None]
    return found


def weight_cases(
    settings: Any, rng: Rng, draws: Callable[..., dict[str, np.ndarray]] | None = None
) -> list[Case]:
    """The default cases of a penalty of one weight matrix.

    Parameters
    ----------
    settings : mapping
    rng : Rng
    draws : callable, optional
        ``draws(settings, weight, rng)``: further arguments.
    """
    found = []
    for name, weight in weights(rng).items():
        more = {} if draws is None else draws(settings, weight, rng.child("draws", name))
        neurons, inputs = weight.shape
        sizes = {"neurons": neurons, "inputs": inputs}
        found.append(Case(name, {"weight": weight, **more}, sizes))
    return found


def network_cases(settings: Any, rng: Rng) -> list[Case]:
    """The default cases of a penalty of a network and its inputs: x → w2 tanh(w1 x + b1) + b2.

    >>> [list(case.arguments) for case in network_cases({}, Rng(0))][0]
    ['w1', 'b1', 'w2', 'b2', 'inputs']
    """
    found = []
    for name, (inputs, hidden, outputs, examples) in {
        "three outputs": (4, 5, 3, 6),
        "two outputs": (3, 4, 2, 9),
    }.items():
        draw = rng.child("network", name)
        arguments = {
            "w1": draw.normal((hidden, inputs)) / math.sqrt(inputs),
            "b1": 0.3 * draw.normal((hidden,)),
            "w2": draw.normal((outputs, hidden)) / math.sqrt(hidden),
            "b2": 0.3 * draw.normal((outputs,)),
            "inputs": draw.normal((examples, inputs)),
        }
        sizes = {"examples": examples, "inputs": inputs, "outputs": outputs}
        found.append(Case(name, arguments, sizes))
    return found


def array_of(values: Sequence[int]) -> np.ndarray:
    """Whole numbers as an array of the host."""
    return np.asarray(values, dtype="int64")


def array_like(values: Sequence[float], like: Any) -> np.ndarray:
    """Numbers as an array of the host, in the precision of another."""
    return np.asarray(values, dtype=like.dtype)


def rolled(points: np.ndarray) -> np.ndarray:
    """The rows, beginning with the second."""
    return np.roll(points, -1, axis=0)
