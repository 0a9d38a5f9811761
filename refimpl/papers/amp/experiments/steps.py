"""Single steps on a small network: projection, the limit of SAM, random draws, cost, limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import Backend, to_host
from refimpl.arrays import backend as make_backend
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment
from refimpl.models import MLP, Objective
from refimpl.papers.amp.amp import AMP
from refimpl.papers.amp.experiments.shared import evaluator, gradients_of, vector
from refimpl.papers.amp.random_perturbation import RandomPerturbation
from refimpl.papers.amp.sam import SAM
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Networks, draws and steps of the laws."""

    networks: int = 8
    radius: float = 0.3
    draws: int = 100_000
    inner_steps: tuple[int, ...] = (0, 1, 2, 5)
    steps: int = 20

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(networks=100, draws=1_000_000)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    place = make_backend(backend.name, "float64")
    found = [_network(place, rng.child("network", index)) for index in range(config.networks)]
    return {
        **_limit_of_sam(config, found),
        **_projection(config, found),
        **_draws(config, place, rng.child("draws")),
        **_evaluations(config, *found[0]),
        **_inert(config, *found[0]),
    }


def _network(place: Backend, rng: Rng) -> tuple[Objective, Any, Batch]:
    model = MLP((5, 8, 6, 3), activation="tanh")
    inputs, labels = rng.normal((20, 5)), np.arange(20) % 3
    batch = Batch(place.asarray(inputs), place.asarray(labels), np.arange(20))
    return Objective(model), model.init(rng.child("model"), bias_scale=1.0, backend=place), batch


def _limit_of_sam(config: Config, networks: list[Any]) -> dict[str, Any]:
    """Δ of AMP at ζ = 10¹² against ε g/‖g‖, and its gradient against SAM's, relative."""
    deltas, directions = [], []
    steep = AMP(radius=config.radius, ascent_rate=1e12, norm="global")
    for objective, params, batch in networks:
        slopes = vector(ad.grad(objective)(params, batch))
        wanted = config.radius * slopes / np.linalg.norm(slopes)
        delta = vector(steep.perturb(evaluator(objective, batch), params).delta)
        deltas.append(np.linalg.norm(delta - wanted) / config.radius)
        sam = gradients_of(SAM(radius=config.radius), objective, params, batch).gradient
        amp = gradients_of(steep, objective, params, batch).gradient
        directions.append(np.linalg.norm(vector(amp) - vector(sam)) / np.linalg.norm(vector(sam)))
    return {"sam_delta": deltas, "sam_direction": directions}


def _projection(config: Config, networks: list[Any]) -> dict[str, Any]:
    """Norms of Δ over ε, tensor by tensor and together, at a small and at a huge ascent rate."""
    found: dict[str, list[Any]] = {}
    for name, rate in (("free", 1.0), ("full", 1e6)):
        wrapper = AMP(radius=config.radius, ascent_rate=rate, inner_steps=3)
        for objective, params, batch in networks:
            perturbed = wrapper.perturb(evaluator(objective, batch), params)
            norms = [float(np.linalg.norm(to_host(leaf))) for leaf in perturbed.delta]
            found.setdefault(f"{name}_norms", []).append(np.asarray(norms) / config.radius)
            found.setdefault(f"{name}_clipped", []).append(float(perturbed.clipped))
    return found


def _draws(config: Config, place: Backend, rng: Rng) -> dict[str, Any]:
    """Mean and standard error of ‖Δ_l‖², over many draws of a 3 x 4 tensor, for both laws."""
    tensors = 200
    params = [place.zeros((3, 4)) for _ in range(tensors)]
    found: dict[str, Any] = {"draw_radius": config.radius}
    for match, many in (("released", config.draws), ("rms", config.draws // 5)):
        wrapper = RandomPerturbation(radius=config.radius, match=match)  # type: ignore[arg-type]
        squares = np.concatenate(
            [
                [float(np.sum(to_host(leaf) ** 2)) for leaf in draw]
                for draw in (
                    wrapper.perturb(None, params, rng.child(match, index)).delta
                    for index in range(many // tensors)
                )
            ]
        )
        found[f"{match}_mean"] = squares.mean()
        found[f"{match}_error"] = squares.std(ddof=1) / math.sqrt(len(squares))
    return found


def _evaluations(config: Config, objective: Objective, params: Any, batch: Any) -> dict[str, Any]:
    """Gradients taken by one step for each N, and with a radius of zero."""
    wrappers = [AMP(inner_steps=n) for n in config.inner_steps]
    counts = []
    for wrapper in [*wrappers, AMP(radius=0.0, inner_steps=3)]:
        calls: list[int] = []

        def counted(p: Any, b: Any, calls: list[int] = calls) -> Any:
            calls.append(1)
            return objective(p, b)

        algorithm = Composition(SGD(learning_rate=0.1), wrappers=(wrapper,))
        algorithm.step(algorithm.init(params), counted, batch)
        counts.append(len(calls))
    return {"inner_steps": config.inner_steps, "evaluations": counts}


def _inert(config: Config, objective: Objective, params: Any, batch: Any) -> dict[str, Any]:
    """Largest difference from the update alone after some steps, for ε = 0 and for N = 0."""
    updates = (
        SGD(learning_rate=0.1),
        Momentum(learning_rate=0.05, momentum=0.9, nesterov=True),
        Adam(learning_rate=0.01),
    )

    def end(update: Any, wrappers: tuple[Any, ...]) -> np.ndarray:
        algorithm = Composition(update, penalties=(L2(strength=0.01),), wrappers=wrappers)
        state = algorithm.init(params)
        for _ in range(config.steps):
            state, _ = algorithm.step(state, objective, batch)
        return vector(state.params)

    gaps = [
        [np.max(np.abs(end(update, (wrapper,)) - end(update, ()))) for update in updates]
        for wrapper in (AMP(radius=0.0), AMP(inner_steps=0), SAM(radius=0.0))
    ]
    moved = [np.max(np.abs(end(update, (AMP(),)) - end(update, ()))) for update in updates]
    return {"inert_gap": gaps, "active_gap": moved}


EXPERIMENT = Experiment(
    name="amp_steps",
    summary="AMP, SAM and random perturbation step by step on a small network",
    config=Config,
    run_task=run_task,
)
