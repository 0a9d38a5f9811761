"""The tailored penalty against l2 and none: on lattice points of its own target, and on digits.

The paper says that it outperforms the standard penalty on the parametric problems it is made for.
Digits with the spread of each pixel for its decay are a problem that it is not made for, and so is
MNIST.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refimpl import datasets
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composition import Composition
from refimpl.arrays import Backend, to_host
from refimpl.arrays import backend as make_backend
from refimpl.experiments.comparison import Arm, Problem
from refimpl.experiments.declared import Comparison, Method, Size, images
from refimpl.models import Objective
from refimpl.papers.lattice_networks.data import load_lattice_algebraic
from refimpl.papers.lattice_networks.experiments.digits import pixel_spread
from refimpl.papers.lattice_networks.network import SmoothNetwork
from refimpl.papers.lattice_networks.tailored import TailoredPenalty
from refimpl.random import Rng

FLOOR = 0.05
"""The least spread of a pixel over the largest."""

LARGE = ("mnist", "fashion-mnist")


@dataclass(frozen=True, kw_only=True)
class Target(Size):
    """The algebraic target of the paper in ``dimension`` parameters, on a shifted lattice."""

    data: str = "algebraic"
    dimension: int = 20
    periodic: bool = True
    dtype: str = "float32"


def target(size: Target, backend: Backend, rng: Rng) -> Problem:
    """Lattice points to train on, random ones to validate and test on; the rms error of the
    target in its own unit."""
    place = make_backend(backend.name, size.dtype)
    split = load_lattice_algebraic(
        rng=rng.child("data"), backend=place, training=size.training or 127,
        validation=size.validation or 2048, test=size.test or 8192, dimension=size.dimension,
        periodic=size.periodic,
    )  # fmt: skip
    scale = float(split.train.truth["scale"][0])
    inputs: Any = "periodic" if size.periodic else "centered"
    model = SmoothNetwork((size.dimension, *size.hidden, 1), "swish", inputs)

    def error(params: Any, data: Any) -> float:
        gap = to_host(model(params, data.inputs) - data.targets)
        return scale * math.sqrt(float((gap.astype("float64") ** 2).mean()))

    start = model.init(rng.child("init"), backend=place)
    return Problem(split, Objective(model, "mean_squared_error"), start, {"error": error})


def decay_of(size: Any) -> tuple[float, ...]:
    """The decay that the penalty is tailored to: of the target, or the spread of the pixels."""
    if size.data == "digits":
        return pixel_spread(FLOOR)
    if size.data in LARGE:
        return held_out_spread(size.data)
    split = load_lattice_algebraic(
        rng=Rng(0), training=2, validation=1, test=1, dimension=size.dimension,
        periodic=size.periodic,
    )  # fmt: skip
    return tuple(float(b) for b in to_host(split.train.truth["decay"]))


@functools.cache
def held_out_spread(data: str) -> tuple[float, ...]:
    """The standard deviation of each pixel over 10,000 images, at least ``FLOOR`` of the largest.

    Of inputs alone, as :func:`pixel_spread` takes it over all digits.
    """
    images = datasets.load(data, rng=Rng(0), training=10, validation=10_000, test=10)
    spread = to_host(images.validation.inputs).std(axis=0)
    return tuple(float(s) for s in np.maximum(spread, FLOOR * spread.max()))


def _paced(size: Any, rate: float, penalties: list[Any]) -> Arm:
    def at(epoch: int) -> Composition:
        share = min(epoch, size.epochs - 1) / size.epochs
        falling = rate * (0.5 + 0.5 * math.cos(math.pi * share))
        return Composition(Adam(learning_rate=falling), penalties)

    return Arm("", at(0), schedule=at)


def plain(size: Any, rate: float, value: float) -> Arm:
    """Adam with a cosine schedule, whose rate is tuned."""
    return _paced(size, value, [])


def _penalized(form: Any) -> Any:
    def arm(size: Any, rate: float, value: float) -> Arm:
        part = TailoredPenalty(strength=value, form=form, decay=decay_of(size))
        return _paced(size, rate, [part])

    return arm


METHODS = (
    Method(name="plain", arm=plain, grid=(1e-3, 3e-3, 1e-2, 3e-2), varies="learning rate",
           baseline=True, tunes_rate=True),
    Method(name="l2", arm=_penalized("l2"), grid=(1e-5, 1e-4, 1e-3, 1e-2), baseline=True),
    Method(name="tailored", arm=_penalized("tailored"), grid=(1e-8, 1e-7, 1e-6, 1e-5)),
)  # fmt: skip
ON_DIGITS = (
    *METHODS[:2],
    Method(name="tailored", arm=_penalized("tailored"), grid=(1e-4, 1e-3, 1e-2, 1e-1)),
)
ON_MNIST = (
    replace(METHODS[0], grid=(3e-4, 1e-3, 3e-3, 1e-2)),
    replace(METHODS[1], grid=(1e-6, 1e-5, 1e-4, 1e-3)),
    replace(METHODS[2], grid=(1e-6, 1e-5, 1e-4, 1e-3)),
)

FULL = Target(training=127, hidden=(32, 32, 32), epochs=500, batch_size=None, seeds=5, together=5)
QUICK = replace(FULL, training=31, epochs=30, seeds=2, hidden=(8, 8))

COMPARISONS = (
    Comparison(
        name="lattice_small",
        title="Tailored penalty on 127 lattice points, 20 parameters",
        problem=target,
        methods=METHODS,
        full=FULL,
        quick=QUICK,
        score="error",
        lower=True,
    ),
    Comparison(
        name="lattice_large",
        title="Tailored penalty on 1021 lattice points, 20 parameters",
        problem=target,
        methods=METHODS,
        full=replace(FULL, training=1021, epochs=500, seeds=5),
        quick=QUICK,
        score="error",
        lower=True,
        cut="500 steps",
    ),
    Comparison(
        name="lattice_noisy_digits",
        title="Tailored penalty on 300 digits, 30 % of the labels redrawn",
        expects="control",
        problem=images,
        methods=ON_DIGITS,
        full=Size(training=300, validation=500, test=997, noise=0.3, epochs=20, seeds=6),
        quick=Size(training=60, validation=60, test=60, noise=0.3, epochs=2, seeds=2),
    ),
    Comparison(
        name="lattice_noisy_mnist",
        title="Tailored penalty on all of MNIST, 30 % of the labels redrawn",
        expects="control",
        problem=images,
        methods=ON_MNIST,
        full=Size(
            data="mnist", noise=0.3, epochs=20, batch_size=250, seeds=5, together=1, dtype="float32"
        ),
        quick=Size(
            data="mnist",
            training=60,
            validation=60,
            test=60,
            noise=0.3,
            epochs=2,
            seeds=2,
            dtype="float32",
        ),
        cut="20 epochs",
    ),
)
