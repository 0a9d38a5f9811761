"""Relatives of hyperspherical energy: groups of coordinates, and other measures of uniformity.

Groups: the penalty of Gaussian neurons for several numbers of groups, of neurons that are turned,
and of neurons along the axes. Uniformity: where descent on each measure ends, beside the others on
the way, and what is seen from a pole that has looked for the emptiest place between orthonormal
neurons.

Source: derived; the measures are those of Lin et al. (2020) and Liu et al. (2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.arrays import Array, Backend, to_host
from refimpl.errors import InfeasibleError
from refimpl.experiments.base import Experiment, merge
from refimpl.papers.hyperspherical_energy.comhe_group import GroupCoMHE
from refimpl.papers.hyperspherical_energy.energy import HypersphericalEnergy
from refimpl.papers.hyperspherical_energy.uniformity import HypersphericalUniformity
from refimpl.papers.hyperspherical_energy.uniformity_pole import HypersphericalPole
from refimpl.random import Rng

MEASURES = ("MHE", "mma", "separation", "determinant")
SPACES = ("full", "half")
FORMS = ("polarization", "covering")


@dataclass(frozen=True)
class Config:
    """Layer and numbers of groups with draws; layer, steps and first rate of the descents; how
    often the poles take their ten steps."""

    neurons: int = 64
    inputs: int = 48
    groups: tuple[int, ...] = (1, 2, 4)
    draws: int = 40
    small: tuple[int, int] = (5, 6)
    steps: int = 400
    rate: float = 0.2
    pole_rounds: int = 60

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(draws=400)


def tasks(config: Config) -> list[dict[str, Any]]:
    return [{"part": part} for part in ("groups", "measures", "poles")]


def run_task(config: Config, backend: Backend, rng: Rng, *, part: str) -> dict[str, Any]:
    if part == "groups":
        return _groups(config, backend, rng)
    if part == "measures":
        return _measures(config, backend, rng)
    return _poles(config, backend, rng)


def _layer(weight: Array, backend: Backend) -> list[dict[str, Array]]:
    """A network with one hidden layer; the output layer is not penalized."""
    return [{"weight": weight}, {"weight": backend.eye(2)}]


def _grouped(groups: int, weight: Array, backend: Backend, rng: Rng) -> float:
    part = GroupCoMHE(groups=groups, output_strength=0.0)
    params = _layer(weight, backend)
    nothing: Any = None
    return float(part.value_and_gradient(params, nothing, nothing, part.init(params), rng)[0])


def _groups(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """Energies of Gaussian neurons (draw by number of groups), and of orthonormal ones turned."""
    shape = (config.neurons, config.inputs)
    energy = HypersphericalEnergy(2.0, "half")
    found = np.empty((config.draws, len(config.groups)))
    one = np.empty(config.draws)
    for draw in range(config.draws):
        stream = rng.child("draw", draw)
        weight = backend.asarray(stream.child("weight").normal(shape))
        one[draw] = float(energy(weight))
        for column, groups in enumerate(config.groups):
            found[draw, column] = _grouped(groups, weight, backend, stream.child("groups", groups))
    turned = np.empty((2, 2))  # (MHE, two groups) by rotation
    frame = backend.asarray(np.linalg.qr(rng.child("frame").normal((16, 16)))[0])
    for column in range(2):
        spin = backend.asarray(np.linalg.qr(rng.child("spin", column).normal((16, 16)))[0])
        weight = (frame @ spin)[:12, :]
        turned[:, column] = float(energy(weight)), _grouped(2, weight, backend, rng.child("two"))
    try:
        _grouped(2, backend.eye(16), backend, rng.child("axes"))
        refused = 0.0
    except InfeasibleError:
        refused = 1.0
    return {"group_energy": found, "plain_energy": one, "turned": turned, "axes_refused": refused}


def _value(measure: str, space: Any, backend: Backend) -> Any:
    """A measure of one layer as a function of its weight, by the penalty."""
    if measure == "MHE":
        return HypersphericalEnergy(2.0, space)
    form: Any = measure
    part = HypersphericalUniformity(form=form, space=space, strength=1.0, output_strength=0.0)
    return lambda weight: part.penalty(_layer(weight, backend))


def _measures(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """All measures along descents on each of them, steps falling to zero, and at the optimum."""
    shape = (len(SPACES), len(MEASURES), len(MEASURES))
    course = np.empty((*shape, config.steps + 1))
    optimum = np.empty(shape[:2])
    for i, space in enumerate(SPACES):
        values = [_value(measure, space, backend) for measure in MEASURES]
        neurons, inputs = config.small
        best = np.eye(neurons, inputs)
        if space == "full":  # the simplex
            best = best - 1.0 / neurons * (np.arange(inputs) < neurons)
        optimum[i] = [float(value(backend.asarray(best))) for value in values]
        for j in range(len(MEASURES)):
            weight = backend.asarray(rng.child("start", space).normal(config.small))
            for step in range(config.steps + 1):
                weight = weight / ad.norm(weight, axis=1, keepdims=True)
                course[i, j, :, step] = [float(value(weight)) for value in values]
                slope = ad.grad(values[j])(weight)
                rate = config.rate * (1.0 - step / config.steps)
                weight = weight - rate * slope
    return {"course": course, "optimum": optimum}


def _poles(config: Config, backend: Backend, rng: Rng) -> dict[str, Any]:
    """What is seen at the end from the pole of orthonormal neurons, and its squared cosines."""
    neurons = config.inputs // 8
    weight = backend.eye(neurons)
    seen = np.empty((len(FORMS), len(SPACES)))
    squares = np.empty((len(FORMS), len(SPACES), neurons))
    for i, form in enumerate(FORMS):
        for j, space in enumerate(SPACES):
            named: Any = (form, space)
            part = HypersphericalPole(form=named[0], space=named[1], output_strength=0.0)
            params = _layer(weight, backend)
            aux, nothing = part.init(params), None
            value: Any = 0.0
            for _ in range(config.pole_rounds):
                value, _, aux = part.value_and_gradient(
                    params, nothing, nothing, aux, rng.child(form, space)
                )
            seen[i, j] = float(value) / part.strength
            pole = to_host(aux.poles[0])
            squares[i, j] = np.abs(pole) * pole / np.sum(pole * pole)
    idle = [_left_to_do(form, config, backend, rng.child("few")) for form in FORMS]
    return {"seen": seen, "pole_squares": squares, "idle": np.array(idle)}


def _left_to_do(form: Any, config: Config, backend: Backend, rng: Rng) -> float:
    """The slope of fewer lines than dimensions once the pole has settled, over the first one."""
    part = HypersphericalPole(form=form, output_strength=0.0)
    params = _layer(backend.asarray(rng.child("weight").normal((4, 6))), backend)
    aux, nothing = part.init(params), None
    slopes = []
    for _ in range(config.pole_rounds):
        _, slope, aux = part.value_and_gradient(params, nothing, nothing, aux, rng)
        assert slope is not None
        slopes.append(float(np.linalg.norm(to_host(slope[0]["weight"]))))
    return slopes[-1] / slopes[0]


EXPERIMENT = Experiment(
    name="hyperspherical_relatives",
    summary="Groups of coordinates and other measures of uniformity: optima, courses, poles",
    config=Config,
    tasks=tasks,
    run_task=run_task,
    collect=merge,
)
