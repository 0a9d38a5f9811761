"""All regularizers beside each other, on digits and on 4,000 images of MNIST.

Every network has the same weight decay, as in the papers' recipes; the baseline has nothing else.
The controls of random projection are not among the methods; all CoMHE variants are. Rates end at
1.6: on digits the adversarial projection diverges at 3.2, where descent alone still learns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.experiments.comparison import Arm
from refimpl.experiments.declared import Comparison, Method, Size, images
from refimpl.papers.hyperspherical_energy.experiments.recipe import method


@dataclass(frozen=True, kw_only=True)
class Recipe(Size):
    """Images, and what the regularizers share.

    Attributes
    ----------
    decay : float
        Of the weights, in all methods.
    dimension, projections : int
        Of the compressed energies.
    """

    decay: float = 5e-4
    dimension: int = 20
    projections: int = 5


def _arm(name: str, size: Recipe, rate: float, strength: float) -> Arm:
    made = method(name, strength, rate, size.dimension, size.projections)
    decay = L2(strength=size.decay)
    if isinstance(made, Composition):
        return Arm("", Composition(made.update, [*made.penalties, decay]))
    return Arm("", Composition(made, [decay]))


def _regularizer(name: str) -> Method:
    def arm(size: Recipe, rate: float, value: float) -> Any:
        return _arm(name, size, rate, value)

    grid = (0.001, 0.01, 0.1, 1.0) if name == "SRIP" else (0.1, 1.0, 10.0, 100.0)
    return Method(name=name, arm=arm, grid=grid)


def _none(size: Recipe, rate: float, value: float) -> Arm:
    return _arm("none", size, value, 0.0)


REGULARIZERS = (
    "orthogonal",
    "SRIP",
    "MHE",
    "half-space",
    "random projection",
    "angle-preserving",
    "adversarial",
    "group",
    "uniformity",
)
NONE = Method(
    name="none", arm=_none, grid=(0.05, 0.1, 0.2, 0.4), high=1.6, varies="learning rate",
    baseline=True, tunes_rate=True,
)  # fmt: skip
METHODS = (NONE, *map(_regularizer, REGULARIZERS))

FULL = Recipe(hidden=(128, 64), epochs=20, batch_size=64, seeds=12, together=4)
QUICK = Recipe(training=100, validation=100, test=200, hidden=(32, 24), epochs=2, seeds=2)

COMPARISONS = (
    Comparison(
        name="hyperspherical_regularizers_digits",
        title="Nine regularizers that keep neurons apart, all digits, hidden layers of 128, 64",
        problem=images,
        methods=METHODS,
        full=FULL,
        quick=QUICK,
        cut="projections of one dimension, 20; rates up to 1.6",
    ),
    Comparison(
        name="hyperspherical_regularizers_mnist",
        title="Nine regularizers that keep neurons apart, 4,000 images of MNIST",
        problem=images,
        methods=METHODS,
        full=replace(FULL, data="mnist", training=4000, validation=2000, epochs=4, seeds=10,
                     together=2),
        quick=replace(QUICK, data="mnist"),
        cut="4 epochs; projections of one dimension, 20",
    ),
)  # fmt: skip
