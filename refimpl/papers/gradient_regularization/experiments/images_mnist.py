"""The comparison of :mod:`digits` on a small part of MNIST, with fewer methods.

Needs the MNIST files; without them it fails with the error that says how to get them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from refimpl.experiments.comparison import Arm, comparison
from refimpl.experiments.kept import seed_by_seed
from refimpl.papers.gradient_regularization.experiments import digits

GRIDS: dict[str, tuple[float, ...]] = {
    "none": (0.00625, 0.0125, 0.025, 0.05, 0.1),
    "weight decay": (1e-3, 3e-3, 1e-2, 3e-2, 0.1),
    "attack training": (0.1, 0.2, 0.5, 1.0, 2.0),
    "Tikhonov": (3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    "total variation": (0.003, 0.01, 0.03, 0.1, 0.3),
}


@dataclass(frozen=True)
class Config(digits.Config):
    """300 images, and attacks of radius 1."""

    dataset: str = "mnist"
    examples: int = 300
    batch_size: int = 300
    epochs: int = 150
    attack_radius: float = 1.0
    seeds: int = 5

    @classmethod
    def quick(cls) -> Config:
        return cls(hidden=(32,), epochs=20, test=300, validation=300, attack_steps=5, seeds=2)

    @classmethod
    def full(cls) -> Config:
        return cls()


def methods(config: Config) -> Mapping[str, Sequence[Arm]]:
    return digits.arms_of(GRIDS, config.rate)


EXPERIMENT = comparison(
    "gradient_regularization_mnist",
    Config,
    problem=digits.problem,
    methods=methods,
    reference="none",
    summary="The penalties and two neighbors on 300 images of MNIST, strengths by validation",
    cost=seed_by_seed(2.0),
)
