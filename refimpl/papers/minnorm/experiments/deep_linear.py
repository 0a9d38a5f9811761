"""Minimum-norm training of deep linear networks, regression and classification.

Where one network is trained, Minnorm itself takes the steps; where stacks of networks are, they
are written out, in float64 on the host: with B_l the product of the layers above l and S = g^T X
the signal that reaches the inputs, the pull on layer l is B_l^T S (W_{l-1} ... W_1)^T. No step uses
a pseudo-inverse; the end points are compared with those of
:mod:`refimpl.papers.minnorm.theory.deep_linear`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment, Task
from refimpl.models import DeepLinear, Objective
from refimpl.papers.minnorm.experiments.generalization import (
    draw_students,
    error_of,
    law,
    loads,
)
from refimpl.papers.minnorm.experiments.margin import signed_points
from refimpl.papers.minnorm.experiments.registered_paths import ended
from refimpl.papers.minnorm.theory import deep_linear as minnorm_deep_linear
from refimpl.papers.minnorm.theory import margin as minnorm_margin
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes
    ----------
    theorem_steps : int
        Of the recipe whose end is compared with the theorem.
    margin_steps : int
        Of the deep linear classifiers.
    inputs, examples, hidden, seeds : int
        Of the students whose generalization is measured.
    scales : tuple of float
        Of their starts: standard deviation scale / sqrt(fan_in).
    student_steps : int
    law_inputs, law_seeds, law_spectra : int
        Of the comparison with the spectral formulas: inputs, data sets drawn whole, and inputs
        drawn alone where teachers, noise and starts are averaged exactly.
    loads : tuple of float
        Of the curves over P / N.
    """

    theorem_steps: int = 8_000
    margin_steps: int = 11_000
    inputs: int = 30
    examples: int = 15
    hidden: int = 20
    seeds: int = 12
    scales: tuple[float, ...] = (0.3, 1.0, 2.0)
    student_steps: int = 8_000
    law_inputs: int = 100
    law_seeds: int = 24
    law_spectra: int = 24
    loads: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8, 0.9, 1.25, 1.5, 2.0)

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(
            theorem_steps=20_000,
            inputs=100,
            examples=50,
            hidden=50,
            seeds=30,
            student_steps=5_000,
            law_inputs=150,
            law_seeds=40,
            law_spectra=40,
            scales=(0.3, 0.6, 1.0, 1.5, 2.0),
        )


def tasks(config: Config) -> list[Task]:
    single = [{"kind": kind} for kind in ("classification", "law", "loads")]
    return [
        *({"kind": "students", "depth": depth} for depth in (3, 2)),
        *({"kind": "theorem", "depth": depth} for depth in (4, 3, 2, 1)),
        *single,
    ]


def run_task(
    config: Config, backend: Backend, rng: Rng, *, kind: str, depth: int = 0
) -> dict[str, Any]:
    if kind == "theorem":
        return _theorem(config, depth)
    if kind == "students":
        return _students(config, rng, depth)
    if kind == "classification":
        return _classification(config, rng)
    if kind == "law":
        return law(backend, rng, config.law_inputs, config.law_spectra)
    return loads(backend, rng, config.law_inputs, config.law_seeds, config.loads)


# --- the networks ---------------------------------------------------------------------------------

Layers = list[np.ndarray]


def upper_products(layers: Layers) -> Layers:
    """B_0, ..., B_D: products of the layers above l, so that B_0 is the whole map."""
    outputs = layers[-1].shape[-2]
    products = [np.broadcast_to(np.eye(outputs), (*layers[-1].shape[:-2], outputs, outputs))]
    for weight in reversed(layers):
        products.append(products[-1] @ weight)
    return products[::-1]


def pulls(layers: Layers, upper: Layers, signal: np.ndarray) -> Layers:
    """(d outputs / d W_l)^T g of every layer, for the signal S = g^T X at the inputs."""
    result = []
    for index, weight in enumerate(layers):
        result.append(np.swapaxes(upper[index + 1], -1, -2) @ signal)
        signal = signal @ np.swapaxes(weight, -1, -2)
    return result


def deep_step(
    inputs: np.ndarray,
    targets: np.ndarray,
    layers: Layers,
    multipliers: np.ndarray,
    *,
    eta_w: float,
    eta_lam: float,
    rho: float,
) -> tuple[Layers, np.ndarray]:
    """One simultaneous step of min sum ||W_l||^2 / 2 subject to X (W_D ... W_1)^T = Y."""
    upper = upper_products(layers)
    error = targets - inputs @ np.swapaxes(upper[0], -1, -2)
    signal = np.swapaxes(multipliers + rho * error, -1, -2) @ inputs
    moved = [
        (1.0 - eta_w) * weight + eta_w * pull
        for weight, pull in zip(layers, pulls(layers, upper, signal), strict=True)
    ]
    return moved, multipliers + eta_lam * error


def descent_step(
    inputs: np.ndarray, targets: np.ndarray, layers: Layers, rate: float
) -> tuple[Layers, np.ndarray]:
    """One step of gradient descent on sum e^2 / 2; also the map before the step."""
    upper = upper_products(layers)
    error = targets - inputs @ np.swapaxes(upper[0], -1, -2)
    signal = np.swapaxes(error, -1, -2) @ inputs
    moved = [
        weight + rate * pull
        for weight, pull in zip(layers, pulls(layers, upper, signal), strict=True)
    ]
    return moved, upper[0]


# --- the optimum ----------------------------------------------------------------------------------


def _theorem(config: Config, depth: int) -> dict[str, Any]:
    """The recipe N = 12, P = 6, H = 10, K = 3 from ``default_rng(0)``."""
    scale, rho = {1: (1.5, 0.5), 2: (0.5, 2.0), 3: (1.5, 2.0), 4: (1.5, 3.0)}[depth]
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(6, 12)) / np.sqrt(12)
    targets = generator.normal(size=(6, 3))
    widths = [12, *[10] * (depth - 1), 3]
    layers = [
        generator.normal(size=(out, fan)) * scale / np.sqrt(fan)
        for fan, out in itertools.pairwise(widths)
    ]
    start = layers
    objective = Objective(DeepLinear(tuple(widths)), "mean_squared_error", "sum")
    *layers, multipliers = ended(
        config.theorem_steps, objective, start, (inputs, targets), order="simultaneous",
        constraint="equality", learning_rate=0.01, multiplier_rate=0.02, damping=rho,
    )  # fmt: skip
    product = upper_products(layers)[0]
    goal = minnorm_deep_linear.optimal_map(inputs, targets)
    squares = np.array([np.sum(weight**2) for weight in layers])
    certificate = np.linalg.svd(multipliers.T @ inputs, compute_uv=False)

    # gradient descent from the same start, with steps below the inverse of the curvature
    descent, rate = start, {1: 0.1, 2: 0.008}.get(depth, 0.004)
    for _ in range(config.theorem_steps):
        descent, _map = descent_step(inputs, targets, descent, rate)
    ends = upper_products(descent)[0]
    predicted = minnorm_deep_linear.descent_end(inputs, targets, start[0], descent[1:])
    return {
        "map_error": np.max(np.abs(product - goal)),
        "value": np.sum(squares),
        "value_closed": minnorm_deep_linear.schatten_value(goal, depth),
        "layer_square": squares[0],
        "layer_spread": np.ptp(squares) / np.mean(squares),
        "certificate_error": np.max(
            np.abs(certificate - minnorm_deep_linear.certificate_singular_values(goal, depth))
        ),
        "descent_residual": np.max(np.abs(inputs @ ends.T - targets)),
        "descent_end_error": np.max(np.abs(ends - predicted)),
        "descent_distance": np.max(np.abs(ends - goal)),
    }


def _classification(config: Config, rng: Rng) -> dict[str, Any]:
    """Margins, one output, depths 2 and 3, with damping: seed 1 of the margin recipe."""
    z = signed_points(1)
    shallow = minnorm_margin.hard_margin(z)
    errors = []
    for depth in (2, 3):
        widths = [5, *[6] * (depth - 1), 1]
        layers = [
            rng.child(depth, index).normal((out, fan)) * 1.5 / np.sqrt(fan)
            for index, (fan, out) in enumerate(itertools.pairwise(widths))
        ]
        *layers, alpha = ended(
            config.margin_steps, Objective(DeepLinear(tuple(widths)), "hinge", "sum"), layers,
            (z, np.ones(len(z))), order="simultaneous", constraint="margin",
            learning_rate=0.002, multiplier_rate=0.004, damping=1.0,
        )  # fmt: skip
        goal = minnorm_deep_linear.deep_margin(shallow, depth)
        errors.append(
            [
                np.max(np.abs(upper_products(layers)[0][0] - goal.weights)),
                np.max(np.abs([np.sum(weight**2) - goal.layer_square for weight in layers])),
                np.max(np.abs(alpha - goal.multipliers)),
            ]
        )
    return {"margin_error": np.asarray(errors)}


# --- generalization -------------------------------------------------------------------------------


def _students(config: Config, rng: Rng, depth: int) -> dict[str, Any]:
    """Gradient descent, its best stopping time, and the multipliers, over scales of the start.

    Coordinates are turned so that each data set fills the first P of N input coordinates: the
    other columns of W_1 see no signal, so that they are carried along by their exact decay and
    need no products.
    """
    points = config.examples
    x, y, teacher = draw_students(rng, config.seeds, points, config.inputs)
    rotation = np.linalg.qr(np.swapaxes(x, -1, -2), mode="complete")[0]
    seen = x @ rotation[..., :points]
    turned = teacher @ rotation
    widths = [config.inputs, *[config.hidden] * (depth - 1), 1]
    shape = (len(config.scales), config.seeds)
    scales = np.reshape(config.scales, (-1, 1, 1, 1))
    starts = [
        scales * rng.child("start", index).normal((1, config.seeds, out, fan)) / np.sqrt(fan)
        for index, (fan, out) in enumerate(itertools.pairwise(widths))
    ]
    hidden_columns = starts[0][..., points:]
    first = [starts[0][..., :points], *starts[1:]]
    inputs, targets = seen[None], y[None]
    eta_w, eta_lam, rho, rate = 0.004, 0.03, 1.0, 0.004

    layers, multipliers = first, np.zeros((*shape, points, 1))
    for _ in range(config.student_steps):
        layers, multipliers = deep_step(
            inputs, targets, layers, multipliers, eta_w=eta_w, eta_lam=eta_lam, rho=rho
        )
    left = (1.0 - eta_w) ** config.student_steps
    upper = upper_products(layers)
    ended = np.concatenate([upper[0], upper[1] @ (left * hidden_columns)], axis=-1)

    descent, stopped = first, np.full(shape, np.inf)
    for step in range(config.student_steps):
        if step % 20 == 0:
            upper = upper_products(descent)
            whole = np.concatenate([upper[0], upper[1] @ hidden_columns], axis=-1)
            stopped = np.minimum(stopped, error_of(whole, turned[None]))
        descent, _map = descent_step(inputs, targets, descent, rate)
    upper = upper_products(descent)
    residual = np.max(np.abs(targets - inputs @ np.swapaxes(upper[0], -1, -2)), axis=(-2, -1))
    whole = np.concatenate([upper[0], upper[1] @ hidden_columns], axis=-1)

    exact = np.swapaxes(np.linalg.pinv(x) @ y, -1, -2)
    return {
        "minnorm": error_of(ended, turned[None]),
        "descent": error_of(whole, turned[None]),
        "stopped": stopped,
        "pinv": error_of(exact, teacher),
        "distance": np.max(np.abs(ended - (exact @ rotation)[None]), axis=(-2, -1)),
        "residual": residual,
    }


def collect(
    config: Config, items: list[Task], results: list[dict[str, np.ndarray]]
) -> dict[str, Any]:
    """Theorem and students stacked over depth; the rest as it is."""
    merged: dict[str, Any] = {"scales": np.asarray(config.scales)}
    for kind in ("theorem", "students"):
        found = sorted(
            (
                (item["depth"], values)
                for item, values in zip(items, results, strict=True)
                if item["kind"] == kind
            ),
            key=lambda pair: pair[0],
        )
        merged[f"{kind}_depths"] = np.array([depth for depth, _ in found])
        for name in found[0][1]:
            merged[name] = np.stack([values[name] for _, values in found])
    for item, values in zip(items, results, strict=True):
        if item["kind"] not in ("theorem", "students"):
            merged.update(values)
    return merged


EXPERIMENT = Experiment(
    "minnorm_deep_linear",
    Config,
    run_task,
    tasks=tasks,
    collect=collect,
    cost=lambda config, task: 20.0 if task["kind"] == "students" else 2.0,
    summary="minimum-norm training of deep linear networks: end points and generalisation",
)
