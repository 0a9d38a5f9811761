"""Logic and plain binary networks against each other, and against floats, on digits.

The paper's network without full-precision values on the way stands against a plain binary network
of as many bits; then, as the price of the bits, both stand against a network of floats. Rates are
tuned for every method, with the same schedule.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.experiments.comparison import Arm, Problem
from refimpl.experiments.declared import Comparison, Method, Size, images
from refimpl.papers.boolnet.experiments.recipe import cosine, steps_per_epoch
from refimpl.papers.boolnet.network import BoolNet
from refimpl.random import Rng

SHAPES = {"digits": (64, 1257), "mnist": (784, 50_000), "fashion-mnist": (784, 50_000)}
"""Pixels, and the training examples where a size does not say how many."""


@dataclass(frozen=True, kw_only=True)
class Blocks(Size):
    """Blocks of two binary layers each between a float stem and head."""

    blocks: int = 1


def problem(size: Blocks, backend: Backend, rng: Rng) -> Problem:
    """Images, and a dense network of the same depth and width as the binary ones."""
    deep = replace(size, hidden=size.hidden * (1 + 2 * size.blocks))
    return images(deep, backend, rng)


def _float(size: Any, rate: float, value: float) -> Arm:
    at = cosine(value, size.epochs)
    return Arm("", at(0), schedule=at)


def _binary(size: Any, value: float, form: dict[str, Any]) -> Arm:
    pixels, examples = SHAPES[size.data]
    model = BoolNet((pixels, *size.hidden, 10), blocks=size.blocks, **form)
    steps = steps_per_epoch(size.training or examples, size.batch_size)
    at = cosine(value, size.epochs)
    objective = model.objective(epochs=size.epochs, steps_per_epoch=steps)

    def start(params: Any, rng: Rng) -> Any:
        return model.init(rng, backend=make_backend("numpy", size.dtype))

    return Arm("", at(0), objective, start, at)


def binary(
    name: str,
    *,
    baseline: bool = False,
    grid: tuple[float, ...] = (0.004, 0.016, 0.064, 0.256),
    **form: Any,
) -> Method:
    """A binary network of this form, its rate tuned."""

    def arm(size: Any, rate: float, value: float) -> Arm:
        return _binary(size, value, form)

    return Method(
        name=name, arm=arm, grid=grid, varies="learning rate", baseline=baseline,
    )  # fmt: skip


FLOAT = Method(name="float", arm=_float, grid=(1e-4, 1e-3, 1e-2, 1e-1), varies="learning rate",
               baseline=True)  # fmt: skip
MANY = (0.064, 0.256, 1.024, 4.096)
"""Learning rates where the grids begin with many examples."""

LOGIC = (binary("logic, 1 bit"), binary("logic, 4 bits", slices=4))

FULL = Blocks(training=300, validation=400, test=997, hidden=(32,), epochs=10, batch_size=50,
              seeds=5, together=1)  # fmt: skip
QUICK = replace(FULL, training=100, epochs=2, seeds=2, hidden=(16,), blocks=1)

COMPARISONS = (
    Comparison(
        name="boolnet_logic_digits",
        title="Logic networks against plain binary ones, 300 digits",
        problem=problem,
        methods=(binary("plain binary", baseline=True, shortcuts="none"), *LOGIC),
        full=FULL,
        quick=QUICK,
        cut="one block of width 32, 10 epochs",
    ),
    Comparison(
        name="boolnet_float_digits",
        title="Logic networks against floats, 300 digits",
        expects="control",
        problem=problem,
        methods=(FLOAT, *LOGIC),
        full=FULL,
        quick=QUICK,
        cut="one block of width 32, 10 epochs",
    ),
    Comparison(
        name="boolnet_mnist",
        title="Logic networks against a plain binary one, all of MNIST",
        problem=problem,
        methods=(
            binary("plain binary", baseline=True, grid=MANY, shortcuts="none"),
            binary("logic, 1 bit", grid=MANY),
            binary("logic, 4 bits", grid=MANY, slices=4),
            replace(FLOAT, name="float, for scale", baseline=False),
        ),
        full=replace(FULL, data="mnist", training=None, validation=None, test=None, epochs=24,
                     batch_size=250, dtype="float32"),
        quick=replace(QUICK, data="mnist", validation=200, test=200),
        cut="one block of width 32, 24 epochs; floats beside them show the room that is left",
    ),
)  # fmt: skip
