"""Identities of hyperspherical energy: gradients, half space, traps of the released code."""

from __future__ import annotations

import itertools
import tracemalloc
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend, to_host
from refimpl.experiments.base import Experiment
from refimpl.papers.hyperspherical_energy.comhe_adversarial import AdversarialCoMHE
from refimpl.papers.hyperspherical_energy.comhe_angle import APCoMHE
from refimpl.papers.hyperspherical_energy.comhe_random import projected_energy
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.random import Rng


@dataclass(frozen=True)
class Config:
    """Shapes (neurons, inputs) and the number of random matrices."""

    shapes: tuple[tuple[int, int], ...] = ((9, 5), (20, 12))
    matrices: int = 1000
    scales: tuple[float, ...] = (1.0, 1e-2, 1e-3, 1e-4, 1e-5)
    memory_shape: tuple[int, int] = (256, 2304)
    memory_projections: tuple[int, int] = (20, 40)

    @classmethod
    def quick(cls) -> Config:
        return cls(matrices=300)

    @classmethod
    def full(cls) -> Config:
        return cls()


def run_task(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    results: dict[str, Any] = {}
    results.update(_gradients(config, backend, rng.child("gradients")))
    results.update(_invariance(config, backend, rng.child("invariance")))
    results.update(_half_space(config, backend, rng.child("half")))
    results.update(_relaxation(config, backend, rng.child("relaxation")))
    results.update(_loophole(config, backend, rng.child("loophole")))
    results.update(_unrolled(backend, rng.child("unrolled")))
    results.update(_traps(backend, rng.child("traps")))
    results.update(_memory(config, rng.child("memory")))
    return results


def _settings() -> list[HypersphericalEnergy]:
    return [
        HypersphericalEnergy(s, space, metric)  # type: ignore[arg-type]
        for s, space, metric in itertools.product(
            (0.0, 1.0, 2.0), ("full", "half"), ("euclidean", "angular")
        )
    ]


def _slope(function: Any, point: Any, shift: Any, step: float = 1e-3) -> float:
    """Central difference of order six."""
    weights = ((1, 45.0), (2, -9.0), (3, 1.0))
    total = sum(
        w * (float(function(point + m * step * shift)) - float(function(point - m * step * shift)))
        for m, w in weights
    )
    return total / (60.0 * step)


def _gradients(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    errors = []
    for shape, energy in itertools.product(config.shapes, _settings()):
        weight = backend.asarray(rng.normal(shape))
        shift = backend.asarray(rng.normal(shape))
        xp = backend.xp
        gradient = energy.value_and_gradient(weight)[1]
        exact = float(xp.sum(gradient * shift))
        size = float(xp.linalg.vector_norm(gradient) * xp.linalg.vector_norm(shift))
        errors.append(abs(_slope(energy, weight, shift) - exact) / size)
    return {"gradient_error": np.array(errors)}


def _invariance(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    radial, rescaled, inverse = [], [], []
    xp = backend.xp
    for shape, energy in itertools.product(config.shapes, _settings()):
        weight = backend.asarray(rng.normal(shape))
        factors = backend.asarray(rng.uniform((shape[0], 1), 0.1, 10.0))
        value, gradient = energy.value_and_gradient(weight)
        other, scaled = energy.value_and_gradient(factors * weight)
        size = float(xp.max(xp.abs(gradient)))
        radial.append(float(xp.max(xp.abs(xp.sum(weight * gradient, axis=1)))) / size)
        rescaled.append(abs(float(other) / float(value) - 1.0))
        inverse.append(float(xp.max(xp.abs(factors * scaled - gradient))) / size)
    return {
        "radial": np.array(radial),
        "rescaled": np.array(rescaled),
        "inverse": np.array(inverse),
    }


def _half_space(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Against the 2N points themselves, through the full-space energy of the stacked matrix."""
    values, gradients = [], []
    xp = backend.xp
    for shape, s, epsilon in itertools.product(config.shapes, (0.0, 1.0, 2.0), (0.0, 1e-4)):
        weight = backend.asarray(rng.normal(shape))
        compact = HypersphericalEnergy(s, "half", epsilon=epsilon)
        explicit = HypersphericalEnergy(s, "full", epsilon=epsilon)
        value, gradient = compact.value_and_gradient(weight)
        other, both = explicit.value_and_gradient(xp.concat([weight, -weight]))
        folded = both[: shape[0], :] - both[shape[0] :, :]
        values.append(abs(float(value) / float(other) - 1.0))
        size = float(xp.max(xp.abs(folded)))
        gradients.append(float(xp.max(xp.abs(gradient - folded))) / size)
    return {"half_value": np.array(values), "half_gradient": np.array(gradients)}


def _relaxation(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """log(E_s / M) − s E_0 / M over random matrices of random shapes."""
    gaps = []
    for index in range(config.matrices):
        stream = rng.child(index)
        shape = (int(stream.integers(2, 12)), int(stream.integers(2, 8)))
        weight = backend.asarray(stream.normal(shape))
        logarithm = float(HypersphericalEnergy(0.0)(weight))
        for s in (1.0, 2.0, 4.0):
            gaps.append(np.log(float(HypersphericalEnergy(s)(weight))) - s * logarithm)
    return {"relaxation_gap": np.array(gaps)}


def _loophole(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """The released energy of one correlated layer as its norms shrink, and the exact one."""
    weight = backend.asarray(rng.normal((64, 32)) + 1.5)
    weight = weight / backend.xp.mean(backend.xp.linalg.vector_norm(weight, axis=1))
    released = HypersphericalEnergy(2.0, "half", epsilon=1e-4)
    exact = HypersphericalEnergy(2.0, "half")
    return {
        "loophole_scales": np.array(config.scales),
        "loophole_released": np.array([float(released(t * weight)) for t in config.scales]),
        "loophole_exact": np.array([float(exact(t * weight)) for t in config.scales]),
    }


def _unrolled(backend: Backend, rng: Rng) -> dict[str, Any]:
    """dE/dW through the unrolled projection step against central differences."""
    errors = []
    energy = HypersphericalEnergy(2.0, "half")
    algorithms: tuple[Any, ...] = (
        APCoMHE(dimension=6, target="norm"),
        APCoMHE(dimension=6, target="squared", inner_rate=0.01),
        APCoMHE(dimension=6, target="angle", inner_rate=0.01),
        AdversarialCoMHE(dimension=6),
        AdversarialCoMHE(dimension=6, ascent_space="half"),
    )
    xp = backend.xp
    for index, algorithm in enumerate(algorithms):
        stream = rng.child(index)
        weight = backend.asarray(stream.normal((10, 14)))
        shift = backend.asarray(stream.normal((10, 14)))
        projection = backend.asarray(stream.normal((6, 14)))
        move = algorithm.unrolled if index < 3 else algorithm.ascend

        def total(w: Any, move: Any = move, projection: Any = projection) -> Any:
            return energy(ad.matmul(w, move(projection, w).mT))

        gradient = ad.grad(total)(weight)
        exact = float(xp.sum(gradient * shift))
        errors.append(abs(_slope(total, weight, shift, 1e-4) / exact - 1.0))
    return {"unrolled_error": np.array(errors)}


def _traps(backend: Backend, rng: Rng) -> dict[str, Any]:
    """Antipodes on the wrong axis; the sum of squared distances; minibatches of the output."""
    weight = backend.asarray(rng.normal((12, 7)))
    xp = backend.xp
    stacked = xp.concat([weight, -weight], axis=1)

    def cosines(w: Any) -> Any:
        unit = w / xp.linalg.vector_norm(w, axis=1, keepdims=True)
        return unit @ unit.mT

    unit = weight / xp.linalg.vector_norm(weight, axis=1, keepdims=True)
    squares = sum(
        float(xp.sum((unit[i, :] - unit[j, :]) ** 2)) for i in range(12) for j in range(12)
    )
    total = float(xp.sum(xp.sum(unit, axis=0) ** 2))
    batches = []
    for s in (0.0, 1.0, 2.0):
        energy = HypersphericalEnergy(s)
        every = [
            float(energy.minibatch(weight, xp.asarray(pair)))
            for pair in itertools.product(range(12), repeat=2)
        ]
        batches.append(np.mean(every) / float(energy(weight)) - 1.0)
    return {
        "feature_axis": float(xp.max(xp.abs(cosines(stacked) - cosines(weight)))),
        "squared_distances": squares,
        "squared_distances_predicted": 2.0 * 12**2 - 2.0 * total,
        "minibatch_error": np.array(batches),
    }


def _memory(config: Config, rng: Rng) -> dict[str, Any]:
    """Peak of what NumPy allocates, in numbers; on the host, where it can be traced."""
    neurons, inputs = config.memory_shape
    many, dimension = config.memory_projections
    weight = to_host(rng.normal((neurons, inputs)))
    projections = rng.normal((many, dimension, inputs))
    energy = HypersphericalEnergy(2.0, "half")
    calls = (
        lambda: energy.value_and_gradient(weight),
        lambda: ad.value_and_grad(lambda w: projected_energy(w, projections, energy))(weight),
    )
    peaks = []
    for call in calls:
        call()
        tracemalloc.start()
        call()
        peaks.append(tracemalloc.get_traced_memory()[1] / 8.0)
        tracemalloc.stop()
    return {
        "memory_energy": peaks[0],
        "memory_projection": peaks[1],
        "memory_energy_allowed": 4.0 * neurons**2 + 3.0 * neurons * inputs,
        "memory_projection_allowed": 4.0
        * max(neurons**2, neurons * inputs, many * dimension * neurons, many * dimension * inputs)
        + many * neurons**2,
    }


EXPERIMENT = Experiment(
    name="hyperspherical_identities",
    summary="Gradients, half space, unrolled steps and traps of hyperspherical energy",
    config=Config,
    run_task=run_task,
)
