"""What the tailored penalty equals, and that the projection keeps the bound after every step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composition import Composition
from refimpl.arrays import Backend
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment, merge
from refimpl.models import Objective
from refimpl.papers.lattice_networks.activations import SMOOTH, growth
from refimpl.papers.lattice_networks.experiments.bounds import HIDDEN, mixed_derivatives
from refimpl.papers.lattice_networks.lattices import Lattice
from refimpl.papers.lattice_networks.network import SmoothNetwork, matrices
from refimpl.papers.lattice_networks.restricted import DecayProjection
from refimpl.papers.lattice_networks.tailored import TailoredPenalty
from refimpl.papers.lattice_networks.targets import AlgebraicTarget
from refimpl.random import Rng

DECAY = (0.5, 0.125, 0.5 / 9.0)


@dataclass(frozen=True)
class Config:
    """Steps, orders and networks of the projected runs."""

    activations: tuple[str, ...] = tuple(SMOOTH)
    depths: tuple[int, ...] = (1, 2, 3, 4)
    steps: int = 6
    order: int = 4
    axis: int = 4
    rate: float = 0.05

    @classmethod
    def quick(cls) -> Config:
        return cls(activations=("swish", "tanh"), steps=3, axis=3)

    @classmethod
    def full(cls) -> Config:
        return cls()


def tasks(config: Config) -> list[dict[str, Any]]:
    projected = [{"part": "projection", "activation": name} for name in config.activations]
    return [{"part": "equality"}, *projected]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, part: str, activation: str = ""
) -> dict[str, Any]:
    batch = training_batch()
    return _equality(batch) if part == "equality" else _projection(config, activation, rng, batch)


def training_batch() -> Batch:
    """31 lattice points in three dimensions and the algebraic target there."""
    points = Lattice(size=31, vector=(1, 12, 9), shift=(0.1, 0.4, 0.8)).points()
    return Batch(points, AlgebraicTarget(decay=DECAY)(points)[:, None])


def _equality(batch: Batch) -> dict[str, Any]:
    """The tailored objective on y beside plain l2 of W_0 / b on b y; both with b_1 = 1."""
    scale = np.array(DECAY) / DECAY[0]
    model = SmoothNetwork((3, 6, 5, 1), "swish", "plain")
    params = model.init(Rng(3), bias_scale=1.0)
    other = [dict(layer) for layer in params]
    other[0]["weight"] = params[0]["weight"] / scale
    objective = Objective(model, "mean_squared_error")
    rows: dict[str, Any] = {}
    settings = {"strength": 0.01, "decay": DECAY}
    for name, here, inputs, form in (
        ("tailored", params, batch.inputs, "tailored"),
        ("plain", other, batch.inputs * scale, "l2"),
    ):
        penalty = TailoredPenalty(form=form, **settings)  # type: ignore[arg-type]
        seen = Batch(inputs, batch.targets)

        def whole(tree: Any, penalty: Any = penalty, seen: Batch = seen) -> Any:
            value, _ = penalty.value(tree, seen, objective, (), None)
            return objective(tree, seen) + value

        rows[f"objective_{name}"], gradient = ad.value_and_grad(whole)(here)
        closed = penalty.value_and_gradient(here, seen, objective, (), None)[1]
        taped = ad.grad(lambda t, p=penalty, b=seen: p.value(t, b, objective, (), None)[0])(here)
        rows[f"closed_{name}"] = _distance(closed, taped)
        rows[f"gradient_{name}"] = gradient
    chained = [dict(layer) for layer in rows.pop("gradient_plain")]
    chained[0]["weight"] = chained[0]["weight"] / scale
    rows["gradient_error"] = _distance(rows.pop("gradient_tailored"), chained)
    return rows


def _distance(left: Any, right: Any) -> float:
    gap = ad.norm_tree(ad.map_tree(lambda a, b: a - b, left, right))
    return float(gap / ad.norm_tree(right))


def _projection(config: Config, activation: str, rng: Rng, batch: Batch) -> dict[str, Any]:
    """Largest |∂^ν G| over (P/Q) |ν|! b^ν after each step, with and without projection."""
    axis = np.linspace(0.0, 1.0, config.axis)
    points = np.stack(np.meshgrid(*[axis] * 3), -1).reshape(-1, 3)
    kept = np.zeros((len(config.depths), config.steps))
    free = np.zeros_like(kept)
    limits = np.zeros_like(kept)
    restriction = DecayProjection(decay=DECAY, activation=activation)
    for row, depth in enumerate(config.depths):
        model = SmoothNetwork((3, *HIDDEN[:depth], 1), activation, "plain")
        objective = Objective(model, "mean_squared_error")
        for found, projections in ((kept, (restriction,)), (free, ())):
            algorithm = Composition(Adam(learning_rate=config.rate), projections=projections)
            state = algorithm.init(model.init(rng.child("init", depth)))
            for step in range(config.steps):
                state, _ = algorithm.step(state, objective, batch)
                found[row, step] = _ratio(model, state.params, points, config.order)
                if projections:
                    weight = np.abs(state.params[0]["weight"])
                    limits[row, step] = (weight / restriction.limits(state.params)).max()
    return {
        f"kept_{activation}": kept,
        f"free_{activation}": free,
        f"limits_{activation}": limits,
    }


def _ratio(model: SmoothNetwork, params: Any, points: np.ndarray, order: int) -> float:
    p, q = (float(x) for x in growth(matrices(params), model.activation))
    derivatives = mixed_derivatives(lambda y: model(params, y)[:, 0], points, order)
    return max(
        value
        / (p / q)
        / math.factorial(sum(multi))
        / math.prod(b**n for b, n in zip(DECAY, multi, strict=True))
        for multi, value in derivatives.items()
    )


EXPERIMENT = Experiment(
    name="lattice_restrictions",
    summary="Tailored penalty as plain l2 on scaled inputs; the projection keeps the bound",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=merge,
)
