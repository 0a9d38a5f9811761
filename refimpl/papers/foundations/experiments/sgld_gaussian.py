r"""Langevin dynamics on a Gaussian target: the exact stationary law of the discretised chain.

On ``U(x) = x^T A x / 2`` the unadjusted Langevin step

    x' = x - h A x + sqrt(2 h tau) xi,   xi ~ N(0, I)

aims at the density proportional to ``exp(-U / tau)``, whose covariance is ``tau A^{-1}``. The
chain is linear, so in an eigendirection with curvature a its variance s obeys
``s' = (1 - h a)^2 s + 2 h tau``, with the fixed point

    s = 2 tau h / (1 - (1 - h a)^2) = tau / (a (1 - h a / 2)),

which exists exactly where ``h a < 2``. The step is measured in two ways. *Exactly*: the linear
map of the step is read off by applying it to basis vectors without noise and to the origin with
unit noise, and the discrete Lyapunov equation gives the covariance with no sampling at all.
*Statistically*: many independent chains, started in the stationary law, run for a few steps and
are averaged over chains, so that the standard error is known.

Source: M. Welling, Y. W. Teh (2011), "Bayesian learning via stochastic gradient Langevin
dynamics", eq. 4 with the full gradient; the fixed point is derived above.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.sgld import SGLD
from refimpl.arrays import Array, Backend, eps, to_host
from refimpl.experiments.base import Experiment, Task
from refimpl.random import Replay, Rng


@dataclass(frozen=True)
class Config:
    """The target, the step sizes and the number of chains.

    Attributes
    ----------
    curvatures : tuple of float
        Eigenvalues of A, which is turned by a random rotation.
    temperature : float
    step_sizes : tuple of float
        As multiples of the stability limit ``2 / max(curvatures)``.
    chains, steps : int
        Of the statistical measurement.
    """

    curvatures: tuple[float, ...] = (0.5, 1.0, 4.0)
    temperature: float = 0.7
    step_sizes: tuple[float, ...] = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)
    chains: int = 20_000
    steps: int = 5

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            curvatures=(0.1, 0.5, 1.0, 2.0, 4.0),
            step_sizes=(0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99),
            chains=200_000,
            steps=20,
        )


def _radius(matrix: np.ndarray) -> float:
    return float(np.max(np.abs(np.linalg.eigvals(matrix))))


def tasks(config: Config) -> list[Task]:
    return [{"fraction": fraction} for fraction in config.step_sizes]


def run_task(config: Config, backend: Backend, rng: Rng, *, fraction: float) -> dict[str, Any]:
    """The step's linear map and the chains' variances at one step size below the stability
    limit, and the spectral radius at the step size as far above the limit."""
    import scipy.linalg

    curvatures = np.asarray(config.curvatures)
    dimension = curvatures.size
    limit = 2.0 / float(curvatures.max())
    step_size = fraction * limit
    rotation = np.linalg.qr(rng.child("rotation").normal((dimension, dimension)))[0]
    hessian = backend.asarray(rotation @ np.diag(curvatures) @ rotation.T)

    def objective(x: Array, batch: Any) -> Array:
        # Rows are independent chains: the gradient of the sum is each chain's own.
        return 0.5 * ad.sum(x * (x @ hessian))

    def advance(x: Array, noise: Any, h: float = step_size) -> Array:
        algorithm = SGLD(learning_rate=h, temperature=config.temperature)
        state, _ = algorithm.step(algorithm.init(x), objective, None, noise)
        return state.params

    # Row i of the outputs is the image of basis vector i, hence the transpose of the map.
    none, unit = Replay([0.0], repeat=True), Replay([np.eye(dimension)], repeat=True)
    basis = backend.eye(dimension)
    drift = to_host(advance(basis, none)).T
    spread = to_host(advance(basis * 0.0, unit)).T
    beyond = (2.0 - fraction) * limit
    drift_beyond = to_host(advance(basis, none, beyond)).T
    covariance = scipy.linalg.solve_discrete_lyapunov(drift, spread @ spread.T)
    measured = rotation.T @ covariance @ rotation

    predicted = config.temperature / (curvatures * (1.0 - 0.5 * step_size * curvatures))
    start = rng.child("start").normal((config.chains, dimension)) * np.sqrt(predicted)
    x = backend.asarray(start @ rotation.T)
    for step in range(config.steps):
        x = advance(x, rng.child("step", step))
    along = to_host(x) @ rotation
    return {
        "step_size": step_size,
        "predicted_variance": predicted,
        "continuous_variance": config.temperature / curvatures,
        "exact_variance": np.diagonal(measured),
        "exact_cross_covariance": float(np.max(np.abs(measured - np.diag(np.diagonal(measured))))),
        "spectral_radius": _radius(drift),
        "radius_beyond_limit": _radius(drift_beyond),
        "predicted_radius": float(np.max(np.abs(1.0 - step_size * curvatures))),
        "sampled_variance": np.mean(along**2, axis=0),
        "standard_error": predicted * np.sqrt(2.0 / config.chains),
        "eps": eps(x),
    }


EXPERIMENT = Experiment(
    "sgld_gaussian",
    Config,
    run_task,
    tasks=tasks,
    cost=lambda config, task: 1e-6 * config.chains * config.steps,
    summary="stationary covariance of the discretised Langevin chain on a Gaussian target",
)
