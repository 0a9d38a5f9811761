"""Linear models: trained with either penalty, attacked, and under Gaussian data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.attacks import ProjectedGradientAttack
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import Backend
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_regularization.regularization import GradientRegularization
from refimpl.papers.gradient_regularization.theory import linear
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """A design of 8 examples with 3 features, a polynomial, and a search in a ball."""

    strength: float = 0.1
    steps: int = 1500
    directions: int = 200
    attack_radius: float = 0.7
    searched: int = 20000
    polynomial: tuple[float, ...] = (0.0, -2.0, 0.0, 0.0, 1.0)
    polynomial_strength: float = 0.3
    nodes: int = 40

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(searched=200000)


def design() -> tuple[np.ndarray, np.ndarray]:
    """The fixed inputs (8, 3) and targets (8,), not centered."""
    i, j = np.arange(8.0)[:, None], np.arange(3.0)[None, :]
    return np.sin(9.1 * (i + 2.0 * j) + 0.3), np.sin(9.1 * np.arange(8.0) + 1.0)


def trained(part: GradientRegularization, steps: int) -> np.ndarray:
    """The weights after gradient descent on the squared loss under a penalty."""
    inputs, targets = design()
    objective = Objective(MLP((3, 1)), "mean_squared_error")
    batch = Batch(inputs, targets[:, None])
    algorithm = Composition(SGD(learning_rate=0.5), penalties=[part])
    params = [{"weight": np.full((1, 3), 0.1), "bias": np.zeros(1)}]
    state = algorithm.init(params, objective=objective)
    for _ in range(steps):
        state, _ = algorithm.step(state, objective, batch)
    return state.params[0]["weight"][0]


def lowest_rise(strength: float, config: Config, rng: Rng) -> float:
    """The smallest slope of loss + penalty at w = 0 over many directions, c among them.

    The loss has derivative −c·d along d; the penalty's is measured along a short step.
    """
    inputs, targets = design()
    _, cross = linear.moments(inputs, targets)
    objective = Objective(MLP((3, 1)), "mean_squared_error")
    centered = inputs - inputs.mean(axis=0)
    batch = Batch(centered, (targets - targets.mean())[:, None])
    part = GradientRegularization(strength=strength, power=1)
    drawn = rng.normal((config.directions, 3))
    rises = []
    for direction in np.vstack([cross, drawn]):
        unit = direction / np.linalg.norm(direction)

        def along(size: float, unit: np.ndarray = unit) -> float:
            params = [{"weight": size * unit[None, :], "bias": np.zeros(1)}]
            penalty, _ = part.value(params, batch, objective, ())
            return float(objective(params, batch)) + float(penalty)

        rises.append((along(1e-5) - along(0.0)) / 1e-5)
    return min(rises)


def attacks(config: Config, rng: Rng) -> dict[str, Any]:
    """The worst loss of a linear model in a ball: searched, attacked, and from the formula."""
    weight = np.array([0.6, -1.1, 0.4])
    radius, searched, reached, exact = config.attack_radius, [], [], []
    for number, target in enumerate((-0.8, 0.5)):
        drawn = rng.child("ball", number).normal((config.searched, 3))
        lengths = np.linalg.norm(drawn, axis=1, keepdims=True)
        depth = rng.child("depth", number).uniform((config.searched, 1)) ** (1.0 / 3.0)
        worst = radius * weight / np.linalg.norm(weight)
        ball = np.vstack([radius * depth * drawn / lengths, worst, -worst])
        objective = Objective(MLP((3, 1), bias=False), "mean_squared_error")
        params, clean = [{"weight": weight[None, :]}], np.array([[0.2, 0.1, -0.3]])
        targets = np.full((len(ball), 1), target)
        losses = objective.loss(objective.model(params, clean + ball), targets, reduction="none")
        searched.append(np.max(losses))
        batch = Batch(clean, targets[:1])
        moved = ProjectedGradientAttack(radius=radius, norm="l2", steps=3)(objective, params, batch)
        reached.append(float(objective(params, Batch(moved, targets[:1]))))
        residual = float(clean[0] @ weight - target)
        exact.append(linear.worst_loss(residual, float(np.linalg.norm(weight)), radius))
    return {
        "searched": np.array(searched),
        "attacked": np.array(reached),
        "worst": np.array(exact),
    }


def under_gaussian_data(config: Config) -> np.ndarray:
    """Monomial coefficients that minimize E[½(f − g)² + (λ/2) f′²], by Gauss-Hermite nodes.

    The objective is a quadratic in the coefficients: its gradient at 0 and at the unit vectors
    gives the system.
    """
    x, w = np.polynomial.hermite_e.hermegauss(config.nodes)
    w = w / w.sum()
    size = len(config.polynomial)
    target = np.polynomial.polynomial.polyval(x, config.polynomial)

    def model(params: Any, inputs: Any) -> Any:
        total = ad.getitem(params, 0) + 0.0 * inputs
        power = inputs
        for degree in range(1, size):
            total = total + ad.getitem(params, degree) * power
            power = power * inputs
        return total

    objective = Objective(model, "mean_squared_error")
    part = GradientRegularization(half=True)

    def whole(params: Any) -> Any:
        gaps = ad.reshape(model(params, x[:, None]), (-1,)) - target
        rough = part.measure(objective, params, x[:, None], w)
        return 0.5 * ad.sum(w * gaps * gaps) + config.polynomial_strength * rough

    gradient = ad.grad(whole)
    at_zero = gradient(np.zeros(size))
    matrix = np.stack([gradient(row) - at_zero for row in np.eye(size)], axis=1)
    return np.linalg.solve(matrix, -at_zero)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    second, cross = linear.moments(*design())
    strength, threshold = config.strength, float(np.linalg.norm(cross))
    ridge = GradientRegularization(strength=strength, half=True)
    variation = GradientRegularization(strength=strength, power=1)
    weights = trained(variation, config.steps)
    gradient = second @ weights - cross + strength * weights / np.linalg.norm(weights)
    return {
        "ridge": trained(ridge, config.steps),
        "ridge_exact": linear.ridge(second, cross, strength),
        "variation": weights,
        "variation_exact": linear.total_variation(second, cross, strength),
        "stationarity": np.linalg.norm(gradient),
        "threshold": threshold,
        "rise_above": lowest_rise(1.001 * threshold, config, rng.child("rise")),
        "rise_below": lowest_rise(0.999 * threshold, config, rng.child("rise")),
        **attacks(config, rng.child("attack")),
        "coefficients": under_gaussian_data(config),
    }


EXPERIMENT = Experiment(
    name="gradient_regularization_linear",
    summary="Linear models under both penalties, attacks on them, and Gaussian data",
    config=Config,
    run_task=run_task,
)
