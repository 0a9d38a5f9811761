"""The comparison of :mod:`digits` on a small part of MNIST, with fewer methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from refimpl.arrays import Backend
from refimpl.experiments.comparison import Arm, Problem
from refimpl.experiments.declared import Comparison, Method, Size, images
from refimpl.papers.gradient_regularization.experiments.digits import attacked_and_slope, method
from refimpl.random import Rng

GRIDS: dict[str, tuple[float, ...]] = {
    "none": (0.0125, 0.025, 0.05, 0.1),
    "weight decay": (1e-3, 3e-3, 1e-2, 3e-2),
    "attack training": (0.1, 0.2, 0.5, 1.0),
    "Tikhonov": (3e-4, 1e-3, 3e-3, 1e-2),
    "total variation": (0.003, 0.01, 0.03, 0.1),
}


@dataclass(frozen=True, kw_only=True)
class Attacked(Size):
    """Images, and an l2 attack of this radius and of so many steps on the test images."""

    attack_radius: float = 1.0
    attack_steps: int = 20


def problem(size: Attacked, backend: Backend, rng: Rng) -> Problem:
    """Images; accuracy under attack and the mean slope beside the usual metrics."""
    found = images(size, backend, rng)
    metrics = attacked_and_slope(found.objective, size.attack_radius, size.attack_steps)
    return found._replace(metrics=metrics)


def _declared(name: str) -> Method:
    def arm(size: Any, rate: float, value: float) -> Arm:
        return Arm("", method(name, value, rate))

    plain = name == "none"
    return Method(
        name=name, arm=arm, grid=GRIDS[name], varies="learning rate" if plain else "strength",
        baseline=plain, tunes_rate=plain,
    )  # fmt: skip


COMPARISONS = (
    Comparison(
        name="gradient_regularization_few_mnist",
        title="Gradient penalties and two neighbors on 300 images of MNIST",
        problem=problem,
        methods=tuple(map(_declared, GRIDS)),
        full=Attacked(data="mnist", training=300, validation=500, test=1000, hidden=(64, 64),
                      epochs=150, batch_size=None, seeds=5, together=5),
        quick=Attacked(data="mnist", training=60, validation=100, test=100, hidden=(16,), epochs=2,
                       batch_size=None, attack_steps=2, seeds=2),
        cut="1,000 test images, which are attacked; no input noise among the neighbors",
    ),
)  # fmt: skip
