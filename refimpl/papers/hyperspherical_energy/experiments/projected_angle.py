"""Random projections of pairs of neurons: the projected cosine against its exact law.

P is drawn entry by entry in the ambient dimension n, which the law says does not matter.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.errors import InfeasibleError
from refimpl.experiments.base import Experiment, Task
from refimpl.papers.hyperspherical_energy.comhe_random import projected_energy
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.papers.hyperspherical_energy.theory import projected_angle as theory
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Cosines, projected dimensions k, ambient dimensions n with their numbers of draws.

    Attributes
    ----------
    draws : tuple of int
        One per ambient dimension.
    keep : float
        The share of entries that a sparse projection keeps.
    """

    cosines: tuple[float, ...] = (-0.9, 0.0, 0.3, 0.9)
    projected: tuple[int, ...] = (5, 10, 40)
    ambient: tuple[int, ...] = (20, 200)
    draws: tuple[int, ...] = (100_000, 5_000)
    keep: float = 0.01
    bins: int = 80

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(draws=(200_000, 100_000))


def tasks(config: Config) -> list[Task]:
    return [{"k": k, "n": n} for n in config.ambient for k in config.projected]


def pairs(cosines: tuple[float, ...], n: int, rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """A unit vector u in R^n and unit vectors at the given cosines to it, as columns."""
    u, v = rng.normal((2, n))
    u = u / np.linalg.norm(u)
    v = v - (v @ u) * u
    v = v / np.linalg.norm(v)
    c = np.asarray(cosines)
    return u, np.outer(u, c) + np.outer(v, np.sqrt(1.0 - c * c))


def law(cosine: float, k: int, values: np.ndarray) -> np.ndarray:
    """The distribution function at ``values``, interpolated between exact ones."""
    from scipy.interpolate import CubicHermiteSpline

    z = np.arctanh(cosine) + np.linspace(-1.0, 1.0, 401) * math.acosh(math.exp(36.0 / (k - 1.0)))
    r = np.tanh(z)
    steps = [theory.probability(a, b, cosine=cosine, projected=k) for a, b in itertools.pairwise(r)]
    levels = np.concatenate([[0.0], np.cumsum(steps)])
    slopes = theory.density(r, cosine=cosine, projected=k) * (1.0 - r * r)
    curve = CubicHermiteSpline(z, levels, np.nan_to_num(slopes))
    return curve(np.clip(np.arctanh(values), z[0], z[-1]))


def run_task(config: Config, backend: Backend, rng: Rng, *, k: int, n: int) -> dict[str, Any]:
    """Histograms, distances to the law, and moments; all cosines share the projections."""
    from scipy import stats

    draws = config.draws[config.ambient.index(n)]
    u, others = pairs(config.cosines, n, rng.child("pairs"))
    columns = np.concatenate([u[:, None], others], axis=1)
    chunk = max(1, 4_000_000 // (k * n))
    cosines, dots, signed = [], [], []
    for start in range(0, draws, chunk):
        size = min(chunk, draws - start)
        images = rng.child("gaussian", start).normal((size, k, n)) @ columns
        first, second = images[..., :1], images[..., 1:]
        product = np.sum(first * second, axis=1)
        lengths = np.sqrt(np.sum(first * first, axis=1) * np.sum(second * second, axis=1))
        cosines.append(product / lengths)
        dots.append(product / k)
        if n == config.ambient[0]:
            images = rng.child("signs", start).rademacher((size, k, n)) @ columns
            signed.append(np.sum(images[..., :1] * images[..., 1:], axis=1) / k)
    r, dot = np.concatenate(cosines), np.concatenate(dots)
    distance, p_value, counts = [], [], []
    edges = np.linspace(-1.0, 1.0, config.bins + 1)
    for index, cosine in enumerate(config.cosines):
        ordered = np.sort(r[:, index])
        exact = law(cosine, k, ordered)
        steps = np.arange(draws + 1) / draws
        gap = max(np.max(steps[1:] - exact), np.max(exact - steps[:-1]))
        distance.append(gap)
        p_value.append(stats.kstwo.sf(gap, draws))
        counts.append(np.histogram(ordered, edges)[0])
    common = np.sum((u * u)[:, None] * others * others, axis=0)
    kept = rng.child("sparse").uniform((100_000, k)) < config.keep
    missing = np.full(len(config.cosines), np.nan)
    return {
        "k": float(k),
        "n": float(n),
        "draws": float(draws),
        "distance": np.asarray(distance),
        "p_value": np.asarray(p_value),
        "counts": np.asarray(counts),
        "edges": edges,
        "mean": np.mean(r, axis=0),
        "mean_error": np.std(r, axis=0) / math.sqrt(draws),
        "dot_variance": np.var(dot, axis=0),
        "signs_variance": np.var(np.concatenate(signed), axis=0) if signed else missing,
        "common": common,
        "lost": float(np.mean(~np.any(kept, axis=1))),
        "misjudged": float(_misjudged(backend, rng.child("refused"), config.keep, k)),
    }


def _misjudged(backend: Backend, rng: Rng, keep: float, k: int, draws: int = 400) -> int:
    """In how many draws of a sparse P an image of e_1 or e_2 is zero and their energy is not
    refused for it, or the other way round."""
    signs = rng.child("signs").rademacher((draws, k, 2))
    sparse = signs * (rng.child("kept").uniform((draws, k, 2)) < keep)
    energy = HypersphericalEnergy(2.0)
    weight = backend.asarray(np.eye(2))
    wrong = 0
    for projection in sparse:
        refused = False
        try:
            projected_energy(weight, backend.asarray(projection[None]), energy)
        except InfeasibleError as error:  # also where both images are one line
            refused = "zero neuron" in error.message
        wrong += refused == bool(np.all(np.any(projection, axis=0)))
    return wrong


EXPERIMENT = Experiment(
    "projected_angle",
    Config,
    run_task,
    tasks=tasks,
    cost=lambda config, task: (
        1.5e-8 * task["k"] * task["n"] * config.draws[config.ambient.index(task["n"])]
    ),
    summary="draws of the angle between randomly projected neurons against the exact law",
)
