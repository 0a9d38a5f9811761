"""Identities of the penalties: gradients, probes, smoothing, quadrature, graphs and units."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_regularization.graph_penalty import GraphPenalty
from refimpl.papers.gradient_regularization.measures import covectors, taped_rows
from refimpl.papers.gradient_regularization.points import penalty_points
from refimpl.papers.gradient_regularization.regularization import GradientRegularization
from refimpl.papers.gradient_regularization.theory import probes
from refimpl.random import Replay, Rng

VARIANTS: dict[str, dict[str, Any]] = {
    "Tikhonov": {},
    "half": {"half": True},
    "variation": {"power": 1},
    "per class": {"power": 1, "norm": "per_class"},
    "smoothed": {"power": 1, "smoothing": 0.1},
    "probes": {"probes": 2, "law": "sphere"},
    "noisy": {"points": "noisy"},
    "fresh": {"points": "fresh", "count": 5},
    "lattice": {"points": "lattice", "count": 5},
    "midpoint": {"points": "midpoint", "count": 2},
}
"""What is differentiated in three ways."""


@dataclass(frozen=True)
class Config:
    """Networks (one with more inputs than units, and points for two blocks), steps and draws."""

    widths: tuple[int, ...] = (3, 5, 4, 2)
    examples: int = 6
    wide: tuple[int, ...] = (8, 4, 3, 2)
    many: int = 150
    difference: float = 1e-5
    sphere_draws: int = 60000
    smoothings: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 0.1, 1.0)
    counts: tuple[int, ...] = (4, 8, 16, 32, 64)
    repetitions: int = 4000

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(sphere_draws=200000, repetitions=20000)


def flat(tree: Any) -> np.ndarray:
    """All numbers of a tree in one row."""
    return np.concatenate([np.ravel(leaf) for leaf in ad.flatten(tree)[0]])


def three_ways(
    widths: tuple[int, ...], examples: int, h: float, rng: Rng
) -> list[tuple[float, float]]:
    """Distances of the gradient by hand from the tape's, and from central differences."""
    model = MLP(widths, activation="tanh")
    params = model.init(rng.child("init"), bias_scale=1.0)
    inputs = rng.child("inputs").normal((examples, widths[0]))
    batch, objective = Batch(inputs, np.zeros((examples, 2))), Objective(model)
    size = flat(params).shape[0]
    leaves, structure = ad.flatten(params)
    direction = rng.child("direction").normal((size,))

    def moved(amount: float) -> Any:
        parts, start = [], 0
        for leaf in leaves:
            piece = direction[start : start + leaf.size].reshape(leaf.shape)
            parts.append(leaf + amount * piece)
            start += leaf.size
        return ad.unflatten(structure, parts)

    distances = []
    for settings in VARIANTS.values():
        ways = {
            way: GradientRegularization(strength=1.0, derivatives=way, **settings)
            for way in ("manual", "tape")
        }
        found = {
            way: part.value_and_gradient(params, batch, objective, (), rng.child("step"))
            for way, part in ways.items()
        }
        hand, tape = (flat(found[way][1]) for way in ("manual", "tape"))
        values = [
            float(ways["tape"].value(moved(s * h), batch, objective, (), rng.child("step"))[0])
            for s in (1.0, -1.0)
        ]
        gap = np.max(np.abs(hand - tape)) + abs(found["manual"][0] - found["tape"][0])
        distances.append((gap, abs(hand @ direction - (values[0] - values[1]) / (2.0 * h))))
    return distances


def gradients(config: Config, rng: Rng) -> dict[str, Any]:
    """By hand, by the tape twice, and by central differences along a direction."""
    h = config.difference
    small = three_ways(config.widths, config.examples, h, rng)
    wide = three_ways(config.wide, config.many, h, rng.child("wide"))
    hand_tape, hand_differences = np.array([*small, *wide]).T
    inputs = rng.child("inputs").normal((config.examples, config.widths[0]))
    batch = Batch(inputs, np.zeros((config.examples, 2)))
    params = MLP(config.widths).init(rng.child("init"), bias_scale=1.0)
    relu = MLP(config.widths)
    part = GradientRegularization(strength=1.0)
    tree: Any = part.value_and_gradient(params, batch, Objective(relu), ())[1]
    return {
        "variants": np.array([*VARIANTS, *(f"{name}, wide" for name in VARIANTS)]),
        "hand_tape": hand_tape,
        "hand_differences": hand_differences,
        "relu_weight": max(float(np.max(np.abs(layer["weight"]))) for layer in tree),
        "relu_bias": max(float(np.max(np.abs(layer["bias"]))) for layer in tree),
    }


def probe_variances(config: Config, rng: Rng) -> dict[str, Any]:
    """One probe of a fixed Jacobian: all sign vectors, and draws on the sphere and normal."""
    i, j = np.arange(4.0)[:, None], np.arange(6.0)[None, :]
    jacobian = np.sin(9.1 * (i + 2.0 * j) + 0.4)
    objective = Objective(MLP((6, 4), bias=False))
    params = [{"weight": jacobian}]

    def values(draws: np.ndarray, law: Any) -> np.ndarray:
        """‖Jᵀv‖² of each draw, through the penalty on one point a draw."""
        part = GradientRegularization(probes=1, law=law)
        one = np.ones(1)
        point = np.zeros((1, 6))
        found = []
        for row in draws:
            given: Any = Replay([row[None, None, :]])
            found.append(float(part.measure(objective, params, point, one, given)))
        return np.array(found)

    signs = np.array(list(itertools.product((-1.0, 1.0), repeat=4)))
    exact = values(signs, "rademacher")
    gram = jacobian @ jacobian.T
    many, point = config.sphere_draws, np.zeros((config.sphere_draws, 6))
    sampled = {}
    for law in ("sphere", "normal"):
        units = GradientRegularization(probes=1, law=law)
        rows = _probe_rows(units, objective, params, point, rng.child(law))
        sampled[law] = np.array([np.mean(rows), np.var(rows)])
    return {
        "enumerated_mean": np.mean(exact),
        "enumerated_variance": np.var(exact),
        "gram_trace": np.trace(gram),
        "rademacher_formula": probes.variance(gram, "rademacher"),
        "sphere_sampled": sampled["sphere"],
        "sphere_formula": probes.variance(gram, "sphere"),
        "normal_sampled": sampled["normal"],
        "normal_formula": probes.variance(gram, "normal"),
        "draws": many,
    }


def _probe_rows(part: Any, objective: Any, params: Any, points: np.ndarray, rng: Rng) -> np.ndarray:
    outputs = objective.model(params, points)
    units = covectors(outputs, part.probes, part.law, rng)
    rows = taped_rows(objective.model, params, points, units)
    return np.sum(rows[0] ** 2, axis=-1)


def smoothing(config: Config, rng: Rng) -> dict[str, Any]:
    """R^δ − R over δ, for both norms."""
    model = MLP((3, 8, 4), activation="tanh")
    params = model.init(rng.child("init"), bias_scale=1.0)
    batch = Batch(rng.child("inputs").normal((20, 3)), np.zeros(20, dtype=int))
    found = {}
    for norm in ("frobenius", "per_class"):
        values = [
            float(
                GradientRegularization(strength=1.0, power=1, norm=norm, smoothing=delta)
                .value_and_gradient(params, batch, Objective(model), ())[0]
            )
            for delta in (0.0, *config.smoothings)
        ]  # fmt: skip
        found[f"rise_{norm}"] = np.array(values[1:]) - values[0]
    return {"smoothings": np.array(config.smoothings), "classes": 4, **found}


def quadrature(config: Config, rng: Rng) -> dict[str, Any]:
    """Root mean square error of the mean of f′² over [0, 1] by the rule and number of points."""
    model = MLP((1, 6, 1), activation="tanh")
    params = model.init(rng.child("init"), bias_scale=1.0)

    def squares(points: np.ndarray) -> np.ndarray:
        rows = taped_rows(model, params, points[:, None], np.ones((1, len(points), 1)))
        return rows[0, :, 0] ** 2

    x, w = np.polynomial.legendre.leggauss(200)
    fine = squares((x + 1.0) / 2.0)
    exact = float(w @ fine) / 2.0
    deviation = np.sqrt(max(float(w @ fine**2) / 2.0 - exact**2, 0.0))
    errors: dict[str, list[float]] = {"midpoint": [], "random": [], "stratified": []}
    for n in config.counts:
        middle = penalty_points("midpoint", np.zeros((1, 1)), count=n)[:, 0]
        errors["midpoint"].append(abs(np.mean(squares(middle)) - exact))
        many = n * config.repetitions
        drawn = penalty_points("fresh", np.zeros((1, 1)), count=many, rng=rng.child("fresh", n))
        shifts = rng.child("shift", n).uniform((config.repetitions, n)) - 0.5
        for name, places in (
            ("random", drawn[:, 0].reshape(config.repetitions, n)),
            ("stratified", middle[None, :] + shifts / n),
        ):
            means = np.mean(squares(places.ravel()).reshape(places.shape), axis=1)
            errors[name].append(np.sqrt(np.mean((means - exact) ** 2)))
    return {
        "counts": np.array(config.counts),
        "deviation": deviation,
        **{f"{name}_error": np.array(values) for name, values in errors.items()},
    }


def graphs(config: Config, rng: Rng) -> dict[str, Any]:
    """The graph penalty, pair by pair and by its closed form, and the trace with the Laplacian."""
    model = MLP((3, 8, 4), activation="tanh")
    params = model.init(rng.child("init"), bias_scale=1.0)
    inputs = rng.child("inputs").normal((15, 3))
    batch, outputs = Batch(inputs, np.zeros(15, dtype=int)), model(params, inputs)
    distances = np.sum((inputs[:, None] - inputs[None]) ** 2, axis=-1)
    near = np.zeros((15, 15))
    for i in range(15):
        near[i, np.argsort(distances[i])[1:4]] = 1.0
    weights: dict[Any, np.ndarray] = {
        "gaussian": np.exp(-distances / (2.0 * 0.8**2)) * (1.0 - np.eye(15)),
        "nearest": np.maximum(near, near.T),
    }
    pairs, closed, traces = [], [], []
    for graph, omega in weights.items():
        part = GraphPenalty(strength=1.0, graph=graph, bandwidth=0.8, neighbors=3, normalized=False)
        pairs.append(float(part.value(params, batch, Objective(model), ())[0]))
        closed.append(float(part.value_and_gradient(params, batch, Objective(model), ())[0]))
        laplacian = np.diag(omega.sum(axis=1)) - omega
        traces.append(np.trace(outputs.T @ laplacian @ outputs))
    return {
        "graph_pairs": np.array(pairs),
        "graph_closed": np.array(closed),
        "graph_trace": np.array(traces),
    }


def units(config: Config, rng: Rng) -> dict[str, Any]:
    """Loss and penalty after inputs are multiplied by c, with λ and the first layer changed."""
    model = MLP((3, 8, 4), activation="tanh")
    params = model.init(rng.child("init"), bias_scale=1.0)
    inputs, labels = rng.child("inputs").normal((10, 3)), np.arange(10) % 4
    objective = Objective(model)
    before: list[float] = []
    after: list[float] = []
    for power in (2, 1):
        for c in (0.3, 16.0):
            scaled = [{**params[0], "weight": params[0]["weight"] / c}, *params[1:]]
            for at, x, strength in (
                (params, inputs, 0.2),
                (scaled, c * inputs, 0.2 * c**power),
            ):
                part = GradientRegularization(strength=strength, power=power)
                batch = Batch(x, labels)
                value, _, _ = part.value_and_gradient(at, batch, objective, ())
                whole = float(objective(at, batch)) + float(value)
                (before if at is params else after).append(whole)
    return {"units_before": np.array(before), "units_after": np.array(after)}


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    return {
        **gradients(config, rng.child("gradients")),
        **probe_variances(config, rng.child("probes")),
        **smoothing(config, rng.child("smoothing")),
        **quadrature(config, rng.child("quadrature")),
        **graphs(config, rng.child("graphs")),
        **units(config, rng.child("units")),
    }


EXPERIMENT = Experiment(
    name="gradient_regularization_identities",
    summary="Gradients, probes, smoothing, quadrature, graphs and units of the penalties",
    config=Config,
    run_task=run_task,
)
