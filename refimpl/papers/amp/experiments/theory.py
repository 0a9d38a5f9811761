"""The exact inner maximum on bowls, wells and a line, by the secular equation and by the ascent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.experiments.base import Experiment, merge
from refimpl.papers.amp.amp import AMP
from refimpl.papers.amp.experiments.shared import evaluator, gradients_of, vector
from refimpl.papers.amp.theory import surface, wells
from refimpl.papers.amp.theory.ball import maximum
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """How many instances of each law, and the constants of the recorded ones."""

    bowls: int = 60
    offsets: int = 1000
    dimension: int = 10
    condition: float = 100.0
    danskin: int = 8
    inner_steps: int = 400
    reach: float = 2.0
    spacing: float = 0.01
    half_widths: tuple[int, ...] = (0, 5, 20, 60, 120)
    strengths: tuple[float, ...] = (0.5, 1.0, 2.0)
    flatness: float = 1e9

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(bowls=300, offsets=5000, danskin=40)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"part": part} for part in PARTS]


def run_task(config: Config, backend: Backend, rng: Rng, *, part: str) -> dict[str, Any]:
    return PARTS[part](config, make_backend(backend.name, "float64"), rng)


def _matrix(place: Backend, rng: Rng, size: int, condition: float) -> tuple[Any, np.ndarray]:
    """A random positive definite matrix and its eigenvalues, between 1 and ``condition``."""
    spectrum = np.sort(condition ** rng.uniform((size,)))
    basis = np.linalg.qr(rng.normal((size, size)))[0]
    return place.asarray((basis * spectrum) @ basis.T), spectrum


def _bowls(config: Config, place: Backend, rng: Rng) -> dict[str, Any]:
    """min γ_AMP and min of L_AMP of a quadratic at μ, and how far Q lies above its bounds."""
    inside = place.asarray(np.diag([4.0, 1.0, 0.25]))
    recorded = wells.perturbed_value(1.5, inside, place.zeros((3,)), 0.4, 2.0)
    found: dict[str, list[float]] = {}
    for index in range(config.bowls):
        stream = rng.child(index)
        size = 1 + index % config.dimension
        precision, spectrum = _matrix(place, stream, size, config.condition)
        radius = float(stream.uniform((), 0.1, 1.5)) / np.sqrt(spectrum[-1])
        center = place.zeros((size,))
        found.setdefault("bowl", []).append(wells.perturbed_value(1.5, precision, center, radius))
        found.setdefault("bowl_law", []).append(
            wells.perturbed_minimum(1.5, 1.0 / spectrum[-1], radius)
        )
        found.setdefault("quadratic", []).append(0.3 + maximum(precision, center, radius).value)
        found.setdefault("quadratic_law", []).append(
            wells.quadratic_minimum(0.3, spectrum[-1], radius)
        )
    return {"recorded": recorded, **found}


def _offsets(config: Config, place: Backend, rng: Rng) -> dict[str, Any]:
    """Q(d) against q(d) + ε²/λ_min(K), and against Q(0), in units of Q(0)."""
    margin, center, gain = [], [], []
    for index in range(config.offsets):
        stream = rng.child(index)
        size = 1 + index % config.dimension
        precision, spectrum = _matrix(place, stream, size, config.condition)
        radius = float(stream.uniform((), 0.1, 2.0))
        offset = place.asarray(stream.normal((size,)))
        floor = radius**2 * spectrum[-1]
        lowest = wells.exponent(precision, place.zeros((size,)), radius)
        value = wells.exponent(precision, offset, radius)
        form = float(offset @ precision @ offset)
        margin.append((value - form - floor) / (floor + form))
        center.append(lowest / floor)
        gain.append((value - lowest) / lowest)
    return {"margin": margin, "center": center, "gain": gain}


def _danskin(config: Config, place: Backend, rng: Rng) -> dict[str, Any]:
    """The gradient at the maximiser, exact or climbed to, against differences of L_AMP."""
    exact, climbed, value_error = [], [], []
    for index in range(config.danskin):
        stream = rng.child(index)
        curvature, _ = _matrix(place, stream, 4, 8.0)
        offset = place.asarray(stream.normal((4,)))
        radius = 0.7

        def lifted(d: Any, curvature: Any = curvature, radius: float = radius) -> float:
            pull = curvature @ d
            return 0.5 * float(d @ pull) + maximum(curvature, pull, radius).value

        size = 1e-5
        slopes = np.asarray(
            [(lifted(offset + size * e) - lifted(offset - size * e)) / (2.0 * size)
             for e in place.eye(4)]
        )  # fmt: skip
        best = maximum(curvature, curvature @ offset, radius).argument
        wrapper = AMP(radius=radius, inner_steps=config.inner_steps, norm="global")
        step = gradients_of(
            wrapper,
            lambda p, H: 0.5 * ad.sum(p["w"] * ad.matmul(H, p["w"])),
            {"w": offset},
            curvature,
        )
        scale = np.linalg.norm(slopes)
        exact.append(np.linalg.norm(vector(curvature @ (offset + best)) - slopes) / scale)
        climbed.append(np.linalg.norm(vector(step.gradient) - slopes) / scale)
        value_error.append(float(step.diagnostics["perturbed_loss"]) / lifted(offset) - 1.0)
    return {"danskin_exact": exact, "danskin_climbed": climbed, "climbed_value": value_error}


def _order(config: Config, place: Backend, rng: Rng) -> dict[str, Any]:
    """Where the order of two wells flips, in the radius and in the ratio of depths, by search."""
    from scipy.optimize import brentq

    flat, sharp = wells.Well(1.0, 1.0), wells.Well(1.2, 0.4)

    def lowest(well: wells.Well, radius: float) -> float:
        precision = place.asarray([[1.0 / well.width**2]])
        return wells.perturbed_value(well.depth, precision, place.zeros((1,)), radius)

    flip = brentq(lambda e: lowest(flat, e) - lowest(sharp, e), 0.01, 1.0, xtol=1e-14, rtol=1e-14)
    near = [factor * wells.reranking_radius(flat, sharp) for factor in (0.99, 1.01)]
    floors, below, above = [], [], []
    for strength in config.strengths:
        radius = float(np.sqrt(2.0 * strength))
        deep = lowest(wells.Well(1.0, 1.0), radius)

        def ahead(
            ratio: float, flatness: float, radius: float = radius, deep: float = deep
        ) -> float:
            """By how much the flat well is the lower one."""
            return deep - lowest(wells.Well(ratio, float(np.sqrt(flatness))), radius)

        floors.append(brentq(ahead, 1e-3, 1.0, args=(config.flatness,), xtol=1e-14, rtol=1e-14))
        levels = 10.0 ** np.arange(0.0, 13.0)
        floor = float(np.exp(-strength))
        below.append([ahead(0.999999 * floor, float(r)) for r in levels])
        above.append([ahead(1.000001 * floor, float(r)) for r in levels])
    return {
        "flip": flip,
        "values": [[lowest(flat, e), lowest(sharp, e)] for e in near],
        "strengths": config.strengths,
        "floor": floors,
        "below_floor": below,
        "above_floor": above,
    }


def _line(config: Config, place: Backend, rng: Rng) -> dict[str, Any]:
    """L_AMP of the double well on a grid, and what one step of the ascent reaches of it."""
    many = round(config.reach / config.spacing)
    grid = np.arange(-many, many + 1) * config.spacing
    plain = place.asarray([surface.double_well(float(x)) for x in grid])
    inner = slice(max(config.half_widths), len(grid) - max(config.half_widths))
    lifted, laws, reached = [], [], []
    for width in config.half_widths:
        radius = width * config.spacing
        lifted.append(surface.running_maximum(plain, width)[inner])
        laws.append([surface.double_well_maximum(float(x), radius) for x in grid[inner]])
        wrapper = AMP(radius=radius, ascent_rate=1e6, norm="linf")
        loss = evaluator(lambda p, b: ad.sum((p["x"] ** 2 - 1.0) ** 2), None)
        place_of = place.asarray(grid[inner])
        delta = wrapper.perturb(loss, {"x": place_of}).delta
        ends = vector([place_of + delta[0]]) if delta else grid[inner]
        reached.append([surface.double_well(float(x)) for x in ends])
    bowl = place.asarray(grid**2)
    convex = surface.running_maximum(bowl, config.half_widths[-1])[inner]
    return {
        "plain": plain[inner],
        "lifted": lifted,
        "lifted_law": laws,
        "reached": reached,
        "radii": np.asarray(config.half_widths) * config.spacing,
        "slope_bound": surface.double_well_slope_bound(config.reach),
        "convexity": convex[2:] - 2.0 * convex[1:-1] + convex[:-2],
    }


PARTS = {
    "bowls": _bowls,
    "offsets": _offsets,
    "danskin": _danskin,
    "order": _order,
    "line": _line,
}

EXPERIMENT = Experiment(
    name="amp_theory",
    summary="The exact inner maximum on bowls, wells and a line",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=merge,
)
