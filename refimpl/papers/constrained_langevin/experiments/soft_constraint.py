r"""A constraint enforced exactly, and the same constraint as a stiff penalty.

The penalties |W^T W - I|_F^2 / (4 eps) and (theta^2 + xi^2 - r^2)^2 / (4 eps) hold the constraint
ever better as eps -> 0, and pay with the step size: the normal curvature is 2/eps and 2 r^2/eps,
and explicit descent needs h < eps and h < eps / r^2. Measured are

* the largest stable step: a small normal perturbation is followed for many steps, and the h at
  which it neither grows nor decays is bracketed;
* the same for the constrained step, which has no such limit: its residual at step sizes up to
  100 times the penalty's largest;
* the residual that is left: where a linear loss pulls on the circle (no noise), and at
  temperature tau without a loss (many short Langevin chains).

Source: derived (linear stability and a Gaussian integral); the comparison is made in Leimkuhler,
Vlaar, Pouchon and Storkey (2021), whose abstract names the absence of penalty terms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.sgld import SGLD
from refimpl.arrays import Array, Backend, to_host
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.constrained_langevin.c_cola_od import CCoLAod
from refimpl.random import Rng

MULTIPLES = (0.1, 1.0, 10.0, 100.0)
"""Step sizes of the constrained step, in units of the largest stable one of the penalty."""


@dataclass(frozen=True)
class Config:
    """Attributes
    ----------
    softness : tuple of float
        Values of eps.
    radius : float
        Of the circle.
    shape : tuple of int
        Of the orthogonal matrix.
    steps : int
        For which a perturbation is followed.
    halvings : int
        Of the bracket around the largest stable step.
    slope, temperature : float
        Of the linear loss, and of the noise.
    chains, thermal_steps : int
    """

    softness: tuple[float, ...] = (1e-4, 1e-3, 1e-2)
    radius: float = 0.5
    shape: tuple[int, int] = (8, 4)
    steps: int = 100
    halvings: int = 10
    slope: float = 1.0
    temperature: float = 0.1
    chains: int = 10_000
    thermal_steps: int = 200

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(softness=(1e-5, 1e-4, 1e-3, 1e-2), steps=200, halvings=14, chains=50_000)


def orthogonality_penalty(softness: float) -> Callable[[Any], Any]:
    """|W^T W - I|_F^2 / (4 eps)."""

    def penalty(w: Any) -> Any:
        gram = ad.transpose(w) @ w
        m = gram.shape[-1]
        # |G - I|_F^2 = |G|_F^2 - 2 tr G + m, and tr G = |W|_F^2
        return (ad.sum(gram * gram) - 2.0 * ad.sum(w * w) + m) / (4.0 * softness)

    return penalty


def circle_penalty(softness: float, radius: float) -> Callable[[Any], Any]:
    """(theta^2 + xi^2 - r^2)^2 / (4 eps), summed over chains: first axis (theta, xi)."""

    def penalty(q: Any) -> Any:
        excess = q[0, :] * q[0, :] + q[1, :] * q[1, :] - radius**2
        return ad.sum(excess * excess) / (4.0 * softness)

    return penalty


def growth(penalty: Any, start: Array, residual: Any, step_size: float, steps: int) -> float:
    """The factor by which ``residual`` grows in ``steps`` steps of descent."""
    slope = ad.grad(penalty)
    q, first = start, float(residual(start))
    for _ in range(steps):
        q = q - step_size * slope(q)
        last = float(residual(q))
        if not last < 1e3 * first:
            return last / first
    return float(residual(q)) / first


def largest_stable_step(
    penalty: Any, start: Array, residual: Any, guess: float, steps: int, halvings: int
) -> float:
    """The step size at which a perturbation neither grows nor decays, bracketed by bisection."""
    low, high = 0.25 * guess, 4.0 * guess
    if growth(penalty, start, residual, low, steps) >= 1.0:
        raise ValueError(f"descent is unstable at a quarter of the guess {guess}")
    if growth(penalty, start, residual, high, steps) < 1.0:
        raise ValueError(f"descent is stable at four times the guess {guess}")
    for _ in range(halvings):
        middle = (low * high) ** 0.5
        if growth(penalty, start, residual, middle, steps) < 1.0:
            low = middle
        else:
            high = middle
    return (low * high) ** 0.5


def constrained_residual(config: Config, backend: Backend, rng: Rng, step_size: float) -> float:
    """Largest |theta^2 + xi^2 - r^2| over 50 constrained steps under the loss and the noise."""
    algorithm = CCoLAod(
        step_size=step_size,
        temperature=config.temperature,
        radii=(config.radius,),
        include="all",
    )
    state = algorithm.init(backend.zeros((100,)))
    worst = 0.0
    for step in range(50):
        state, _ = algorithm.step(
            state, lambda q, batch: config.slope * ad.sum(q), None, rng.child("step", step)
        )
        squares = to_host(state.params) ** 2 + to_host(state.slack) ** 2
        worst = max(worst, float(np.abs(squares - config.radius**2).max()))
    return worst


def tasks(config: Config) -> list[Task]:
    return [{"softness": softness} for softness in config.softness]


def run_task(config: Config, backend: Backend, rng: Rng, *, softness: float) -> dict[str, Any]:
    n, m = config.shape
    r = config.radius
    w = np.linalg.qr(rng.child("matrix").normal((n, m)))[0]
    normal = rng.child("normal").normal((m, m))
    matrix = backend.asarray(w + 1e-7 * w @ (normal + normal.T))
    angle = rng.child("angle").uniform((1,), 0.0, 2.0 * np.pi)
    point = backend.asarray((r + 1e-7 * r) * np.stack([np.sin(angle), np.cos(angle)]))

    def matrix_residual(q: Array) -> Any:
        return np.abs(to_host(q).T @ to_host(q) - np.eye(m)).max()

    def circle_residual(q: Array) -> Any:
        return np.abs((to_host(q) ** 2).sum(axis=0) - r**2).mean()

    on_matrix, on_circle = orthogonality_penalty(softness), circle_penalty(softness, r)
    matrix_case = (on_matrix, matrix, matrix_residual)
    circle_case = (on_circle, point, circle_residual)
    result: dict[str, Any] = {
        "stable_matrix": largest_stable_step(*matrix_case, softness, config.steps, config.halvings),
        "stable_circle": largest_stable_step(
            *circle_case, softness / r**2, config.steps, config.halvings
        ),
    }
    for name, case, limit in (
        ("matrix", matrix_case, softness),
        ("circle", circle_case, softness / r**2),
    ):
        result[f"growth_{name}"] = np.array(
            [growth(*case, fraction * limit, config.steps) for fraction in (0.99, 1.01)]
        )

    # A linear loss pulls theta outwards; the penalty gives way by about eps * slope / r.
    def pulled(q: Any) -> Any:
        return on_circle(q) + config.slope * ad.sum(q[0, :])

    q, slope = backend.asarray(np.array([[-r], [0.0]])), ad.grad(pulled)
    for _ in range(200):
        q = q - 0.3 * softness / r**2 * slope(q)
    result["pulled_residual"] = float(circle_residual(q))

    spread = np.sqrt(2.0 * softness * config.temperature)
    squared = np.abs(r**2 + spread * rng.child("radius").normal((config.chains,)))
    angle = rng.child("angles").uniform((config.chains,), 0.0, 2.0 * np.pi)
    start = backend.asarray(np.sqrt(squared) * np.stack([np.sin(angle), np.cos(angle)]))
    step_size = 0.02 * softness / r**2
    sampler = SGLD(learning_rate=step_size, temperature=config.temperature)
    state = sampler.init(start)
    for step in range(config.thermal_steps):
        state, _ = sampler.step(state, lambda q, batch: on_circle(q), None, rng.child("step", step))
    values = np.abs((to_host(state.params) ** 2).sum(axis=0) - r**2)
    result["hard_residual"] = [
        constrained_residual(config, backend, rng.child("hard"), multiple * softness / r**2)
        for multiple in MULTIPLES
    ]
    result["thermal_residual"] = values.mean()
    result["thermal_error"] = values.std() / np.sqrt(config.chains)
    return result


EXPERIMENT = Experiment(
    "soft_constraint",
    Config,
    run_task,
    tasks=tasks,
    cost=lambda config, task: 1e-4 * config.steps * config.halvings,
    summary="largest stable step and residual of penalties that stand in for a constraint",
)
