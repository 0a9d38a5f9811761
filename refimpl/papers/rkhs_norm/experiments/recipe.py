"""What the training experiments share: methods by name, one run, and what is measured after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.algorithms.adversarial_training import AdversarialTraining
from refimpl.algorithms.attacks import ProjectedGradientAttack
from refimpl.algorithms.composition import Composition, quiet
from refimpl.algorithms.gradient_penalties import squared_slopes
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.loss_gradient import LossGradient
from refimpl.algorithms.momentum import Momentum
from refimpl.arrays import to_host
from refimpl.datasets import Dataset
from refimpl.errors import DivergenceError
from refimpl.models import Objective
from refimpl.papers.rkhs_norm.adversarial_norm import AdversarialNorm
from refimpl.papers.rkhs_norm.averaged import AveragedGradient
from refimpl.papers.rkhs_norm.bounds import class_bounds, largest_slopes, spectral_norms
from refimpl.papers.rkhs_norm.deformation_norm import DeformationNorm, TangentNorm
from refimpl.papers.rkhs_norm.gradient_norm import GradientNorm
from refimpl.papers.rkhs_norm.graph_smoothness import GraphSmoothness
from refimpl.papers.rkhs_norm.normalized import NormalizedMLP
from refimpl.papers.rkhs_norm.spectral_penalty import SpectralPenalty
from refimpl.papers.rkhs_norm.spectral_projection import SpectralProjection
from refimpl.random import Rng
from refimpl.training import train


@dataclass(frozen=True)
class Recipe:
    """How every method trains, as in the released code but for the number of epochs.

    Attributes
    ----------
    rate, momentum : float
    batch_size, epochs : int
    attack_radius, attack_step : float
        Of the attack after training, in raw pixels, clipped to [0, 1].
    attack_steps : int
    """

    rate: float = 0.05
    momentum: float = 0.9
    batch_size: int = 128
    epochs: int = 80
    attack_radius: float = 1.0
    attack_step: float = 0.1
    attack_steps: int = 20


METHODS = (
    "none",
    "weight decay",
    "projection",
    "spectral penalty",
    "loss gradient",
    "loss gradient l1",
    "gradient norm",
    "adversarial norm",
    "PGD l2",
    "PGD linf",
    "deformation norm",
    "tangent norm",
    "Tikhonov",
    "total variation",
    "graph",
)
"""The methods of :func:`method`, each with one strength: radius or limit where these rule."""


def method(
    name: str, strength: float, recipe: Recipe, *, limit: float | None = None
) -> Composition:
    """The algorithm called ``name`` in results and figures.

    Parameters
    ----------
    name : str
        One of :data:`METHODS`.
    strength : float
        λ; the radius ε of the adversarial methods; τ of the projection.
    recipe : Recipe
    limit : float, optional
        Adds a spectral projection to any method.
    """
    update = Momentum(learning_rate=recipe.rate, momentum=recipe.momentum)
    penalties: dict[str, Any] = {
        "weight decay": lambda: L2(strength=strength),
        "spectral penalty": lambda: SpectralPenalty(strength=strength),
        "loss gradient": lambda: LossGradient(strength=strength),
        "loss gradient l1": lambda: LossGradient(strength=strength, norm="l1"),
        "gradient norm": lambda: GradientNorm(strength=strength),
        "adversarial norm": lambda: AdversarialNorm(radius=strength),
        "deformation norm": lambda: DeformationNorm(strength=strength, fields=8, amplitude=0.5),
        "tangent norm": lambda: TangentNorm(strength=strength, fields=8, amplitude=0.5),
        "Tikhonov": lambda: AveragedGradient(strength=strength),
        "total variation": lambda: AveragedGradient(strength=strength, power=1),
        "graph": lambda: GraphSmoothness(strength=strength),
    }
    wrappers: dict[str, Any] = {
        "PGD l2": lambda: AdversarialTraining(radius=strength),
        "PGD linf": lambda: AdversarialTraining(radius=strength, norm="linf"),
    }
    projections = [] if limit is None else [SpectralProjection(limit=limit)]
    if name == "projection":
        projections = [SpectralProjection(limit=strength)]
    elif name not in penalties and name not in wrappers and name != "none":
        raise ValueError(f"unknown method {name!r}: choose one of {', '.join(METHODS)}")
    return Composition(
        update,
        penalties=[penalties[name]()] if name in penalties else [],
        wrappers=[wrappers[name]()] if name in wrappers else [],
        projections=projections,
    )


def train_network(
    algorithm: Composition,
    objective: Objective,
    params: Any,
    data: Dataset,
    recipe: Recipe,
    rng: Rng,
    strength: float = 0.0,
) -> Any:
    """The parameters after training.

    Raises
    ------
    DivergenceError
        With the strength, the learning rate and the norms of the weights some steps before.
    """
    last = [params]

    def watch(step: int, state: Any, info: Any) -> None:
        if all(bool(np.isfinite(to_host(leaf)).all()) for leaf in ad.flatten(state.params)[0]):
            last[0] = state.params

    try:
        outcome = train(
            quiet(algorithm),
            objective,
            params,
            data,
            epochs=recipe.epochs,
            batch_size=recipe.batch_size,
            rng=rng,
            progress=False,
            on_step=watch,
        )
    except DivergenceError as error:
        norms = [float(np.linalg.norm(to_host(layer["weight"]))) for layer in last[0]]
        raise DivergenceError(
            f"training diverged ({error.message}): lower the strength or the learning rate",
            strength=strength,
            learning_rate=algorithm.learning_rate,
            norms=", ".join(f"{norm:.3g}" for norm in norms),
        ) from None
    return outcome.params


def robust_accuracy(objective: Objective, params: Any, data: Dataset, recipe: Recipe) -> float:
    """Accuracy under projected gradient ascent on the loss, example by example, in pieces."""
    attack = ProjectedGradientAttack(
        radius=recipe.attack_radius,
        steps=recipe.attack_steps,
        step_size=recipe.attack_step,
        low=0.0,
        high=1.0,
    )
    right = 0
    for first in range(0, len(data), 1000):
        batch = data.batch(np.arange(first, min(first + 1000, len(data))))
        outputs = to_host(objective.model(params, attack(objective, params, batch)))
        right += int((outputs.argmax(axis=1) == to_host(batch.targets)).sum())
    return right / len(data)


def measured(
    objective: Objective,
    params: Any,
    train_set: Dataset,
    test_set: Dataset,
    recipe: Recipe,
    attacked: Dataset | None = None,
) -> dict[str, float]:
    """Accuracy, robust accuracy (on ``attacked``, or the test set), and the two sides of the norm.

    ``lower`` is √(Σ_k max_i |∇f_k(x_i)|²) on the training images, ``upper`` the product of the
    spectral norms of the layers, without the scale of the pixels.
    """
    outputs = to_host(objective.model(params, test_set.inputs))
    slopes = to_host(largest_slopes(objective.model, params, train_set.inputs))
    return {
        "clean": float((outputs.argmax(axis=1) == to_host(test_set.targets)).mean()),
        "robust": robust_accuracy(objective, params, attacked or test_set, recipe),
        "lower": float(np.sqrt((slopes**2).sum())),
        "upper": float(np.prod([float(norm) for norm in spectral_norms(params)])),
    }


def sandwich(model: NormalizedMLP, params: Any, inputs: Any) -> np.ndarray:
    """max_i |∇f_k(x_i)| over its upper bound, for every output: at most 1."""
    squares, _ = squared_slopes(model, params, inputs, "auto")
    return np.sqrt(to_host(squares).max(axis=0)) / to_host(class_bounds(model, params))
