"""The upper bound by activations against exact norms on the plane: f(x) = |x| (<g, x> / |x|)^p."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend, to_host
from refimpl.experiments.base import Experiment
from refimpl.papers.rkhs_norm.adversarial_norm import AdversarialNorm
from refimpl.papers.rkhs_norm.bounds import largest_slopes
from refimpl.papers.rkhs_norm.kernel_machine import KernelMachine, rkhs_norm
from refimpl.papers.rkhs_norm.theory.kernels import network_bound, plane_norm_squared
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """The vector g, the powers, and the points on the circle that interpolate f."""

    g: tuple[float, float] = (0.6, -0.3)
    powers: tuple[int, ...] = (1, 2, 3)
    points: int = 12
    probes: int = 360

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls()


def circle(points: int, backend: Backend) -> Any:
    """Points at equal angles on the unit circle."""
    angle = 2.0 * np.pi * np.arange(points) / points
    return backend.asarray(np.stack([np.cos(angle), np.sin(angle)], axis=1))


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Exact norms by interpolation (the machine's own) and by series, and what bounds them."""
    model = KernelMachine(2, 1, config.points, ("exponential",))
    centers = circle(config.points, backend)
    gram = to_host(model.gram(centers, centers))
    g = np.array(config.g)
    length = float(np.hypot(*g))
    interpolated, series, bounds, slopes, gains = [], [], [], [], []
    for power in config.powers:
        values = (to_host(centers) @ g) ** power
        coefficients = backend.asarray(np.linalg.solve(gram, values)[None, :])
        params = {"centers": centers, "coefficients": coefficients}
        interpolated.append(float(to_host(rkhs_norm(model, params))[0]) ** 2)
        series.append(plane_norm_squared(config.g, power))
        activation = [0.0] * power + [1.0]
        bounds.append(network_bound([length, 1.0], [activation], "exponential"))
        probes = circle(config.probes, backend)
        slopes.append(float(to_host(largest_slopes(model, params, probes, "tape"))[0]))
        _, gain = AdversarialNorm(radius=1.0, steps=20).gains(model, params, 10.0 * probes)
        gains.append(float(to_host(gain).max()))
    return {
        "powers": np.array(config.powers),
        "interpolated": np.array(interpolated),
        "series": np.array(series),
        "bound": np.array(bounds),
        "slope": np.array(slopes),
        "gain": np.array(gains),
    }


EXPERIMENT = Experiment(
    name="rkhs_norm_upper_bound",
    summary="The upper bound by activations against exact norms on the plane",
    config=Config,
    run_task=run_task,
)
