"""Gradient flow of scalar chains and a deep linear network, integrated on autodiff's gradients.

The vector field is minus the gradient that :mod:`refimpl.autodiff` finds; an adaptive high-order
integrator follows it. What comes out is compared with the closed forms of
:mod:`refimpl.papers.foundations.theory.gradient_flow`, which share no code with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend, to_host
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment
from refimpl.models import DeepLinear, LinearChain, Objective
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Settings: chains of every depth, one network a depth, Euler steps for the order."""

    depths: tuple[int, ...] = (1, 2, 3, 4)
    slope: float = 2.0
    start: float = 0.05
    unbalance: float = 0.3
    slopes: tuple[float, ...] = (2.0, 1.0, 0.5)
    network_start: float = 0.1
    inputs: int = 6
    outputs: int = 4
    hidden: int = 5
    end: float = 6.0
    points: int = 25
    euler_steps: tuple[int, ...] = (200, 400, 800)

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            depths=(1, 2, 3, 4, 5, 6), points=100, euler_steps=(200, 400, 800, 1600, 3200), end=12.0
        )


def tasks(config: Config) -> list[dict[str, Any]]:
    kinds = ("chain", "network")
    return [{"kind": kind, "depth": depth} for kind in kinds for depth in config.depths]


def _flow(
    objective: Any, params: Any, batch: Batch, times: np.ndarray, backend: Backend
) -> np.ndarray:
    """Parameters, flattened, at ``times`` under dw/dt = -gradient."""
    from scipy.integrate import solve_ivp

    vector, unravel = ad.ravel(params)
    gradient = ad.grad(lambda flat: objective(unravel(flat), batch))

    def field(_: float, flat: np.ndarray) -> np.ndarray:
        return -to_host(gradient(backend.asarray(flat))).astype(np.float64)

    precise = backend.dtype_name == "float64"
    solution = solve_ivp(
        field,
        (0.0, float(times[-1])),
        to_host(vector).astype(np.float64),
        method="DOP853",
        t_eval=times,
        rtol=1e-12 if precise else 1e-6,
        atol=1e-13 if precise else 1e-7,
    )
    return solution.y.T


def run_task(
    config: Config, backend: Backend, rng: Rng, *, kind: str, depth: int
) -> dict[str, Any]:
    times = np.linspace(0.0, config.end, config.points)
    if kind == "chain":
        return {"times": times, **_chain(config, backend, depth, times)}
    return {"times": times, **_network(config, backend, rng, depth, times)}


def _chain(config: Config, backend: Backend, depth: int, times: np.ndarray) -> dict[str, Any]:
    chain = LinearChain(depth)
    objective = Objective(chain, "mean_squared_error", "sum")
    batch = Batch(backend.ones((1,)), config.slope * backend.ones((1,)), None)
    balanced = chain.init(config.start ** (1 / depth), backend)
    path = _flow(objective, balanced, batch, times, backend)

    # the first weight larger, the second smaller: differences of squares must stay
    weights = [config.start ** (1 / depth)] * depth
    weights[0] += config.unbalance
    tilted = _flow(objective, chain.init(weights, backend), batch, times, backend)
    squares = tilted**2 - tilted[:, :1] ** 2
    drift = np.max(np.abs(squares - squares[0])) if depth > 1 else 0.0

    errors = []
    gradient = ad.grad(objective)
    for count in config.euler_steps:
        rate = 1.0 / count
        params = balanced
        for _ in range(count):
            params = ad.map_tree(lambda w, g, a=rate: w - a * g, params, gradient(params, batch))
        errors.append(float(to_host(chain.gain(params))))
    return {"gain": np.prod(path, axis=1), "drift": drift, "euler_gain": np.asarray(errors)}


def _network(
    config: Config, backend: Backend, rng: Rng, depth: int, times: np.ndarray
) -> dict[str, Any]:
    widths = (config.inputs, *[config.hidden] * (depth - 1), config.outputs)
    network = DeepLinear(widths)
    like = backend.zeros((1,))
    rank = len(config.slopes)
    draw = {
        "left": rng.child("left").normal((config.outputs, rank), like=like),
        "right": rng.child("right").normal((config.inputs, rank), like=like),
    }
    left, right = (backend.xp.linalg.qr(draw[side])[0] for side in ("left", "right"))
    # inputs sqrt(N) e_i with a mean over N examples are whitened: X^T X / N = I
    inputs = config.inputs**0.5 * backend.eye(config.inputs)
    target = (left * backend.asarray(list(config.slopes))) @ right.mT
    batch = Batch(inputs, inputs @ target.mT, None)
    strengths = backend.asarray([config.network_start] * rank)
    params = network.init_balanced(left, right, strengths, backend)
    path = _flow(Objective(network, "mean_squared_error"), params, batch, times, backend)

    _, unravel = ad.ravel([to_host(weight) for weight in params])
    maps = np.stack([network.product(unravel(flat)) for flat in path])
    left, right = to_host(left), to_host(right)
    modes = np.einsum("ki,tkn,nj->tij", left, maps, right)
    diagonal = np.einsum("tii->ti", modes)
    rest = maps - np.einsum("ki,ti,ni->tkn", left, diagonal, right)
    return {"modes": diagonal, "leak": np.max(np.abs(rest))}


def collect(
    config: Config, items: list[dict[str, Any]], results: list[dict[str, Any]]
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "depths": np.asarray(config.depths),
        "times": results[0]["times"],
        "slope": config.slope,
        "start": config.start,
        "slopes": np.asarray(config.slopes),
        "network_start": config.network_start,
        "euler_rates": 1.0 / np.asarray(config.euler_steps),
    }
    for kind, names in (("chain", ("gain", "drift", "euler_gain")), ("network", ("modes", "leak"))):
        chosen = [r for item, r in zip(items, results, strict=True) if item["kind"] == kind]
        for name in names:
            result[name] = np.stack([np.asarray(r[name]) for r in chosen])
    return result


EXPERIMENT = Experiment(
    name="gradient_flow",
    summary="Gradient flow of linear chains and deep linear networks on autodiff's gradients",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
)
