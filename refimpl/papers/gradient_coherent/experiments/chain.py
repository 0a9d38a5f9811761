"""The regularised linear chain by search and simulation, with no closed form.

Thresholds are found in three ways that share nothing with :mod:`refimpl.theory`: on a grid of the
stationarity condition, by comparing energies, and by bisection on whether gradient descent
survives. The descent of a balanced chain is a recursion of one number, iterated here for many
strengths at once; the task ``algorithm`` checks that the algorithm on a deep linear
network follows the same recursion.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend, to_host
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment, merge
from refimpl.models import DeepLinear, Objective
from refimpl.papers.gradient_coherent.gradient_coherent import GradientCoherent, Penalty
from refimpl.random import Rng

KINDS = ("thresholds", "tolerance", "delayed", "escape", "gate", "algorithm", "absolute")


@dataclass(frozen=True)
class Config:
    """Targets, depths and starts of the chains.

    Attributes
    ----------
    target : float
        y of the thresholds; all else has y = 1 but for the imbalance law.
    depths, absolute_depths : tuple of int
        Of the thresholds under L2 and L1.
    halvings : int
        Of the bisections: a relative resolution of 2^-halvings.
    """

    target: float = 1.3
    depths: tuple[int, ...] = (2, 3, 4, 6, 10, 16)
    absolute_depths: tuple[int, ...] = (1, 2, 3, 4, 8)
    tolerance_depths: tuple[int, ...] = (3, 4, 6)
    starts: tuple[float, ...] = (0.2, 0.4, 0.6)
    absolute_starts: tuple[float, ...] = (0.2, 0.4)
    delays: tuple[float, ...] = (0.0, 5.0, 8.0, 10.0, 12.0, 20.0)
    halvings: int = 17
    gate_strengths: tuple[float, ...] = (0.02, 0.03, 0.2, 0.35)
    gate_steps: int = 800
    imbalance_steps: int = 100_000

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            depths=(2, 3, 4, 5, 6, 8, 10, 16, 32),
            starts=(0.2, 0.3, 0.4, 0.5, 0.6),
            halvings=20,
            gate_steps=20_000,
        )


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"kind": kind} for kind in KINDS]


def run_task(config: Config, backend: Backend, rng: Rng, *, kind: str) -> dict[str, Any]:
    work = {
        "thresholds": _thresholds,
        "tolerance": _tolerance,
        "delayed": _delayed,
        "escape": _escape,
        "absolute": _absolute,
    }
    if kind in work:
        return work[kind](config)
    return _gate(config, backend) if kind == "gate" else _algorithm(backend)


# --- thresholds ----------------------------------------------------------------------------------


def _largest(function: Callable[[Any], Any], stop: float) -> float:
    """The largest value of a smooth function on (0, stop): the best of a grid, then refined."""
    from scipy.optimize import minimize_scalar

    grid = np.linspace(0.0, stop, 4002)[1:-1]
    values = function(grid)
    best = int(np.argmax(values))
    if best == 0:  # the supremum is approached at 0
        return float(function(1e-5 * stop))
    width = grid[1] - grid[0]
    found = minimize_scalar(
        lambda w: -function(w),
        bounds=(grid[best] - width, grid[best] + width),
        method="bounded",
        options={"xatol": 1e-12},
    )
    return -float(found.fun)


def _thresholds(config: Config) -> dict[str, Any]:
    """λ_sp: the largest strength with a stationary point; λ_m: with a point below J(0)."""
    y = config.target

    def pull(w: Any, depth: int, power: int) -> Any:
        return w ** (depth - power) * (y - w**depth)

    def gain(w: Any, depth: int, power: int) -> Any:  # (J(0) - loss) a unit of penalty
        return (y**2 - (w**depth - y) ** 2) / (2 * depth * w**power / power)

    def search(function: Callable[..., Any], depths: tuple[int, ...], power: int) -> np.ndarray:
        return np.array(
            [
                _largest(functools.partial(function, depth=depth, power=power), y ** (1 / depth))
                for depth in depths
            ]
        )

    return {
        "depths": np.asarray(config.depths),
        "absolute_depths": np.asarray(config.absolute_depths),
        "target": y,
        "spinodal": search(pull, config.depths, 2),
        "equal_energy": search(gain, config.depths, 2),
        "spinodal_l1": search(pull, config.absolute_depths, 1),
        "equal_energy_l1": search(gain, config.absolute_depths, 1),
    }


# --- tolerance by bisection ----------------------------------------------------------------------


def _bisect(
    start: np.ndarray,
    halvings: int,
    force: Callable[[np.ndarray, np.ndarray], np.ndarray],
    step: float,
) -> np.ndarray:
    """Largest strengths at which w ← w + a force(w, λ) does not fall to zero.

    ``force`` gives dw/dt as a function of the weight and the strength. A chain has survived when
    its weight is above its start after many steps, and has failed when it is below.
    """
    low, high = np.zeros_like(start), np.ones_like(start)
    for _ in range(halvings):
        middle = (low + high) / 2
        weight = start.copy()
        for _ in range(200):
            weight = np.maximum(weight + step * force(weight, middle), 0.0)
        alive = weight > start
        low, high = np.where(alive, middle, low), np.where(alive, high, middle)
    return (low + high) / 2


def _tolerance(config: Config) -> dict[str, Any]:
    cases = [(d, s) for d in config.tolerance_depths for s in config.starts]
    depth = np.array([d for d, _ in cases])
    start = np.array([s for _, s in cases])

    def l2(weight: np.ndarray, strength: np.ndarray) -> np.ndarray:
        return weight ** (depth - 1) * (1.0 - weight**depth) - strength * weight

    found = _bisect(start, config.halvings + 8, l2, 0.05)
    return {
        "tolerance_depths": np.asarray(config.tolerance_depths),
        "starts": np.asarray(config.starts),
        "tolerance": found.reshape(len(config.tolerance_depths), len(config.starts)),
    }


def _delayed(config: Config) -> dict[str, Any]:
    """Tolerance after an unregularised flow, D = 4, w_0 = 0.2; the survivor must come back up."""
    from scipy.integrate import solve_ivp

    flow = solve_ivp(
        lambda _, w: w**3 * (1.0 - w**4),
        (0.0, max(config.delays)),
        [0.2],
        method="DOP853",
        t_eval=sorted(config.delays),
        rtol=1e-12,
        atol=1e-14,
    )
    start = flow.y[0]
    low, high = np.zeros_like(start), np.ones_like(start)
    for _ in range(config.halvings):
        middle = (low + high) / 2
        weight = start.copy()
        # a chain that starts above its fixed point falls to it, so only a zero is a failure
        for _ in range(6000):
            weight = weight + 0.2 * weight * (weight**2 * (1.0 - weight**4) - middle)
        alive = weight > 0.05
        low, high = np.where(alive, middle, low), np.where(alive, high, middle)
    return {"delays": np.asarray(sorted(config.delays)), "delayed_tolerance": (low + high) / 2}


def _escape(config: Config) -> dict[str, Any]:
    """Flow time from w_0 to the peak of the pull, by integration up to an event."""
    from scipy.integrate import solve_ivp

    found = []
    for depth, start in ((4, 0.05), (6, 0.3)):
        grid = np.linspace(0.0, 1.0, 200_001)
        top = grid[np.argmax(grid ** (depth - 2) * (1.0 - grid**depth))]

        def reached(_: float, w: np.ndarray, top: float = top) -> float:
            return w[0] - top

        reached.terminal = True  # type: ignore[attr-defined]
        flow = solve_ivp(
            lambda _, w, d=depth: w ** (d - 1) * (1.0 - w**d),
            (0.0, 1e4),
            [start],
            method="DOP853",
            events=reached,
            rtol=1e-11,
            atol=1e-13,
        )
        found.append(flow.t_events[0][0])
    return {"escape": np.asarray(found), "escape_cases": np.array([[4, 0.05], [6, 0.3]])}


def _absolute(config: Config) -> dict[str, Any]:
    """L1: tolerance by bisection, and the law of the imbalance of unequal weights."""
    cases = [(d, s) for d in (2, 3, 4) for s in config.absolute_starts]
    depth = np.array([d for d, _ in cases])
    start = np.array([s for _, s in cases])

    def l1(weight: np.ndarray, strength: np.ndarray) -> np.ndarray:
        return weight ** (depth - 1) * (1.0 - weight**depth) - strength

    found = _bisect(start, config.halvings + 8, l1, 0.05)

    return {
        "absolute_starts": np.asarray(config.absolute_starts),
        "tolerance_l1": found.reshape(3, len(config.absolute_starts)),
        **_imbalance(config.imbalance_steps),
    }


def _imbalance(steps: int) -> dict[str, Any]:
    """w_i² − w_j² of an unequal L1 chain against the time integral of −2λ(|w_i| − |w_j|)."""
    a, b, c, target, lam, eta = 0.9, 0.7, 1.2, 1.5, 0.05, 1e-5
    first = np.array([a * a - b * b, b * b - c * c, c * c - a * a])
    sums = [0.0, 0.0, 0.0]
    for _ in range(steps):
        for index, size in enumerate((abs(a), abs(b), abs(c))):
            sums[index] += eta * size
        error = a * b * c - target
        a, b, c = (
            a - eta * (error * b * c + math.copysign(lam, a)),
            b - eta * (error * a * c + math.copysign(lam, b)),
            c - eta * (error * a * b + math.copysign(lam, c)),
        )
    integral = -2.0 * lam * (np.array(sums) - np.roll(sums, -1))
    last = np.array([a * a - b * b, b * b - c * c, c * c - a * a])
    return {"imbalance_change": last - first, "imbalance_integral": integral}


# --- with the algorithm --------------------------------------------------------------------------


def _network(depth: int, start: float, target: float, backend: Backend) -> tuple[Any, Any, Batch]:
    """A chain as a network of width 1, so that its weights are matrices and are penalised."""
    model = DeepLinear((1,) * (depth + 1))
    params = [backend.asarray([[start]]) for _ in range(depth)]
    one = backend.ones((1, 1))
    return Objective(model, "mean_squared_error", "sum"), params, Batch(one, target * one, None)


def _stable(strength: float) -> float:
    """Largest root of w⁴(1 − w⁶) = λ, by sign change on a grid and halving; 1 if there is none."""
    grid = np.linspace(0.5, 1.0, 5001)
    above = np.flatnonzero(grid**4 * (1.0 - grid**6) >= strength)
    if not above.size:
        return 1.0
    low, high = grid[above[-1]], grid[above[-1] + 1]
    for _ in range(60):
        middle = (low + high) / 2
        alive = middle**4 * (1.0 - middle**6) >= strength
        low, high = (middle, high) if alive else (low, middle)
    return float(low)


def _gate(config: Config, backend: Backend) -> dict[str, Any]:
    """Depth 6, y = 1, w_0 = 0.4: where the plain, delayed and gated chains end.

    The plain and the delayed chain are the recursion. The gate is the algorithm, watched until it
    is within 1e-6 of an end of the flow, w_s or 1; then on to the last step, since at w_s itself
    g + λR is lost in rounding and the gate is free to shut. Two more starts lie 1e-3 below and
    above w_s for λ = 0.03.
    """
    ends: dict[str, list[float]] = {"plain": [], "delayed": []}
    for lam in config.gate_strengths:
        for name, delay in (("plain", 0), ("delayed", 20_000)):
            weight = 0.4
            for step in range(60_000):
                pull = weight**4 * (1.0 - weight**6)
                weight += 0.1 * weight * (pull - (lam if step >= delay else 0.0))
            ends[name].append(weight)

    near = _stable(0.03)
    cases = [(lam, 0.4) for lam in config.gate_strengths]
    cases += [(0.03, near - 1e-3), (0.03, near + 1e-3)]
    arrived, shut, final = [], [], []
    for lam, start in cases:
        objective, params, batch = _network(6, start, 1.0, backend)
        algorithm = GradientCoherent(strength=lam, learning_rate=0.1)
        state = algorithm.init(params)
        goal = _stable(lam) if start <= _stable(lam) else 1.0
        closed, found = 0, None
        for _ in range(config.gate_steps):
            state, info = algorithm.step(state, objective, batch)
            weight = float(to_host(state.params[0])[0, 0])
            if found is None:
                closed += float(to_host(info.gate)) == 0.0
                found = weight if abs(weight - goal) < 1e-6 else None
        arrived.append(weight if found is None else found)
        shut.append(float(closed))
        final.append(weight)
    return {
        "gate_strengths": np.asarray(config.gate_strengths),
        "plain_end": np.asarray(ends["plain"]),
        "delayed_end": np.asarray(ends["delayed"]),
        "gate_end": np.asarray(arrived[:-2]),
        "gate_shut_steps": np.asarray(shut[:-2]),
        "gate_final": np.asarray(final[:-2]),
        "gate_near": np.asarray(arrived[-2:]),
    }


def _algorithm(backend: Backend) -> dict[str, Any]:
    """Largest distance between the algorithm on a network and the recursion of one number, and
    the norm identity of one L2 step with a random gradient."""
    worst = 0.0
    cases: tuple[tuple[int, Penalty], ...] = ((3, "l2"), (4, "l2"), (3, "l1_subgradient"))
    for depth, penalty in cases:
        objective, params, batch = _network(depth, 0.4, 1.0, backend)
        algorithm = GradientCoherent(
            criterion="always", strength=0.05, learning_rate=0.05, penalty=penalty
        )
        state = algorithm.init(params)
        weight = 0.4
        for _ in range(200):
            state, _ = algorithm.step(state, objective, batch)
            pull = weight ** (depth - 1) * (1.0 - weight**depth)
            weight += 0.05 * (pull - 0.05 * (weight if penalty == "l2" else 1.0))
            worst = max(worst, abs(float(to_host(state.params[0])[0, 0]) - weight))

    rng = Rng(0)
    weight = rng.child("w").normal((6, 5), like=backend.zeros((1,)))
    slope = rng.child("g").normal((6, 5), like=weight)
    step = GradientCoherent(criterion="always", strength=0.03, learning_rate=0.1)
    after, _ = step.step(step.init([weight]), lambda p, _: ad.sum(p[0] * slope), None)
    w, g, new = (to_host(x).astype(np.float64) for x in (weight, slope, after.params[0]))
    kept = 1.0 - 0.1 * 0.03
    expected = kept**2 * np.sum(w**2) - 0.2 * kept * np.sum(g * w) + 0.01 * np.sum(g**2)
    return {
        "recursion_error": worst,
        "norm_identity_error": abs(np.sum(new**2) - expected) / expected,
    }


EXPERIMENT = Experiment(
    name="gradient_coherent_chain",
    summary="Thresholds, tolerances and gates of the regularised chain, by search and simulation",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=merge,
)
