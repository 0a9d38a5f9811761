"""Laws on constraint sets that can be drawn from directly, with their exact means.

Each target has its constraint (fields of the samplers), its potential for many chains, exact
independent draws, what is observed, and the exact means of that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.constraints import UserConstraint
from refimpl.papers.constrained_langevin.theory import curves
from refimpl.papers.constrained_langevin.theory import stationary as laws
from refimpl.random import Rng

FOCUS, SIZE = 1.0, 1.02
HEIGHT = 0.8
NODES = 4096
ITERATIONS = 12


@dataclass(frozen=True)
class Target:
    """A law exp(−V) on a constraint set; arrays have a leading axis of chains.

    Attributes
    ----------
    name : str
    settings : dict
        Fields of a sampler that choose the constraint.
    potential : callable
        Parameters to V, shape (chains,).
    draw : callable
        (rng, count) to parameters with the exact law.
    observe : callable
        Parameters to an array (chains, observables).
    means : tuple of float
        The exact means of the observables.
    """

    name: str
    settings: dict[str, Any]
    potential: Callable[[Any], Any]
    draw: Callable[[Rng, int], Any]
    observe: Callable[[Any], np.ndarray]
    means: tuple[float, ...]


def circle() -> Target:
    """V = θ on the unit circle."""

    def draw(rng: Rng, count: int) -> Any:
        angle = rng.generator.vonmises(-0.5 * np.pi, 1.0, count)
        return [np.sin(angle)[:, None, None]]  # slacks start positive: the law is even in them

    return Target(
        "circle",
        {"constraint": "circle"},
        lambda q: q[0][:, 0, 0],
        draw,
        lambda q: np.stack([q[0][:, 0, 0], q[0][:, 0, 0] ** 2], axis=1),
        (laws.circle_mean(1.0), laws.circle_second_moment(1.0)),
    )


def sphere() -> Target:
    """V = −2 w₃ on the unit sphere."""

    def draw(rng: Rng, count: int) -> Any:
        top = np.log(np.exp(-2.0) + rng.uniform(count) * (np.exp(2.0) - np.exp(-2.0))) / 2.0
        angle = rng.uniform(count, -np.pi, np.pi)
        ring = np.sqrt(1.0 - top**2)
        return [np.stack([ring * np.cos(angle), ring * np.sin(angle), top], axis=1)[:, :, None]]

    mean = laws.sphere_mean(2.0, 3)
    return Target(
        "sphere",
        {"free_first": False},
        lambda q: -2.0 * q[0][:, 2, 0],
        draw,
        lambda q: np.stack([q[0][:, 2, 0], q[0][:, 2, 0] ** 2], axis=1),
        (mean, curves.sphere_square(2.0, mean)),
    )


def stiefel() -> Target:
    """V = −(2 W₁₁ + W₂₂) on St(4, 2)."""

    def draw(rng: Rng, count: int) -> Any:
        kept: list[np.ndarray] = []
        while sum(map(len, kept)) < count:
            w, r = np.linalg.qr(rng.normal((4 * count, 4, 2)))
            w = w * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :]
            fits = rng.uniform(4 * count) < np.exp(2.0 * w[:, 0, 0] + w[:, 1, 1] - 3.0)
            kept.append(w[fits])
        return [np.concatenate(kept)[:count]]

    return Target(
        "stiefel",
        {"free_first": False},
        lambda q: -2.0 * q[0][:, 0, 0] - q[0][:, 1, 1],
        draw,
        lambda q: np.stack([q[0][:, 0, 0], q[0][:, 1, 1]], axis=1),
        laws.stiefel_mean(2.0, 1.0),
    )


def _on_curve(points: np.ndarray, speeds: np.ndarray, values: np.ndarray) -> Callable[..., Any]:
    """Draws from the law exp(−V) on a curve: nodes by their weights."""
    weights = curves.curve_weights(speeds, values, 1.0)
    return lambda rng, count: points[rng.generator.choice(len(points), count, p=weights)]


def wave() -> Target:
    """V = x/2 + z on the curve x² + y² = 1, z = s (x² − y²): two constraints at once."""

    def rows(q: Any) -> Any:
        x, y, z = q[:, 0], q[:, 1], q[:, 2]
        return ad.stack([x * x + y * y - 1.0, z - HEIGHT * (x * x - y * y)], axis=1)

    def one(q: Any) -> Any:
        return ad.stack([q[0] ** 2 + q[1] ** 2 - 1.0, q[2] - HEIGHT * (q[0] ** 2 - q[1] ** 2)])

    points, speeds = curves.wave(curves.equidistant(NODES), HEIGHT)
    values = 0.5 * points[:, 0] + points[:, 2]
    mean = curves.curve_means(points, speeds, values, 1.0)
    return Target(
        "wave",
        {"user": UserConstraint(one, rows=rows, max_iterations=ITERATIONS)},
        lambda q: 0.5 * q[:, 0] + q[:, 2],
        _on_curve(points, speeds, values),
        lambda q: np.stack([q[:, 0], q[:, 2]], axis=1),
        (mean[0], mean[2]),
    )


def oval() -> Target:
    """V = x/2 + y² on Cassini's oval with a narrow waist."""

    def rows(q: Any) -> Any:
        x, y = q[:, 0], q[:, 1]
        level = ((x - FOCUS) ** 2 + y * y) * ((x + FOCUS) ** 2 + y * y) - SIZE**4
        return ad.reshape(level, (-1, 1))

    def one(q: Any) -> Any:
        x, y = q[0], q[1]
        return ((x - FOCUS) ** 2 + y * y) * ((x + FOCUS) ** 2 + y * y) - SIZE**4

    points, speeds = curves.cassini_oval(curves.equidistant(NODES), FOCUS, SIZE)
    values = 0.5 * points[:, 0] + points[:, 1] ** 2
    shares = curves.curve_weights(speeds, values, 1.0)
    return Target(
        "oval",
        {"user": UserConstraint(one, rows=rows, max_iterations=ITERATIONS)},
        lambda q: 0.5 * q[:, 0] + q[:, 1] ** 2,
        _on_curve(points, speeds, values),
        lambda q: np.stack([np.abs(q[:, 0]), q[:, 1] ** 2], axis=1),
        (
            float(np.sum(shares * np.abs(points[:, 0]))),
            float(np.sum(shares * points[:, 1] ** 2)),
        ),
    )


TARGETS: dict[str, Callable[[], Target]] = {
    "circle": circle, "sphere": sphere, "stiefel": stiefel, "wave": wave, "oval": oval,
}  # fmt: skip
