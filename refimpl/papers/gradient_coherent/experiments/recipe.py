"""What the experiments on strong regularization share: one recipe on digits, and one run of it.

The recipe is fixed draw by draw, so that two implementations can be compared number by number.
Digits in [0, 1] are permuted by ``default_rng(split_seed)``; the first go to training (and
validation), the last 500 are the test set. The training mean is subtracted pixel by pixel, and the
deviation of all training pixels before that subtraction divides. ``default_rng(seed)`` draws the
weights layer by layer with variance gain / fan_in, then the order of every epoch. Biases start
at zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from refimpl.algorithms.l1 import soft_threshold
from refimpl.arrays import Backend, to_host
from refimpl.datasets import Dataset
from refimpl.datasets.digits import digits
from refimpl.models import MLP, Objective
from refimpl.models.compression import describe
from refimpl.papers.gradient_coherent.gradient_coherent import GradientCoherent
from refimpl.random import Replay
from refimpl.training import accuracy, train

TEST = 500

METHODS: dict[str, dict[str, Any]] = {
    "none": {"strength": 0.0, "criterion": "always"},
    "plain": {"criterion": "always"},
    "delayed 1": {"criterion": "always", "delay": 1},
    "delayed 2": {"criterion": "always", "delay": 2},
    "delayed 5": {"criterion": "always", "delay": 5},
    "delayed 8": {"criterion": "always", "delay": 8},
    "delayed 10": {"criterion": "always", "delay": 10},
    "delayed 15": {"criterion": "always", "delay": 15},
    "delayed 30": {"criterion": "always", "delay": 30},
    "gate 0": {"threshold": 0.0},
    "gate 0.1": {"threshold": 0.1},
    "gate 0.3": {"threshold": 0.3},
    "gate 0.5": {"threshold": 0.5},
    "gate 0.7": {"threshold": 0.7},
    "gate 0.8": {"threshold": 0.8},
    "gate 0.9": {"threshold": 0.9},
    "layer 0.3": {"threshold": 0.3, "scope": "layer"},
    "layer 0.7": {"threshold": 0.7, "scope": "layer"},
    "sign": {"criterion": "sign"},
    "ratio 1": {"criterion": "ratio"},
    "lookahead 0.99": {"criterion": "lookahead", "threshold": 0.99},
    "lookahead 0.999": {"criterion": "lookahead", "threshold": 0.999},
    "temporal 0": {"criterion": "temporal", "threshold": 0.0},
}
"""The methods by the names that results and figures use."""


class Sets(NamedTuple):
    """Training, validation (maybe empty) and test set."""

    train: Dataset
    validation: Dataset
    test: Dataset


def load(
    backend: Backend,
    *,
    split_seed: int = 12345,
    validation: int = 0,
    noise: float = 0.0,
    noise_seed: int = 777,
) -> Sets:
    """The digits of the recipe.

    Parameters
    ----------
    backend : Backend
    split_seed : int
    validation : int
        How many of the last training examples are held out; the statistics leave them out.
    noise : float
        Probability with which a training or validation label is redrawn uniformly.
    noise_seed : int
    """
    data = digits()
    inputs, labels = to_host(data.inputs), to_host(data.targets)
    order = np.random.default_rng(split_seed).permutation(len(labels))
    inputs, labels = inputs[order], labels[order].copy()
    seen = len(labels) - TEST
    if noise:
        draw = np.random.default_rng(noise_seed)
        redrawn = np.flatnonzero(draw.random(seen) < noise)
        labels[redrawn] = draw.integers(0, 10, len(redrawn))
    first = seen - validation
    centered = inputs - inputs[:first].mean(axis=0)
    scaled = centered / inputs[:first].std()

    def part(start: int, stop: int) -> Dataset:
        return replace(
            data,
            inputs=backend.asarray(scaled[start:stop]),
            targets=backend.asarray(labels[start:stop]),
        )

    return Sets(part(0, first), part(first, seen), part(seen, len(labels)))


@dataclass(frozen=True)
class Recipe:
    """The network and its training.

    Attributes
    ----------
    depth, width : int
        Weight layers, hidden width.
    gain : float
        Variance of the initial weights times fan_in; 2 is He's.
    bias : bool
    epochs, batch_size : int
    learning_rate : float
    decay : bool
        Divide the rate by 10 from 60 % of the epochs, and again from 85 %.
    """

    depth: int = 8
    width: int = 64
    gain: float = 1.0
    bias: bool = True
    epochs: int = 50
    batch_size: int = 64
    learning_rate: float = 0.1
    decay: bool = True

    def model(self, inputs: int = 64) -> MLP:
        return MLP((inputs, *[self.width] * (self.depth - 1), 10), bias=self.bias)

    def rate(self, epoch: int) -> float:
        if not self.decay or epoch < math.floor(0.6 * self.epochs):
            return self.learning_rate
        return self.learning_rate * (0.1 if epoch < math.floor(0.85 * self.epochs) else 0.01)


def start(model: MLP, gain: float, generator: np.random.Generator, backend: Backend) -> Any:
    """Initial parameters, drawn as (in, out) matrices and transposed."""
    params = []
    for fan_in, fan_out in zip(model.widths[:-1], model.widths[1:], strict=True):
        draw = generator.normal(size=(fan_in, fan_out)) * math.sqrt(gain / fan_in)
        layer = {"weight": backend.asarray(np.ascontiguousarray(draw.T))}
        if model.bias:
            layer["bias"] = backend.zeros((fan_out,))
        params.append(layer)
    return params


def epoch_orders(generator: np.random.Generator, size: int, epochs: int, seed: int) -> Replay:
    """The orders of all epochs, drawn one after another by the recipe's one generator."""
    drawn = {("order", epoch): [generator.permutation(size)] for epoch in range(epochs)}
    return Replay(drawn, seed=seed)


def build(name: str, strength: float, **more: Any) -> GradientCoherent:
    """The method of :data:`METHODS` called ``name`` at λ = ``strength``."""
    return GradientCoherent(**{"strength": strength, **METHODS[name], **more})


class Run(NamedTuple):
    """One trained network: its parameters, and numbers by name."""

    params: Any
    numbers: dict[str, Any]
    steps: dict[str, np.ndarray]
    steps_per_epoch: int


def run(
    algorithm: GradientCoherent,
    recipe: Recipe,
    sets: Sets,
    seed: int,
    backend: Backend,
    *,
    params: Any = None,
    on_epoch: Callable[[int, Any], None] | None = None,
) -> Run:
    """Train once.

    Parameters
    ----------
    algorithm : GradientCoherent
        Its learning rate is replaced by the recipe's.
    recipe : Recipe
    sets : Sets
    seed : int
    backend : Backend
    params : tree, optional
        Where to start instead of the recipe's draw.
    on_epoch : callable, optional
        ``on_epoch(epoch, params)`` after every epoch, counted from 1, and with 0 at the start.

    Returns
    -------
    Run
        ``numbers`` holds accuracies, the final training loss, the share of steps with an open
        gate (over all steps, after epoch 5, in the last epoch), ‖w‖ at the end, the fraction of
        non-zero weights, the steps since the gate was last open, and whether the run collapsed.
    """
    model = recipe.model(sets.train.features)
    generator = np.random.default_rng(seed)
    drawn = start(model, recipe.gain, generator, backend)
    params = drawn if params is None else params
    objective = Objective(model)
    size = len(sets.train)
    per_epoch = math.ceil(size / recipe.batch_size)
    orders: Any = epoch_orders(generator, size, recipe.epochs, seed)

    def on_step(step: int, state: Any, info: Any) -> None:
        if on_epoch is not None and step % per_epoch == 0:
            on_epoch(step // per_epoch, state.params)

    if on_epoch is not None:
        on_epoch(0, params)
    outcome = train(
        algorithm,
        objective,
        params,
        sets.train,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        rng=orders,
        schedule=lambda epoch: replace(algorithm, learning_rate=recipe.rate(epoch)),
        on_step=on_step,
        progress=False,
        check_every=per_epoch,
    )
    return summarize(outcome.params, outcome.history.steps, recipe, sets)


def summarize(params: Any, steps: dict[str, np.ndarray], recipe: Recipe, sets: Sets) -> Run:
    """The numbers of a network that was trained, from its parameters and what its steps noted.

    Parameters
    ----------
    params : list of dict
    steps : dict of array, shape (steps,)
        "loss", "gate" and "nonzero" of every step.
    recipe : Recipe
    sets : Sets
    """
    measure = accuracy(recipe.model(sets.train.features))
    batches = np.diff([*range(0, len(sets.train), recipe.batch_size), len(sets.train)])
    per_epoch, gate = len(batches), steps["gate"]
    weights = [to_host(layer["weight"]).astype(np.float64) for layer in params]
    opened = np.flatnonzero(gate > 0.0)
    numbers = {
        f"{name}_accuracy": measure(params, part)
        for name, part in sets._asdict().items()
        if len(part)
    }
    numbers |= {
        "loss": float(np.average(steps["loss"][-per_epoch:], weights=batches)),
        "on_rate": gate.mean(),
        "on_rate_after_5": gate[5 * per_epoch :].mean() if len(gate) > 5 * per_epoch else np.nan,
        "on_rate_last": gate[-per_epoch:].mean(),
        "weight_norm": math.sqrt(sum(float(np.sum(w**2)) for w in weights)),
        "nonzero": steps["nonzero"][-1],
        "steps_shut": float(len(gate) - 1 - opened[-1]) if len(opened) else float(len(gate)),
    }
    numbers["collapsed"] = is_collapsed(numbers["loss"], numbers["nonzero"], sets.train)
    return Run(params, numbers, steps, per_epoch)


def is_collapsed(loss: float, nonzero: float, data: Dataset) -> bool:
    """Whether a network has died: no weight is left, or none that says anything of the inputs.

    Its training loss is then the entropy of the class frequencies, which free output biases
    still fit, or the logarithm of the number of classes; within 0.001.

    Examples
    --------
    >>> is_collapsed(2.3026, 1.0, digits())
    True
    >>> is_collapsed(0.2, 1.0, digits())
    False
    """
    counts = np.bincount(to_host(data.targets))
    shares = counts[counts > 0] / counts.sum()
    levels = (-float(np.sum(shares * np.log(shares))), math.log(len(counts)))
    return nonzero == 0.0 or min(abs(loss - level) for level in levels) < 1e-3


def repair(params: Any, recipe: Recipe, strength: float, sets: Sets) -> dict[str, float]:
    """What one last proximal step with the recipe's first rate leaves of a network under L1."""
    size = recipe.learning_rate * strength
    repaired = [{**layer, "weight": soft_threshold(layer["weight"], size)} for layer in params]
    stored = describe(repaired)
    measure = accuracy(recipe.model(sets.train.features))
    return {
        "repaired_nonzero": stored.nonzero / stored.weights,
        "repaired_accuracy": measure(repaired, sets.test),
        "dense_bytes": stored.dense_bytes,
        "sparse_bytes": stored.sparse_bytes,
    }
