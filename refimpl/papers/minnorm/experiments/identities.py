"""Minnorm training: the identities that every single step keeps.

The right-hand sides are written out in NumPy here: products of weights, central differences of
the Lagrangian, the pseudo-inverse's projector. None comes from the algorithm or the tape.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend, to_host
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment
from refimpl.models import MLP, DeepLinear, LinearChain, Objective
from refimpl.papers.minnorm.minnorm import Minnorm
from refimpl.random import Rng

CONSTRAINTS = ("equality", "margin", "one_vs_rest", "crammer_singer", "loss")
_OUTPUTS = 3


@dataclass(frozen=True)
class Config:
    """Sizes, steps and the number of random starting points."""

    examples: int = 5
    inputs: int = 9
    hidden: int = 7
    steps: int = 100
    seeds: int = 1
    learning_rate: float = 0.01
    multiplier_rate: float = 0.02
    damping: float = 0.5

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(seeds=20)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    seeds = range(config.seeds)
    return {
        "null_space": [null_space_errors(config, backend, rng.child("null", k)) for k in seeds],
        "balance": [balance_errors(config, backend, rng.child("balance", k)) for k in seeds],
        "relu_balance": [relu_balance_error(config, backend, rng.child("relu", k)) for k in seeds],
        "chain_balance": [chain_error(config, backend, rng.child("chain", k)) for k in seeds],
        "wrapper": [wrapper_errors(config, backend, rng.child("wrapper", k)) for k in seeds],
    }


def problem(
    config: Config, backend: Backend, rng: Rng, constraint: str, activation: str
) -> tuple[Objective, list[dict[str, Any]], Batch]:
    """Random data, a bias-free network of one hidden layer and its start."""
    outputs = 1 if constraint == "margin" else _OUTPUTS
    size = config.examples
    like = backend.zeros((1,))
    inputs = rng.child("x").normal((size, config.inputs), like=like)
    if constraint == "equality":
        targets = rng.child("y").normal((size, outputs), like=like)
    elif constraint == "margin":
        targets = rng.child("y").rademacher((size,), like=like)
    else:
        targets = backend.asarray(rng.child("y").integers(0, outputs, (size,)))
    loss = {"equality": "mean_squared_error", "margin": "logistic"}
    model = MLP((config.inputs, config.hidden, outputs), activation=activation, bias=False)
    objective = Objective(model, loss.get(constraint, "softmax_cross_entropy"))
    params = model.init(rng.child("init"), scale=0.7, backend=backend)
    return objective, params, Batch(inputs, targets, np.arange(size))


def algorithm_of(config: Config, **more: Any) -> Any:
    rates = {
        "learning_rate": config.learning_rate,
        "multiplier_rate": config.multiplier_rate,
        "damping": config.damping,
        "tolerance": 0.0,
    }
    return Minnorm(**{**rates, **more})


def null_space_errors(config: Config, backend: Backend, rng: Rng) -> list[float]:
    """Relative error of W_1 P_null = (1 - eta_w)^t W_1(0) P_null, for each variant."""
    errors = []
    variants = itertools.product(
        CONSTRAINTS, ("identity", "relu"), ("simultaneous", "alternating"), (None, 2)
    )
    for constraint, activation, order, size in variants:
        objective, params, data = problem(config, backend, rng, constraint, activation)
        algorithm = algorithm_of(config, constraint=constraint, order=order)
        state = algorithm.init(params, data, objective)
        for step in range(config.steps):
            batch = data
            if size is not None:
                chosen = rng.child("order", step).permutation(config.examples)[:size]
                there = backend.asarray(chosen)
                batch = Batch(data.inputs[there], data.targets[there], chosen)
            state, _ = algorithm.step(state, objective, batch)
        x = to_host(data.inputs)
        null = np.eye(config.inputs) - np.linalg.pinv(x) @ x
        first, last = (to_host(tree[0]["weight"]) @ null for tree in (params, state.params))
        predicted = (1.0 - config.learning_rate) ** config.steps * first
        errors.append(float(np.linalg.norm(last - predicted) / np.linalg.norm(predicted)))
    return errors


def _deep_linear(
    config: Config, backend: Backend, rng: Rng, depth: int
) -> tuple[Objective, list[Any], Batch]:
    widths = (config.inputs, *[config.hidden] * (depth - 1), _OUTPUTS)
    model = DeepLinear(widths)
    like = backend.zeros((1,))
    inputs = rng.child("x", depth).normal((config.examples, config.inputs), like=like)
    targets = rng.child("y", depth).normal((config.examples, _OUTPUTS), like=like)
    params = model.init(rng.child("w", depth), backend=backend)
    return Objective(model, "mean_squared_error"), params, Batch(inputs, targets)


def _gaps(weights: list[np.ndarray]) -> list[np.ndarray]:
    return [upper.T @ upper - lower @ lower.T for lower, upper in itertools.pairwise(weights)]


def balance_errors(config: Config, backend: Backend, rng: Rng) -> list[float]:
    """Error of C' = (1-eta)^2 C + eta^2 (Q_{l+1}^T Q_{l+1} - Q_l Q_l^T) in one step, per depth."""
    eta = config.learning_rate
    errors = []
    for depth in (2, 3, 4):
        objective, params, data = _deep_linear(config, backend, rng, depth)
        algorithm = algorithm_of(config, constraint="equality")
        state = algorithm.init(params, data, objective)
        for _ in range(3):
            state, _ = algorithm.step(state, objective, data)
        w = [to_host(layer) for layer in state.params]
        x, y, lam = to_host(data.inputs), to_host(data.targets), to_host(state.multipliers)
        product = np.linalg.multi_dot([*reversed(w), x.T]).T
        g = lam + config.damping * (y - product)
        q = []
        for index in range(depth):
            below = np.linalg.multi_dot([*reversed(w[:index]), x.T, g]) if index else x.T @ g
            above = (
                np.linalg.multi_dot([*reversed(w[index + 1 :]), np.eye(w[index].shape[0])])
                if index < depth - 1
                else np.eye(_OUTPUTS)
            )
            q.append((below @ above).T)
        after, _ = algorithm.step(state, objective, data)
        measured = _gaps([to_host(layer) for layer in after.params])
        pushed = _gaps(q)
        scale = max(float(np.abs(gap).max()) for gap in measured)
        errors.append(
            max(
                float(np.abs(new - ((1 - eta) ** 2 * old + eta**2 * push)).max())
                for new, old, push in zip(measured, _gaps(w), pushed, strict=True)
            )
            / scale
        )
    return errors


def relu_balance_error(config: Config, backend: Backend, rng: Rng) -> float:
    """The diagonal of the matrix identity in a ReLU network, neuron by neuron."""
    eta = config.learning_rate
    objective, params, data = problem(config, backend, rng, "equality", "relu")
    algorithm = algorithm_of(config, constraint="equality")
    state = algorithm.init(params, data, objective)
    for _ in range(3):
        state, _ = algorithm.step(state, objective, data)
    first, second = (to_host(layer["weight"]) for layer in state.params)
    x, y, lam = to_host(data.inputs), to_host(data.targets), to_host(state.multipliers)
    before = x @ first.T
    hidden = np.maximum(before, 0.0)
    g = lam + config.damping * (y - hidden @ second.T)
    q_second = g.T @ hidden
    q_first = ((g @ second) * (before > 0)).T @ x
    after, _ = algorithm.step(state, objective, data)
    new_first, new_second = (to_host(layer["weight"]) for layer in after.params)

    def gap(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        return np.sum(upper**2, axis=0) - np.sum(lower**2, axis=1)

    measured = gap(new_first, new_second)
    predicted = (1 - eta) ** 2 * gap(first, second) + eta**2 * gap(q_first, q_second)
    return float(np.abs(measured - predicted).max() / np.abs(measured).max())


def chain_error(config: Config, backend: Backend, rng: Rng) -> float:
    """w_l'^2 - w_k'^2 = (w_l^2 - w_k^2)((1-eta)^2 - eta^2 g^2 prod_{m != l,k} w_m^2)."""
    eta, depth = config.learning_rate, 4
    model = LinearChain(depth)
    objective = Objective(model, "mean_squared_error")
    start = model.init([float(v) for v in rng.uniform((depth,), 0.6, 1.4)], backend=backend)
    data = Batch(backend.ones((1,)), 2.0 * backend.ones((1,)))
    algorithm = algorithm_of(config, constraint="equality", refuse=False)
    state = algorithm.init(start, data, objective)
    for _ in range(3):
        state, _ = algorithm.step(state, objective, data)
    w = np.array([float(weight) for weight in state.params])
    g = float(state.multipliers[0]) + config.damping * (2.0 - np.prod(w))
    after, _ = algorithm.step(state, objective, data)
    new = np.array([float(weight) for weight in after.params])
    worst = 0.0
    for one, other in itertools.combinations(range(depth), 2):
        rest = np.prod(np.delete(w, [one, other]) ** 2)
        predicted = (w[one] ** 2 - w[other] ** 2) * ((1 - eta) ** 2 - eta**2 * g**2 * rest)
        worst = max(worst, abs(new[one] ** 2 - new[other] ** 2 - predicted))
    return worst


def wrapper_errors(config: Config, backend: Backend, rng: Rng) -> list[float]:
    """Step against central differences of the augmented Lagrangian, per constraint and damping."""
    errors = []
    for constraint, damping in itertools.product(CONSTRAINTS, (0.0, config.damping)):
        objective, params, data = problem(config, backend, rng, constraint, "tanh")
        algorithm = algorithm_of(config, constraint=constraint, damping=damping)
        state = algorithm.init(params, data, objective)
        for _ in range(5):
            state, _ = algorithm.step(state, objective, data)
        after, _ = algorithm.step(state, objective, data)
        w = [to_host(layer["weight"]) for layer in state.params]
        moved = [to_host(layer["weight"]) for layer in after.params]
        fixed = (
            constraint,
            damping,
            to_host(data.inputs),
            to_host(data.targets),
            to_host(state.multipliers),
            algorithm.loss_level,
        )
        for index, weight in enumerate(w):
            direction = rng.child("direction", index).normal(weight.shape)
            h = 1e-5
            values = [
                lagrangian(
                    [*w[:index], weight + sign * h * direction, *w[index + 1 :]],
                    *fixed,
                )
                for sign in (1.0, -1.0)
            ]
            slope = (values[0] - values[1]) / (2.0 * h)
            taken = np.sum((weight - moved[index]) * direction) / config.learning_rate
            errors.append(abs(slope - taken) / (1.0 + abs(slope)))
    return errors


def lagrangian(
    weights: list[np.ndarray],
    constraint: str,
    damping: float,
    x: np.ndarray,
    y: np.ndarray,
    multipliers: np.ndarray,
    level: float,
) -> float:
    """1/2 sum ||W||^2 and the (augmented) constraint terms, of a tanh network, in plain NumPy."""
    f = np.tanh(x @ weights[0].T) @ weights[1].T
    rows = np.arange(len(x))
    if constraint == "equality":
        v = y - f
        terms = np.sum(multipliers * v) + 0.5 * damping * np.sum(v * v)
        return 0.5 * sum(float(np.sum(w * w)) for w in weights) + float(terms)
    if constraint == "margin":
        v = 1.0 - y * f[:, 0]
    elif constraint == "one_vs_rest":
        signs = -np.ones_like(f)
        signs[rows, y] = 1.0
        v = 1.0 - signs * f
    elif constraint == "crammer_singer":
        v = 1.0 + f - f[rows, y][:, None]
        v[rows, y] = -np.inf
    else:
        shifted = f - f.max(axis=1, keepdims=True)
        v = np.log(np.exp(shifted).sum(axis=1)) - shifted[rows, y] - level
    if damping == 0.0:
        terms = np.sum(np.where(np.isfinite(v), multipliers * np.where(np.isfinite(v), v, 0.0), 0))
    else:
        pushed = np.maximum(0.0, multipliers + damping * v)
        terms = np.sum(pushed**2 - multipliers**2) / (2.0 * damping)
    return 0.5 * sum(float(np.sum(w * w)) for w in weights) + float(terms)


EXPERIMENT = Experiment(
    name="minnorm_identities",
    summary="Null space, balance and back-propagated multipliers of single Minnorm steps",
    config=Config,
    run_task=run_task,
)
