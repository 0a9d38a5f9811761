"""Full-batch descent on digits: layer norms that merge, and the two-layer transition.

The network is the recipe's without biases. Where descent ends does not depend on its rate, so the
rates are large: 1.0 in the two-layer network, whose curvature stays below 1 near the transition.
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
    """Rates with their numbers of steps, and strengths relative to the critical one."""

    merge_rates: tuple[tuple[float, int], ...] = ((0.3, 1500), (0.05, 500))
    transition_rates: tuple[tuple[float, int], ...] = ((1.0, 1200),)
    fractions: tuple[float, ...] = (0.9, 0.97, 0.99, 1.01, 1.03, 1.1)
    restarts: int = 60

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(restarts=600)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"fraction": 0.0}, *({"fraction": fraction} for fraction in config.fractions)]


def run_task(config: Config, backend: Backend, rng: Rng, *, fraction: float) -> dict[str, Any]:
    place = make_backend(backend.name, "float64")
    return _merge(config, place) if fraction == 0.0 else _transition(config, place, fraction)


def _descend(
    recipe: Recipe,
    place: Backend,
    scale: float,
    strength: float,
    rates: tuple[tuple[float, int], ...],
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Weights after full-batch steps at each rate, and the gradient there."""
    sets = load(place)
    model = recipe.model()
    params = start(model, recipe.gain, np.random.default_rng(1), place)
    params = ad.map_tree(lambda w: scale * w, params)
    objective, batch = Objective(model), sets.train.batch()
    state: Any = None
    for rate, steps in rates:
        plain = GradientCoherent(criterion="always", strength=strength, learning_rate=rate)
        state = plain.init(params if state is None else state.params)
        for _ in range(steps):
            state, _ = plain.step(state, objective, batch)
    gradient = ad.grad(objective)(state.params, batch)
    host = [
        [to_host(layer["weight"]).astype(np.float64) for layer in tree]
        for tree in (state.params, gradient)
    ]
    return host[0], host[1]


def _merge(config: Config, place: Backend) -> dict[str, Any]:
    """λ‖W_l‖² of every layer, and m = −<∂L/∂W_l, W_l>, at the end of a long run."""
    recipe = Recipe(depth=4, width=32, gain=2.0, bias=False)
    weights, gradient = _descend(recipe, place, 1.0, 0.05, config.merge_rates)
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
    weights, _ = _descend(recipe, place, 0.05, fraction * critical, config.transition_rates)
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
