"""Small problems of known answer, sets of noise with their weights, and streams that count.

A quadratic problem is an episode whose support and query carry Hessian and center in the places of
inputs and targets; every noise of a finite set is a task of its own, so that an expectation is one
batched computation of the algorithm itself.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Array, Backend, backend_of, is_host, to_host
from refimpl.datasets import Batch, Episode
from refimpl.papers.gradient_dropout.maml import MAML
from refimpl.random import Rng

HESSIAN = ((3.0, 0.5), (0.5, 1.0))
CENTER = (0.2, -0.1)
QUERY_HESSIAN = ((2.0, 0.3), (0.3, 0.7))
QUERY_CENTER = (-0.4, 0.6)
START = (1.0, -2.0)
RATE = 0.1
DROP = 0.2


class QuadraticTasks:
    """½ (θ − c)'H(θ − c) for each task; ``batch.inputs`` holds H, ``batch.targets`` c."""

    def each(self, params: Any, batch: Any) -> Any:
        away = params - batch.targets
        curved = ad.matmul(batch.inputs, ad.expand_dims(away, -1))[..., 0]
        return 0.5 * ad.sum(away * curved, axis=-1)


class QuarticTasks:
    """w θ⁴/4 for each task; ``batch.inputs`` holds w, shape (T, 1)."""

    def each(self, params: Any, batch: Any) -> Any:
        return 0.25 * ad.sum(batch.inputs * params**4, axis=-1)


@dataclass(frozen=True)
class Quadratic:
    """One problem: Hessians and centers of support and query, and where adaptation starts."""

    hessian: Array
    center: Array
    query_hessian: Array
    query_center: Array
    start: Array

    objective = QuadraticTasks()

    @classmethod
    def reference(cls, backend: Backend) -> Quadratic:
        values = (HESSIAN, CENTER, QUERY_HESSIAN, QUERY_CENTER, START)
        return cls(*(backend.asarray(np.asarray(value)) for value in values))

    @classmethod
    def random(cls, backend: Backend, rng: Rng, dimension: int) -> Quadratic:
        """Symmetric positive Hessians with eigenvalues between 1/2 and 3."""
        parts = []
        for name in ("support", "query"):
            stream = rng.child(name)
            basis = np.linalg.qr(stream.normal((dimension, dimension)))[0]
            values = stream.child("spectrum").uniform((dimension,), 0.5, 3.0)
            parts += [(basis * values) @ basis.T, stream.child("center").normal((dimension,))]
        parts.append(rng.child("start").normal((dimension,)))
        return cls(*map(backend.asarray, parts))

    def episode(self, weights: np.ndarray) -> Episode:
        """One task per weight, with which its query loss is multiplied."""
        place, tasks = backend_of(self.hessian), len(weights)
        xp, d = place.xp, self.hessian.shape[0]
        scale = place.asarray(weights)[:, None, None]

        def all_of(leaf: Array) -> Array:
            return xp.broadcast_to(leaf, (tasks, *leaf.shape))

        return Episode(
            Batch(all_of(self.hessian), all_of(self.center)),
            Batch(scale * xp.reshape(self.query_hessian, (1, d, d)), all_of(self.query_center)),
        )


@dataclass(frozen=True)
class Quartic:
    """θ⁴/4 as support and query loss."""

    start: Array

    objective = QuarticTasks()

    def episode(self, weights: np.ndarray) -> Episode:
        place = backend_of(self.start)
        scale = place.asarray(weights)[:, None]
        return Episode(Batch(place.xp.ones_like(scale), scale), Batch(scale, scale))


def nodes(noise: str, drop: float) -> tuple[np.ndarray, np.ndarray]:
    """Values and weights of a finite law of one entry with mean 1 and variance p / (1 − p).

    ``"bernoulli"`` is the law itself, ``"two-point"`` 1 ± s, and ``"gaussian"`` the Gauss-Hermite
    rule of three nodes, exact for N(1, s²) up to degree 5.
    """
    s = np.sqrt(drop / (1.0 - drop))
    if noise == "bernoulli":
        return np.array([0.0, 1.0 / (1.0 - drop)]), np.array([drop, 1.0 - drop])
    if noise == "two-point":
        return np.array([1.0 - s, 1.0 + s]), np.array([0.5, 0.5])
    reach = np.sqrt(3.0) * s
    return np.array([1.0 - reach, 1.0, 1.0 + reach]), np.array([1.0, 4.0, 1.0]) / 6.0


SCHEMES = ("fresh", "shared steps", "scalar")


def all_noise(
    noise: str, drop: float, steps: int, dimension: int, scheme: str = "fresh"
) -> tuple[np.ndarray, np.ndarray]:
    """Every noise of ``steps`` inner steps, shape (M, steps, dimension), and the weights (M,).

    ``scheme`` "fresh" has independent entries; the wrong ones are "shared steps", one noise for
    all steps, and "scalar", one number for all entries of a step.
    """
    values, weights = nodes(noise, drop)
    drawn = {
        "fresh": (steps, dimension),
        "shared steps": (1, dimension),
        "scalar": (steps, 1),
    }[scheme]
    places = np.array(list(itertools.product(range(len(values)), repeat=drawn[0] * drawn[1])))
    places = places.reshape(-1, *drawn)
    total = weights[places].prod(axis=(1, 2))
    full = np.broadcast_to(values[places], (len(places), steps, dimension))
    return np.array(full), total


def expectation(
    problem: Quadratic | Quartic,
    noise: np.ndarray,
    weights: np.ndarray,
    *,
    rate: float = RATE,
    order: str = "second",
) -> dict[str, np.ndarray]:
    """Sums over a set of noise: expected query loss and meta-gradient, moments of θ_k.

    Returns
    -------
    dict
        ``query`` (), ``gradient`` (d,), ``means`` (K + 1, d), ``covariances`` (K + 1, d, d).
    """
    place = backend_of(problem.start)
    steps = noise.shape[1]
    algorithm = MAML(inner_rate=rate, inner_steps=steps, order=order)  # type: ignore[arg-type]
    found = algorithm.meta_gradient(
        problem.start,
        problem.objective,
        problem.episode(weights),
        noise=[place.asarray(noise[:, k]) for k in range(steps)],
    )
    points = np.stack([to_host(point) for point in found.trajectory.params])
    means = np.einsum("m,kmi->ki", weights, points)
    away = points - means[:, None]
    return {
        "query": np.asarray(to_host(found.losses).sum()),
        "gradient": to_host(found.gradient),
        "means": means,
        "covariances": np.einsum("m,kmi,kmj->kij", weights, away, away),
    }


class CountingRng(Rng):
    """A stream that remembers every floating draw that it and its children make."""

    def __init__(self, seed: int, path: tuple[str | int, ...] = (), drawn: Any = None) -> None:
        super().__init__(seed, path)
        self.drawn: list[np.ndarray] = [] if drawn is None else drawn

    def child(self, *names: str | int) -> CountingRng:
        return CountingRng(self.seed, self.path + names, self.drawn)

    def normal(self, shape: Any = (), like: Array | None = None) -> Array:
        return self._kept(super().normal(shape), like)

    def uniform(
        self, shape: Any = (), low: float = 0.0, high: float = 1.0, like: Array | None = None
    ) -> Array:
        return self._kept(super().uniform(shape, low, high), like)

    def _kept(self, draws: Array, like: Array | None) -> Array:
        self.drawn.append(draws)  # as they were on the host, before they are rounded
        if like is None or (is_host(like) and like.dtype == draws.dtype):
            return draws
        return backend_of(like).asarray(draws)

    @property
    def count(self) -> int:
        """Numbers drawn so far."""
        return sum(draws.size for draws in self.drawn)
