"""Small networks on a ring: implicit gradients, multipliers at saddle points, symmetries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.graph_propagation.experiments.linear import plain
from refimpl.papers.graph_propagation.experiments.problems import (
    linear_problem,
    network_problem,
    side_by_side,
)
from refimpl.papers.graph_propagation.fixed_point import (
    fixed_point,
    implicit_gradient,
    jacobian,
    spectral_radius,
    unrolled_gradient,
)
from refimpl.papers.graph_propagation.graphs import permuted
from refimpl.papers.graph_propagation.lagrangian import derivatives
from refimpl.random import Rng

CASES = ((1, "printed"), (2, "printed"), (3, "printed"), (2, "released"), (3, "released"))
"""Layers and form."""

ORDER = (2, 0, 3, 1)


@dataclass(frozen=True)
class Config:
    """Steps to the saddle point, sweeps of the unrolled gradient, points of the cosine's curve."""

    steps: int = 420
    rate: float = 0.25
    sweeps: int = 300
    curve: int = 120

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(steps=1000, curve=300)


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for layers, form in CASES:
        for name, value in _saddle(config, layers, form).items():
            values[f"{form}_{layers}_{name}"] = value
    return {**values, **_gradients(config), **_renamed(), **_norms(), **_curve(config)}


def _flat(tree: Any) -> np.ndarray:
    return np.asarray(ad.ravel(tree)[0])


def _saddle(config: Config, layers: int, form: str) -> dict[str, Any]:
    """States, multipliers and gradients where the search ends, beside the adjoint ones."""
    objective, params, batch = network_problem(layers, form)
    exact = fixed_point(objective.model, params, batch).states
    values: dict[str, Any] = {"equilibrium": side_by_side(exact)}
    for read in ("state", "new"):
        algorithm = plain(rate=config.rate, rho=2.0, read_out=read)
        saddle, _ = algorithm.settle(params, objective, batch, steps=config.steps)
        implicit = implicit_gradient(objective, params, batch, exact, read_out=read)
        slope = derivatives(algorithm.terms, objective, saddle, batch)[1]
        values[f"{read}_states"] = side_by_side(saddle.states)
        values[f"{read}_multipliers"] = side_by_side(saddle.multipliers)
        values[f"{read}_adjoint"] = side_by_side(implicit.adjoint)
        values[f"{read}_gradient"] = _flat(slope.network)
        values[f"{read}_implicit"] = _flat(implicit.gradient)
    direct = ad.grad(lambda x: _loss(objective, params, x, batch))(exact[-1])
    values["loss_slope"] = side_by_side((*(0.0 * x for x in exact[:-1]), direct))
    test = plain(rate=config.rate, rho=2.0).constraint_only()
    alone, _ = test.settle(params, objective, batch, steps=config.steps)
    values["test_states"] = side_by_side(alone.states)
    return values


def _loss(objective: Any, params: Any, state: Any, batch: Any) -> Any:
    outputs = ad.take(objective.model.outputs(params, state), batch.supervised, axis=0)
    return objective.loss(outputs, batch.targets[batch.supervised], reduction="sum")


def _gradients(config: Config) -> dict[str, Any]:
    objective, params, batch = network_problem(2)
    exact = fixed_point(objective.model, params, batch).states
    found = implicit_gradient(objective, params, batch, exact)
    iterated = implicit_gradient(objective, params, batch, exact, solver="iterate")
    _, unrolled = unrolled_gradient(objective, params, batch, config.sweeps)
    flat, unravel = ad.ravel(params)

    def loss_at(point: Any) -> float:
        theta = unravel(point)
        states = fixed_point(objective.model, theta, batch, tolerance=1e-14).states
        return float(_loss(objective, theta, states[-1], batch))

    chosen = np.arange(0, flat.shape[0], 7)
    step = 1e-5
    slopes = []
    for k in chosen:
        unit = step * (np.arange(flat.shape[0]) == k)
        slopes.append((loss_at(flat + unit) - loss_at(flat - unit)) / (2.0 * step))
    return {
        "dense": _flat(found.gradient),
        "iterated": _flat(iterated.gradient),
        "unrolled": _flat(unrolled),
        "differences": np.array(slopes),
        "differences_at": chosen,
    }


def _renamed() -> dict[str, Any]:
    """The same problem with its nodes in another order."""
    objective, params, batch = network_problem(2, "released")
    place = {old: new for new, old in enumerate(ORDER)}
    other = batch._replace(
        graph=permuted(batch.graph, ORDER),
        targets=batch.targets[list(ORDER)],
        supervised=np.array([place[int(v)] for v in batch.supervised]),
    )
    values: dict[str, Any] = {}
    for name, graphs in (("given", batch), ("renamed", other)):
        algorithm = plain(rate=0.02, multipliers="node", constraint="squared")
        state = algorithm.init(params, graphs, objective)
        for _ in range(20):
            state, info = algorithm.step(state, objective, graphs)
        back = ORDER if name == "given" else range(len(ORDER))
        values[f"{name}_states"] = side_by_side(x[list(back)] for x in state.params.states)
        values[f"{name}_multipliers"] = side_by_side(
            x[list(back)] for x in state.params.multipliers
        )
        values[f"{name}_weights"] = _flat(state.params.network)
        values[f"{name}_loss"] = float(info.loss)
    return values


def _norms() -> dict[str, Any]:
    """A map whose norm is above 1 and whose spectral radius is below, and the radius of a stack."""
    matrix = np.array([[0.3, 1.1], [0.02, 0.3]])
    objective, params, batch = linear_problem(matrix, np.array([1.0, -0.5]), np.zeros(2), 1)
    found = fixed_point(objective.model, params, batch)
    slope = jacobian(objective.model, params, found.states, batch)
    deep, weights, ring = network_problem(2, "released")
    states = fixed_point(deep.model, weights, ring).states
    stack = jacobian(deep.model, weights, states, ring)
    cut = states[0].size
    return {
        "norm": float(np.linalg.norm(slope, 2)),
        "radius": float(np.max(np.abs(np.linalg.eigvals(slope)))),
        "power_radius": spectral_radius(objective.model, params, found.states, batch),
        "norm_residual": found.residual,
        "stack_radius": float(np.max(np.abs(np.linalg.eigvals(stack)))),
        "stack_blocks": np.array(
            [float(np.max(np.abs(np.linalg.eigvals(b))))
             for b in (stack[:cut, :cut], stack[cut:, cut:])]
        ),
        "stack_above": float(np.max(np.abs(stack[:cut, cut:]))),
    }  # fmt: skip


def _curve(config: Config) -> dict[str, Any]:
    """Cosine of ∂Lagr/∂θ with the implicit gradient, and the residual, along training."""
    objective, params, batch = network_problem(2)
    algorithm = replace(plain(rate=0.2, rho=1.0), learning_rate=0.001)
    state = algorithm.init(params, batch, objective)
    cosines, residuals = [], []
    for _ in range(config.curve):
        theta = state.params.network
        exact = fixed_point(objective.model, theta, batch).states
        implicit = _flat(implicit_gradient(objective, theta, batch, exact).gradient)
        slope = _flat(derivatives(algorithm.terms, objective, state.params, batch)[1].network)
        cosines.append(implicit @ slope / np.linalg.norm(implicit) / np.linalg.norm(slope))
        state, info = algorithm.step(state, objective, batch)
        residuals.append(float(info.residual))
    return {"curve_cosine": np.array(cosines), "curve_residual": np.array(residuals)}


EXPERIMENT = Experiment(
    name="graph_adjoints",
    summary="Multipliers against adjoints, implicit gradients, symmetries",
    config=Config,
    run_task=run_task,
)
