"""Networks of the recipe trained side by side: back-propagation is batched, decisions are not.

The losses of all networks and their gradients are one batched computation. Each network then takes
its own step by its own registered algorithm, so strengths, methods, seeds, data and initial scales
may differ. An algorithm sees its network as two arrays, all weights in one row and all biases in
another, which leaves every reading of the whole network as it is; a decision for each layer, and a
second gradient at other parameters, cannot be had this way.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Array, Backend, to_host
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_coherent.experiments.recipe import (
    Recipe,
    Run,
    Sets,
    epoch_orders,
    start,
    summarize,
)
from refimpl.papers.gradient_coherent.gradient_coherent import GradientCoherent


class Member(NamedTuple):
    """One network: its algorithm, its data, the seed of its draws, and its initial gain."""

    algorithm: GradientCoherent
    sets: Sets
    seed: int
    gain: float = 1.0


def stacks(algorithm: GradientCoherent) -> bool:
    """Whether an algorithm decides on the whole network from one gradient a step."""
    return algorithm.scope == "global" and algorithm.criterion != "lookahead"


def run_together(members: Sequence[Member], recipe: Recipe, backend: Backend) -> list[Run]:
    """Train every member once; the numbers are those of :func:`recipe.run`, to rounding.

    Parameters
    ----------
    members : sequence of Member
        With training sets of one size; their gain is used, not the recipe's.
    recipe : Recipe
    backend : Backend

    Returns
    -------
    list of Run
        In the order of the members.

    Raises
    ------
    ValueError
        If an algorithm needs the layers or a second gradient, or the training sets differ in size.
    """
    sizes = {len(member.sets.train) for member in members}
    if len(sizes) > 1:
        raise ValueError(f"the training sets differ in size: {sorted(sizes)}")
    for algorithm in (member.algorithm for member in members):
        if not stacks(algorithm):
            raise ValueError(f"{algorithm} does not see layers or a second gradient in a stack")
    [size] = sizes
    per_epoch = math.ceil(size / recipe.batch_size)
    model = recipe.model(members[0].sets.train.features)
    layout = Layout(model)
    states, orders = [], []
    for member in members:
        generator = np.random.default_rng(member.seed)
        params = layout.flat(start(model, member.gain, generator, backend))
        orders.append(epoch_orders(generator, size, recipe.epochs, member.seed))
        states.append(member.algorithm.init(params, steps_per_epoch=per_epoch))
    passes = ad.Replayed(functools.partial(_sum_of_losses, Objective(model)))
    inputs = np.stack([to_host(member.sets.train.inputs) for member in members])
    targets = np.stack([to_host(member.sets.train.targets) for member in members])
    own, known = np.arange(len(members))[:, None], _Known()
    ones = np.ones(len(members), dtype=inputs.dtype)
    steps: dict[str, list[list[float]]] = {"loss": [], "gate": [], "nonzero": []}
    for epoch in range(recipe.epochs):
        rate = recipe.rate(epoch)
        algorithms = [replace(member.algorithm, learning_rate=rate) for member in members]
        order = np.stack([each.child("order", epoch).permutation(size) for each in orders])
        for first in range(0, size, recipe.batch_size):
            chosen = order[:, first : first + recipe.batch_size]
            batch = Batch(inputs[own, chosen], targets[own, chosen], None)
            stack = layout.layers([state.params for state in states])
            _, (gradient, losses) = passes((stack, ones), batch)
            found = []
            for k, slope in enumerate(layout.rows(gradient)):
                states[k], info = algorithms[k].step(states[k], known, (losses[k, ...], slope))
                found.append(info)
            for name, rows in steps.items():
                rows.append([float(getattr(info, name)) for info in found])
    noted = {name: np.asarray(rows) for name, rows in steps.items()}
    return [
        summarize(
            layout.tree(state.params),
            {name: values[:, k] for name, values in noted.items()},
            recipe,
            member.sets,
        )
        for k, (member, state) in enumerate(zip(members, states, strict=True))
    ]


def table(config: Any, tasks: Sequence[Any], results: Sequence[Any]) -> dict[str, np.ndarray]:
    """A way to collect tasks that return columns: one table, the tasks' rows under one another."""
    return {name: np.concatenate([result[name] for result in results]) for name in results[0]}


def columns(rows: Sequence[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Rows with the same names as named columns."""
    return {name: np.asarray([row[name] for row in rows]) for name in rows[0]}


class _Known:
    """An objective whose value and gradient were computed beforehand: they are its batch."""

    def __call__(self, params: Any, batch: Any) -> Array:
        return batch[0]

    def value_and_gradient(self, params: Any, batch: Any) -> tuple[Array, Any]:
        return batch


def _sum_of_losses(objective: Objective, argument: tuple[Any, Array], batch: Batch) -> Array:
    """The sum of the networks' losses; its slope in the factors, which are 1, is the losses."""
    params, factors = argument
    return ad.sum(factors * objective.each(params, batch))


class Layout:
    """Where each layer of a network stands in the two arrays that hold it."""

    def __init__(self, model: MLP) -> None:
        self.shapes = list(zip(model.widths[1:], model.widths[:-1], strict=True))
        self.bias = model.bias
        self.weight_ends = np.cumsum([out * into for out, into in self.shapes])[:-1]
        self.bias_ends = np.cumsum([out for out, _ in self.shapes])[:-1]

    def flat(self, params: Any) -> dict[str, Array]:
        """A network as {"weight": (1, all weights), "bias": (all biases,)}."""
        flat = {"weight": np.concatenate([layer["weight"].ravel() for layer in params])[None, :]}
        if self.bias:
            flat["bias"] = np.concatenate([layer["bias"] for layer in params])
        return flat

    def layers(self, networks: Sequence[dict[str, Array]]) -> list[dict[str, Array]]:
        """All networks as one tree of layers with a leading axis: views of one copy."""
        weights = np.concatenate([network["weight"] for network in networks])
        parts = np.split(weights, self.weight_ends, axis=1)
        layers = [
            {"weight": part.reshape((-1, *shape))}
            for part, shape in zip(parts, self.shapes, strict=True)
        ]
        if self.bias:
            biases = np.stack([network["bias"] for network in networks])
            for layer, part in zip(layers, np.split(biases, self.bias_ends, axis=1), strict=True):
                layer["bias"] = part
        return layers

    def rows(self, layers: list[dict[str, Array]]) -> Iterator[dict[str, Array]]:
        """The inverse of :meth:`layers`, network by network."""
        count = len(layers[0]["weight"])
        weights = np.concatenate([layer["weight"].reshape(count, -1) for layer in layers], axis=1)
        biases = np.concatenate([layer["bias"] for layer in layers], axis=1) if self.bias else None
        for k in range(count):
            row = {"weight": weights[k : k + 1]}
            yield row if biases is None else {**row, "bias": biases[k]}

    def tree(self, network: dict[str, Array]) -> list[dict[str, Array]]:
        """One network as the tree of its model."""
        return [{name: part[0] for name, part in layer.items()} for layer in self.layers([network])]
