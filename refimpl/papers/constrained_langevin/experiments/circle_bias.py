r"""What the schemes sample on a circle under V = k theta, to rounding.

*Overdamped* steps are measured without sampling. The step is given every pair of Gauss-Hermite
nodes as its noise, from equidistant angles: the weighted averages of exp(i j phi') are the exact
action of its transition operator on Fourier modes, whose fixed point is the sampled law.

*Underdamped* steps are measured in the same way, on Fourier modes times Hermite polynomials of the
velocity (:mod:`refimpl.papers.constrained_langevin.experiments.circle_law`), and compared with the
laws of :mod:`refimpl.papers.constrained_langevin.theory.bias`, which know the parts of a splitting
and not its code.

Histograms and the law without a loss are sampled too, by many independent chains, each weight of
one array being a chain; the standard error comes from the chains' own time averages.

Source: derived; methods of Leimkuhler, Vlaar, Pouchon and Storkey (2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend, namespace, to_host
from refimpl.constraints import Blocks, Circle
from refimpl.experiments.base import Experiment, Task, merge
from refimpl.papers.constrained_langevin.c_cola_od import CCoLAod
from refimpl.papers.constrained_langevin.c_cola_stale import StaleCCoLAud
from refimpl.papers.constrained_langevin.c_cola_ud import CCoLAud
from refimpl.papers.constrained_langevin.circles import CircleState
from refimpl.papers.constrained_langevin.experiments.circle_law import Step, sampled_law
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
FREE = "BAOAB, V = 0"


@dataclass(frozen=True)
class Config:
    """Attributes
    ----------
    step_sizes : tuple of float
        Of the overdamped steps.
    laws : tuple of (name, step size)
        Whose laws are computed from the step: a splitting, with SHAKE as the drift, with all
        momentum forgotten (c = 0), or the released order of the parts.
    chain_step : float
        Of the chains.
    chains, time : int, float
        Number of chains, and how long they run before they are averaged over half as long.
    """

    step_sizes: tuple[float, ...] = (0.0125, 0.00625, 0.003125)
    laws: tuple[tuple[str, float], ...] = (
        *(("OBA", h) for h in (0.05, 0.1, 0.2, 0.4)),
        *(("BAOAB", h) for h in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8)),
        *(("OBABO", h) for h in (0.05, 0.1, 0.2, 0.4, 0.8)),
        *(("BAOAB, SHAKE", h) for h in (0.1, 0.2)),
        *(("as_released", h) for h in (0.1, 0.2, 0.4)),
        *(("OBA, c = 0", h) for h in (0.1, 0.2, 0.4)),
        ("BAOAB, c = 0", 0.3),
    )
    chain_step: float = 0.4
    chains: int = 100_000
    time: float = 10.0

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(chains=300_000, time=12.0)


def linear(theta: Any, batch: Any) -> Any:
    """V = theta, summed over chains."""
    return ad.sum(theta)


def steep(theta: Any, batch: Any) -> Any:
    """V = 2 theta, summed over chains."""
    return 2.0 * ad.sum(theta)


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
    return state._replace(params=xp.sin(phi), slack=xp.cos(phi))


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


def forgetting_rate(matrix: np.ndarray, step_size: float) -> float:
    """-log(lambda) / h of the second largest eigenvalue, the first being 1."""
    sizes = np.sort(np.abs(np.linalg.eigvals(matrix)))
    return float(-np.log(sizes[-2]) / step_size)


def tasks(config: Config) -> list[Task]:
    return [
        {"kind": "overdamped", "run": ""},
        {"kind": "underdamped", "run": ""},
        {"kind": "chains", "run": "BAOAB"},
        {"kind": "chains", "run": FREE},
    ]


def run_task(config: Config, backend: Backend, rng: Rng, *, kind: str, run: str) -> dict[str, Any]:
    if kind == "overdamped":
        return overdamped(config, backend)
    if kind == "underdamped":
        return underdamped(config, backend)
    return chains(config, backend, rng, run)


def underdamped(config: Config, backend: Backend) -> dict[str, Any]:
    """E theta, E theta^2 and the kinetic temperature of every law."""
    found = []
    for run, h in config.laws:
        if run.endswith("SHAKE"):  # the outermost nodes would have no solution
            options = {"degree": 11, "noise_nodes": 8}
            found.append(sampled_law(_shake_step(h, backend), 2, **options))
        else:
            draws = 2 if run.startswith("OBABO") else 1
            found.append(sampled_law(_angle_step(run, h, backend), draws))
    return {
        "law_names": [name for name, _ in config.laws],
        "law_steps": np.array([h for _, h in config.laws]),
        "laws": np.stack(found),
    }


def _angle_step(run: str, h: float, backend: Backend) -> Step:
    """A step of the circle algorithms in the form that :func:`sampled_law` takes."""
    name, _, variant = run.partition(", ")
    friction = FORGETTING / h if variant == "c = 0" else 1.0
    options: dict[str, Any] = {"step_size": h, "friction": friction, "temperature": 1.0}
    algorithm: Any
    if name == "as_released":
        algorithm = StaleCCoLAud(**options, include="all")
    else:
        options.update(splitting=name, diagnostics=False)
        algorithm = CCoLAud(**options, include="all")

    def advance(phi: np.ndarray, v: np.ndarray, noise: Any) -> tuple[Any, Any]:
        # not the first step, which the released order begins in another way
        state = state_at(algorithm, phi, backend, v)._replace(step=1, force=None)
        state, _ = algorithm.step(state, linear, None, noise)
        return state.angles, state.momentum

    return advance


def _shake_step(h: float, backend: Backend) -> Step:
    """BAOAB with the drift of SHAKE, in Cartesian form: its noise has two components."""
    blocks = Blocks((Circle(1.0, motion="shake"),))
    scheme = UnderdampedScheme("BAOAB", h, 1.0, 1.0)

    def advance(phi: np.ndarray, v: np.ndarray, noise: Any) -> tuple[Any, Any]:
        q = backend.asarray(np.stack([np.sin(phi), np.cos(phi)]))
        p = backend.asarray(v * np.stack([np.cos(phi), -np.sin(phi)]))
        both = backend.asarray(np.stack([noise.normal(phi.shape) for _ in range(2)]))
        given: Any = Replay([both])
        start = UnderdampedState(q[0, ...], 0, [q], [p], [0.0 * q])
        end, _ = underdamped_step(blocks, start, linear, None, given, scheme)
        (sine, cosine), (rise, run) = end.positions[0], end.momenta[0]
        return namespace(q).atan2(sine, cosine), cosine * rise - sine * run

    return advance


def overdamped(config: Config, backend: Backend) -> dict[str, Any]:
    """Moments that the overdamped steps sample (projection by step), their contraction of the
    mean without a loss, and the rates at which they forget under V = theta and 2 theta."""
    shape = (len(PROJECTIONS), len(config.step_sizes))
    mean, square, contraction = (np.empty(shape) for _ in range(3))
    forgetting = np.empty((len(PROJECTIONS), 2, len(config.step_sizes)))
    for i, projection in enumerate(PROJECTIONS):
        for j, h in enumerate(config.step_sizes):
            options: dict[str, Any] = {"projection": projection, "include": "all"}
            algorithm = CCoLAod(step_size=h, temperature=1.0, radii=(1.0,), **options)
            matrix = transition_modes(algorithm, linear, backend)
            forgetting[i, :, j] = [
                forgetting_rate(m, h) for m in (matrix, transition_modes(algorithm, steep, backend))
            ]
            modes = stationary_modes(matrix)
            mean[i, j] = modes[1].imag
            square[i, j] = 0.5 * (1.0 - modes[2].real)
            free = transition_modes(algorithm, flat, backend)
            middle = free.shape[0] // 2
            contraction[i, j] = free[middle + 1, middle + 1].real
    return {
        "od_mean": mean,
        "od_square": square,
        "contraction": contraction,
        "forgetting": forgetting,
    }


def chains(config: Config, backend: Backend, rng: Rng, run: str) -> dict[str, Any]:
    """Averages of theta, theta^2, theta^4 and v^2 over chains of BAOAB."""
    n, h = config.chains, config.chain_step
    algorithm = CCoLAud(
        step_size=h, friction=1.0, temperature=1.0, splitting="BAOAB", diagnostics=False,
        include="all",
    )  # fmt: skip
    loss = flat if run == FREE else linear
    state = state_at(algorithm, np.full(n, 0.3), backend, rng.child("velocities").normal((n,)))
    burn = math.ceil(config.time / h)
    measured = max(burn // 2, 1)
    sums = np.zeros((4, n))
    theta = to_host(state.params)
    for step in range(burn + measured):
        state, _ = algorithm.step(state, loss, None, rng.child("step", step))
        theta, kinetic = to_host(state.params), to_host(state.momentum) ** 2
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
    exact, runs = results[:2], results[2:]
    stacked = {name: np.stack([values[name] for values in runs]) for name in runs[0]}
    return {
        **merge(config, tasks[:2], exact),
        **stacked,
        "runs": [task["run"] for task in tasks[2:]],
        "step_sizes": np.asarray(config.step_sizes),
    }


EXPERIMENT = Experiment(
    "circle_bias",
    Config,
    run_task,
    tasks=tasks,
    collect=collect,
    summary="bias of the circle schemes, from the steps' transition operators",
)
