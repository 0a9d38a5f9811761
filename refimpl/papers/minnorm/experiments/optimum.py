"""Minnorm training: what holds at its end, against direct solvers.

Deep linear and shallow runs are taken to convergence; their weights and multipliers are compared
with pseudo-inverses, least-distance programs and refits with one example left out. The imbalance
flow is integrated as an ordinary differential equation.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.algorithms.composition import alone
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import Backend, to_host
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment
from refimpl.models import DeepLinear, Objective
from refimpl.papers.minnorm.diagnosis import diagnose
from refimpl.papers.minnorm.minnorm import Minnorm
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Sizes and rates; ``gammas`` are L2 coefficients."""

    examples: int = 5
    inputs: int = 9
    outputs: int = 3
    gammas: tuple[float, ...] = (0.1, 0.01, 0.001)
    set_seed: int = 2
    points: int = 60
    dimension: int = 5
    least_margin: float = 0.3

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(examples=8, inputs=14)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    return {
        **flow_slopes(rng.child("flow")),
        **deep_linear(config, backend, rng.child("deep")),
        **regression(config, backend, rng.child("regression")),
        **margins(config, backend, rng.child("margins")),
        **infeasible(config, backend, rng.child("infeasible")),
    }


def run_minnorm(
    objective: Objective, params: Any, data: Batch, steps: int, **hyper: Any
) -> tuple[Any, Any]:
    """The algorithm and its state after ``steps`` full-batch steps."""
    algorithm: Any = Minnorm(tolerance=0.0, **hyper)
    state = algorithm.init(params, data, objective)
    for _ in range(steps):
        state, _ = algorithm.step(state, objective, data)
    return algorithm, state


def flow_slopes(rng: Rng) -> dict[str, Any]:
    """Slopes of log ||C_l|| in time under Minnorm for several (lambda(0), rho), L2 and GD.

    What a step of length 1 of the algorithm adds is its flow, and that is integrated.
    """
    from scipy.integrate import solve_ivp

    shapes = [(4, 5), (3, 4), (2, 3)]
    x = rng.child("x").normal((3, 5)) / np.sqrt(5)
    y = rng.child("y").normal((3, 2))
    start = [rng.child("w", k).normal(s) / np.sqrt(s[1]) for k, s in enumerate(shapes)]
    objective = Objective(DeepLinear((5, 4, 3, 2)), "mean_squared_error", "sum")
    data = Batch(x, y, None)
    whole = {"training": data, "objective": objective}
    ends = np.cumsum([rows * columns for rows, columns in shapes])

    def unpack(vector: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        *flat, rest = np.split(vector, ends)
        return [part.reshape(s) for part, s in zip(flat, shapes, strict=True)], rest

    def gaps(vector: np.ndarray) -> np.ndarray:
        w, _ = unpack(vector)
        pairs = itertools.pairwise(w)
        return np.array([np.linalg.norm(b.T @ b - a @ a.T) for a, b in pairs])

    def slope(algorithm: Any, multipliers: np.ndarray | None = None) -> np.ndarray:
        state = algorithm.init(start, **({} if multipliers is None else whole))

        def flow(t: float, vector: np.ndarray) -> np.ndarray:
            w, lam = unpack(vector)
            now = state._replace(params=w)
            if multipliers is not None:
                now = now._replace(multipliers=lam.reshape(y.shape))
            moved, _ = algorithm.step(now, objective, data)
            grown = lam if multipliers is None else moved.multipliers.ravel()
            return np.concatenate([*[m.ravel() for m in moved.params], grown]) - vector

        lam = np.zeros(y.shape) if multipliers is None else multipliers
        begin = np.concatenate([*[w.ravel() for w in start], lam.ravel()])
        span = 2.0
        end = solve_ivp(flow, (0.0, span), begin, method="DOP853", rtol=1e-12, atol=1e-14).y[:, -1]
        return np.log(gaps(end) / gaps(begin)) / span

    def minnorm(damping: float) -> Any:
        return Minnorm(
            constraint="equality", learning_rate=1.0, multiplier_rate=1.0, damping=damping,
            refuse=False,
        )  # fmt: skip

    zero, random = np.zeros_like(y), rng.child("lam").normal(y.shape)
    settings = [(0.0, zero), (1.0, zero), (0.0, random), (2.5, random)]
    gammas = (0.1, 0.5)
    return {
        "flow_minnorm": [slope(minnorm(rho), lam) for rho, lam in settings],
        "flow_gammas": gammas,
        "flow_l2": [slope(alone(L2, strength=gamma, learning_rate=1.0)) for gamma in gammas],
        "flow_gd": slope(SGD(learning_rate=1.0)),
    }


def conditioned(rng: Rng, rows: int, columns: int) -> np.ndarray:
    """A random matrix with singular values from 0.6 to 1.2, for which fixed steps converge."""
    rank = min(rows, columns)
    left = np.linalg.qr(rng.child("left").normal((rows, rank)))[0]
    right = np.linalg.qr(rng.child("right").normal((columns, rank)))[0]
    return (left * np.linspace(0.6, 1.2, rank)) @ right.T


def deep_linear(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Layer norms, and sum lambda.y or sum alpha, of converged networks of depth 2."""
    like = backend.zeros((1,))
    norms, sums, residuals = [], [], []
    for constraint in ("equality", "margin"):
        outputs = config.outputs if constraint == "equality" else 1
        model = DeepLinear((config.inputs, config.inputs, outputs))
        inputs = backend.asarray(conditioned(rng.child("x"), config.examples, config.inputs))
        if constraint == "equality":
            targets = rng.child("y").normal((config.examples, outputs), like=like)
        else:
            targets = rng.child("sign").rademacher((config.examples,), like=like)
        objective = Objective(
            model, "mean_squared_error" if constraint == "equality" else "logistic"
        )
        data = Batch(inputs, targets)
        algorithm, state = run_minnorm(
            objective,
            model.init(rng.child("init"), backend=backend),
            data,
            1500,
            constraint=constraint,
            order="alternating",
            learning_rate=0.1,
            multiplier_rate=0.3,
            damping=1.0,
        )
        found = diagnose(algorithm, state, objective, data)
        norms.append(np.square(found.layer_norms))
        sums.append(found.identity)
        residuals.append(found.kkt_residual)
    return {"layer_squares": norms, "multiplier_sums": sums, "kkt_residuals": residuals}


def regression(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Multipliers of shallow regression against pseudo-inverses and refits; L2 beside it."""
    p, n = config.examples, config.inputs
    model = DeepLinear((n, 1))
    x = conditioned(rng.child("x"), p, n)
    y = rng.child("y").normal((p, 1))
    objective = Objective(model, "mean_squared_error", "sum")
    data = Batch(backend.asarray(x), backend.asarray(y))
    start = model.init(rng.child("init"), backend=backend)
    _, state = run_minnorm(
        objective,
        start,
        data,
        1500,
        constraint="equality",
        order="alternating",
        learning_rate=0.5,
        multiplier_rate=1.0,
        damping=0.0,
    )
    lam = to_host(state.multipliers)[:, 0]

    def value(targets: np.ndarray, rows: Any = slice(None)) -> float:
        return 0.5 * float(np.sum((np.linalg.pinv(x[rows]) @ targets[rows]) ** 2))

    h = 1e-4
    slopes = [
        (value(y[:, 0] + h * unit) - value(y[:, 0] - h * unit)) / (2.0 * h) for unit in np.eye(p)
    ]
    inverse = np.diag(np.linalg.inv(x @ x.T))
    others = [np.delete(np.arange(p), k) for k in range(p)]
    left_out = [
        y[k, 0] - x[k] @ np.linalg.pinv(x[rest]) @ y[rest, 0] for k, rest in enumerate(others)
    ]
    saved = [value(y[:, 0]) - value(y[:, 0], rest) for rest in others]

    decayed = []
    for gamma in config.gammas:
        algorithm = alone(L2, strength=gamma, learning_rate=0.4)
        state = algorithm.init(start)
        for _ in range(1000):
            state, _ = algorithm.step(state, objective, data)
        decayed.append((y - x @ to_host(state.params[0]).T)[:, 0])
    gammas = np.array(config.gammas)
    exact = [gamma * np.linalg.solve(x @ x.T + gamma * np.eye(p), y[:, 0]) for gamma in gammas]
    return {
        "multipliers": lam,
        "slopes": slopes,
        "left_out": left_out,
        "left_out_predicted": lam / inverse,
        "saved": saved,
        "saved_predicted": lam**2 / (2.0 * inverse),
        "l2_residual": decayed,
        "l2_residual_predicted": exact,
        "droop": [np.linalg.norm(e / g - lam) for e, g in zip(decayed, gammas, strict=True)],
    }


def least_distance(z: np.ndarray, margins: np.ndarray) -> np.ndarray:
    """argmin ||w|| subject to z w >= margins, by non-negative least squares."""
    from scipy.optimize import nnls

    a = np.vstack([z.T, margins])
    b = np.zeros(len(a))
    b[-1] = 1.0
    u, _ = nnls(a, b, maxiter=1000)
    r = a @ u - b
    return -r[:-1] / r[-1]


def margins(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Multipliers of the bias-free hard margin against slopes of its value in each margin.

    The set has a clear gap between support vectors and the rest (0.06 in the margin), without
    which the multipliers take long to settle.
    """
    draws = np.random.default_rng(config.set_seed)
    teacher = draws.normal(size=config.dimension)
    x = draws.normal(size=(config.points, config.dimension))
    score = x @ teacher / np.linalg.norm(teacher)
    clear = np.abs(score) > config.least_margin
    x, labels = x[clear], np.sign(score[clear])
    z = labels[:, None] * x
    model = DeepLinear((config.dimension, 1))
    objective = Objective(model, "logistic")
    _, state = run_minnorm(
        objective,
        model.init(rng.child("init"), backend=backend),
        Batch(backend.asarray(x), backend.asarray(labels)),
        5000,
        constraint="margin",
        order="alternating",
        learning_rate=0.5,
        multiplier_rate=0.02,
        damping=0.0,
    )
    ones = np.ones(len(z))
    h = 1e-5

    def value(targets: np.ndarray) -> float:
        return 0.5 * float(np.sum(least_distance(z, targets) ** 2))

    slopes = [
        (value(ones + h * unit) - value(ones - h * unit)) / (2.0 * h) for unit in np.eye(len(z))
    ]
    return {
        "alpha": to_host(state.multipliers),
        "alpha_slopes": slopes,
        "svm_error": np.max(np.abs(to_host(state.params[0])[0] - least_distance(z, ones))),
    }


def infeasible(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """More examples than inputs: growth of the multipliers, end of the weights."""
    p, n = config.inputs, config.examples
    x = conditioned(rng.child("x"), p, n)
    y = rng.child("y").normal((p, config.outputs))
    model = DeepLinear((n, config.outputs))
    objective = Objective(model, "mean_squared_error")
    data = Batch(backend.asarray(x), backend.asarray(y))
    rate = 0.5
    algorithm, state = run_minnorm(
        objective,
        model.init(rng.child("init"), backend=backend),
        data,
        600,
        constraint="equality",
        order="alternating",
        learning_rate=0.5,
        multiplier_rate=rate,
        damping=0.0,
        refuse=False,
        patience=0,
    )
    after, _ = algorithm.step(state, objective, data)
    growth = to_host(after.multipliers) - to_host(state.multipliers)
    return {
        "growth": growth,
        "growth_predicted": rate * (y - x @ (np.linalg.pinv(x) @ y)),
        "infeasible_weights": to_host(after.params[0]),
        "least_squares": (np.linalg.pinv(x) @ y).T,
    }


EXPERIMENT = Experiment(
    name="minnorm_optimum",
    summary="Converged Minnorm runs against pseudo-inverses, least distances and refits",
    config=Config,
    run_task=run_task,
)
