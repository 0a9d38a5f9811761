"""The iteration on a linear network as a matrix: what one step does to each unit vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.graph_propagation.experiments.linear import plain
from refimpl.papers.graph_propagation.experiments.problems import (
    linear_problem,
    side_by_side,
    waves,
)
from refimpl.papers.graph_propagation.lagrangian import Saddle
from refimpl.random import Rng

SIGMAS = (0.7513062, 1.0, 1.2, 1.5537145)
"""Singular values of I − M."""

SIZE = len(SIGMAS)
LOSS_RATES = (0.03, 0.2, 0.41, 0.42)
"""Rates with a loss; ησ² = 1 between the last two."""

AUGMENTED = ((0.03, 0.5), (0.19, 0.2), (0.21, 0.2))
"""Rates and ρ."""


@dataclass(frozen=True)
class Config:
    """Rates of the curves, and steps of the extragradient iteration."""

    rates: int = 24
    steps: int = 200_000
    direct_steps: int = 800

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(rates=60)


def _problem() -> Any:
    left = np.linalg.qr(waves(1.0, (SIZE, SIZE), 0.4))[0]
    right = np.linalg.qr(waves(1.0, (SIZE, SIZE), 1.1))[0]
    matrix = np.eye(SIZE) - left @ np.diag(SIGMAS) @ right.T
    return linear_problem(matrix, waves(0.5, (SIZE,), 0.2), waves(1.0, (SIZE,), 0.9), 1)


def _after_one(algorithm: Any, vector: np.ndarray) -> np.ndarray:
    objective, params, batch = _problem()
    start = Saddle(params, (vector[:SIZE, None],), (vector[SIZE:, None],))
    saddle, _ = algorithm.settle(params, objective, batch, steps=1, start=start)
    return np.concatenate([side_by_side(saddle.states), side_by_side(saddle.multipliers)])


def iteration_matrix(algorithm: Any) -> tuple[np.ndarray, np.ndarray]:
    """The linear part of a step, and what it makes of zero."""
    zero = _after_one(algorithm, np.zeros(2 * SIZE))
    columns = [_after_one(algorithm, unit) - zero for unit in np.eye(2 * SIZE)]
    return np.array(columns).T, zero


def radius(algorithm: Any) -> float:
    """The largest modulus of an eigenvalue of the step."""
    return float(np.max(np.abs(np.linalg.eigvals(iteration_matrix(algorithm)[0]))))


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    rates = np.linspace(0.02, 1.2, config.rates)
    alternating = iteration_matrix(plain(rate=0.5, order="alternating", loss_weight=0.0))[0]
    return {
        "simultaneous": radius(plain(rate=0.03, loss_weight=0.0)),
        "alternating_moduli": np.abs(np.linalg.eigvals(alternating)),
        "loss": np.array([radius(plain(rate=r)) for r in LOSS_RATES]),
        "augmented": np.array(
            [radius(plain(rate=r, rho=rho, loss_weight=0.0)) for r, rho in AUGMENTED]
        ),
        **_extragradient(config),
        "rates": rates,
        **{f"curve_{name}": np.array([radius(plain(rate=r, **more)) for r in rates])
           for name, more in CURVES.items()},
    }  # fmt: skip


CURVES: dict[str, dict[str, Any]] = {
    "simultaneous": {"loss_weight": 0.0},
    "alternating": {"loss_weight": 0.0, "order": "alternating"},
    "extragradient": {"loss_weight": 0.0, "order": "extragradient"},
    "loss": {},
    "augmented": {"loss_weight": 0.0, "rho": 0.5},
}


def _extragradient(config: Config) -> dict[str, Any]:
    """What is left of the distance to the saddle point: by powers of the step, and by steps."""
    slow = plain(rate=0.03, loss_weight=0.0, order="extragradient")
    matrix, zero = iteration_matrix(slow)
    start = waves(1.0, (2 * SIZE,), 0.3)
    solution = np.linalg.solve(np.eye(2 * SIZE) - matrix, zero)
    left = np.linalg.matrix_power(matrix, config.steps) @ (start - solution)
    objective, params, batch = _problem()
    fast = plain(rate=0.4, loss_weight=0.0, order="extragradient")
    _, info = fast.settle(params, objective, batch, steps=config.direct_steps)
    return {
        "extragradient_left": float(np.max(np.abs(left))),
        "extragradient_radius": radius(slow),
        "extragradient_residual": float(info.residual),
    }


EXPERIMENT = Experiment(
    name="graph_spectra",
    summary="Spectral radii of simultaneous, alternating and extragradient steps",
    config=Config,
    run_task=run_task,
)
