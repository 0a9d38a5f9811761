"""Test accuracy of constrained methods and baselines on digits and on MNIST.

Each method brings four settings; validation chooses, and the seeds (split, start, order of the
batches, noise) are shared by the methods. Released optimizers are among them, as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import datasets
from refimpl.algorithms.composition import alone
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.langevin import Langevin
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.orthogonality import Orthogonality, gram_defect
from refimpl.algorithms.penalized import weight_matrices
from refimpl.algorithms.sgd import SGD
from refimpl.algorithms.sgld import SGLD
from refimpl.algorithms.srip import SRIP
from refimpl.arrays import Backend, to_host
from refimpl.experiments.comparison import Arm, Problem, arms, comparison
from refimpl.experiments.kept import kept_by_seed, seed_by_seed
from refimpl.models import MLP, Objective
from refimpl.papers.constrained_langevin.c_cola_od import CCoLAod
from refimpl.papers.constrained_langevin.c_cola_released import ReleasedCCoLAud
from refimpl.papers.constrained_langevin.c_cola_ud import CCoLAud
from refimpl.papers.constrained_langevin.o_cola_od import OCoLAod
from refimpl.papers.constrained_langevin.o_cola_released import ReleasedOCoLAud
from refimpl.papers.constrained_langevin.o_cola_ud import OCoLAud
from refimpl.random import Rng
from refimpl.training import TrainingResult

_RADII = ((0.15, 0.15, 0.15), (0.5, 0.5, 0.5))
_HEAT = (0.0, 1e-6)


@dataclass(frozen=True)
class Config:
    """Network, epochs and seeds.

    What is judged, residuals in every step, needs no long runs.
    """

    dataset: str = "digits"
    widths: tuple[int, ...] = (64, 100, 100, 10)
    batch_size: int = 64
    epochs: int = 2
    seeds: int = 2
    training: int | None = None
    validation: int | None = None

    @classmethod
    def quick(cls) -> Config:
        return cls()

    @classmethod
    def full(cls) -> Config:
        return cls(epochs=10, seeds=5)


@dataclass(frozen=True)
class MNISTConfig(Config):
    """The same on a part of MNIST."""

    dataset: str = "mnist"
    widths: tuple[int, ...] = (784, 100, 100, 10)
    batch_size: int = 128
    epochs: int = 1
    training: int | None = 10_000
    validation: int | None = 5_000

    @classmethod
    def quick(cls) -> MNISTConfig:
        return cls(training=1_000, validation=1_000)

    @classmethod
    def full(cls) -> MNISTConfig:
        return cls(epochs=4, seeds=5)


def methods(config: Config) -> Mapping[str, Sequence[Arm]]:
    """Four settings each."""
    below = {"base": "momentum", "learning_rate": 0.05}
    return {
        "SGD": arms(SGD, {"learning_rate": (0.05, 0.1, 0.3, 0.6)}),
        "momentum": arms(Momentum, {"learning_rate": (0.01, 0.03, 0.1, 0.2)}),
        "weight decay": arms(_alone(L2), {"strength": (1e-5, 1e-4, 1e-3, 1e-2)}, **below),
        "SGLD": arms(SGLD, {"learning_rate": (0.1, 0.3), "temperature": (1e-7, 1e-5)}),
        "Langevin": arms(
            Langevin, {"step_size": (0.15, 0.3), "temperature": (1e-7, 1e-5)}, friction=0.4
        ),
        "orthogonality penalty": arms(
            _alone(Orthogonality), {"strength": (1e-4, 1e-3, 1e-2, 3e-2)}, **below
        ),
        "SRIP": arms(_alone(SRIP), {"strength": (1e-4, 1e-3, 1e-2, 3e-2)}, method="power", **below),
        "c-CoLA-od": arms(
            CCoLAod, {"radii": _RADII, "temperature": _HEAT}, step_size=0.2, outside="clip"
        ),
        "c-CoLA-ud": arms(
            CCoLAud,
            {"radii": _RADII, "temperature": _HEAT},
            step_size=0.25,
            friction=0.4,
            outside="clip",
        ),
        "o-CoLA-od": arms(OCoLAod, {"step_size": (0.1, 0.3), "temperature": _HEAT}),
        "o-CoLA-ud": arms(OCoLAud, {"step_size": (0.15, 0.3), "temperature": _HEAT}, friction=0.4),
        "c-CoLA-ud as released": arms(
            ReleasedCCoLAud,
            {"step_size": (0.1, 0.25), "temperature": _HEAT},
            friction=0.4,
            radii=_RADII[1],
        ),
        "o-CoLA-ud as released": arms(ReleasedOCoLAud, {"learning_rate": (0.02, 0.05, 0.1, 0.2)}),
    }


def _alone(part: Any) -> Any:
    return lambda **settings: alone(part, **settings)


@kept_by_seed()
def problem(config: Config, backend: Backend, rng: Rng) -> Problem:
    """The data of one seed and PyTorch's uniform start."""
    sizes = {"training": config.training, "validation": config.validation}
    given: dict[str, Any] = {name: size for name, size in sizes.items() if size is not None}
    split = datasets.load(
        config.dataset, rng=rng.child("data"), backend=backend, center=True, **given
    )
    model = MLP(config.widths)
    params = model.init(rng.child("init"), "torch_default", bias_scale=1.0, backend=backend)
    return Problem(split, Objective(model), params, observe=residuals)


def residuals(outcome: TrainingResult) -> dict[str, float]:
    """The largest residual of a run's own constraint, NaN where it has none, and for every method
    how far the weights end from orthonormal: the largest entry of the smaller of W Wᵀ − I and
    WᵀW − I, over all layers but the first, which orthogonality constraints leave free too."""
    values = outcome.history.steps.get("residual")
    _, *later = weight_matrices(outcome.params)
    defects = [gram_defect(weight, "smaller") for weight in later]
    return {
        "residual": float("nan") if values is None else float(np.max(values)),
        "defect": max(float(np.max(np.abs(to_host(defect)))) for defect in defects),
    }


EXPERIMENTS = (
    comparison(
        "constrained_digits",
        Config,
        problem=problem,
        methods=methods,
        reference="momentum",
        summary="Test accuracy of constrained methods and baselines on digits",
        cost=seed_by_seed(1.0),
    ),
    comparison(
        "constrained_mnist",
        MNISTConfig,
        problem=problem,
        methods=methods,
        reference="momentum",
        summary="Test accuracy of constrained methods and baselines on MNIST, 10,000 samples",
        cost=seed_by_seed(1.0),
    ),
)
