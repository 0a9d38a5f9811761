"""The registered Minnorm algorithm against the steps that the experiments write out.

The experiments on shallow models, chains and deep linear networks advance stacks of problems by
formulas of their own, many thousand steps at a time. Here the registered algorithm, which goes
through automatic differentiation and its own constraints, takes the same steps from the same
starts; both must trace the same path, to rounding.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend, eps, to_host
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment, Task
from refimpl.models import DeepLinear, LinearChain, Objective
from refimpl.papers.minnorm.experiments import chain_flows
from refimpl.papers.minnorm.experiments import deep_linear as minnorm_deep_linear
from refimpl.papers.minnorm.experiments import margin as minnorm_margin
from refimpl.papers.minnorm.experiments import regression as minnorm_regression
from refimpl.papers.minnorm.minnorm import Minnorm
from refimpl.random import Rng

ORDERS = ("simultaneous", "alternating")


@dataclass(frozen=True)
class Config:
    """How many steps are compared."""

    steps: int = 150

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(steps=2_000)


def tasks(config: Config) -> list[Task]:
    return [{"case": case, "order": order} for case in _CASES for order in ORDERS]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, case: str, order: str
) -> dict[str, Any]:
    registered, written = _CASES[case](config, backend, rng, order)
    differences = [
        np.max(np.abs(to_host(a).reshape(b.shape) - b)) / np.max(np.abs(b))
        for a, b in zip(registered, written, strict=True)
    ]
    return {"difference": np.max(differences), "eps": eps(registered[0])}


def trace(
    config: Config,
    backend: Backend,
    objective: Objective,
    params: list[np.ndarray],
    inputs: np.ndarray,
    targets: np.ndarray,
    **hyper: Any,
) -> list[Any]:
    """Parameters and multipliers of the registered algorithm after ``config.steps`` steps."""
    algorithm: Any = Minnorm(tolerance=0.0, kkt_tolerance=0.0, patience=0.0, refuse=False, **hyper)
    batch = Batch(backend.asarray(inputs), backend.asarray(targets), None)
    start = [backend.asarray(weight) for weight in params]
    state = algorithm.init(start, training=batch, objective=objective)
    for _ in range(config.steps):
        state, _ = algorithm.step(state, objective, batch)
    return [*state.params, state.multipliers]


Paths = tuple[list[Any], list[np.ndarray]]


def _margin(config: Config, backend: Backend, rng: Rng, order: str) -> Paths:
    z = minnorm_margin.signed_points(0)
    signs = rng.child("signs").rademacher(len(z))
    w, alpha = rng.child("w").normal(5), np.zeros(len(z))
    objective = Objective(DeepLinear((5, 1)), "hinge", "sum")
    steps = {"learning_rate": 0.5, "multiplier_rate": 0.02, "damping": 0.0, "order": order}
    path = trace(
        config, backend, objective, [w[None]], signs[:, None] * z, signs,
        constraint="margin", **steps,
    )  # fmt: skip
    for _ in range(config.steps):
        moved = w + 0.5 * (alpha @ z - w)
        seen = moved if order == "alternating" else w
        w, alpha = moved, np.maximum(0.0, alpha + 0.02 * (1.0 - z @ seen))
    return path, [w, alpha]


def _dual_ascent(config: Config, backend: Backend, rng: Rng, order: str) -> Paths:
    """With eta_w = 1 alternating steps are projected ascent on the dual, whatever w(0)."""
    z = minnorm_margin.signed_points(0)
    rate = 1.0 / float(np.linalg.norm(z, 2)) ** 2
    start = rng.child("w").normal((1, 5))
    objective = Objective(DeepLinear((5, 1)), "hinge", "sum")
    path = trace(
        config, backend, objective, [start], z, np.ones(len(z)),
        constraint="margin", learning_rate=1.0, multiplier_rate=rate, damping=0.0, order=order,
    )  # fmt: skip
    alpha, last = np.zeros(len(z)), np.zeros(len(z))
    first = np.maximum(0.0, rate * (1.0 - z @ start[0]))
    for step in range(config.steps):
        if order == "alternating":
            last, alpha = alpha, np.maximum(0.0, alpha + rate * (1.0 - z @ (z.T @ alpha)))
        else:  # the multipliers see the weights of the step before
            moved = first if step == 0 else np.maximum(0.0, alpha + rate * (1.0 - z @ (z.T @ last)))
            last, alpha = alpha, moved
    return path, [last @ z, alpha]


def _pairs(config: Config, backend: Backend, rng: Rng, order: str) -> Paths:
    """Crammer-Singer margins. The written step is the alternating one; the simultaneous one takes
    its weights, and the margins of the weights before it."""
    labels = np.repeat(np.arange(3), 4)
    x = rng.child("x").normal((12, 6))
    weights, alpha = rng.child("w").normal((3, 6)), np.zeros((12, 3))
    wrong = labels[:, None] != np.arange(3)
    path = trace(
        config, backend, Objective(DeepLinear((6, 3)), "multiclass_margin", "sum"), [weights],
        x, labels, constraint="crammer_singer", learning_rate=0.5, multiplier_rate=0.01,
        damping=0.0, order=order,
    )  # fmt: skip
    rows = np.arange(12)
    for _ in range(config.steps):
        if order == "alternating":
            weights, alpha = minnorm_margin.pairwise_step(
                x, labels, wrong, weights, alpha, 0.5, 0.01
            )
        else:
            outputs = x @ weights.T
            slack = 1.0 - outputs[rows, labels][:, None] + outputs
            weights, _ = minnorm_margin.pairwise_step(x, labels, wrong, weights, alpha, 0.5, 0.01)
            alpha = np.maximum(0.0, alpha + 0.01 * slack) * wrong
    return path, [weights, alpha]


def _logistic(config: Config, backend: Backend, rng: Rng, order: str) -> Paths:
    from scipy.special import expit

    z = minnorm_margin.signed_points(1)
    w, alpha = np.zeros(5), np.zeros(len(z))
    path = trace(
        config, backend, Objective(DeepLinear((5, 1)), "logistic", "sum"), [w[None]],
        z, np.ones(len(z)), constraint="loss", loss_level=0.3, learning_rate=0.05,
        multiplier_rate=0.2, damping=0.0, order=order,
    )  # fmt: skip
    for _ in range(config.steps):
        moved = w + 0.05 * ((alpha * expit(-(z @ w))) @ z - w)
        seen = moved if order == "alternating" else w
        w, alpha = moved, np.maximum(0.0, alpha + 0.2 * (np.logaddexp(0.0, -(z @ seen)) - 0.3))
    return path, [w, alpha]


def _regression(config: Config, backend: Backend, rng: Rng, order: str) -> Paths:
    x, y = rng.child("x").normal((6, 10)), rng.child("y").normal(6)
    w, lam = rng.child("w").normal(10), np.zeros(6)
    rate = 0.3 / float(np.linalg.norm(x, 2)) ** 2
    steps = {"eta_w": 0.4, "eta_lam": rate, "rho": 0.5 * rate}
    path = trace(
        config, backend, Objective(DeepLinear((10, 1)), "mean_squared_error", "sum"), [w[None]],
        x, y[:, None], constraint="equality", learning_rate=0.4, multiplier_rate=rate,
        damping=0.5 * rate, order=order,
    )  # fmt: skip
    for _ in range(config.steps):
        w, lam = minnorm_regression.step(x, y, w, lam, order=order, **steps)
    return path, [w, lam]


def _chain(config: Config, backend: Backend, rng: Rng, order: str) -> Paths:
    start = rng.child("w").uniform(3, 0.8, 1.3)
    path = trace(
        config, backend, Objective(LinearChain(3), "mean_squared_error", "sum"), list(start),
        np.ones(1), np.array([chain_flows.SLOPE]), constraint="equality", learning_rate=0.02,
        multiplier_rate=0.02, damping=1.0, order=order,
    )  # fmt: skip
    state = np.append(start, 0.0)
    for _ in range(config.steps):
        state = chain_flows.chain_step(state, rho=1.0, eta_w=0.02, eta_lam=0.02, order=order)
    return path, [*state[:-1], state[-1:]]


def _deep_linear(config: Config, backend: Backend, rng: Rng, order: str) -> Paths:
    """The written steps are simultaneous; alternating ones take the new error in addition."""
    x, y = rng.child("x").normal((6, 12)) / np.sqrt(12), rng.child("y").normal((6, 3))
    widths = (12, 10, 10, 3)
    layers = [
        1.5 * rng.child("w", index).normal((out, fan)) / np.sqrt(fan)
        for index, (fan, out) in enumerate(itertools.pairwise(widths))
    ]
    lam = np.zeros((6, 3))
    path = trace(
        config, backend, Objective(DeepLinear(widths), "mean_squared_error", "sum"), layers,
        x, y, constraint="equality", learning_rate=0.01, multiplier_rate=0.02, damping=2.0,
        order=order,
    )  # fmt: skip
    for _ in range(config.steps):
        layers, moved = minnorm_deep_linear.deep_step(
            x, y, layers, lam, eta_w=0.01, eta_lam=0.02, rho=2.0
        )
        if order == "alternating":
            product = minnorm_deep_linear.upper_products(layers)[0]
            moved = lam + 0.02 * (y - x @ product.T)
        lam = moved
    return path, [*layers, lam]


_CASES: dict[str, Callable[[Config, Backend, Rng, str], Paths]] = {
    "margin": _margin,
    "dual_ascent": _dual_ascent,
    "pairs": _pairs,
    "logistic": _logistic,
    "regression": _regression,
    "chain": _chain,
    "deep_linear": _deep_linear,
}


def collect(
    config: Config, items: list[Task], results: list[dict[str, np.ndarray]]
) -> dict[str, Any]:
    """One array of differences a case, over the two orders."""
    found: dict[str, Any] = {"eps": results[0]["eps"]}
    for case in _CASES:
        found[case] = np.array(
            [
                values["difference"]
                for item, values in zip(items, results, strict=True)
                if item["case"] == case
            ]
        )
    return found


EXPERIMENT = Experiment(
    "minnorm_registered",
    Config,
    run_task,
    tasks=tasks,
    collect=collect,
    summary="the registered Minnorm algorithm against the steps that experiments write out",
)
