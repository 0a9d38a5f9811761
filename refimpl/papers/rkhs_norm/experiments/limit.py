"""The adversarial penalty over ε² against the gradient penalty, as ε goes to 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.arrays import Backend, to_host
from refimpl.datasets import Batch
from refimpl.experiments.base import Experiment
from refimpl.models import MLP, Objective
from refimpl.models.linear_pieces import linear_pieces
from refimpl.papers.rkhs_norm.adversarial_norm import AdversarialNorm
from refimpl.papers.rkhs_norm.gradient_norm import GradientNorm
from refimpl.papers.rkhs_norm.kernel_machine import KernelMachine
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Radii, and the sizes of the two models."""

    radii: tuple[float, ...] = (0.1, 0.03, 0.01, 0.003, 0.001)
    tiny: tuple[float, ...] = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 3e-4, 1e-4)
    examples: int = 12
    widths: tuple[int, ...] = (6, 10, 8, 3)

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(examples=40)


def penalties(
    model: Any, params: Any, batch: Any, radii: tuple[float, ...]
) -> tuple[np.ndarray, float]:
    """‖f‖_δ² / ε² for every radius, and ‖∇f‖²."""
    objective = Objective(model)
    gradient, _ = GradientNorm(strength=1.0).value(params, batch, objective, ())
    ratios = []
    for radius in radii:
        value, _ = AdversarialNorm(radius=radius).value(params, batch, objective, ())
        ratios.append(float(value) / radius**2)
    return np.array(ratios), float(gradient)


def piece_radius(model: MLP, params: Any, inputs: Any) -> float:
    """A radius within which no unit of the network changes sign, around any of the inputs.

    A unit's input moves by at most its slope times the distance as long as the piece lasts; the
    slopes are those of the network cut off at the unit.
    """
    smallest = np.inf
    for depth in range(1, model.depth):
        cut = MLP(model.widths[: depth + 1])
        pieces = linear_pieces(cut, params[:depth], inputs)
        weight = to_host(params[depth - 1]["weight"])
        signals = to_host(pieces.outputs)
        for i in range(signals.shape[0]):
            jacobian = weight
            for layer in range(depth - 1, 0, -1):
                slope = to_host(pieces.slopes[layer - 1])[i]
                jacobian = (jacobian * slope) @ to_host(params[layer - 1]["weight"])
            slopes = np.linalg.norm(jacobian, axis=1)
            smallest = min(smallest, float((np.abs(signals[i]) / slopes.clip(1e-300)).min()))
    return smallest


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    features = config.widths[0]
    like = backend.zeros((1,))
    inputs = rng.child("inputs").normal((config.examples, features), like=like)
    batch = Batch(inputs, backend.asarray(np.zeros(config.examples, dtype=np.int64)))
    machine = KernelMachine(features, 2, 8, ("exponential",))
    smooth, slope = penalties(
        machine, machine.init(rng.child("machine"), backend=backend), batch, config.radii
    )
    network = MLP(config.widths)
    params = network.init(rng.child("network"), bias_scale=1.0, backend=backend)
    pieces, network_slope = penalties(network, params, batch, config.tiny)
    return {
        "radii": np.array(config.radii),
        "smooth": smooth / slope,
        "tiny": np.array(config.tiny),
        "network": pieces / network_slope,
        "piece_radius": piece_radius(network, params, inputs),
    }


EXPERIMENT = Experiment(
    name="rkhs_norm_limit",
    summary="The adversarial penalty over the squared radius tends to the gradient penalty",
    config=Config,
    run_task=run_task,
)
