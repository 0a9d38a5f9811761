"""Noise on the inputs: the mean loss over Gauss-Hermite nodes against its expansions."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_regularization.input_noise import InputNoise
from refimpl.papers.gradient_regularization.theory import linear
from refimpl.random import Replay, Rng

HESSIAN = np.array([[0.9, -0.3, 0.2], [-0.3, 0.5, 0.4], [0.2, 0.4, -0.7]])
SLOPE = np.array([0.4, -0.6, 0.3])


@dataclass(frozen=True)
class Config:
    """Deviations of the noise and numbers of nodes."""

    deviation: float = 0.5
    nodes: int = 12
    deviations: tuple[float, ...] = (0.2, 0.1, 0.05, 0.025)
    fine_nodes: int = 60
    curve: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls()


def mean_loss(
    model: Any, params: Any, point: np.ndarray, target: float, deviation: float, nodes: int
) -> float:
    """E ½ r² over the noise of the wrapper, with Gauss-Hermite nodes for its draws."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    features = point.shape[0]
    grid = np.array(list(itertools.product(x, repeat=features)))
    weights = np.prod(np.array(list(itertools.product(w / w.sum(), repeat=features))), axis=1)
    inputs = np.broadcast_to(point, grid.shape)
    batch = Batch(inputs, np.full((len(grid), 1), target))
    draws: Any = Replay([grid])
    noisy = InputNoise(deviation=deviation).prepare(batch, params, None, (), 0, draws)
    objective = Objective(model, "mean_squared_error")
    losses = objective.loss(model(params, noisy.inputs), batch.targets, reduction="none")
    return float(weights @ losses)


def quadratic(params: Any, inputs: Any) -> Any:
    """0.3 + b·x + ½ xᵀHx."""
    bent = ad.sum((inputs @ HESSIAN) * inputs, axis=-1)
    return ad.expand_dims(0.3 + inputs @ SLOPE + 0.5 * bent, -1)


def of_quadratic(config: Config) -> dict[str, Any]:
    """At a point where residual and curvature are both there."""
    point, target = np.array([0.2, -0.5, 0.3]), -0.4
    residual = float(quadratic((), point[None, :])[0, 0]) - target
    gradient = SLOPE + HESSIAN @ point

    def both(deviation: float) -> tuple[float, tuple[float, float]]:
        measured = mean_loss(quadratic, (), point, target, deviation, config.nodes)
        return measured, linear.noisy_loss(residual, gradient, HESSIAN, deviation)

    measured, (second, whole) = both(config.deviation)
    flat = np.array([[d, abs(m - s), abs(m - f)] for d in config.curve for m, (s, f) in [both(d)]])
    return {
        "quadratic_mean": measured,
        "quadratic_second": second,
        "quadratic_whole": whole,
        "curve_deviation": flat[:, 0],
        "curve_second": flat[:, 1],
        "curve_fourth": flat[:, 2],
    }


def of_network(config: Config) -> dict[str, Any]:
    """What is left of the mean loss of a tanh network after the second order."""
    model = MLP((1, 6, 1), activation="tanh")
    params = [
        {"weight": np.linspace(0.4, 1.1, 6)[:, None], "bias": np.linspace(-0.8, 0.8, 6)},
        {"weight": np.array([[0.5, -0.3, 0.6, 0.2, -0.4, 0.7]]), "bias": np.zeros(1)},
    ]
    point, target = np.array([0.3]), 0.7
    value, slope, bend = _derivatives(params, point[0])
    residual = value - target
    left = []
    for deviation in config.deviations:
        mean = mean_loss(model, params, point, target, deviation, config.fine_nodes)
        second, _ = linear.noisy_loss(residual, np.array([slope]), np.array([[bend]]), deviation)
        left.append(abs(mean - second))
    return {"deviations": np.array(config.deviations), "remainder": np.array(left)}


def _derivatives(params: Any, x: float) -> tuple[float, float, float]:
    """f, f′ and f″ of a network with one tanh layer, from their formulas."""
    w, b = params[0]["weight"][:, 0], params[0]["bias"]
    v, c = params[1]["weight"][0], params[1]["bias"][0]
    h = np.tanh(w * x + b)
    return (
        float(v @ h + c),
        float(v @ (w * (1.0 - h**2))),
        float(v @ (w**2 * -2.0 * h * (1.0 - h**2))),
    )


def matched(rng: Rng) -> np.ndarray:
    """Mean loss of a linear model under noise minus loss and ridge penalty with λ = σ²."""
    weight = rng.normal((1, 3))
    model, params = MLP((3, 1), bias=False), [{"weight": weight}]
    point, target, gaps = np.array([0.5, -1.0, 2.0]), 0.3, []
    for deviation in (0.2, 0.9):
        mean = mean_loss(model, params, point, target, deviation, 6)
        plain = 0.5 * (float(weight[0] @ point) - target) ** 2
        gaps.append(mean - plain - 0.5 * deviation**2 * float(np.sum(weight**2)))
    return np.array(gaps)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    return {
        **of_quadratic(config),
        **of_network(config),
        "matched": matched(rng.child("linear")),
    }


EXPERIMENT = Experiment(
    name="gradient_regularization_noise",
    summary="Noise on the inputs: the mean loss against its expansions",
    config=Config,
    run_task=run_task,
)
