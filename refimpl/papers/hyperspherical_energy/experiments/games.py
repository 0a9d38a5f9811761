"""Trained projections: the floor of angle preservation, its slow descent, and the blow-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend, to_host
from refimpl.experiments.base import Experiment
from refimpl.papers.hyperspherical_energy.comhe_angle import APCoMHE
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.papers.hyperspherical_energy.experiments import by_hand
from refimpl.papers.hyperspherical_energy.experiments.projection import he_normal
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Neurons N, dimension k, the layer of the slow descent, its number of steps, over how many
    draws the first step is averaged, small (N, k) and the number of starts of their minimization,
    and the steps of a descent towards the floor."""

    neurons: int = 128
    dimension: int = 30
    shape: tuple[int, int] = (1152, 128)
    steps: int = 100
    rate: float = 0.1
    first_steps: int = 20
    small: tuple[tuple[int, int], ...] = ((8, 3), (9, 4), (12, 5))
    starts: int = 6
    follow_steps: int = 300
    shrink: tuple[float, ...] = (1.0, 0.1, 0.01, 0.001, 0.0001)

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(steps=600)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"piece": piece} for piece in ("floor", "descent", "blow-up")]


def run_task(config: Config, backend: Backend, rng: Rng, *, piece: str) -> dict[str, Any]:
    if piece == "floor":
        return _floor(config, backend, rng)
    if piece == "descent":
        return _descent(config, backend, rng)
    return _blow_up(config, backend, rng)


def _floor(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """‖cos(Z) − I‖_F of a random Z (N x k), and of a tight frame of equal norms: the optimum."""
    neurons, k = config.neurons, config.dimension
    distortion = APCoMHE(dimension=k).distortion
    eye = backend.eye(neurons)
    random = [
        float(distortion(backend.asarray(rng.child(draw).normal((k, neurons))), eye))
        for draw in range(5)
    ]
    followed = APCoMHE(dimension=k, inner_steps=config.follow_steps).follow(
        backend.asarray(rng.child("follow").normal((k, neurons))), eye
    )
    return {
        "random": np.mean(random),
        "followed": _distortion(followed, eye),
        "optimum": float(distortion(_frame(backend, k, neurons), eye)),
        "small": np.array(config.small),
        "minima": _minima(config, backend, rng.child("minima")),
    }


def _minima(config: Config, backend: Backend, rng: Rng) -> np.ndarray:
    """The least squared distortions of orthogonal neurons that a quasi-Newton method finds."""
    from scipy import optimize

    found = np.empty((len(config.small), config.starts))
    for row, (neurons, k) in enumerate(config.small):
        eye = backend.eye(neurons)
        distortion = APCoMHE(dimension=k, target="squared").distortion

        def both(
            flat: np.ndarray, k: int = k, eye: Any = eye, distortion: Any = distortion
        ) -> tuple[float, np.ndarray]:
            projection = backend.asarray(flat.reshape(k, -1))
            value, slope = ad.value_and_grad(lambda p: distortion(p, eye))(projection)
            return float(value), to_host(slope).ravel()

        for start in range(config.starts):
            first = rng.child(neurons, start).normal((k * neurons,))
            options = {"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-10}
            best = optimize.minimize(both, first, jac=True, method="L-BFGS-B", options=options)
            found[row, start] = best.fun
    return found


def _frame(backend: Backend, k: int, neurons: int) -> Any:
    """Columns of equal norm with P Pᵀ = (N/k) I: harmonics at the N-th roots of unity."""
    angles = 2.0 * np.pi * np.arange(neurons) / neurons
    rows = []
    for harmonic in range(1, k // 2 + 1):
        rows += [np.cos(harmonic * angles), np.sin(harmonic * angles)]
    if k % 2:
        rows.append(np.full(neurons, 0.5**0.5))
    return backend.asarray(np.stack(rows))


def _descent(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Plain descent on P of the released distortion, at He initialization."""
    weight = he_normal(backend, rng, config.shape)
    projection = backend.asarray(rng.normal((config.dimension, config.shape[0])))
    algorithm = APCoMHE(dimension=config.dimension, inner_rate=config.rate)
    course = [_distortion(projection, weight)]
    for _ in range(config.steps):
        projection = algorithm.follow(projection, weight)
        course.append(_distortion(projection, weight))
    first = []
    for draw in range(config.first_steps):
        stream = rng.child("first", draw)
        weight = he_normal(backend, stream, config.shape)
        projection = backend.asarray(stream.normal((config.dimension, config.shape[0])))
        after = algorithm.follow(projection, weight)
        first.append(_distortion(projection, weight) - _distortion(after, weight))
    return {"course": np.array(course), "first_fall": np.mean(first)}


def _distortion(projection: Any, weight: Any) -> float:
    """‖cos(W Pᵀ) − cos(W)‖_F by hand."""
    p, w = to_host(projection), to_host(weight)
    return float(np.linalg.norm(by_hand.cosines(w @ p.T) - by_hand.cosines(w)))


def _blow_up(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """E(P W) where P keeps a shrinking part of the direction ŵ_1 − ŵ_2."""
    xp = backend.xp
    weight = backend.asarray(rng.normal((10, 20)))
    unit = weight / xp.linalg.vector_norm(weight, axis=1, keepdims=True)
    kernel = unit[0, :] - unit[1, :]
    kernel = kernel / xp.linalg.vector_norm(kernel)
    projection = backend.asarray(rng.normal((8, 20)))
    image = projection @ kernel
    energy = HypersphericalEnergy(2.0, "full")
    values = []
    for part in config.shrink:
        killed = projection - (1.0 - part) * image[:, None] * kernel[None, :]
        values.append(float(energy(unit @ killed.mT)))
    return {"shrink": np.array(config.shrink), "blow_up": np.array(values)}


def collect(config: Config, tasks: Any, results: Any) -> dict[str, Any]:
    merged: dict[str, Any] = {"neurons": config.neurons, "dimension": config.dimension}
    for result in results:
        merged.update(result)
    return merged


EXPERIMENT = Experiment(
    name="hyperspherical_games",
    summary="Floor and descent of angle-preserving projections, blow-up of adversarial ones",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
)
