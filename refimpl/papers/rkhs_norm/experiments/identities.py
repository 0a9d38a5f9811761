"""Identities of the parts: linear models, gradients in closed form, projections, zeros."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.adversarial_training import AdversarialTraining
from refimpl.algorithms.attacks import ProjectedGradientAttack
from refimpl.algorithms.loss_gradient import LossGradient
from refimpl.arrays import Backend, to_host
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment, merge
from refimpl.models import MLP, Objective, losses
from refimpl.papers.rkhs_norm import released
from refimpl.papers.rkhs_norm.adversarial_norm import AdversarialNorm
from refimpl.papers.rkhs_norm.averaged import AveragedGradient
from refimpl.papers.rkhs_norm.gradient_norm import GradientNorm
from refimpl.papers.rkhs_norm.spectral_penalty import leading
from refimpl.papers.rkhs_norm.spectral_projection import SpectralProjection
from refimpl.random import Rng

PENALTIES: dict[str, Any] = {
    "gradient_norm": GradientNorm(strength=0.7),
    "tikhonov": AveragedGradient(strength=0.7, power=2),
    "total_variation": AveragedGradient(strength=0.7, power=1),
    "frobenius": AveragedGradient(strength=0.7, power=1, norm="frobenius"),
    "loss_l2": LossGradient(strength=0.7),
    "loss_l1": LossGradient(strength=0.7, norm="l1"),
}
"""The penalties that have a closed form, by the names in the results."""


@dataclass(frozen=True)
class Config:
    """Sizes of the random instances."""

    widths: tuple[int, ...] = (5, 7, 6, 3)
    examples: int = 9
    instances: int = 5
    shapes: tuple[tuple[int, int], ...] = ((6, 9), (9, 6), (8, 8))
    limit: float = 1.2
    jitters: tuple[float, ...] = (0.0, 1e-6)
    decays: tuple[float, ...] = (2.0, 50.0)
    epochs: int = 30

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(examples=40, instances=40)


PARTS = ("hinge", "gradients", "projection", "linear", "nested", "zero")


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"part": part} for part in PARTS]


def run_task(config: Config, backend: Backend, rng: Rng, *, part: str) -> dict[str, Any]:
    return _PARTS[part](config, backend, rng)


def draws(rng: Rng, shape: tuple[int, ...], backend: Backend) -> Any:
    """Standard normal numbers on the backend."""
    return rng.normal(shape, like=backend.zeros((1,)))


def hinge(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """The worst hinge loss in a ball by attack. The score is attacked, not the loss, whose
    gradient is 0 beyond the margin although the worst case may lie before it."""
    count, features, radius = 50 * config.instances, 4, 0.3
    weight = draws(rng.child("w"), (features,), backend)
    inputs = draws(rng.child("x"), (count, features), backend)
    labels = rng.child("y").rademacher((count,), like=backend.zeros((1,)))
    bias = 0.2

    def gradient(x: Any) -> Any:
        return -labels[:, None] * weight[None, :]

    moved = ProjectedGradientAttack(radius=radius).perturb(gradient, inputs)
    return {
        "hinge_weight": to_host(weight),
        "hinge_bias": bias,
        "hinge_inputs": to_host(inputs),
        "hinge_labels": to_host(labels),
        "hinge_radius": radius,
        "hinge_worst": to_host(losses.hinge(moved @ weight + bias, labels, reduction="none")),
        "hinge_clean": to_host(losses.hinge(inputs @ weight + bias, labels, reduction="none")),
    }


def gradients(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Closed forms against the tape and against central differences, and the biases' gradients."""
    model = MLP(config.widths)
    objective = Objective(model)
    found: dict[str, list[float]] = {}
    for instance in range(config.instances):
        stream = rng.child(instance)
        params = model.init(stream.child("init"), bias_scale=1.0, backend=backend)
        inputs = draws(stream.child("x"), (config.examples, config.widths[0]), backend)
        labels = stream.child("y").integers(0, config.widths[-1], (config.examples,))
        batch = Batch(inputs, backend.asarray(labels))
        for name, part in PENALTIES.items():
            value, closed, _ = part.value_and_gradient(params, batch, objective, ())

            def function(p: Any, part: Any = part, batch: Any = batch) -> Any:
                return part.value(p, batch, objective, ())[0]

            taped_value, taped = ad.value_and_grad(function)(params)
            size = float(ad.norm_tree(taped))
            distance = ad.norm_tree(ad.map_tree(lambda a, b: a - b, closed, taped))
            found.setdefault(f"tape_{name}", []).append(float(distance) / size)
            found.setdefault(f"value_{name}", []).append(float(abs(value / taped_value - 1.0)))
            gap = difference_gap(function, params, closed, stream.child("direction", name))
            found.setdefault(f"difference_{name}", []).append(gap / size)
            biases = max(float(np.abs(to_host(layer["bias"])).max()) for layer in closed)
            found.setdefault(f"bias_{name}", []).append(biases)
    return {name: np.array(values) for name, values in found.items()}


def difference_gap(function: Any, params: Any, gradient: Any, rng: Rng) -> float:
    """|<gradient, v> − (R(w + hv) − R(w − hv)) / 2h| for one unit direction v."""
    draws = ad.map_tree(lambda leaf: rng.normal(leaf.shape, like=leaf), params)
    scale = float(ad.norm_tree(draws))
    v = ad.map_tree(lambda leaf: leaf / scale, draws)
    h = 1e-6
    ahead, behind = (
        float(function(ad.map_tree(lambda w, d, s=s: w + s * d, params, v))) for s in (h, -h)
    )
    return abs(float(ad.dot(gradient, v)) - (ahead - behind) / (2.0 * h))


def projection(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Singular values before and after, a second projection, the schedule, power iteration."""
    before, after, again, errors = [], [], [], []
    for number, shape in enumerate(config.shapes):
        matrix = draws(rng.child("w", number), shape, backend)
        before.append(np.linalg.svd(to_host(matrix), compute_uv=False))
        rows, repeats = [], []
        for jitter in config.jitters:
            part = SpectralProjection(limit=config.limit, jitter=jitter)
            params = [{"weight": matrix}]
            once, aux = part.project(params, part.init(params), 0)
            twice, _ = part.project(once, aux, 1)
            rows.append(np.linalg.svd(to_host(once[0]["weight"]), compute_uv=False))
            change = to_host(twice[0]["weight"] - once[0]["weight"])
            repeats.append(np.linalg.norm(change, 2))
        after.append(rows)
        again.append(repeats)
        start = draws(rng.child("v", number), (shape[1],), backend)
        errors.append(float(leading(matrix, start, 400)[2]) / before[-1][0] - 1.0)
    width = min(map(len, before))
    schedules = [
        [SpectralProjection(limit=0.5, decay=decay).limit_at(e) for e in range(config.epochs)]
        for decay in config.decays
    ]
    return {
        "sigma_before": np.array([row[:width] for row in before]),
        "sigma_after": np.array([[r[:width] for r in rows] for rows in after]),
        "sigma_again": np.array(again),
        "sigma_limit": config.limit,
        "sigma_jitters": np.array(config.jitters),
        "schedule_limit": 0.5,
        "schedule_decays": np.array(config.decays),
        "schedule": np.array(schedules),
        "power_error": np.array(errors),
    }


def linear(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Every regularizer on a linear model with two classes."""
    model, features = MLP((4, 2)), 4
    objective = Objective(model)
    params = model.init(rng.child("init"), bias_scale=1.0, backend=backend)
    inputs = draws(rng.child("x"), (config.examples, features), backend)
    labels = rng.child("y").integers(0, 2, (config.examples,))
    batch = Batch(inputs, backend.asarray(labels))

    def value(part: Any) -> float:
        return float(part.value(params, batch, objective, ())[0])

    def attacked(**settings: Any) -> np.ndarray:
        part = AdversarialTraining(**settings)
        return to_host(part.prepare(batch, params, objective, (), 0).inputs)

    return {
        "linear_weight": to_host(params[0]["weight"]),
        "linear_bias": to_host(params[0]["bias"]),
        "linear_inputs": to_host(inputs),
        "linear_labels": labels,
        "linear_strength": 0.7,
        "linear_radius": 0.3,
        "linear_gradient_norm": value(GradientNorm(strength=0.7)),
        "linear_adversarial_norm": value(AdversarialNorm(radius=0.3)),
        "linear_loss_gradient": value(LossGradient(strength=0.7)),
        "linear_l2": attacked(radius=0.3),
        "linear_linf": attacked(radius=0.3, norm="linf", step_size=0.01),
        "linear_linf_reach": min(0.3, 5 * 0.01),
    }


def nested(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """‖∇f‖² of batches that grow example by example to the whole set."""
    model = MLP(config.widths)
    rows = []
    for instance in range(config.instances):
        stream = rng.child(instance)
        params = model.init(stream.child("init"), bias_scale=1.0, backend=backend)
        inputs = draws(stream.child("x"), (30, config.widths[0]), backend)
        labels = backend.asarray(np.zeros(30, dtype=np.int64))
        rows.append(
            [
                float(
                    GradientNorm(strength=1.0).value_and_gradient(
                        params, Batch(inputs[:size, :], labels[:size]), Objective(model), ()
                    )[0]
                )
                for size in range(1, 31)
            ]
        )
    return {"nested": np.array(rows)}


def zero(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """A dead network: what each part makes of gradients that are exactly 0."""
    model = MLP(config.widths)
    objective = Objective(model)
    params = model.init(rng.child("init"), backend=backend)
    params = [{**layer, "bias": layer["bias"] - 1e3} for layer in params]
    inputs = draws(rng.child("x"), (config.examples, config.widths[0]), backend)
    batch = Batch(inputs, backend.asarray(np.zeros(config.examples, dtype=np.int64)))
    parts = {**PENALTIES, "adversarial_norm": AdversarialNorm(radius=0.3)}
    values, slopes = [], []
    for part in parts.values():

        def function(p: Any, part: Any = part) -> Any:
            return part.value(p, batch, objective, ())[0]

        value, gradient = ad.value_and_grad(function)(params)
        values.append(float(value))
        slopes.append(float(ad.norm_tree(gradient)))
    moved = to_host(
        AdversarialTraining(radius=0.3).prepare(batch, params, objective, (), 0).inputs - inputs
    )
    still = backend.zeros((2, 3))
    return {
        "zero_values": np.array(values),
        "zero_gradients": np.array(slopes),
        "zero_moved": float(np.abs(moved).max()),
        "released_step_nan": share_of_nan(released.adversarial_step(still, still, 0.1)),
        "released_projection_nan": share_of_nan(released.euclidean_projection(still, 0.1)),
    }


def share_of_nan(array: Any) -> float:
    return float(np.isnan(to_host(array)).mean())


_PARTS = {
    "hinge": hinge,
    "gradients": gradients,
    "projection": projection,
    "linear": linear,
    "nested": nested,
    "zero": zero,
}

EXPERIMENT = Experiment(
    name="rkhs_norm_identities",
    summary="Identities of penalties, attacks and projections, and what zero gradients do",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=merge,
)
