"""Hyperspherical energy at initialisation, and what random projection does to its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend
from refimpl.experiments.base import Experiment
from refimpl.papers.hyperspherical_energy.comhe_random import projected_energy
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.random import Rng

NETWORK = (
    (27, 64),
    (576, 64),
    (576, 64),
    (576, 128),
    (1152, 128),
    (1152, 128),
    (1152, 256),
    (2304, 256),
    (2304, 256),
    (4096, 256),
)
"""(inputs, neurons) of the hidden layers of the nine-layer convolutional network."""

OUTPUT = (256, 100)
"""Its output layer."""


@dataclass(frozen=True)
class Config:
    """Shapes (inputs, neurons), and the dimensions and numbers of projections."""

    shapes: tuple[tuple[int, int], ...] = ((576, 64), (1152, 128), (2304, 256))
    dimension: int = 40
    projections: int = 20
    draws: int = 2
    simulated: tuple[int, ...] = (40, 30)
    simulated_projections: int = 2
    networks: int = 2
    outputs: int = 12
    swept_shape: tuple[int, int] = (576, 64)
    dimensions: tuple[int, ...] = (8, 12, 20, 40, 80, 160)
    numbers: tuple[int, ...] = (1, 4, 16, 64)
    sweep_draws: int = 2

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(draws=5, simulated_projections=20, sweep_draws=8)


def tasks(config: Config) -> list[dict[str, Any]]:
    pieces = [{"piece": f"shape {index}"} for index in range(len(config.shapes))]
    return [*pieces, {"piece": "network"}, {"piece": "sweep"}]


def he_normal(backend: Backend, rng: Rng, shape: tuple[int, int]) -> Any:
    """Weights (neurons, inputs) of variance 2 / inputs."""
    inputs, neurons = shape
    return backend.asarray(rng.normal((neurons, inputs)) * (2.0 / inputs) ** 0.5)


def gradients(weight: Any, projections: Any, energy: HypersphericalEnergy) -> tuple[Any, Any]:
    """The gradient of the energy, and that of its mean over projections."""
    plain = energy.value_and_gradient(weight)[1]
    return plain, ad.grad(lambda w: projected_energy(w, projections, energy))(weight)


def run_task(config: Config, backend: Backend, rng: Rng, *, piece: str) -> dict[str, Any]:
    if piece == "network":
        return _network(config, backend, rng)
    if piece == "sweep":
        return _sweep(config, backend, rng)
    return _shape(config, backend, rng, config.shapes[int(piece.split()[1])])


def _shape(config: Config, backend: Backend, rng: Rng, shape: tuple[int, int]) -> dict[str, Any]:
    xp = backend.xp
    inputs = shape[0]
    half = HypersphericalEnergy(2.0, "half")
    rows = []
    for draw in range(config.draws):
        stream = rng.child(draw)
        weight = he_normal(backend, stream, shape)
        size = (config.projections, config.dimension, inputs)
        projections = backend.asarray(stream.normal(size))
        plain, projected = gradients(weight, projections, half)
        full = HypersphericalEnergy(2.0, "full").value_and_gradient(weight)[1]
        norms = [float(xp.linalg.vector_norm(g)) for g in (plain, projected, full)]
        cosine = float(xp.sum(plain * projected)) / norms[0] / norms[1]
        length = float(xp.mean(xp.linalg.vector_norm(weight, axis=1)))
        rows.append([norms[0], norms[2], norms[1] / norms[0], cosine, length])
    means = np.mean(rows, axis=0)
    return dict(zip(("half", "full", "ratio", "cosine", "length"), means, strict=True))


def _network(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Sums over the network's hidden layers at initialisation, the first one not projected, and ten
    times the energy of its output layer: means over draws."""
    drawn = [_hidden_sums(config, backend, rng.child(draw)) for draw in range(config.networks)]
    output = [
        float(HypersphericalEnergy(2.0)(he_normal(backend, rng.child("output", draw), OUTPUT)))
        for draw in range(config.outputs)
    ]
    means = {name: float(np.mean([sums[name] for sums in drawn])) for name in drawn[0]}
    return {**means, "output": 10.0 * float(np.mean(output))}


def _hidden_sums(config: Config, backend: Backend, rng: Rng) -> dict[str, float]:
    half = HypersphericalEnergy(2.0, "half")
    sums = {"plain": 0.0, **{f"projected {k}": 0.0 for k in config.simulated}}
    for layer, shape in enumerate(NETWORK):
        stream = rng.child("layer", layer)
        weight = he_normal(backend, stream, shape)
        plain = float(half(weight))
        sums["plain"] += plain
        for k in config.simulated:
            if layer == 0:
                sums[f"projected {k}"] += plain
                continue
            size = (config.simulated_projections, k, shape[0])
            projections = backend.asarray(stream.child(k).normal(size))
            sums[f"projected {k}"] += float(projected_energy(weight, projections, half))
    return sums


def _sweep(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Noise over signal of one projected gradient: ‖g − (k/(k−3)) ∇E‖ / ‖(k/(k−3)) ∇E‖."""
    xp = backend.xp
    half = HypersphericalEnergy(2.0, "half")
    table = np.zeros((len(config.dimensions), len(config.numbers)))
    for i, k in enumerate(config.dimensions):
        for j, many in enumerate(config.numbers):
            ratios = []
            for draw in range(config.sweep_draws):
                stream = rng.child(k, many, draw)
                weight = he_normal(backend, stream, config.swept_shape)
                size = (many, k, config.swept_shape[0])
                plain, projected = gradients(weight, backend.asarray(stream.normal(size)), half)
                signal = (k / (k - 3.0)) * plain
                noise = xp.linalg.vector_norm(projected - signal)
                ratios.append(float(noise / xp.linalg.vector_norm(signal)))
            table[i, j] = np.mean(ratios)
    return {"noise": table}


def collect(config: Config, tasks: Any, results: Any) -> dict[str, Any]:
    collected: dict[str, Any] = {
        name: np.array([results[index][name] for index in range(len(config.shapes))])
        for name in ("half", "full", "ratio", "cosine", "length")
    }
    collected["shapes"] = np.array(config.shapes)
    network, sweep = results[-2], results[-1]
    collected.update(network)
    return {
        **collected,
        "noise": sweep["noise"],
        "dimensions": np.array(config.dimensions),
        "numbers": np.array(config.numbers),
        "swept_shape": np.array(config.swept_shape),
    }


EXPERIMENT = Experiment(
    name="hyperspherical_projection",
    summary="Energies and gradients at initialisation, plain and randomly projected",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=collect,
)
