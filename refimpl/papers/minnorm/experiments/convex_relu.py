"""Minnorm training of a tiny two-layer ReLU network against the global optimum.

The least norm of a two-layer ReLU network is a convex program (Pilanci & Ergen 2020), whose dual
is to maximize sum_mu a_mu y_mu over the a with |sum_mu a_mu relu(x_mu . w)| <= 1 for all unit w;
for margins a_mu y_mu >= 0 besides. It is solved by cutting planes: a linear program over the units
w found so far, then the w that break it most, one for each activation pattern. Inside one pattern
these are projections onto the pattern's cone, by non-negative least squares. Scaled down until
every unit satisfies it, the answer bounds the least norm from below; the run bounds it from above.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment
from refimpl.models import MLP, Objective
from refimpl.papers.minnorm.constraints import ConstraintName
from refimpl.papers.minnorm.diagnosis import diagnose
from refimpl.papers.minnorm.minnorm import Minnorm
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Sizes, rates, starts (one task per constraint and scale), and the gap that is allowed."""

    examples: int = 8
    inputs: int = 4
    hidden: int = 60
    scales: tuple[float, ...] = (0.7,)
    learning_rate: float = 0.01
    multiplier_rate: float = 0.02
    damping: float = 1.0
    decay: float = 0.001
    steps: int = 12_000
    tolerance: float = 0.005

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(scales=(0.4, 0.7, 1.0), steps=40_000, tolerance=0.001)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [
        {"constraint": constraint, "scale": scale}
        for constraint in ("margin", "equality")
        for scale in config.scales
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, constraint: ConstraintName, scale: float
) -> dict[str, Any]:
    # One data set and one start for all tasks and seeds: that a global minimum is reached is a
    # statement about this problem. Another draw sometimes ends in another minimum.
    draws = Rng(0).child("minnorm_convex_relu", "data")
    x = draws.child("x").normal((config.examples, config.inputs))
    y = draws.child("y").rademacher((config.examples,))
    model = MLP((config.inputs, config.hidden, 1), bias=False)
    objective = Objective(model, "logistic" if constraint == "margin" else "mean_squared_error")
    targets = y if constraint == "margin" else y[:, None]
    data = Batch(backend.asarray(x), backend.asarray(targets))
    algorithm: Any = Minnorm(
        constraint=constraint,
        order="simultaneous",
        learning_rate=config.learning_rate,
        multiplier_rate=config.multiplier_rate,
        damping=config.damping,
        decay=config.decay,
        tolerance=0.0,
    )
    state = algorithm.init(
        model.init(draws.child("init"), scale=scale, backend=backend), data, objective
    )
    for _ in range(config.steps):
        state, _ = algorithm.step(state, objective, data)
    found = diagnose(algorithm, state, objective, data)
    value = 0.5 * float(np.sum(np.square(found.layer_norms)))
    if constraint == "margin":  # scaled until every margin is met, the network is feasible
        value /= 1.0 - found.violation
    bound = least_norm_bound(x, y, margin=constraint == "margin")
    return {
        "is_margin": constraint == "margin",
        "value": value,
        "bound": bound,
        "ratio": value / bound,
        "violation": found.violation,
        "layer_squares": np.square(found.layer_norms),
        "multiplier_sums": found.identity,
    }


def least_norm_bound(
    x: np.ndarray, y: np.ndarray, *, margin: bool, tolerance: float = 1e-5, rounds: int = 100
) -> float:
    """A lower bound of min 1/2 (||W_1||^2 + ||W_2||^2) over the networks that fit, nearly tight.

    Parameters
    ----------
    x : array, shape (P, n)
    y : array, shape (P,)
        Targets, or signs with ``margin`` (y f >= 1).
    margin : bool
    tolerance : float
        Relative gap at which the cutting planes stop.
    rounds : int

    Returns
    -------
    float
        A valid bound whether or not the gap was reached.
    """
    from scipy.optimize import linprog

    patterns = activation_patterns(x)
    limits = [(0.0, 1e3) if sign > 0 else (-1e3, 0.0) for sign in y] if margin else (-1e3, 1e3)
    a, units = y.copy(), np.empty((0, x.shape[1]))
    best = 0.0
    for _ in range(rounds):
        found = worst_units(x, a, patterns)
        responses = np.abs(a @ np.maximum(x @ found.T, 0.0))
        largest = float(responses.max())
        best = max(best, float(a @ y) / largest)
        if largest <= 1.0 + tolerance:
            break
        units = np.concatenate([units, found[responses > 1.0]])
        rows = np.maximum(x @ units.T, 0.0).T
        a = linprog(
            -y, A_ub=np.concatenate([rows, -rows]), b_ub=np.ones(2 * len(rows)), bounds=limits
        ).x
    return best


def worst_units(x: np.ndarray, a: np.ndarray, patterns: list[np.ndarray]) -> np.ndarray:
    """The unit w with the largest |sum_mu a_mu relu(x_mu . w)| of either sign in each pattern."""
    from scipy.optimize import nnls

    units = []
    for pattern in patterns:
        cone = np.where(pattern, 1.0, -1.0)[:, None] * x  # cone @ w >= 0 has this pattern
        center = (a * pattern) @ x
        for direction in (center, -center):
            push, _ = nnls(cone.T, -direction, maxiter=1000)
            projection = direction + cone.T @ push
            norm = np.linalg.norm(projection)
            if norm > 1e-12:
                units.append(projection / norm)
    return np.array(units)


def activation_patterns(x: np.ndarray) -> list[np.ndarray]:
    """Every pattern x @ w > 0 that some w shows, for rows in general position.

    Two neighboring patterns differ in one row; each cell touches a ray on which n - 1 rows
    vanish, and around that ray those rows take every combination of signs.
    """

    p, n = x.shape
    found: dict[bytes, np.ndarray] = {}
    for chosen in itertools.combinations(range(p), n - 1):
        rows = list(chosen)
        ray = np.linalg.svd(x[rows])[2][-1]
        for sign in (1.0, -1.0):
            base = sign * (x @ ray) > 0
            for values in itertools.product((False, True), repeat=n - 1):
                pattern = base.copy()
                pattern[rows] = values
                found[pattern.tobytes()] = pattern
    return list(found.values())


EXPERIMENT = Experiment(
    name="minnorm_convex_relu",
    summary="Norm of a tiny ReLU network after Minnorm against a certificate of the global least",
    config=Config,
    tasks=tasks,
    run_task=run_task,
)
