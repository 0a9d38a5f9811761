"""Full-batch descent on digits: layer norms that merge, and the two-layer transition.

The network is the recipe's without biases. Only the full profile is as long as the claims need;
the quick one is a short run of the same code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend, one_hot, to_host
from refimpl.arrays import backend as make_backend
from refimpl.experiments.base import Experiment
from refimpl.models import Objective
from refimpl.papers.gradient_coherent.experiments.recipe import Recipe, load, start
from refimpl.papers.gradient_coherent.gradient_coherent import GradientCoherent
from refimpl.papers.gradient_coherent.theory.laws import critical_strength
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Lengths of the runs and strengths relative to the critical one."""

    merge_steps: int = 6000
    merge_slow_from: int = 4000
    transition_steps: int = 6000
    fractions: tuple[float, ...] = (0.9, 0.97, 0.99, 1.01, 1.03, 1.1)
    restarts: int = 60

    @classmethod
    def quick(cls) -> Config:
        return cls(merge_steps=200, merge_slow_from=150, transition_steps=200, fractions=(0.9, 1.1))

    @classmethod
    def full(cls) -> Config:
        return cls()


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"fraction": 0.0}, *({"fraction": fraction} for fraction in config.fractions)]


def run_task(config: Config, backend: Backend, rng: Rng, *, fraction: float) -> dict[str, Any]:
    place = make_backend(backend.name, "float64")
    return _merge(config, place) if fraction == 0.0 else _transition(config, place, fraction)


def _descend(
    recipe: Recipe, place: Backend, seed: int, scale: float, strength: float, rates: list[float]
) -> tuple[list[np.ndarray], Any]:
    """Weights after one full-batch step for each rate, and what the last gradient was."""
    sets = load(place)
    model = recipe.model()
    params = start(model, recipe.gain, np.random.default_rng(seed), place)
    params = ad.map_tree(lambda w: scale * w, params)
    objective, batch = Objective(model), sets.train.batch()
    algorithms = {
        rate: GradientCoherent(criterion="always", strength=strength, learning_rate=rate)
        for rate in set(rates)
    }
    state = algorithms[rates[0]].init(params)
    for rate in rates:
        state, _ = algorithms[rate].step(state, objective, batch)
    gradient = ad.grad(objective)(state.params, batch)
    host = [
        [to_host(layer["weight"]).astype(np.float64) for layer in tree]
        for tree in (state.params, gradient)
    ]
    return host[0], host[1]


def _merge(config: Config, place: Backend) -> dict[str, Any]:
    """λ‖W_l‖² of every layer, and m = −<∂L/∂W_l, W_l>, at the end of a long run."""
    recipe = Recipe(depth=4, width=32, gain=2.0, bias=False)
    fast = config.merge_slow_from
    rates = [0.1] * fast + [0.02] * (config.merge_steps - fast)
    weights, gradient = _descend(recipe, place, 1, 1.0, 0.05, rates)
    return {
        "layer_energy": np.array([0.05 * np.sum(w**2) for w in weights]),
        "margin": np.array([-np.sum(w * g) for w, g in zip(weights, gradient, strict=True)]),
    }


def _transition(config: Config, place: Backend, fraction: float) -> dict[str, Any]:
    """λ_c of the training digits, and ‖w‖ that descent from small weights reaches near it."""
    train = load(place).train
    residuals = one_hot(train.targets, 10, train.inputs) - 0.1
    draws = Rng(0).child("critical").normal((config.restarts, 64), like=train.inputs)
    critical = float(np.max(to_host(critical_strength(train.inputs, residuals, draws))))
    cross = to_host(residuals).T @ to_host(train.inputs) / len(train)
    recipe = Recipe(depth=2, bias=False)
    rates = [0.2] * config.transition_steps
    weights, _ = _descend(recipe, place, 1, 0.05, fraction * critical, rates)
    return {
        "fraction": fraction,
        "critical": critical,
        "linear_critical": np.linalg.norm(cross, 2),
        "norm": np.sqrt(sum(np.sum(w**2) for w in weights)),
    }


def collect(
    config: Config, items: list[dict[str, Any]], results: list[dict[str, Any]]
) -> dict[str, Any]:
    names = ("fraction", "critical", "linear_critical", "norm")
    rows = {name: np.array([float(result[name]) for result in results[1:]]) for name in names}
    return {**results[0], **rows}


EXPERIMENT = Experiment(
    name="gradient_coherent_transition",
    summary="Full-batch strong L2 on digits: merging layer norms and the two-layer transition",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
)
