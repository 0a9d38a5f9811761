"""Kernel machines: feature maps that do not stretch, exact norms, bounds found by ascent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.gradient_penalties import squared_slopes
from refimpl.arrays import Backend, backend_of, to_host
from refimpl.experiments.base import Experiment
from refimpl.models.input_gradients import input_gradients, output_gradients
from refimpl.papers.rkhs_norm.adversarial_norm import AdversarialNorm
from refimpl.papers.rkhs_norm.bounds import largest_slopes
from refimpl.papers.rkhs_norm.deformations import random_fields, tangents, warp
from refimpl.papers.rkhs_norm.kernel_machine import KernelMachine, rkhs_norm
from refimpl.papers.rkhs_norm.theory.kernels import exact_norm
from refimpl.random import Rng

NAMES = ("exponential", "inverse", "arc_cosine")


@dataclass(frozen=True)
class Config:
    """Pairs of points, machines of each kernel, and the effort of the search."""

    pairs: int = 10_000
    machines: int = 4
    centers: int = 12
    side: int = 3
    starts: int = 40
    ascents: int = 50
    fields: int = 8
    reaches: tuple[float, ...] = (1.0, 10.0, 100.0)

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(machines=20, starts=200, ascents=150)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"profile": name, "layers": layers} for layers in (1, 2) for name in NAMES]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, profile: str, layers: int
) -> dict[str, Any]:
    features = config.side**2
    like = backend.zeros((1,))
    model = KernelMachine(features, config.machines, config.centers, (profile,) * layers)
    params = model.init(rng.child("machine"), backend=backend)
    anchor = KernelMachine(features, 1, 1, (profile,) * layers)
    lone = {
        "centers": rng.child("anchor").normal((1, features), like=like),
        "coefficients": backend.ones((1, 1)),
    }
    found = {
        **feature_map(config, model, rng.child("pairs"), backend),
        **lower_bounds(config, model, params, rng.child("search"), backend),
        "norm": to_host(rkhs_norm(model, params)),
        "exact": np.array(
            [
                exact_norm(params["centers"], params["coefficients"][k, :], model.profiles)
                for k in range(config.machines)
            ]
        ),
        "anchor_length": np.linalg.norm(to_host(lone["centers"])),
        "anchor_norm": to_host(rkhs_norm(anchor, lone))[0],
    }
    alone = lower_bounds(config, anchor, lone, rng.child("alone"), backend)
    return {**found, "anchor_slope": alone["slope"][0], "anchor_gain": alone["gain"][0]}


def feature_map(config: Config, model: KernelMachine, rng: Rng, backend: Backend) -> dict[str, Any]:
    """The largest |Φ(x) − Φ(y)| / |x − y| over independent pairs, and the error of |Φ(x)| = |x|."""
    like, block = backend.zeros((1,)), 100
    stretch, error = 0.0, 0.0
    for start in range(0, config.pairs, block):
        stream = rng.child(start)
        x, y = (stream.child(n).normal((block, model.features), like=like) for n in "xy")
        across, own, other = (
            np.diagonal(to_host(model.gram(*pair))) for pair in ((x, y), (x, x), (y, y))
        )
        x, y = to_host(x), to_host(y)
        squares = np.maximum(own + other - 2.0 * across, 0.0)
        ratios = np.sqrt(squares) / np.linalg.norm(x - y, axis=1)
        lengths = np.linalg.norm(x, axis=1) ** 2
        stretch = max(stretch, float(ratios.max()))
        error = max(error, float(np.abs(own / lengths - 1.0).max()))
    return {"stretch": stretch, "feature_norm_error": error}


def lower_bounds(
    config: Config, model: KernelMachine, params: Any, rng: Rng, backend: Backend
) -> dict[str, Any]:
    """The largest values found of everything that is at most the norm, for every function.

    Slopes depend on the direction of x alone; ascent moves the direction. Gains within distance
    1 are looked for at several distances from the origin, at the directions that were found.
    """
    like = backend.zeros((1,))
    directions = ascend(model, params, rng.child("starts"), config, like)
    slopes, gains, changes = [], [], []
    for k, points in enumerate(directions):
        squares, _ = squared_slopes(model, params, points, "tape")
        best_first = np.argsort(-to_host(squares)[:, k])
        points = points[best_first[:10], :]
        slopes.append(to_host(largest_slopes(model, params, points, "tape"))[k])
        best = 0.0
        for reach in config.reaches:
            _, gain = AdversarialNorm(radius=1.0, steps=20).gains(model, params, reach * points)
            best = max(best, float(to_host(gain)[k].max()))
        gains.append(best)
        changes.append(quotient(model, params, points, rng.child("pairs", k), like)[k])
    images = rng.child("images").uniform((config.starts, model.features), like=like)
    deformed = deformation_quotients(config, model, params, images, rng.child("fields"))
    return {
        "slope": np.array(slopes),
        "gain": np.array(gains),
        "change": np.array(changes),
        **deformed,
    }


def ascend(model: KernelMachine, params: Any, rng: Rng, config: Config, like: Any) -> list[Any]:
    """For every output, directions of locally largest slope: normalized gradient ascent."""
    found = []
    start = rng.normal((config.starts, model.features), like=like)
    shape = (config.starts, model.outputs)
    unit = [backend_of(like).asarray(row * np.ones(shape)) for row in np.eye(model.outputs)]
    for k in range(model.outputs):

        def squares(x: Any, k: int = k) -> Any:
            slopes = input_gradients(model, params, x, unit[k])
            return ad.sum(slopes * slopes)

        points = start
        for step in range(config.ascents):
            lengths = (points**2).sum(axis=1, keepdims=True) ** 0.5
            points = points / lengths
            direction = ad.grad(squares)(points)
            size = (direction**2).sum(axis=1, keepdims=True) ** 0.5
            rate = 0.5 * (1.0 - step / config.ascents)
            points = points + rate * direction / (size + (size == 0))
        found.append(points)
    return found


def quotient(model: KernelMachine, params: Any, points: Any, rng: Rng, like: Any) -> np.ndarray:
    """max |f(x) − f(y)| / |Φ(x) − Φ(y)| over pairs at a distance of about 0.1."""
    moved = points + 0.1 * rng.normal(points.shape, like=like) / points.shape[1] ** 0.5
    across, own, other = (
        np.diagonal(to_host(model.gram(*pair)))
        for pair in ((points, moved), (points, points), (moved, moved))
    )
    distance = np.sqrt(np.maximum(own + other - 2.0 * across, 1e-300))
    change = np.abs(to_host(model(params, moved)) - to_host(model(params, points)))
    return (change / distance[:, None]).max(axis=0)


def deformation_quotients(
    config: Config, model: KernelMachine, params: Any, images: Any, rng: Rng
) -> dict[str, Any]:
    """|f(L x) − f(x)| / |L x − x| and |<∇f, t>| / |t|: what deformations see of the norm."""
    fields = random_fields(rng, config.fields, config.side, config.side, 0.5, 1, images)
    before = to_host(model(params, images))
    along = to_host(output_gradients(model, params, images))
    largest, tangent = 0.0, 0.0
    warped, vectors = warp(images, fields, config.side), tangents(images, fields, config.side)
    for number in range(config.fields):
        step = np.linalg.norm(to_host(warped[number, :, :] - images), axis=1)
        change = np.abs(to_host(model(params, warped[number, :, :])) - before)
        largest = np.maximum(largest, (change / step[:, None]).max(axis=0))
        t = to_host(vectors[number, :, :])
        rates = np.abs((along * t[:, None, :]).sum(axis=2)) / np.linalg.norm(t, axis=1)[:, None]
        tangent = np.maximum(tangent, rates.max(axis=0))
    return {"deformation": largest, "tangent": tangent}


EXPERIMENT = Experiment(
    name="rkhs_norm_kernels",
    summary="Kernel machines: exact norms and the bounds below them",
    config=Config,
    tasks=tasks,
    run_task=run_task,
)
