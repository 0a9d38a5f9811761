"""Gaussian classes of known covariance: what its shape and its estimate are worth.

Five classes in R^40, each with five directions of variance 9 of its own and 0.3 elsewhere, under
a linear head that minimizes the bound plus a ridge on weights and biases: a convex problem with
one optimum. The bound is given each class's true covariance, the one estimated from its training
points, or a multiple of the identity of equal trace.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.isda.bound import augmentation_bound
from refimpl.papers.isda.statistics import empty_statistics, update_statistics
from refimpl.random import Rng

KINDS = ("true", "own", "isotropic")


@dataclass(frozen=True)
class Config:
    """The task. ``spread`` is the standard deviation τ of the entries of the class means."""

    classes: int = 5
    features: int = 40
    wide: int = 5
    wide_variance: float = 9.0
    thin_variance: float = 0.3
    spread: float = 0.53
    ridge: float = 1e-4
    strong_ridge: float = 1e-2
    sizes: tuple[int, ...] = (5, 20)
    strengths: tuple[float, ...] = (0.1, 0.5, 1.0, 2.0)
    test: int = 1000
    seeds: int = 10

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(test=4000, seeds=30)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"seed": seed} for seed in range(config.seeds)]


def run_task(config: Config, backend: Backend, rng: Rng, *, seed: int) -> dict[str, Any]:
    stream = Rng(rng.seed).child("isda_synthetic", seed)
    means, roots = _classes(config, stream.child("classes"))
    covariance = roots @ roots.transpose(0, 2, 1)
    test = _points(means, roots, config.test, stream.child("test"))
    plain = np.zeros(len(config.sizes))
    scores = np.zeros((len(config.sizes), len(KINDS), len(config.strengths)))
    strong = np.zeros((len(config.sizes), len(config.strengths)))
    for row, size in enumerate(config.sizes):
        training = _points(means, roots, size, stream.child("training", size))
        empty = empty_statistics(config.classes, config.features, training[0], False)
        own = update_statistics(empty, *training).covariance
        trace = np.trace(covariance[0]) / config.features
        isotropic = np.full((1, config.features), trace)
        plain[row] = _accuracy(config, training, test, covariance, 0.0)
        for kind, used in enumerate((covariance, own, isotropic)):
            scores[row, kind] = [
                _accuracy(config, training, test, used, lam) for lam in config.strengths
            ]
        strongly = replace(config, ridge=config.strong_ridge)
        strong[row] = [_accuracy(strongly, training, test, own, lam) for lam in config.strengths]
    return {"plain": plain, "accuracy": scores, "own_strong_ridge": strong}


def _classes(config: Config, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Means (C, A) and symmetric roots of the covariances (C, A, A)."""
    means = config.spread * rng.child("means").normal((config.classes, config.features))
    roots = []
    for k in range(config.classes):
        draw = rng.child("directions", k).normal((config.features, config.wide))
        q = np.linalg.qr(draw)[0]
        thin, wide = config.thin_variance**0.5, config.wide_variance**0.5
        roots.append(thin * np.eye(config.features) + (wide - thin) * q @ q.T)
    return means, np.array(roots)


def _points(
    means: np.ndarray, roots: np.ndarray, size: int, rng: Rng
) -> tuple[np.ndarray, np.ndarray]:
    """``size`` features and labels of every class."""
    classes, features = means.shape
    noise = rng.normal((classes, size, features)) @ roots
    labels = np.repeat(np.arange(classes), size)
    return (means[:, None, :] + noise).reshape(-1, features), labels


def minimize(objective: Any, start: np.ndarray) -> np.ndarray:
    """The minimum of a smooth convex function of a vector, by L-BFGS."""
    from scipy.optimize import minimize as descend

    def evaluate(vector: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = ad.value_and_grad(objective)(vector)
        return float(value), gradient

    options = {"maxiter": 5000, "maxfun": 10000, "gtol": 1e-9, "ftol": 1e-15}
    return descend(evaluate, start, jac=True, method="L-BFGS-B", options=options).x


def _accuracy(
    config: Config, training: Any, test: Any, covariance: np.ndarray, strength: float
) -> float:
    """Test accuracy of the head that minimizes the bound plus the ridge."""
    features, labels = training
    cut = config.classes * config.features
    shape = (config.classes, config.features)

    def objective(vector: Any) -> Any:
        weight, bias = ad.reshape(vector[:cut], shape), vector[cut:]
        loss = augmentation_bound(features, labels, weight, bias, covariance, strength)
        return loss + 0.5 * config.ridge * ad.sum(vector * vector)

    best = minimize(objective, np.zeros(cut + config.classes))
    logits = test[0] @ best[:cut].reshape(shape).T + best[cut:]
    return float(np.mean(np.argmax(logits, axis=1) == test[1]))


EXPERIMENT = Experiment(
    "isda_synthetic",
    Config,
    run_task,
    tasks=tasks,
    cost=lambda config, task: 1.0,
    summary="Gaussian classes: true, estimated and isotropic covariances in the bound",
)
