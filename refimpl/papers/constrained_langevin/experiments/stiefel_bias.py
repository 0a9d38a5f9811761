r"""What the schemes sample on the sphere and on St(4, 2), and how one step shrinks the mean.

Laws on the sphere come from one step's transition operator, laws on St(4, 2) from draws and few
steps (``sphere_law``, ``stiefel_law``). Without a loss, many independent chains, one matrix of a
stack each, start in the Haar measure and are averaged over chains and time.

One step at V = 0 from a fixed point W: by equivariance E W' = kappa(h) W, so kappa is the mean of
tr(W^T W')/m. Every product of two noise entries has a known mean, so that regression on all of
them removes the noise of second order and leaves an error of the order of h^(3/2) a draw. The
mean after t/h steps is kappa^(t/h).

Source: derived; methods of Leimkuhler, Vlaar, Pouchon and Storkey (2021).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend, to_host
from refimpl.constraints import Blocks, Orthogonal
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.constrained_langevin.experiments.sphere_law import sampled_height
from refimpl.papers.constrained_langevin.experiments.stiefel_law import (
    EachAlone,
    Step,
    sampled_mean,
)
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

SPHERE, STIEFEL = (3, 1), (4, 2)

SCHEMES: dict[str, dict[str, Any]] = {
    "shake": {"projection": "shake"},
    "polar_raw": {"projection": "nearest", "increment": "raw"},
    "polar_tangent": {"projection": "nearest", "increment": "projected"},
}
"""Overdamped schemes and the options of the step that make them."""

SPHERE_LAWS = (("BAOAB", 0.2), ("BAOAB", 0.1), ("OBA", 0.1))
"""Splittings and step sizes whose law on the sphere is computed."""


@dataclass(frozen=True)
class Config:
    """Attributes
    ----------
    laws : tuple of (scheme, step size, draws)
        What is sampled on St(4, 2). Scheme: a splitting, or a name in ``SCHEMES``.
    settling : int
        Steps from the exact law to near that of the scheme.
    fitted : int
        More draws, on which the control is fitted; a fifth for the few functions of overdamped
        steps.
    haar_step : float
        Of the chains without a loss, which are BAOAB.
    chains : int
    time : float
        How long they run before they are averaged over as long again.
    contraction_steps : tuple of float
        Step sizes at which kappa is measured.
    draws : int
        For kappa.

    Quick draws as many as every tolerance (a third of an effect) asks for; full twice as many from
    the laws, so that what holds there holds by more.
    """

    laws: tuple[tuple[str, float, int], ...] = (
        ("OBA", 0.2, 10_000),
        ("OBA", 0.1, 25_000),
        ("BAOAB", 0.4, 10_000),
        ("BAOAB", 0.2, 90_000),
        ("shake", 0.025, 5_000),
        ("shake", 0.0125, 5_000),
        ("polar_raw", 0.1, 10_000),
        ("polar_raw", 0.05, 95_000),
        ("polar_tangent", 0.02, 5_000),
        ("polar_tangent", 0.01, 5_000),
    )
    settling: int = 10
    fitted: int = 10_000
    haar_step: float = 0.2
    chains: int = 20_000
    time: float = 2.0
    contraction_steps: tuple[float, ...] = (0.05, 0.025, 0.0125, 0.00625)
    draws: int = 20_000

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            laws=tuple((scheme, h, 2 * draws) for scheme, h, draws in cls().laws),
            haar_step=0.1,
            chains=50_000,
            time=2.5,
            draws=100_000,
        )


def height(w: Any, batch: Any) -> Any:
    """V = -2 w_3 on the sphere, summed over chains."""
    return -2.0 * ad.sum(w[:, 2, 0])


def diagonal(w: Any, batch: Any) -> Any:
    """V = -(2 W_11 + W_22) on St(4, 2), summed over chains."""
    return -2.0 * ad.sum(w[:, 0, 0]) - ad.sum(w[:, 1, 1])


def flat(w: Any, batch: Any) -> Any:
    """V = 0, with a gradient of the right shape."""
    return 0.0 * ad.sum(w)


def haar_points(rng: Rng, count: int, shape: tuple[int, int]) -> np.ndarray:
    """Independent points of the Haar law: polar factors of Gaussian matrices."""
    u, _, vt = np.linalg.svd(rng.normal((count, *shape)), full_matrices=False)
    return u @ vt


def target_points(rng: Rng, count: int) -> np.ndarray:
    """Independent points of the law on St(4, 2), by rejection from the Haar law."""
    found: list[np.ndarray] = []
    while sum(map(len, found)) < count:
        stream = rng.child("round", len(found))
        points = haar_points(stream.child("points"), 4 * count, STIEFEL)
        score = np.exp(2.0 * points[:, 0, 0] + points[:, 1, 1] - 3.0)
        found.append(points[stream.child("accept").uniform((4 * count,)) < score])
    return np.concatenate(found)[:count]


def tasks(config: Config) -> list[Task]:
    laws: list[Task] = [
        {"kind": "law", "scheme": scheme, "h": h, "draws": draws}
        for scheme, h, draws in config.laws
    ]
    steps: list[Task] = [
        {"kind": "kappa", "scheme": scheme, "h": h, "draws": config.draws}
        for scheme in SCHEMES
        for h in config.contraction_steps
    ]
    haar = {"kind": "haar", "scheme": "BAOAB", "h": config.haar_step, "draws": config.chains}
    return [*laws, {"kind": "sphere", "scheme": "", "h": 0.0, "draws": 0}, haar, *steps]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, kind: str, scheme: str, h: float, draws: int
) -> dict[str, Any]:
    if kind == "sphere":
        return sphere_laws(backend)
    if kind == "law":
        return stiefel_law(config, backend, rng, scheme, h, draws)
    if kind == "haar":
        return haar_chains(config, backend, rng, scheme, h)
    return contraction(backend, rng, scheme, h, draws)


def one_step(backend: Backend, loss: Any, scheme: str, h: float) -> Step:
    """A step of every chain on St(4, 2), from points and momenta on the host."""
    blocks = Blocks((EachAlone(STIEFEL),))

    def overdamped(w: np.ndarray, p: Any, noise: np.ndarray) -> tuple[np.ndarray, Any]:
        points = backend.asarray(w)
        start = OverdampedState(points, 0, [points])
        options = OverdampedScheme(h, 1.0, **SCHEMES[scheme])
        given: Any = Replay([backend.asarray(noise)])
        return to_host(overdamped_step(blocks, start, loss, None, given, options)[0].params), None

    def underdamped(w: np.ndarray, p: Any, noise: np.ndarray) -> tuple[np.ndarray, Any]:
        points = backend.asarray(w)
        start = UnderdampedState(points, 0, [points], [backend.asarray(p)], [0.0 * points])
        options = UnderdampedScheme(scheme, h, 1.0, 1.0)
        given: Any = Replay([backend.asarray(noise)])
        end, _ = underdamped_step(blocks, start, loss, None, given, options)
        return to_host(end.params), to_host(end.momenta[0])

    return overdamped if scheme in SCHEMES else underdamped


def observable(w: np.ndarray) -> np.ndarray:
    """2 W_11 + W_22 in every chain."""
    return 2.0 * w[:, 0, 0] + w[:, 1, 1]


def tangent_noise(rng: Rng, w: np.ndarray) -> np.ndarray:
    """Momenta of temperature 1."""
    return np.asarray(Orthogonal(STIEFEL).project_tangent(w, rng.normal(w.shape)))


def stiefel_law(
    config: Config, backend: Backend, rng: Rng, scheme: str, h: float, draws: int
) -> dict[str, Any]:
    """E(2 W_11 + W_22) that a scheme samples on St(4, 2), and its standard error."""
    step = one_step(backend, diagonal, scheme, h)
    fitted = config.fitted // 5 if scheme in SCHEMES else config.fitted
    w = target_points(rng.child("start"), draws + fitted)
    p = None if scheme in SCHEMES else tangent_noise(rng.child("momenta"), w)
    for k in range(config.settling):
        w, p = step(w, p, rng.child("step", k).normal(w.shape))
    # BAOAB takes its noise on the way, off the tangent space of the start
    raw = scheme in ("polar_raw", "BAOAB")
    mean, error = sampled_mean(step, w, p, observable, rng, fitted=fitted, raw=raw)
    return {"law_mean": mean, "law_error": error}


def sphere_laws(backend: Backend) -> dict[str, Any]:
    """E w_3 that the splittings sample on the sphere, to some 1e-5, from one step each."""
    blocks = Blocks((Orthogonal(SPHERE),))
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


def haar_chains(
    config: Config, backend: Backend, rng: Rng, scheme: str, h: float
) -> dict[str, Any]:
    """W_11^4, W_11^2 and |P|^2 without a loss: averages over chains, with standard errors."""
    step = one_step(backend, flat, scheme, h)
    w = haar_points(rng.child("start"), config.chains, STIEFEL)
    p = tangent_noise(rng.child("momenta"), w)
    burn = math.ceil(config.time / h)
    sums = np.zeros((3, config.chains))
    residual = 0.0
    for k in range(2 * burn):
        w, p = step(w, p, rng.child("step", k).normal(w.shape))
        residual = max(residual, float(np.abs(np.swapaxes(w, 1, 2) @ w - np.eye(2)).max()))
        if k >= burn:
            sums += [w[:, 0, 0] ** 4, w[:, 0, 0] ** 2, (p * p).sum(axis=(1, 2))]
    sums /= burn
    errors = sums.std(axis=1) / math.sqrt(config.chains)
    return {"moments": sums.mean(axis=1), "errors": errors, "residual": residual}


def contraction(backend: Backend, rng: Rng, scheme: str, h: float, draws: int) -> dict[str, Any]:
    """kappa(h) of one step at V = 0 on St(4, 2), with its standard error."""
    n, m = STIEFEL
    w = np.broadcast_to(np.eye(n, m), (draws, n, m)).copy()
    noise = rng.child("noise").normal(w.shape)
    moved, _ = one_step(backend, flat, scheme, h)(w, None, noise)
    # The law is conditioned on steps that exist: rejected ones have not moved at all.
    kept = np.any(moved != w, axis=(1, 2))
    values = np.trace(moved[kept][:, :m, :], axis1=1, axis2=2) / m
    if not np.all(kept):  # the noise of what is left has no known moments
        return {"kappa": values.mean(), "kappa_error": values.std() / math.sqrt(values.size)}
    return dict(zip(("kappa", "kappa_error"), mean_beside(values, noise), strict=True))


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
    def of(kind: str) -> list[tuple[Task, Any]]:
        pairs = zip(tasks, results, strict=True)
        return [(task, values) for task, values in pairs if task["kind"] == kind]

    laws, steps = of("law"), of("kappa")
    shape = (len(SCHEMES), len(config.contraction_steps))
    return {
        **of("sphere")[0][1],
        **of("haar")[0][1],
        **{name: np.array([values[name] for _, values in laws])
           for name in ("law_mean", "law_error")},
        **{name: np.array([values[name] for _, values in steps]).reshape(shape)
           for name in ("kappa", "kappa_error")},
        "law_schemes": [task["scheme"] for task, _ in laws],
        "law_steps": np.array([task["h"] for task, _ in laws]),
        "schemes": list(SCHEMES),
        "step_sizes": np.asarray(config.contraction_steps),
    }  # fmt: skip


def _cost(config: Config, task: Task) -> float:
    """Seconds, about."""
    each = {"sphere": 0.0, "law": 1.5e-4, "haar": 1e-4, "kappa": 5e-5}[task["kind"]]
    return 2.0 + each * task["draws"]


EXPERIMENT = Experiment(
    "stiefel_bias",
    Config,
    run_task,
    tasks=tasks,
    collect=collect,
    cost=_cost,
    summary="bias of the schemes on the sphere and on St(4, 2), and how one step shrinks the mean",
)
