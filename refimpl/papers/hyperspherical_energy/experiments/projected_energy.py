"""Half-space energy and its gradient after random projection, averaged over many projections.

Every projection is k x n with normal entries. The energy is Σ_{i<j} 1/(1 − r_ij²) (s = 2, half
space, ε = 0). What is drawn is compared with the energy and gradient of the neurons themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.random import Rng

ENERGY = HypersphericalEnergy(2.0, "half", reduction="lines")


@dataclass(frozen=True)
class Config:
    """N neurons in R^n, the projected dimensions, and the draws."""

    neurons: int = 10
    dimension: int = 60
    projected: tuple[int, ...] = (12, 30)
    draws: int = 100_000

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(projected=(10, 12, 16, 20, 30, 40), draws=200_000)


def tasks(config: Config) -> list[Task]:
    return [{"k": k} for k in config.projected]


def _projected(weight: np.ndarray, projections: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Energies (draws,) and gradients in W (draws, N, n), by the compact form in one batch."""
    images = projections @ weight.T  # (draws, k, N)
    norms = np.linalg.norm(images, axis=1, keepdims=True)
    unit = images / norms
    gram = np.swapaxes(unit, 1, 2) @ unit
    eye = np.eye(gram.shape[1])
    pair = (1.0 - eye) / (1.0 - gram * gram * (1.0 - eye))
    slope = 2.0 * gram * pair * pair
    diagonal = np.sum(slope * gram, axis=2)
    certificate = slope - eye * diagonal[:, None, :]
    back = (unit @ certificate) / norms
    return 0.5 * np.sum(pair, axis=(1, 2)), np.swapaxes(back, 1, 2) @ projections


def run_task(config: Config, backend: Backend, rng: Rng, *, k: int) -> dict[str, Any]:
    weight = rng.child("weight").normal((config.neurons, config.dimension))
    energy, gradient = ENERGY.value_and_gradient(weight)
    flat = gradient.reshape(-1)
    energies, along = [], []
    total = np.zeros_like(gradient)
    chunk = 2000
    for start in range(0, config.draws, chunk):
        size = min(chunk, config.draws - start)
        projections = rng.child("projection", start).normal((size, k, config.dimension))
        values, gradients = _projected(weight, projections)
        energies.append(values)
        along.append(gradients.reshape(size, -1) @ flat / (flat @ flat))
        total += np.sum(gradients, axis=0)
    values, ratios = np.concatenate(energies), np.concatenate(along)
    mean = total / config.draws
    image = weight @ projections[0].T
    value, back = ENERGY.value_and_gradient(image)
    return {
        "k": float(k),
        "energy": float(energy),
        "mean_energy": float(values.mean()),
        "energy_error": float(values.std() / math.sqrt(config.draws)),
        "ratio": float(ratios.mean()),
        "ratio_error": float(ratios.std() / math.sqrt(config.draws)),
        "cosine": float(np.sum(mean * gradient) / np.linalg.norm(mean) / np.linalg.norm(flat)),
        # the batch of this file against the package's own energy, on one projection
        "batch_energy_error": float(abs(value - values[-size]) / value),
        "batch_gradient_error": float(
            np.max(np.abs(back @ projections[0] - gradients[0])) / np.max(np.abs(gradients[0]))
        ),
    }


EXPERIMENT = Experiment(
    "projected_energy",
    Config,
    run_task,
    tasks=tasks,
    cost=lambda config, task: 3e-8 * config.draws * task["k"] * config.dimension,
    summary="energy and gradient after random projection, averaged over many projections",
)
