"""Two-layer networks made of random units for the Tikhonov problem: the excess by their number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.models import MLP
from refimpl.papers.gradient_regularization.experiments.variational import energy
from refimpl.papers.gradient_regularization.theory import barron, tikhonov
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Strength, numbers of units, and how many networks are drawn of each."""

    strength: float = 0.05
    units: tuple[int, ...] = (4, 16, 64)
    draws: int = 800
    nodes: int = 8

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(units=(4, 16, 64, 256), draws=2000)


def between(kinks: np.ndarray, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights in every cell between kinks."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    ends = np.concatenate([[0.0], np.sort(kinks), [1.0]])
    left, size = ends[:-1, None], np.diff(ends)[:, None]
    return (left + size * (x + 1.0) / 2.0).ravel(), (size * w / 2.0).ravel()


def excess(kinks: np.ndarray, config: Config) -> float:
    """J of the network with these kinks less the least J, by the package's penalty."""
    units, strength = kinks.shape[0], config.strength
    params = [
        {"weight": np.ones((units, 1)), "bias": -kinks},
        {
            "weight": barron.outer_weights(kinks, strength)[None, :],
            "bias": np.array([tikhonov.damping([1], strength)]),
        },
    ]
    found, _ = energy(
        MLP((1, units, 1)),
        params,
        lambda x: np.cos(np.pi * x),
        strength,
        2,
        between(kinks, config.nodes),
    )
    return found - tikhonov.energy_of_cosine(strength)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    mean, error, placed = [], [], []
    for units in config.units:
        levels = rng.child("kinks", units).uniform((config.draws, units))
        drawn = np.array([excess(kinks, config) for kinks in barron.quantile(levels)])
        mean.append(np.mean(drawn))
        error.append(np.std(drawn, ddof=1) / np.sqrt(config.draws))
        middle = (np.arange(units) + 0.5) / units
        placed.append(excess(barron.quantile(middle), config))
    return {
        "units": np.array(config.units),
        "mean_excess": np.array(mean),
        "standard_error": np.array(error),
        "placed_excess": np.array(placed),
        "draws": config.draws,
        "strength": config.strength,
    }


EXPERIMENT = Experiment(
    name="gradient_regularization_barron",
    summary="Excess energy of two-layer networks of random units, by their number",
    config=Config,
    run_task=run_task,
)
