"""Identities of hyperspherical energy: gradients, half space, traps of the released code."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Backend, to_host
from refimpl.experiments.base import Experiment
from refimpl.papers.hyperspherical_energy.comhe_adversarial import AdversarialCoMHE
from refimpl.papers.hyperspherical_energy.comhe_angle import APCoMHE
from refimpl.papers.hyperspherical_energy.comhe_group import GroupCoMHE
from refimpl.papers.hyperspherical_energy.comhe_random import RPCoMHE, projected_energy
from refimpl.papers.hyperspherical_energy.common import Projections
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.papers.hyperspherical_energy.experiments import by_hand
from refimpl.papers.hyperspherical_energy.mhe import MHE
from refimpl.papers.hyperspherical_energy.uniformity import HypersphericalUniformity, uniformity
from refimpl.papers.hyperspherical_energy.uniformity_pole import HypersphericalPole, Poles
from refimpl.random import Replay, Rng


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
    results.update(_penalties(backend, rng.child("penalties")))
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
    """The gradient of whole penalties against central differences of their formulas by hand."""
    errors, kept = [], []
    common: dict[str, Any] = {"strength": 0.7, "output_strength": 0.0, "dimension": 6}
    unrolled: dict[str, Any] = {**common, "optimizer": "unrolled"}
    parts: tuple[Any, ...] = (
        APCoMHE(**unrolled, target="norm"),
        APCoMHE(**unrolled, target="squared", inner_rate=0.01),
        APCoMHE(**unrolled, target="angle", inner_rate=0.01),
        AdversarialCoMHE(**common, inner_steps=0),
        AdversarialCoMHE(**common, inner_steps=0, ascent_space="half"),
    )
    for index, part in enumerate(parts):
        stream = rng.child(index)
        weight, shift = stream.normal((10, 14)), stream.normal((10, 14))
        projection, output = stream.normal((6, 14)), stream.normal((3, 10))
        params = [{"weight": backend.asarray(w)} for w in (weight, output)]
        aux = Projections(1, (backend.asarray(projection),))
        _, gradient, after = part.value_and_gradient(params, None, None, aux)
        exact = float(np.sum(to_host(gradient[0]["weight"]) * shift))
        if index < 3:
            kind, rate = part.target, -part.inner_rate
            kept.append(to_host(after.arrays[0]))
            kept.append(to_host(part.follow(aux.arrays[0], params[0]["weight"])))
            expected = by_hand.moved(projection, weight, kind, rate)
            kept[-2:] = [found - expected for found in kept[-2:]]
        else:
            kind, rate = part.ascent_space, part.inner_rate

        def total(w: Any, p: Any = projection, kind: str = kind, rate: float = rate) -> Any:
            return by_hand.half_energy(w @ by_hand.moved(p, w, kind, rate).T)

        errors.append(exact / (0.7 * _slope(total, weight, shift, 1e-4)) - 1.0)
    return {"unrolled_error": np.array(errors), "unrolled_kept": np.max(np.abs(kept))}


def _penalties(backend: Backend, rng: Rng) -> dict[str, Any]:
    """The value of every penalty over its strength times the energy by hand."""
    weight, output = rng.normal((7, 9)), rng.normal((4, 7))
    params = [{"weight": backend.asarray(w)} for w in (weight, output)]
    projection = rng.normal((5, 9))
    common: dict[str, Any] = {"strength": 0.3, "output_strength": 0.2}
    last = 0.2 * by_hand.full_energy(output)
    drawn = rng.normal((2, 5, 9))
    used = by_hand.moved(projection, weight, "norm", -0.1)
    raised = by_hand.moved(projection, weight, "full", 0.1)
    one = Projections(1, (backend.asarray(projection),))
    cases: tuple[Any, ...] = (
        (MHE(**common), (), None, 0.3 * by_hand.half_energy(weight) + last),
        (
            RPCoMHE(**common, dimension=5, projections=2),
            Projections(0, ()),
            Replay([drawn]),
            0.3 * np.mean([by_hand.half_energy(weight @ p.T) for p in drawn]) + last,
        ),
        (
            APCoMHE(**common, dimension=5, optimizer="unrolled"),
            one,
            None,
            0.3 * by_hand.half_energy(weight @ used.T) + last,
        ),
        (
            AdversarialCoMHE(**common, dimension=5, inner_steps=0),
            one,
            None,
            0.3 * by_hand.half_energy(weight @ raised.T) + last,
        ),
        (
            GroupCoMHE(**common, groups=3),
            Projections(0, ()),
            Replay([np.arange(9)]),
            0.3 * np.mean([by_hand.half_energy(weight[:, g::3]) for g in range(3)]) + last,
        ),
        *(
            (
                HypersphericalUniformity(**common, form=form),
                (),
                None,
                0.3 * by_hand.uniformity(weight, form, True)
                + 0.2 * by_hand.uniformity(output, form, False),
            )
            for form in ("mma", "separation", "determinant", "mean")
        ),
        *_poles(backend, rng.child("poles"), weight, output, common),
    )
    ratios = [
        float(part.value_and_gradient(params, None, None, aux, noise)[0]) / expected
        for part, aux, noise, expected in cases
    ]
    return {"penalty_ratio": np.array(ratios)}


def _poles(
    backend: Backend, rng: Rng, weight: np.ndarray, output: np.ndarray, common: dict[str, Any]
) -> Iterator[tuple[Any, Any, Any, float]]:
    """Both forms with a learned pole, after steps from given poles and by hand."""
    starts = rng.normal((9,)), rng.normal((7,))
    poles = tuple(backend.asarray(v) for v in starts)
    aux = Poles(1, poles, tuple(0.0 * v for v in poles))
    for form in ("polarization", "covering"):
        value = 0.0
        for strength, v, w, half in zip(
            (0.3, 0.2), starts, (weight, output), (True, False), strict=True
        ):
            value += strength * by_hand.seen_from(by_hand.pole(v, w, form, half, 4), w, form, half)
        yield HypersphericalPole(**common, form=form, inner_steps=4), aux, None, value


def _traps(backend: Backend, rng: Rng) -> dict[str, Any]:
    """Antipodes on the wrong axis; the sum of squared distances; minibatches of the output."""
    weight = backend.asarray(rng.normal((12, 7)))
    xp = backend.xp
    stacked = xp.concat([weight, -weight], axis=1)
    full = [
        float(energy(stacked) / energy(weight)) for energy in _settings() if energy.space == "full"
    ]
    unit = to_host(weight / xp.linalg.vector_norm(weight, axis=1, keepdims=True))
    squares = float(np.sum((unit[:, None, :] - unit[None, :, :]) ** 2))
    mean = float(uniformity(backend.asarray(unit), "mean"))
    batches = []
    for s in (0.0, 1.0, 2.0):
        energy = HypersphericalEnergy(s)
        every = [
            float(energy.minibatch(weight, xp.asarray(pair)))
            for pair in itertools.product(range(12), repeat=2)
        ]
        batches.append(np.mean(every) / float(energy(weight)) - 1.0)
    return {
        "feature_axis": np.array(full),
        "squared_distances": squares,
        "squared_distances_predicted": 2.0 * 12**2 - 2.0 * mean**2,
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
