"""Lattice rules: character sums, worst-case errors, constructions, the best vectors in 2-d."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.lattice_networks.construction import fast_construction, naive_construction
from refimpl.papers.lattice_networks.lattices import Lattice, fibonacci_lattice
from refimpl.papers.lattice_networks.theory.lattices import mean_squared_error
from refimpl.papers.lattice_networks.weights import PODWeights, ProductWeights
from refimpl.papers.lattice_networks.worst_case import Kernel, squared_error, worst_case_error
from refimpl.random import Rng

CHARACTER = Lattice(size=31, vector=(1, 12, 9), shift=(0.3, 0.7, 0.11))
ENUMERATED = ((1.0, 0.5, 0.25), 13)
POD = (PODWeights(gammas=(0.8, 0.5, 0.3, 0.2), orders=(1.0, 2.0, 6.0, 24.0)), (1, 12, 9, 14), 31)
CONSTRUCTIONS = (
    (31, tuple(0.9**j for j in range(1, 7))),
    (127, tuple(j**-2.0 for j in range(1, 9))),
)
LARGE = (1009, tuple(j**-2.0 for j in range(1, 11)))
SCIPY_GAMMAS = (1.0, 1.0, 0.8, 0.64, 0.512, 0.4096)
UNIT = Kernel(space="sobolev")


@dataclass(frozen=True)
class Config:
    """Sizes: of the one-dimensional errors, of the plane lattices, and of the errors against N."""

    line_sizes: tuple[int, ...] = (13, 31, 127)
    fibonacci: tuple[int, ...] = (7, 8, 9, 10, 11)
    curve_sizes: tuple[int, ...] = (17, 31, 61, 127, 251, 509, 1021, 2039, 4093)
    curve_dimension: int = 10

    @classmethod
    def quick(cls) -> Config:
        return cls(curve_sizes=(17, 31, 61, 127, 251, 509, 1021))

    @classmethod
    def full(cls) -> Config:
        return cls()


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    return {
        **_characters(backend),
        **_lines(config),
        **_constructions(),
        **_plane(config),
        **_enumerated(),
        **_curves(config),
        **_points(rng),
    }


def _characters(backend: Backend) -> dict[str, Any]:
    """Mean of exp(2πi h·t) over the points, beside what the dual lattice says."""
    points = np.asarray(CHARACTER.points())
    found, predicted = [], []
    for h in itertools.product(range(-6, 7), repeat=CHARACTER.dimension):
        found.append(np.exp(2j * np.pi * points @ np.array(h)).mean())
        phase = 2.0 * math.pi * sum(a * d for a, d in zip(h, CHARACTER.shift, strict=True))
        inside = CHARACTER.in_dual(h)
        predicted.append(complex(math.cos(phase), math.sin(phase)) if inside else 0.0)
    values, expected = np.array(found), np.array(predicted)
    return {
        "character_real": values.real,
        "character_imaginary": values.imag,
        "character_real_predicted": expected.real,
        "character_imaginary_predicted": expected.imag,
    }


def _lines(config: Config) -> dict[str, Any]:
    one = ProductWeights(gammas=(1.0,))
    return {
        "line_errors": np.array(
            [squared_error(Lattice(size=n, vector=(1,)), one) for n in config.line_sizes]
        ),
        "line_error_smooth": squared_error(
            Lattice(size=13, vector=(1,)), one, Kernel(smoothness=2)
        ),
        "plane_error_smooth": squared_error(
            Lattice(size=13, vector=(1, 5)),
            ProductWeights(gammas=(1.0, 1.0)),
            Kernel(smoothness=2),
        ),
    }


def _constructions() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for size, gammas in CONSTRUCTIONS:
        weights = ProductWeights(gammas=gammas)
        fast = fast_construction(size, weights)
        naive = naive_construction(size, weights)
        values[f"fast_{size}"] = np.array(fast.vector)
        values[f"naive_{size}"] = np.array(naive.vector)
        values[f"fast_error_{size}"] = squared_error(fast, weights)
        values[f"naive_error_{size}"] = squared_error(naive, weights)
    for size, coordinates in ((31, 5), (101, 6)):
        weights = ProductWeights(gammas=SCIPY_GAMMAS[:coordinates])
        values[f"unit_error_{size}"] = squared_error(
            fast_construction(size, weights, UNIT), weights, UNIT
        )
        values[f"scipy_error_{size}"] = _scipy_error(size, weights)
    size, gammas = LARGE
    weights = ProductWeights(gammas=gammas)
    values["large_error"] = squared_error(fast_construction(size, weights), weights)
    pod, vector, size = POD
    values["pod_error"] = squared_error(Lattice(size=size, vector=vector), pod)
    values["pod_fast"] = np.array(fast_construction(size, pod).vector)
    values["pod_naive"] = np.array(naive_construction(size, pod).vector)
    return values


def _scipy_error(size: int, weights: ProductWeights) -> float:
    """e² of the vector that SciPy's private construction finds; NaN where it has none.

    It builds for ω = B_2 and γ = 1, 1, 0.8, 0.8², .., and returns z / N.
    """
    try:
        from scipy.stats._qmvnt import _cbc_lattice
    except ImportError:
        return math.nan
    found = np.asarray(_cbc_lattice(len(weights.gammas), size)[0], dtype=np.float64)
    vector = np.rint(found * size).astype(int) % size
    return squared_error(Lattice(size=size, vector=tuple(vector)), weights, UNIT)


def _plane(config: Config) -> dict[str, Any]:
    """The least e² over the vectors (1, c), c coprime to N or any, and the Fibonacci lattice's."""
    weights = ProductWeights(gammas=(1.0, 1.0))
    rows = []
    for index in config.fibonacci:
        lattice = fibonacci_lattice(index)
        n = lattice.size
        every = {
            c: squared_error(Lattice(size=n, vector=(1, c), degenerate=True), weights)
            for c in range(1, n)
        }
        coprime = min(error for c, error in every.items() if math.gcd(c, n) == 1)
        rows.append((n, coprime, min(every.values()), squared_error(lattice, weights)))
    names = ("plane_sizes", "plane_least", "plane_least_degenerate", "plane_fibonacci")
    return {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True),
                                                           strict=True)}  # fmt: skip


def _enumerated() -> dict[str, Any]:
    gammas, size = ENUMERATED
    weights = ProductWeights(gammas=gammas)
    every = [
        squared_error(Lattice(size=size, vector=z), weights)
        for z in itertools.product(range(1, size), repeat=len(gammas))
    ]
    return {"enumerated_mean": float(np.mean(every))}


def _curves(config: Config) -> dict[str, Any]:
    """e(z) against N: constructed and its mean, γ_j = j^{−2}; Fibonacci lattices, γ = (1, 1)."""
    weights = ProductWeights(gammas=tuple(j**-2.0 for j in range(1, config.curve_dimension + 1)))
    plane = ProductWeights(gammas=(1.0, 1.0))
    lattices = [fibonacci_lattice(index) for index in range(7, 18)]
    return {
        "curve_sizes": np.array(config.curve_sizes),
        "curve_errors": np.array(
            [worst_case_error(fast_construction(n, weights), weights) for n in config.curve_sizes]
        ),
        "curve_means": np.sqrt([mean_squared_error(n, weights.gammas) for n in config.curve_sizes]),
        "curve_fibonacci_sizes": np.array([lattice.size for lattice in lattices]),
        "curve_fibonacci": np.array([worst_case_error(lattice, plane) for lattice in lattices]),
    }


def _points(rng: Rng) -> dict[str, Any]:
    """A lattice in the plane and as many random points, to look at."""
    lattice = fibonacci_lattice(10)
    return {
        "plane_lattice": lattice.points(),
        "plane_random": rng.child("plane").uniform((lattice.size, 2)),
    }


EXPERIMENT = Experiment(
    name="lattice_rules",
    summary="Character sums, worst-case errors and constructions of rank-1 lattices",
    config=Config,
    run_task=run_task,
)
