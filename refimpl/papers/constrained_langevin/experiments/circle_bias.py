r"""What the schemes sample on a circle under V = k theta: exactly where possible, else by chains.

*Overdamped* steps are measured without sampling. The step is given every pair of Gauss-Hermite
nodes as its noise, from equidistant angles: the weighted averages of exp(i j phi') are the exact
action of its transition operator on Fourier modes, whose fixed point is the sampled law.

*Underdamped* steps are run on many independent chains, each weight of one array being a chain, and
averaged over chains; the standard error comes from the chains' own time averages. The numerically
exact laws of
:mod:`refimpl.papers.constrained_langevin.theory.bias` are what they are compared with.

Source: derived; methods of Leimkuhler, Vlaar, Pouchon and Storkey (2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend, to_host
from refimpl.constraints import Blocks, Circle
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.constrained_langevin.c_cola_od import CCoLAod
from refimpl.papers.constrained_langevin.c_cola_stale import StaleCCoLAud
from refimpl.papers.constrained_langevin.c_cola_ud import CCoLAud
from refimpl.papers.constrained_langevin.circles import CircleState
from refimpl.papers.constrained_langevin.splitting import (
    UnderdampedScheme,
    UnderdampedState,
    underdamped_step,
)
from refimpl.random import Replay, Rng

PROJECTIONS = ("shake", "radial")
FORGETTING = 1e3
"""Friction times step size at which exp(-friction * h) is exactly 0."""

BINS = 40


@dataclass(frozen=True)
class Config:
    """Attributes
    ----------
    step_sizes : tuple of float
        Of the overdamped steps.
    underdamped_step : float
        Of the chains of every splitting.
    forgetful_steps : tuple of float
        Of the chains of OBA whose friction is so large that all momentum is forgotten.
    chains, time : int, float
        Number of chains, and how long they run before they are averaged over half as long.
    """

    step_sizes: tuple[float, ...] = (0.0125, 0.00625, 0.003125)
    underdamped_step: float = 0.4
    forgetful_steps: tuple[float, ...] = (0.4, 0.2)
    chains: int = 100_000
    time: float = 10.0

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(forgetful_steps=(0.4, 0.2, 0.1), chains=300_000, time=12.0)


def linear(theta: Any, batch: Any) -> Any:
    """V = theta, summed over chains."""
    return ad.sum(theta)


def flat(theta: Any, batch: Any) -> Any:
    """V = 0, with a gradient of the right shape."""
    return 0.0 * ad.sum(theta)


def state_at(
    algorithm: Any, angles: np.ndarray, backend: Backend, velocities: np.ndarray | None = None
) -> CircleState:
    """A state of ``algorithm`` at given angles on circles of radius 1."""
    phi = backend.asarray(angles)
    xp = backend.xp
    state = algorithm.init(xp.zeros_like(phi))
    if velocities is not None:
        state = state._replace(momentum=backend.asarray(velocities))
    return state._replace(params=xp.sin(phi), angles=phi, slack=xp.cos(phi))


def transition_modes(
    algorithm: Any, objective: Any, backend: Backend, modes: int = 24, nodes: int = 14
) -> np.ndarray:
    """M with E[exp(i k phi') | phi] = sum_l M[l, k] exp(i l phi), ``|k|, |l| <= modes``."""
    angles = np.arange(4 * modes) * (2.0 * math.pi / (4 * modes))
    draws, weights = np.polynomial.hermite_e.hermegauss(nodes)
    first, second = (part.ravel() for part in np.meshgrid(draws, draws, indexing="ij"))
    # SHAKE has no projection for pairs far out, which weigh less than 1e-7 in all.
    noise_scale = math.sqrt(2.0 * algorithm.temperature * algorithm.step_size)
    reach = 0.95 / noise_scale if algorithm.projection == "shake" else math.inf
    inside = np.hypot(first, second) < reach
    first, second = first[inside], second[inside]
    weights = np.outer(weights, weights).ravel()[inside]
    weights /= weights.sum()
    shape = (angles.size, first.size)
    start = state_at(algorithm, np.broadcast_to(angles[:, None], shape), backend)
    noise = Replay([np.broadcast_to(part, shape) for part in (first, second)])
    state, _ = algorithm.step(start, objective, None, noise)
    phase = np.exp(1j * to_host(state.angles))
    orders = np.arange(-modes, modes + 1)
    images = np.stack([(phase**k) @ weights for k in orders], axis=1)
    spectrum = np.fft.fft(images, axis=0) / angles.size
    return spectrum[orders % angles.size]


def stationary_modes(matrix: np.ndarray) -> np.ndarray:
    """c_k = E exp(i k phi) of the law that the transition leaves unchanged: c M = c, c_0 = 1."""
    size = matrix.shape[0]
    middle = size // 2
    system = matrix.T - np.eye(size)
    system[middle] = 0.0
    system[middle, middle] = 1.0
    right = np.zeros(size, dtype=complex)
    right[middle] = 1.0
    return np.linalg.solve(system, right)[middle:]


def tasks(config: Config) -> list[Task]:
    h = config.underdamped_step
    chains: list[Task] = [
        {"kind": "chains", "splitting": name, "h": h}
        for name in ("OBA", "BAOAB", "OBABO", "as_released", "BAOAB, V = 0")
    ]
    # At half the step, where a drift without solution is a ten-sigma event.
    chains.append({"kind": "chains", "splitting": "BAOAB, SHAKE", "h": 0.5 * h})
    chains += [
        {"kind": "chains", "splitting": "OBA, c = 0", "h": step} for step in config.forgetful_steps
    ]
    chains.append({"kind": "chains", "splitting": "BAOAB, c = 0", "h": 0.3})
    return [{"kind": "overdamped", "splitting": "", "h": 0.0}, *chains]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, kind: str, splitting: str, h: float
) -> dict[str, Any]:
    if kind == "overdamped":
        return overdamped(config, backend)
    return chains(config, backend, rng, splitting, h)


def overdamped(config: Config, backend: Backend) -> dict[str, Any]:
    """Moments that the overdamped steps sample (projection by step), and their contraction of
    the mean without a loss."""
    shape = (len(PROJECTIONS), len(config.step_sizes))
    mean, square, contraction = (np.empty(shape) for _ in range(3))
    for i, projection in enumerate(PROJECTIONS):
        for j, h in enumerate(config.step_sizes):
            options: dict[str, Any] = {"projection": projection, "include": "all"}
            algorithm = CCoLAod(step_size=h, temperature=1.0, radii=(1.0,), **options)
            modes = stationary_modes(transition_modes(algorithm, linear, backend))
            mean[i, j] = modes[1].imag
            square[i, j] = 0.5 * (1.0 - modes[2].real)
            free = transition_modes(algorithm, flat, backend)
            middle = free.shape[0] // 2
            contraction[i, j] = free[middle + 1, middle + 1].real
    return {"od_mean": mean, "od_square": square, "contraction": contraction}


def chains(config: Config, backend: Backend, rng: Rng, splitting: str, h: float) -> dict[str, Any]:
    """Averages over chains of theta, theta^2, theta^4 and the kinetic temperature."""
    name, _, variant = splitting.partition(", ")
    n = config.chains
    free = variant == "V = 0"
    forgetful = variant == "c = 0"
    target_temperature = 0.5 if forgetful and name == "OBA" else 1.0
    if free:
        angles = np.full(n, 0.3)
    else:  # near the law that is expected, to save the time that it takes to get there
        angles = rng.child("start").generator.vonmises(-0.5 * math.pi, 1.0 / target_temperature, n)
    velocities = rng.child("velocities").normal((n,))
    objective = flat if free else linear
    friction = FORGETTING / h if forgetful else 1.0

    if variant == "SHAKE":
        blocks = Blocks((Circle(1.0, motion="shake"),))
        q = backend.asarray(np.stack([np.sin(angles), np.cos(angles)]))
        p = backend.asarray(velocities * np.stack([np.cos(angles), -np.sin(angles)]))
        general = UnderdampedState(q[0, :], 0, [q], [p], [0.0 * q])

        def advance(state: Any, stream: Rng) -> tuple[Any, np.ndarray, np.ndarray]:
            state, _ = underdamped_step(
                blocks, state, objective, None, stream, UnderdampedScheme(name, h, friction, 1.0)
            )
            p = to_host(state.momenta[0])
            return state, to_host(state.params), (p**2).sum(axis=0)

        state: Any = general
    else:
        options: dict[str, Any] = {"step_size": h, "friction": friction, "temperature": 1.0}
        algorithm: Any
        if name == "as_released":
            algorithm = StaleCCoLAud(**options, include="all")
        else:
            options.update(splitting=name, diagnostics=False)
            algorithm = CCoLAud(**options, include="all")

        def advance(state: Any, stream: Rng) -> tuple[Any, np.ndarray, np.ndarray]:
            state, _ = algorithm.step(state, objective, None, stream)
            return state, to_host(state.params), to_host(state.momentum) ** 2

        state = state_at(algorithm, angles, backend, velocities)

    burn = math.ceil(config.time / h)
    measured = max(burn // 2, 1)
    sums = np.zeros((4, n))
    theta = to_host(state.params)
    for step in range(burn + measured):
        state, theta, kinetic = advance(state, rng.child("step", step))
        if step >= burn:
            sums += np.stack([theta, theta**2, theta**4, kinetic])
    sums /= measured
    histogram, _ = np.histogram(theta, bins=BINS, range=(-1.0, 1.0))
    return {
        "moments": sums.mean(axis=1),
        "errors": sums.std(axis=1) / math.sqrt(n),
        "histogram": histogram,
    }


def collect(config: Config, tasks: list[Task], results: Any) -> dict[str, Any]:
    runs = [(task, values) for task, values in zip(tasks, results, strict=True)]
    sampled = [pair for pair in runs if pair[0]["kind"] == "chains"]
    stacked = {
        name: np.stack([values[name] for _, values in sampled])
        for name in ("moments", "errors", "histogram")
    }
    return {
        **results[0],
        **stacked,
        "step_sizes": np.asarray(config.step_sizes),
        "runs": [task["splitting"] for task, _ in sampled],
        "run_steps": np.array([task["h"] for task, _ in sampled]),
    }


EXPERIMENT = Experiment(
    "circle_bias",
    Config,
    run_task,
    tasks=tasks,
    collect=collect,
    cost=lambda config, task: 2e-6 * config.chains * config.time / (task["h"] or 1.0),
    summary="bias of the circle schemes: exact for overdamped steps, by chains for the splittings",
)
