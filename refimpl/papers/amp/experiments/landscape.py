"""Two Gaussian wells on a line: which is lower under the inner maximum, and where descent ends.

The two questions have different answers. The maximum over a ball re-ranks the minima; descent with
a perturbed gradient stays in the basin in which it starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.experiments.base import Experiment
from refimpl.papers.amp.amp import AMP
from refimpl.papers.amp.experiments.shared import vector
from refimpl.papers.amp.theory import surface, wells
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """The wells (depth, width, place), the surface's grid, and the runs."""

    flat: tuple[float, float, float] = (1.0, 1.0, 0.0)
    sharp: tuple[float, float, float] = (1.2, 0.4, 4.0)
    spacing: float = 0.001
    low: float = -2.5
    high: float = 5.5
    factors: tuple[float, ...] = (0.0, 0.8, 1.2, 3.0)
    learning_rate: float = 0.1
    ascent_rate: float = 1.0
    starts: int = 161
    steps: int = 800
    near: float = 0.6

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(starts=2401, steps=3000)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    place = make_backend(backend.name, "float64")
    flat, sharp = wells.Well(*config.flat), wells.Well(*config.sharp)
    threshold = wells.reranking_radius(flat, sharp)
    return {
        "threshold": threshold,
        "centers": [flat.center, sharp.center],
        "factors": config.factors,
        "near": config.near,
        **_surface(config, place, threshold),
        **_runs(config, place, threshold),
    }


def _value(config: Config, x: Any) -> Any:
    """The sum of both wells, taped or plain."""
    return sum(
        -depth * ad.exp(-0.5 * ((x - center) / width) ** 2)
        for depth, width, center in (config.flat, config.sharp)
    )


def _surface(config: Config, place: Backend, threshold: float) -> dict[str, Any]:
    """L_AMP on a grid, the places of its minimum over the radius, and where that jumps."""
    many = round((config.high - config.low) / config.spacing)
    grid = config.low + config.spacing * np.arange(many + 1)
    values = _value(config, place.asarray(grid))
    around = round(threshold / config.spacing)
    widths = np.arange(around - 8, around + 9)
    lowest = [grid[int(np.argmin(vector(surface.running_maximum(values, int(w)))))] for w in widths]
    middle = 0.5 * (config.flat[2] + config.sharp[2])
    jump = int(np.argmax(np.asarray(lowest) < middle))
    shown = [round(factor * threshold / config.spacing) for factor in config.factors]
    thin = slice(None, None, 10)
    return {
        "grid": grid[thin],
        "surface": [vector(surface.running_maximum(values, w))[thin] for w in shown],
        "argmin_radius": widths * config.spacing,
        "argmin": lowest,
        "jump_radius": (widths[jump] - 0.5) * config.spacing,
        "jumps": np.count_nonzero(np.diff(np.asarray(lowest) < middle)),
    }


def _runs(config: Config, place: Backend, threshold: float) -> dict[str, Any]:
    """Where descent ends from a row of starts (mean of the last two iterates), for each radius."""
    starts = np.linspace(config.low, config.high, config.starts)
    ends, paths = [], []
    shown = np.searchsorted(starts, [1.8, 2.6, 3.2, 4.6])
    for factor in config.factors:
        wrapper = AMP(radius=factor * threshold, ascent_rate=config.ascent_rate, norm="linf")
        algorithm = Composition(SGD(learning_rate=config.learning_rate), wrappers=(wrapper,))
        state = algorithm.init({"x": place.asarray(starts)})
        path = [starts[shown]]
        previous = starts
        for _ in range(config.steps):
            previous = vector(state.params)
            state, _ = algorithm.step(state, lambda p, b: ad.sum(_value(config, p["x"])), None)
            if len(path) <= 60:
                path.append(vector(state.params)[shown])
        ends.append(0.5 * (previous + vector(state.params)))
        paths.append(path)
    return {"starts": starts, "ends": ends, "paths": paths}


EXPERIMENT = Experiment(
    name="amp_landscape",
    summary="Two Gaussian wells on a line: ranks of minima and ends of trajectories",
    config=Config,
    run_task=run_task,
)
