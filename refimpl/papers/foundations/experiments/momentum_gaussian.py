r"""SGHMC and SGNHT on a Gaussian target with noisy gradients: the law of the discretised chain.

U(x) = x^T H x / 2, and the gradient of a step has independent noise of variance V in every entry:
the batch is the vector b of the objective U(x) + b.x. The step is measured in two ways.

*Exactly.* Rows of the parameters are independent chains. The step's linear map is read off by
applying it to basis vectors of position and momentum without noise, and its noise by applying it to
the origin with unit noise and unit b; the discrete Lyapunov equation gives the covariance. The
thermostat's friction is set to where theory says that it stands still.

*Statistically.* SGHMC: independent chains start in the predicted law and run for a few steps. In
SGNHT all rows share one friction, which starts at the predicted value and must stay near it.

Source: derived; T. Chen, E. B. Fox and C. Guestrin, ICML 2014; N. Ding et al., NIPS 2014.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.sghmc import SGHMC
from refimpl.algorithms.sgnht import SGNHT
from refimpl.arrays import Array, Backend, eps, to_host
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.foundations.theory.momentum_noise import Law, sghmc_law, sgnht_law
from refimpl.random import Replay, Rng

METHODS = ("sghmc", "sgnht")


@dataclass(frozen=True)
class Config:
    """The target, the methods' settings, and the numbers of chains and steps.

    ``estimate`` is the share of the gradient's noise that SGHMC knows of; ``friction`` is its C and
    the thermostat's A/τ.
    """

    curvatures: tuple[float, ...] = (0.5, 1.0, 4.0)
    temperature: float = 0.7
    friction: float = 0.8
    gradient_variance: float = 0.6
    estimate: float = 0.5
    step_sizes: tuple[float, ...] = (0.1, 0.25, 0.4)
    chains: int = 20_000
    steps: int = 8
    thermostat_steps: int = 60

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            curvatures=(0.1, 0.5, 1.0, 2.0, 4.0),
            step_sizes=(0.05, 0.1, 0.2, 0.3, 0.4),
            chains=100_000,
            thermostat_steps=400,
        )


def tasks(config: Config) -> list[Task]:
    return [{"method": name, "step_size": h} for name in METHODS for h in config.step_sizes]


def setting(config: Config, name: str, h: float) -> tuple[Any, float, list[Law]]:
    """The algorithm, the friction of its linear map, and the predicted moments."""
    tau, variance = config.temperature, config.gradient_variance
    if name == "sgnht":
        noise = config.friction * tau
        friction, laws = sgnht_law(
            config.curvatures, step_size=h, noise=noise, temperature=tau, gradient_variance=variance
        )
        return SGNHT(step_size=h, noise=noise, temperature=tau), friction, laws
    settings = {
        "step_size": h, "friction": config.friction, "temperature": tau,
        "noise_estimate": config.estimate * 0.5 * h * variance,
    }  # fmt: skip
    laws = [sghmc_law(k, gradient_variance=variance, **settings) for k in config.curvatures]
    return SGHMC(**settings), config.friction, laws


def _advance(
    algorithm: Any, friction: float, hessian: Array, x: Array, p: Array, b: Array, noise: Any
) -> tuple[Any, Any]:
    """State and info after a step of the rows from (x, p) with the batch b."""

    def objective(x: Array, batch: Any) -> Array:
        return 0.5 * ad.sum(x * (x @ hessian)) + ad.sum(x * batch)

    state = algorithm.init(x)._replace(momentum=p)
    if isinstance(algorithm, SGNHT):
        state = state._replace(friction=state.friction * 0.0 + friction)
    return algorithm.step(state, objective, b, noise)


def exact(config: Config, algorithm: Any, friction: float, backend: Backend) -> np.ndarray:
    """The covariance (2 d, 2 d) of the step's linear map, by the Lyapunov equation."""
    import scipy.linalg

    d = len(config.curvatures)
    hessian = backend.asarray(np.diag(config.curvatures))
    eye, zero = np.eye(d), np.zeros((d, d))

    def rows(x: np.ndarray, p: np.ndarray, b: np.ndarray, noise: np.ndarray) -> np.ndarray:
        x, p, b = (backend.asarray(part) for part in (x, p, b))
        draws = Replay([noise], repeat=True)
        state, _ = _advance(algorithm, friction, hessian, x, p, b, draws)
        return np.concatenate([to_host(state.params), to_host(state.momentum)], axis=1)

    tall, none = np.zeros((2 * d, d)), np.zeros((2 * d, d))
    basis = np.eye(2 * d)
    drift = rows(basis[:, :d], basis[:, d:], none, tall).T
    heat = rows(zero, zero, zero, eye).T
    rough = np.sqrt(config.gradient_variance) * rows(zero, zero, eye, zero).T
    return scipy.linalg.solve_discrete_lyapunov(drift, heat @ heat.T + rough @ rough.T)


def sampled(
    config: Config, algorithm: Any, friction: float, laws: list[Law], backend: Backend, rng: Rng
) -> dict[str, np.ndarray]:
    """Second moments of position and momentum after the steps, and of the friction on the way."""
    shape = (config.chains, len(laws))
    start = rng.child("start").normal((2, *shape))
    table = np.array(laws)  # position, momentum, cross
    p = start[1] * np.sqrt(table[:, 1])
    slope = table[:, 2] / table[:, 1]
    x = slope * p + start[0] * np.sqrt(table[:, 0] - slope**2 * table[:, 1])
    x, p = backend.asarray(x), backend.asarray(p)
    hessian = backend.asarray(np.diag(config.curvatures))
    thermostat = isinstance(algorithm, SGNHT)
    frictions, kinetic = [friction], []
    for step in range(config.thermostat_steps if thermostat else config.steps):
        b = np.sqrt(config.gradient_variance) * rng.child("batch", step).normal(shape)
        state, info = _advance(
            algorithm, frictions[-1], hessian, x, p, backend.asarray(b), rng.child("step", step)
        )
        x, p = state.params, state.momentum
        frictions.append(float(info.friction) if thermostat else friction)
        kinetic.append(float(np.mean(to_host(p) ** 2)))
    return {
        "sampled_position": np.mean(to_host(x) ** 2, axis=0),
        "sampled_momentum": np.mean(to_host(p) ** 2, axis=0),
        "sampled_friction": np.asarray(frictions[-1]),
        "mean_kinetic": np.mean(kinetic),
    }


def run_task(
    config: Config, backend: Backend, rng: Rng, *, method: str, step_size: float
) -> dict[str, Any]:
    algorithm, friction, laws = setting(config, method, step_size)
    covariance = exact(config, algorithm, friction, backend)
    d = len(laws)
    return {
        "method": method,
        "step_size": step_size,
        "friction": friction,
        "predicted": np.array(laws),
        "exact": np.stack(
            [
                np.diagonal(covariance)[:d],
                np.diagonal(covariance)[d:],
                np.diagonal(covariance[:d, d:]),
            ],
            axis=1,
        ),
        "eps": eps(backend.zeros(1)),
        **sampled(config, algorithm, friction, laws, backend, rng),
    }


EXPERIMENT = Experiment(
    "momentum_gaussian",
    Config,
    run_task,
    tasks=tasks,
    cost=lambda config, task: 1e-6 * config.chains * config.thermostat_steps,
    summary="stationary covariance of SGHMC and SGNHT with noisy gradients on a Gaussian target",
)
