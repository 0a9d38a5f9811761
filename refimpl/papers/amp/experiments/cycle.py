"""AMP in the bowl ½hθ²: where the iterates settle, over the curvature."""

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
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """The rates, the radius, the recorded curvatures and a sweep."""

    learning_rate: float = 0.1
    ascent_rate: float = 1.0
    radius: float = 0.5
    recorded: tuple[float, ...] = (3.9, 4.1, 6.0, 10.0)
    sweep: tuple[float, float, int] = (0.25, 18.0, 72)
    start: float = 1.0
    steps: int = 1500

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(sweep=(0.125, 19.0, 152), steps=4000)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    place = make_backend(backend.name, "float64")
    sweep = np.linspace(*config.sweep)
    tensors = {str(h): place.asarray([config.start]) for h in config.recorded}
    own_ball = AMP(radius=config.radius, ascent_rate=config.ascent_rate)
    last, after = _settle(
        config,
        own_ball,
        tensors,
        lambda p, b: ad.sum(ad.concat([0.5 * h * p[str(h)] ** 2 for h in config.recorded])),
    )
    weights = place.asarray(sweep)
    own_entry = AMP(radius=config.radius, ascent_rate=config.ascent_rate, norm="linf")
    begin = place.asarray(np.full(len(sweep), config.start))
    swept, _ = _settle(
        config, own_entry, {"x": begin}, lambda p, b: 0.5 * ad.sum(weights * p["x"] ** 2)
    )
    plain, _ = _settle(config, None, {"x": begin}, lambda p, b: 0.5 * ad.sum(weights * p["x"] ** 2))
    return {
        "recorded": config.recorded,
        "amplitude": np.abs(last),
        "next": after / np.where(last == 0.0, 1.0, last),
        "curvature": sweep,
        "swept": np.abs(swept),
        "plain": np.abs(plain),
        "learning_rate": config.learning_rate,
        "ascent_rate": config.ascent_rate,
        "radius": config.radius,
    }


def _settle(
    config: Config, wrapper: AMP | None, params: Any, objective: Any
) -> tuple[np.ndarray, np.ndarray]:
    """The iterates after the given number of steps, and after one more."""
    update = SGD(learning_rate=config.learning_rate)
    algorithm = Composition(update, wrappers=() if wrapper is None else (wrapper,))
    state = algorithm.init(params)
    for _ in range(config.steps):
        state, _ = algorithm.step(state, objective, None)
    after, _ = algorithm.step(state, objective, None)
    return vector(state.params), vector(after.params)


EXPERIMENT = Experiment(
    name="amp_cycle",
    summary="Stability and limit cycles of AMP in a quadratic bowl, over its curvature",
    config=Config,
    run_task=run_task,
)
