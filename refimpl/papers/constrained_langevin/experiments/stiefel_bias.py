r"""What the schemes sample on the sphere and on St(4, 2), and how one step shrinks the mean.

Stationary laws: many independent chains, one matrix of a stack each, start in the target (sphere:
inverse of the cumulative law of the height; St(4, 2): rejection from the Haar measure), run until
the memory of it is gone, and are averaged over chains and time.

One step at V = 0 from a fixed point W: by equivariance E W' = kappa(h) W, so kappa is the mean of
tr(W^T W')/m. Every product of two noise entries has a known mean, so that regression on all of
them removes the noise of second order and leaves an error of the order of h^(3/2) a draw. The
mean after t/h steps is kappa^(t/h).

Source: derived; methods of Leimkuhler, Vlaar, Pouchon and Storkey (2021).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Array, Backend, namespace, to_host
from refimpl.constraints import Blocks, Orthogonal
from refimpl.errors import ConvergenceError, InfeasibleError
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.constrained_langevin.experiments.sphere_law import sampled_height
from refimpl.papers.constrained_langevin.overdamped import (
    OverdampedScheme,
    OverdampedState,
    overdamped_step,
)
from refimpl.papers.constrained_langevin.splitting import (
    UnderdampedScheme,
    UnderdampedState,
    underdamped_step,
)
from refimpl.random import Replay, Rng

SHAPES: dict[str, tuple[int, int]] = {"sphere": (3, 1), "stiefel": (4, 2), "haar": (4, 2)}

Step = Callable[[Any, Any, str], tuple[Any, Any]]

SCHEMES: dict[str, dict[str, Any]] = {
    "shake": {"projection": "shake"},
    "polar_raw": {"projection": "nearest", "increment": "raw"},
    "polar_tangent": {"projection": "nearest", "increment": "projected"},
}
"""Overdamped schemes and the options of the step that make them."""


@dataclass(frozen=True)
class Config:
    """Attributes
    ----------
    runs : tuple of (target, scheme, step size)
        Scheme: a splitting, or a name in ``SCHEMES``.
    chains, overdamped_chains : int
        Number of chains of the splittings, and of the overdamped schemes.
    time : float
        How long they run before they are averaged over as long again.
    contraction_steps : tuple of float
        Step sizes at which kappa is measured.
    draws : int
    """

    runs: tuple[tuple[str, str, float], ...] = (
        ("sphere", "BAOAB", 0.2),
        ("sphere", "OBA", 0.1),
        ("stiefel", "BAOAB", 0.2),
        ("haar", "BAOAB", 0.2),
    )
    chains: int = 20_000
    overdamped_chains: int = 20_000
    time: float = 2.0
    contraction_steps: tuple[float, ...] = (0.0125, 0.00625)
    draws: int = 20_000

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            runs=(
                *(("sphere", "OBA", h) for h in (0.3, 0.2, 0.1)),
                *(("sphere", "BAOAB", h) for h in (0.3, 0.2, 0.1)),
                *(("sphere", "OBABO", h) for h in (0.3, 0.2, 0.1)),
                *(("stiefel", name, h) for name in ("OBA", "BAOAB") for h in (0.3, 0.2, 0.1)),
                ("haar", "BAOAB", 0.1),
                *(("stiefel", "shake", h) for h in (0.025, 0.0125)),
                *(("stiefel", "polar_raw", h) for h in (0.1, 0.05)),
                *(("stiefel", "polar_tangent", h) for h in (0.02, 0.01)),
            ),
            chains=100_000,
            time=2.5,
            contraction_steps=(0.05, 0.025, 0.0125, 0.00625),
            draws=200_000,
        )  # fmt: skip


def height(w: Any, batch: Any) -> Any:
    """V = -2 w_3 on the sphere, summed over chains."""
    return -2.0 * ad.sum(w[:, 2, 0])


def diagonal(w: Any, batch: Any) -> Any:
    """V = -(2 W_11 + W_22) on St(4, 2), summed over chains."""
    return -2.0 * ad.sum(w[:, 0, 0]) - ad.sum(w[:, 1, 1])


def flat(w: Any, batch: Any) -> Any:
    """V = 0, with a gradient of the right shape."""
    return 0.0 * ad.sum(w)


SPHERE_LAWS = (("BAOAB", 0.2), ("BAOAB", 0.1), ("OBA", 0.1))
"""Splittings and step sizes whose law on the sphere is computed."""

LOSSES = {"sphere": height, "stiefel": diagonal, "haar": flat}


def haar_points(rng: Rng, count: int, shape: tuple[int, int]) -> np.ndarray:
    """Independent points of the Haar law: polar factors of Gaussian matrices."""
    u, _, vt = np.linalg.svd(rng.normal((count, *shape)), full_matrices=False)
    return u @ vt


def target_points(target: str, rng: Rng, count: int) -> np.ndarray:
    """Independent points of the target law."""
    if target == "haar":
        return haar_points(rng, count, SHAPES[target])
    if target == "sphere":
        # The height has density proportional to exp(2 w) on (-1, 1).
        share = rng.child("height").uniform((count,))
        top = np.log(np.exp(-2.0) + share * (np.exp(2.0) - np.exp(-2.0))) / 2.0
        angle = rng.child("angle").uniform((count,), 0.0, 2.0 * math.pi)
        ring = np.sqrt(1.0 - top**2)
        return np.stack([ring * np.cos(angle), ring * np.sin(angle), top], axis=1)[:, :, None]
    found: list[np.ndarray] = []
    while sum(map(len, found)) < count:
        stream = rng.child("round", len(found))
        points = haar_points(stream.child("points"), 4 * count, SHAPES[target])
        score = np.exp(2.0 * points[:, 0, 0] + points[:, 1, 1] - 3.0)
        found.append(points[stream.child("accept").uniform((4 * count,)) < score])
    return np.concatenate(found)[:count]


def observables(target: str, w: np.ndarray) -> np.ndarray:
    """(2, chains): the mean in question, and a second moment for the Haar law."""
    if target == "sphere":
        return np.stack([w[:, 2, 0], w[:, 2, 0] ** 2])
    if target == "stiefel":
        return np.stack([2.0 * w[:, 0, 0] + w[:, 1, 1], w[:, 0, 0]])
    return np.stack([w[:, 0, 0] ** 4, w[:, 0, 0] ** 2])


def tasks(config: Config) -> list[Task]:
    runs: list[Task] = [
        {"kind": "run", "target": target, "scheme": scheme, "h": h}
        for target, scheme, h in config.runs
    ]
    runs.append({"kind": "laws", "target": "sphere", "scheme": "", "h": 0.0})
    return runs + [
        {"kind": "kappa", "target": "haar", "scheme": scheme, "h": h}
        for scheme in SCHEMES
        for h in config.contraction_steps
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, kind: str, target: str, scheme: str, h: float
) -> dict[str, Any]:
    if kind == "laws":
        return sphere_laws(backend)
    if kind == "kappa":
        return contraction(config, backend, rng, scheme, h)
    return sample(config, backend, rng, target, scheme, h)


def sphere_laws(backend: Backend) -> dict[str, Any]:
    """E w_3 that the splittings sample on the sphere, to some 1e-5, from one step each."""
    blocks = Blocks((Orthogonal(SHAPES["sphere"]),))
    found = []
    for scheme, h in SPHERE_LAWS:

        def advance(
            q: np.ndarray, p: np.ndarray, noise: np.ndarray, scheme: str = scheme, h: float = h
        ) -> tuple[np.ndarray, np.ndarray]:
            w, momenta = (backend.asarray(part[:, :, None]) for part in (q, p))
            start = UnderdampedState(w, 0, [w], [momenta], [0.0 * w])
            given: Any = Replay([backend.asarray(noise[:, :, None])])
            end, _ = underdamped_step(
                blocks, start, height, None, given, UnderdampedScheme(scheme, h, 1.0, 1.0)
            )
            return to_host(end.positions[0])[:, :, 0], to_host(end.momenta[0])[:, :, 0]

        found.append(sampled_height(advance))
    return {"sphere_means": np.array(found)}


def stack_step(advance: Step, state: Any, draws: list[Array]) -> tuple[Any, Any]:
    """One step of every chain; where a chain's projection has no solution its move is rejected.

    The solver reports that somewhere in the stack there is such a chain: halving finds it.

    Parameters
    ----------
    advance : callable
        ``advance(state, rng, on_failure)``, the step of a stack.
    state : NamedTuple of arrays and lists of arrays, chains along their first axes
    draws : list of array
        The noise of the step, in the order in which it is drawn.
    """
    try:
        return advance(state, Replay(draws), "raise")
    except (InfeasibleError, ConvergenceError):
        count = draws[0].shape[0]
        if count == 1:
            return advance(state, Replay(draws), "reject")
        done = []
        for half in (slice(0, count // 2), slice(count // 2, count)):
            part = type(state)(*(_part(field, half) for field in state))
            done.append(stack_step(advance, part, [noise[half, ...] for noise in draws]))
        fields = zip(*(new for new, _ in done), strict=True)
        info = max((info for _, info in done), key=lambda info: float(info.residual))
        return type(state)(*(_joined(*parts) for parts in fields)), info


def _part(field: Any, half: slice) -> Any:
    if isinstance(field, list):
        return [array[half, ...] for array in field]
    return field if field is None or isinstance(field, int) else field[half, ...]


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, list):
        return [_joined(*pair) for pair in zip(first, second, strict=True)]
    if first is None or isinstance(first, int):
        return first
    return namespace(first).concat([first, second])


def sample(
    config: Config, backend: Backend, rng: Rng, target: str, scheme: str, h: float
) -> dict[str, Any]:
    """Averages of the observables and of |P|^2 over chains, with standard errors."""
    constraint = Orthogonal(SHAPES[target])
    blocks = Blocks((constraint,))
    chains = config.overdamped_chains if scheme in SCHEMES else config.chains
    host = target_points(target, rng.child("start"), chains)
    w = backend.asarray(host)
    loss = LOSSES[target]
    state: Any
    draws = 1
    if scheme in SCHEMES:
        state = OverdampedState(w, 0, [w])

        def advance(state: Any, stream: Rng, on_failure: Any) -> Any:
            return overdamped_step(
                blocks, state, loss, None, stream,
                OverdampedScheme(h, 1.0, on_failure=on_failure, **SCHEMES[scheme]),
            )  # fmt: skip

    else:
        noise = rng.child("momenta").normal(host.shape, like=w)
        p = constraint.project_tangent(w, noise)
        state = UnderdampedState(w, 0, [w], [p], [0.0 * w])
        draws = scheme.count("O")

        def advance(state: Any, stream: Rng, on_failure: Any) -> Any:
            return underdamped_step(
                blocks, state, loss, None, stream,
                UnderdampedScheme(scheme, h, 1.0, 1.0, on_failure=on_failure),
            )  # fmt: skip

    burn = math.ceil(config.time / h)
    sums = np.zeros((3, chains))
    residual = 0.0
    for step in range(2 * burn):
        stream = rng.child("step", step)
        noise = [stream.normal(host.shape, like=w) for _ in range(draws)]
        state, info = stack_step(advance, state, noise)
        residual = max(residual, float(info.residual))
        if step >= burn:
            sums[:2] += observables(target, to_host(state.positions[0]))
            if scheme not in SCHEMES:
                sums[2] += (to_host(state.momenta[0]) ** 2).sum(axis=(1, 2))
    sums /= burn
    return {
        "moments": sums.mean(axis=1),
        "errors": sums.std(axis=1) / math.sqrt(chains),
        "residual": residual,
    }


def contraction(
    config: Config, backend: Backend, rng: Rng, scheme: str, h: float
) -> dict[str, Any]:
    """kappa(h) of one step at V = 0 on St(4, 2), with its standard error."""
    n, m = SHAPES["haar"]
    w = backend.asarray(np.broadcast_to(np.eye(n, m), (config.draws, n, m)).copy())
    blocks = Blocks((Orthogonal((n, m)),))

    def advance(state: Any, stream: Rng, on_failure: Any) -> Any:
        return overdamped_step(
            blocks, state, flat, None, stream,
            OverdampedScheme(h, 1.0, on_failure=on_failure, **SCHEMES[scheme]),
        )  # fmt: skip

    draws = rng.child("noise").normal((config.draws, n, m))
    state, _ = stack_step(advance, OverdampedState(w, 0, [w]), [backend.asarray(draws)])
    moved = to_host(state.positions[0])
    # The law is conditioned on steps that exist: rejected ones have not moved at all.
    kept = np.any(moved != to_host(w), axis=(1, 2))
    values = np.trace(moved[kept][:, :m, :], axis1=1, axis2=2) / m
    if not np.all(kept):  # the noise of what is left has no known moments
        return {"kappa": values.mean(), "kappa_error": values.std() / math.sqrt(values.size)}
    return dict(zip(("kappa", "kappa_error"), mean_beside(values, draws), strict=True))


def mean_beside(values: np.ndarray, draws: np.ndarray) -> tuple[float, float]:
    """The mean of a function of Gaussian draws, and its standard error.

    All products of Hermite polynomials up to the fourth degree have mean zero; the function's
    projection on them is taken off, so that what is left to chance is of the fifth order in the
    noise.

    Parameters
    ----------
    values : array, shape (count,)
    draws : array, shape (count, ...)
        Standard normal.
    """
    noise = draws.reshape(len(values), -1)
    first, second = noise, noise**2 - 1.0
    powers = [np.ones_like(noise), first, second, noise**3 - 3.0 * noise]
    powers.append(noise**4 - 6.0 * noise**2 + 3.0)
    names = range(noise.shape[1])
    chosen = [c for d in range(5) for c in itertools.combinations_with_replacement(names, d)]
    gram, moment = np.zeros((len(chosen), len(chosen))), np.zeros(len(chosen))
    parts = [slice(k, k + 20_000) for k in range(0, len(values), 20_000)]

    def design(part: slice) -> np.ndarray:
        columns = []
        for names in chosen:
            column = np.ones(len(values[part]))
            for name in set(names):
                column = column * powers[names.count(name)][part, name]
            columns.append(column)
        return np.stack(columns, axis=1)

    for part in parts:
        table = design(part)
        gram += table.T @ table
        moment += table.T @ values[part]
    fit = np.linalg.solve(gram, moment)
    left = np.concatenate([values[part] - design(part) @ fit for part in parts])
    spread = left.std() * math.sqrt(len(left) / (len(left) - len(fit)))
    return float(fit[0]), float(spread / math.sqrt(len(left)))


def collect(config: Config, tasks: list[Task], results: Any) -> dict[str, Any]:
    pairs = list(zip(tasks, results, strict=True))
    runs = [pair for pair in pairs if pair[0]["kind"] == "run"]
    steps = [pair for pair in pairs if pair[0]["kind"] == "kappa"]
    collected: dict[str, Any] = {
        name: np.stack([values[name] for _, values in runs])
        for name in ("moments", "errors", "residual")
    }
    shape = (len(SCHEMES), len(config.contraction_steps))
    for name in ("kappa", "kappa_error"):
        collected[name] = np.array([values[name] for _, values in steps]).reshape(shape)
    [laws] = [values for task, values in pairs if task["kind"] == "laws"]
    return {
        **collected,
        **laws,
        "runs": [f"{task['target']} {task['scheme']}" for task, _ in runs],
        "run_steps": np.array([task["h"] for task, _ in runs]),
        "schemes": list(SCHEMES),
        "step_sizes": np.asarray(config.contraction_steps),
    }


def _cost(config: Config, task: Task) -> float:
    if task["kind"] == "laws":
        return 2.0
    if task["kind"] == "kappa":
        return 2e-5 * config.draws
    return 1e-5 * config.chains * config.time / task["h"]


EXPERIMENT = Experiment(
    "stiefel_bias",
    Config,
    run_task,
    tasks=tasks,
    collect=collect,
    cost=_cost,
    summary="bias of the schemes on the sphere and on St(4, 2), and how one step shrinks the mean",
)
