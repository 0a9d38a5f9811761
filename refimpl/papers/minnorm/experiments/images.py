"""What the experiments on images share: centered images, the methods compared, ranking scores.

All networks are ReLU networks with one hidden layer and no biases, trained on the whole set at
once with sums over examples; classes are codes of +1 and -1, and the squared error of the
baselines is on these codes. Weights start at ``scale`` times He's standard deviation.

A rotation of the inputs changes none of these methods, and what the training inputs do not span
decays by a known factor a step (1 for gradient descent). So where there are fewer examples than
pixels, training happens in coordinates of the examples' span, which is exact and cheaper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from refimpl import datasets
from refimpl.algorithms import solution
from refimpl.algorithms.composition import alone
from refimpl.algorithms.early_stopping import EarlyStopping
from refimpl.algorithms.l2 import L2
from refimpl.arrays import Backend, to_host
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective
from refimpl.papers.minnorm.constraints import ConstraintName
from refimpl.papers.minnorm.diagnosis import diagnose, difficulty
from refimpl.papers.minnorm.minnorm import Minnorm
from refimpl.random import Rng

CLASSES = 10


class Images(NamedTuple):
    """Centred images of unit mean square norm and labels, on the host; raw training pictures."""

    train: np.ndarray
    labels: np.ndarray
    validation: np.ndarray
    validation_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    pictures: np.ndarray


def images(name: str, rng: Rng, size: int, validation: int) -> Images:
    """``size`` training images of "digits" or "mnist", ``validation`` others, and the test part.

    Digits are centered and scaled over the whole set and everything left is for testing; MNIST
    by its training images, with its own test part.
    """
    if name == "digits":
        whole = datasets.digits()
        pixels, labels = to_host(whole.inputs), to_host(whole.targets)
        order = rng.child("order").permutation(len(pixels))
        centered = pixels - pixels.mean(axis=0)
        centered = centered / np.sqrt(np.mean(np.sum(centered**2, axis=1)))
        parts = np.split(order, [size, size + validation])
        split = [part for rows in parts for part in (centered[rows], labels[rows])]
        return Images._make([*split, pixels[parts[0]]])
    loaded = datasets.load(
        name,
        rng=rng.child("split"),
        training=size,
        validation=validation,
        center=True,
        scale="norm",
    )
    plain = datasets.load(name, rng=rng.child("split"), training=size, validation=validation)
    split = [to_host(values) for part in loaded for values in (part.inputs, part.targets)]
    return Images._make([*split, to_host(plain.train.inputs)])


@dataclass(frozen=True)
class Recipe:
    """Steps and rates: of Minnorm (rate, damping, steps) and of the baselines."""

    hidden: int = 100
    rate: float = 0.002
    damping: float = 0.5
    steps: int = 8000
    baseline_rate: float = 0.002
    baseline_steps: int = 4000


class Trained(NamedTuple):
    """A trained network: its weights on the host, and the run's state where it was Minnorm."""

    weights: list[np.ndarray]
    algorithm: Any = None
    state: Any = None
    diagnosis: Any = None


def start(recipe: Recipe, backend: Backend, rng: Rng, pixels: int, scale: float) -> Any:
    """Initial weights, the same for every method."""
    model = MLP((pixels, recipe.hidden, CLASSES), bias=False)
    return model.init(rng.child("init"), scale=scale, backend=backend)


def train_minnorm(
    recipe: Recipe, backend: Backend, data: Images, first: Any, constraint: ConstraintName
) -> Trained:
    """Minnorm with "equality" or "one_vs_rest" constraints, in the span of the images."""
    algorithm = Minnorm(
        constraint=constraint,
        learning_rate=recipe.rate,
        multiplier_rate=recipe.rate,
        damping=recipe.damping,
        tolerance=0.0,
    )
    keep = (1.0 - recipe.rate) ** recipe.steps
    return _train(algorithm, recipe.steps, keep, backend, data, first, labels=True)


def train_baseline(
    recipe: Recipe, backend: Backend, data: Images, first: Any, gamma: float
) -> Trained:
    """Squared error and 1/2 gamma times the squared norm; 0 is gradient descent."""
    algorithm = alone(L2, strength=gamma, learning_rate=recipe.baseline_rate)
    keep = (1.0 - recipe.baseline_rate * gamma) ** recipe.baseline_steps
    return _train(algorithm, recipe.baseline_steps, keep, backend, data, first, labels=False)


def _train(
    algorithm: Any, steps: int, keep: float, backend: Backend, data: Images, first: Any,
    *, labels: bool,
) -> Trained:  # fmt: skip
    basis = _span(data.train)
    outer = to_host(first[0]["weight"])
    inner = [{"weight": backend.asarray(outer @ basis)}, first[1]]
    model = MLP((basis.shape[1], outer.shape[0], CLASSES), bias=False)
    objective = Objective(model, "softmax_cross_entropy" if labels else "mean_squared_error", "sum")
    inputs = backend.asarray(data.train @ basis)
    if labels:
        batch = Batch(inputs, backend.asarray(data.labels))
        state = algorithm.init(inner, batch, objective)
    else:
        batch = Batch(inputs, backend.asarray(codes(data.labels)))
        state = algorithm.init(inner)
    for _ in range(steps):
        state, _ = algorithm.step(state, objective, batch)
    found = diagnose(algorithm, state, objective, batch) if labels else None
    span = to_host(state.params[0]["weight"]) @ basis.T
    weights = [
        span + keep * (outer - (outer @ basis) @ basis.T),
        to_host(state.params[1]["weight"]),
    ]
    return Trained(weights, algorithm, state, found)


def train_early_stopping(
    recipe: Recipe, backend: Backend, data: Images, first: Any, every: int = 20
) -> tuple[Trained, Trained]:
    """Gradient descent to the end, and where its validation loss was lowest."""
    pixels, hidden = data.train.shape[1], recipe.hidden
    objective = Objective(MLP((pixels, hidden, CLASSES), bias=False), "mean_squared_error", "sum")

    def batch(inputs: np.ndarray, labels: np.ndarray) -> Batch:
        return Batch(backend.asarray(inputs), backend.asarray(codes(labels)))

    algorithm: Any = alone(
        EarlyStopping,
        learning_rate=recipe.baseline_rate,
        evaluate_every=every,
        patience=recipe.baseline_steps,
    )
    validation = batch(data.validation, data.validation_labels)
    state = algorithm.init(first, validation=validation, objective=objective)
    training = batch(data.train, data.labels)
    for _ in range(recipe.baseline_steps):
        state, _ = algorithm.step(state, objective, training)
    ends = (state.params, solution(algorithm, state))
    last, best = ([to_host(layer["weight"]) for layer in params] for params in ends)
    return Trained(last), Trained(best)


def _span(inputs: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span the rows of ``inputs``; the identity where they span all."""
    examples, pixels = inputs.shape
    if examples >= pixels:
        return np.eye(pixels)
    return np.linalg.qr(inputs.T)[0]


def codes(labels: np.ndarray) -> np.ndarray:
    """+1 at the label and -1 elsewhere."""
    return 2.0 * np.eye(CLASSES)[labels] - 1.0


def outputs(weights: list[np.ndarray], inputs: np.ndarray) -> np.ndarray:
    return np.maximum(inputs @ weights[0].T, 0.0) @ weights[1].T


def accuracy(weights: list[np.ndarray], inputs: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(np.argmax(outputs(weights, inputs), axis=1) == labels))


def norm(weights: list[np.ndarray]) -> float:
    """The sum of squares of all weights."""
    return float(sum(np.sum(weight**2) for weight in weights))


def least_margin(weights: list[np.ndarray], data: Images) -> float:
    return float(np.min(codes(data.labels) * outputs(weights, data.train)))


def residual(weights: list[np.ndarray], data: Images) -> np.ndarray:
    """The length of each training example's error on the codes."""
    return np.linalg.norm(codes(data.labels) - outputs(weights, data.train), axis=1)


def scores(trained: Trained) -> np.ndarray:
    """The multipliers' measure of how hard each example is."""
    return to_host(difficulty(trained.algorithm, trained.state))


def area_under_curve(score: np.ndarray, positive: np.ndarray) -> float:
    """The chance that a positive example scores higher than a negative one; ties count half."""
    high, low = score[positive], score[~positive]
    wins = np.sum(high[:, None] > low[None, :]) + 0.5 * np.sum(high[:, None] == low[None, :])
    return float(wins / (high.size * low.size))
