"""Stationarity, conserved quantities and coherence of strongly regularized networks.

Measured on networks with autodiff and the package's algorithms, in float64: the Euler identity
and the merging of layer norms, the imbalance of a linear network, the equilibrium of a
scale-invariant layer, curvature at the origin, and singular modes.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.composition import alone
from refimpl.algorithms.l2 import L2
from refimpl.arrays import Array, Backend, to_host
from refimpl.arrays import backend as make_backend
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment, merge
from refimpl.models import MLP, DeepLinear, Objective
from refimpl.papers.gradient_coherent.gradient_coherent import GradientCoherent
from refimpl.random import Rng

KINDS = (
    "euler",
    "imbalance",
    "margin",
    "invariant",
    "origin",
    "modes",
    "factorisations",
)


@dataclass(frozen=True)
class Config:
    """Depths and lengths of the runs."""

    depths: tuple[int, ...] = (1, 2, 3, 5, 8)
    imbalance_steps: int = 20_000
    classes: tuple[int, ...] = (2, 10, 100)
    chains: int = 400
    invariant_steps: int = 4000
    slopes: tuple[float, ...] = (1.5, 1.0, 0.6, 0.3)
    mode_steps: int = 4000
    factorizations: int = 200

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(chains=4000, invariant_steps=8000, factorizations=2000)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"kind": kind} for kind in KINDS]


def run_task(config: Config, backend: Backend, rng: Rng, *, kind: str) -> dict[str, Any]:
    place = make_backend(backend.name, "float64")
    work = {
        "euler": lambda: _euler(config, place, rng),
        "imbalance": lambda: _imbalance(config, place, rng),
        "margin": lambda: _margin(config),
        "invariant": lambda: _invariant(config, place, rng),
        "origin": lambda: _origin(place),
        "modes": lambda: _modes(config, place),
        "factorisations": lambda: _factorizations(config, place, rng),
    }
    return work[kind]()


def _host(array: Any) -> np.ndarray:
    return to_host(array).astype(np.float64)


def _euler(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Relative spread over layers of <∂L/∂W_l, W_l> in bias-free ReLU networks."""
    spreads = []
    for depth in config.depths:
        stream = rng.child("euler", depth)
        model = MLP((7, *[9] * (depth - 1), 4), bias=False)
        params = model.init(stream, backend=backend)
        inputs = stream.child("x").normal((32, 7), like=backend.zeros((1,)))
        labels = backend.asarray(stream.child("y").integers(0, 4, 32))
        gradient = ad.grad(Objective(model))(params, Batch(inputs, labels, None))
        products = [
            float(np.sum(_host(layer["weight"]) * _host(g["weight"])))
            for layer, g in zip(params, gradient, strict=True)
        ]
        spreads.append((max(products) - min(products)) / abs(products[0]))
    return {"depths": np.asarray(config.depths), "euler_spread": np.asarray(spreads)}


def _imbalance(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """W_2^T W_2 − W_1 W_1^T of a linear network under L2, first and last."""
    like = backend.zeros((1,))
    model = DeepLinear((4, 4, 4, 4))
    params = model.init(rng.child("imbalance"), "lecun_normal", backend=backend)
    inputs = rng.child("imbalance", "x").normal((16, 4), like=like)
    targets = rng.child("imbalance", "y").normal((16, 4), like=like)
    objective, batch = Objective(model, "mean_squared_error"), Batch(inputs, targets, None)
    algorithm = GradientCoherent(criterion="always", strength=0.05, learning_rate=1e-4)

    def gap(weights: list[Array]) -> np.ndarray:
        lower, upper = _host(weights[0]), _host(weights[1])
        return upper.T @ upper - lower @ lower.T

    state = algorithm.init(params)
    first = gap(state.params)
    for _ in range(config.imbalance_steps):
        state, _ = algorithm.step(state, objective, batch)
    last = gap(state.params)
    sizes = np.linalg.norm(first), np.linalg.norm(last)
    return {
        "imbalance_ratio": sizes[1] / sizes[0],
        "imbalance_cosine": np.sum(first * last) / (sizes[0] * sizes[1]),
        "imbalance_time": 1e-4 * config.imbalance_steps,
        "imbalance_strength": 0.05,
    }


def _margin(config: Config) -> dict[str, Any]:
    """sup (y − p)·z over logits: a general search over all K logits for few classes, over the
    gap between the label's and equal others for many."""
    from scipy.optimize import minimize, minimize_scalar

    found = []
    for classes in config.classes:

        def gap_value(u: float, k: int = classes) -> float:
            return -u * (k - 1) / (np.exp(u) + k - 1)

        best = -minimize_scalar(gap_value, bounds=(0.0, 20.0), method="bounded").fun
        if classes <= 10:

            def value(z: np.ndarray) -> float:
                p = np.exp(z - z.max())
                return -(z[0] - p @ z / p.sum())

            draws = np.random.default_rng(0).normal(size=(5, classes))
            free = -min(minimize(value, z, tol=1e-12).fun for z in draws)
            best = max(best, free)
        found.append(best)
    return {"classes": np.asarray(config.classes), "largest_margin": np.asarray(found)}


def _along(params: Array, slope: Array) -> Array:
    """The objective whose gradient is the batch."""
    return ad.sum(params * slope)


def _invariant(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Mean ‖w‖⁴ of layers whose gradient is noise orthogonal to w of size 1/‖w‖."""
    size, rate, strength = 50, 0.1, 0.02
    algorithm = alone(L2, strength=strength, learning_rate=rate, include="all")
    like = backend.zeros((1,))
    # every layer is a row; starting at the predicted scale shortens the transient
    w = rng.child("w").normal((config.chains, size), like=like)
    state = algorithm.init(w * (3.3 / size**0.5))
    noise = rng.child("noise")
    kept = []
    for step in range(config.invariant_steps):
        w = state.params
        draw = noise.normal((config.chains, size), like=like)
        square = ad.sum(w * w, axis=1, keepdims=True)
        across = draw - w * (ad.sum(w * draw, axis=1, keepdims=True) / square)
        slope = across / square**0.5
        state, _ = algorithm.step(state, _along, slope)
        if 2 * step >= config.invariant_steps:
            kept.append(np.mean(np.sum(_host(state.params) ** 2, axis=1) ** 2))
    return {"invariant_norm": np.mean(kept), "invariant_setting": np.array([rate, strength, 49.0])}


def _origin(backend: Backend) -> dict[str, Any]:
    """Eigenvalues of the Hessian at zero weights, from Hessian-vector products."""
    strength = 0.3
    inputs = 2.0**0.5 * backend.eye(2)
    targets = inputs * backend.asarray([1.356, 0.7116])
    found = {}
    for depth in (2, 3):
        model = DeepLinear((2,) * (depth + 1))
        objective = Objective(model, "mean_squared_error")
        vector, unravel = ad.ravel([backend.zeros((2, 2)) for _ in range(depth)])
        batch = Batch(inputs, targets, None)

        def energy(flat: Array, data: Batch, unravel: Any, objective: Any) -> Array:
            return objective(unravel(flat), data) + 0.5 * strength * ad.sum(flat * flat)

        at_zero = functools.partial(energy, data=batch, unravel=unravel, objective=objective)

        rows = [_host(ad.hvp(at_zero, vector, row)) for row in backend.eye(4 * depth)]
        found[f"origin_{depth}"] = np.linalg.eigvalsh(np.stack(rows))
    return found


def _modes(config: Config, backend: Backend) -> dict[str, Any]:
    """Diagonal of a depth-3 linear network that learns several slopes under λ = 0.15."""
    count = len(config.slopes)
    model = DeepLinear((count,) * 4)
    inputs = count**0.5 * backend.eye(count)
    targets = inputs * backend.asarray(list(config.slopes))
    objective, batch = Objective(model, "mean_squared_error"), Batch(inputs, targets, None)
    algorithm = GradientCoherent(criterion="always", strength=0.15, learning_rate=0.1)
    state = algorithm.init([0.7 * backend.eye(count) for _ in range(3)])
    path = []
    for _ in range(config.mode_steps):
        path.append(np.diag(_host(model.product(state.params))))
        state, _ = algorithm.step(state, objective, batch)
    product = _host(model.product(state.params))
    return {
        "slopes": np.asarray(config.slopes),
        "mode_gain": np.diag(product),
        "mode_leak": np.max(np.abs(product - np.diag(np.diag(product)))),
        "mode_path": np.stack(path[:400]),
    }


def _factorizations(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """The cheapest of many factorizations of one matrix, by descent from random ones.

    Minimises Σ‖W_l‖² with the last factor eliminated, so that the product is exact.
    """
    from scipy.optimize import minimize

    like = backend.zeros((1,))
    matrix = _host(rng.child("matrix").normal((4, 3), like=like))
    depths, best, least_random = (2, 3, 5), [], []
    for depth in depths:

        def cost(flat: np.ndarray, d: int = depth) -> float:
            inner = list(flat.reshape(d - 1, 3, 3))
            product = np.linalg.multi_dot(inner[::-1]) if d > 2 else inner[0]
            last = np.linalg.solve(product.T, matrix.T).T
            return float(np.sum(flat**2) + np.sum(last**2))

        first = np.stack([np.eye(3)] * (depth - 1)).ravel()
        draws = rng.child("factors", depth)
        random = [draws.child(index).normal(first.shape) for index in range(config.factorizations)]
        least_random.append(min(map(cost, random)))
        first += 0.1 * rng.child("search", depth).normal(first.shape)
        found = minimize(cost, first, method="BFGS", options={"gtol": 1e-9, "maxiter": 2000})
        best.append(found.fun)
    return {
        "matrix": matrix,
        "factor_depths": np.asarray(depths),
        "least_cost": np.asarray(best),
        "least_random_cost": np.asarray(least_random),
    }


EXPERIMENT = Experiment(
    name="gradient_coherent_stationarity",
    summary="Stationarity, conserved quantities and coherence of strongly regularised networks",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=merge,
)
