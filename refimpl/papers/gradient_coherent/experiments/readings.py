"""What the gate sees and when it opens, read off the algorithm and off the wrapper.

Both decide by the same readings and differ in how the penalty reaches the weights, so everything
that can be asked of either is asked of both: leading axes are (algorithm, wrapper).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import Array, Backend, to_host
from refimpl.arrays import backend as make_backend
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment
from refimpl.models import DeepLinear, Objective
from refimpl.papers.gradient_coherent.coherence_gate import CoherenceGate
from refimpl.papers.gradient_coherent.experiments.recipe import Recipe, load, start
from refimpl.papers.gradient_coherent.gradient_coherent import Criterion, GradientCoherent
from refimpl.random import Rng

KINDS = ("algorithm", "wrapper")
RATE = 0.1


@dataclass(frozen=True)
class Config:
    """Random pairs, thresholds and ratios whose edges are searched, and look-ahead reaches."""

    pairs: int = 50
    thresholds: tuple[float, ...] = (0.9, 0.7, 0.5, 0.3, 0.1)
    limits: tuple[float, ...] = (0.5, 1.0, 2.0)
    reaches: tuple[float, ...] = (0.25, 0.5, 0.75)
    delay: int = 2
    steps_per_epoch: int = 3

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(pairs=500)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    place = make_backend(backend.name, "float64")
    return {
        **_cosines(config, place, rng),
        **_edges(config, place),
        **_ahead(config, place),
        **_first_open(config, place),
        **_digits(place),
    }


def _method(kind: str, strength: float, **hyper: Any) -> Any:
    """A gate on ½ λ ‖w‖², by the algorithm or by the wrapper."""
    if kind == "algorithm":
        reach = hyper.pop("reach", RATE)
        return GradientCoherent(strength=strength, learning_rate=reach, **hyper)
    return Composition(
        SGD(learning_rate=RATE),
        penalties=[L2(strength=strength)],
        wrappers=[CoherenceGate(**hyper)],
    )


def _along(params: Any, slope: Array) -> Array:
    """The loss whose gradient is the batch."""
    return ad.sum(params["weight"] * slope)


def _look(method: Any, weight: Array, slope: Array) -> tuple[float, float]:
    """Whether the gate is open, and κ, for one weight matrix and a given gradient."""
    state = method.init({"weight": weight}, steps_per_epoch=1)
    _, info = method.step(state, _along, slope)
    return float(to_host(info.gate)), float(to_host(info.coherence))


def _cosines(config: Config, place: Backend, rng: Rng) -> dict[str, Any]:
    """κ of random gradients and weights, beside ρ = λ‖w‖/‖g‖ and cos(g, w)."""
    draws = rng.child("coherence")
    ratios, cosines, kappas = [], [], []
    for index in range(config.pairs):
        slope, weight = draws.child(index).normal((2, 5, 6), like=place.zeros((1,)))
        sizes = float(ad.norm_tree(slope)), float(ad.norm_tree(weight))
        ratio = float(draws.child(index, "ratio").uniform((), 0.0, 5.0))
        methods = [_method(kind, ratio * sizes[0] / sizes[1]) for kind in KINDS]
        kappas.append([_look(method, weight, slope)[1] for method in methods])
        ratios.append(ratio)
        cosines.append(float(ad.sum(slope * weight)) / (sizes[0] * sizes[1]))
    return {
        "ratios": np.asarray(ratios),
        "cosines": np.asarray(cosines),
        "kappas": np.asarray(kappas).T,
    }


def _edges(config: Config, place: Backend) -> dict[str, Any]:
    """The largest ρ of an open gate where the gradient is at right angles to the weights."""
    weight, slope = place.asarray([[1.0, 0.0]]), place.asarray([[0.0, 1.0]])

    def edge(kind: str, **hyper: Any) -> float:
        low, high = 0.0, 15.0
        for _ in range(50):
            middle = 0.5 * (low + high)
            opened, _ = _look(_method(kind, middle, **hyper), weight, slope)
            low, high = (middle, high) if opened else (low, middle)
        return low

    return {
        "thresholds": config.thresholds,
        "limits": config.limits,
        "threshold_edges": [
            [edge(kind, threshold=value) for value in config.thresholds] for kind in KINDS
        ],
        "ratio_edges": [
            [edge(kind, criterion="ratio", ratio=value) for value in config.limits]
            for kind in KINDS
        ],
    }


def _ahead(config: Config, place: Backend) -> dict[str, Any]:
    """κ of the look-ahead on ½‖w − a‖² for w = (1, 0), a = (0, 1), after a step s of the decay."""
    center = place.asarray([[0.0, 1.0]])

    def kappa(kind: str, reach: float) -> float:
        method = _method(kind, 1.0, criterion="lookahead", reach=reach)
        state = method.init({"weight": place.asarray([[1.0, 0.0]])}, steps_per_epoch=1)
        _, info = method.step(state, lambda p, a: 0.5 * ad.sum((p["weight"] - a) ** 2), center)
        return float(to_host(info.coherence))

    found = [[kappa(kind, reach) for reach in config.reaches] for kind in KINDS]
    return {"reaches": config.reaches, "ahead": found}


def _first_open(config: Config, place: Backend) -> dict[str, Any]:
    """The first step whose gate is open, behind a delay in epochs of several steps, or the last."""
    weight, slope = place.asarray([[1.0, 0.0]]), place.asarray([[0.0, 1.0]])
    first = []
    for kind in KINDS:
        method = _method(kind, 0.01, delay=config.delay)
        state = method.init({"weight": weight}, steps_per_epoch=config.steps_per_epoch)
        gates = []
        for _ in range((config.delay + 1) * config.steps_per_epoch):
            state, info = method.step(state, _along, slope)
            gates.append(float(to_host(info.gate)))
        first.append([*gates, 1.0].index(1.0))
    return {"first_open": first, "delay": config.delay, "epoch": config.steps_per_epoch}


def _digits(place: Backend) -> dict[str, Any]:
    """κ at the start of the digits recipe; of the look-ahead at smaller weights and on chains."""
    recipe, batch = Recipe(), load(place).train.batch(np.arange(64))
    params = start(recipe.model(), recipe.gain, np.random.default_rng(0), place)
    objective = Objective(recipe.model())

    def kappa(method: Any, scale: float) -> float:
        scaled = ad.map_tree(lambda w: scale * w if w.ndim == 2 else w, params)
        _, info = method.step(method.init(scaled, steps_per_epoch=1), objective, batch)
        return float(to_host(info.coherence))

    ahead: Criterion = "lookahead"
    blind = GradientCoherent(criterion=ahead, strength=0.1, learning_rate=RATE)
    slower = GradientCoherent(criterion=ahead, strength=0.01, learning_rate=RATE)
    one, chain = place.ones((1, 1)), []
    squares = Objective(DeepLinear((1,) * 5), "mean_squared_error", "sum")
    for weights in ((0.4,) * 4, (0.9, 0.2, 0.5, 0.7)):
        method = GradientCoherent(criterion=ahead, strength=0.5)
        state = method.init([place.asarray([[w]]) for w in weights])
        _, info = method.step(state, squares, Batch(one, one, None))
        chain.append(float(to_host(info.coherence)))
    return {
        "golden_coherence": [kappa(_method(kind, 0.05), 1.0) for kind in KINDS],
        "lookahead_loss": [1.0 - kappa(blind, scale) for scale in (1.0, 0.5, 0.1)],
        "lookahead_loss_slow": 1.0 - kappa(slower, 1.0),
        "lookahead_chain": chain,
    }


EXPERIMENT = Experiment(
    name="gradient_coherent_readings",
    summary="What the gate of the algorithm and of the wrapper sees, and when it opens",
    config=Config,
    run_task=run_task,
)
