"""Norms of the RKHS against weight decay and adversarial training: few digits, all, and attacked.

Robust accuracy is that under projected gradient ascent on the loss within an l2 ball of 0.5, twenty
steps; for it settings are chosen by robust accuracy on validation images.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from refimpl import datasets
from refimpl.algorithms.adversarial_training import AdversarialTraining
from refimpl.arrays import Backend
from refimpl.arrays import backend as make_backend
from refimpl.experiments.baselines import composed, descent, weight_decay
from refimpl.experiments.comparison import Problem
from refimpl.experiments.declared import Comparison, Method, Size
from refimpl.models import Objective
from refimpl.papers.rkhs_norm.adversarial_norm import AdversarialNorm
from refimpl.papers.rkhs_norm.experiments.recipe import Recipe, robust_accuracy
from refimpl.papers.rkhs_norm.gradient_norm import GradientNorm
from refimpl.papers.rkhs_norm.normalized import NormalizedMLP
from refimpl.papers.rkhs_norm.spectral_projection import SpectralProjection
from refimpl.random import Rng

ATTACK = Recipe(attack_radius=0.5, attack_step=0.05)


def problem(size: Size, backend: Backend, rng: Rng) -> Problem:
    """Raw digits, a network that normalizes them, and robust accuracy."""
    place = make_backend(backend.name, size.dtype)
    sizes = {"training": size.training, "validation": size.validation, "test": size.test}
    given: dict[str, Any] = {name: number for name, number in sizes.items() if number is not None}
    split = datasets.load(size.data, rng=rng.child("data"), backend=place, **given)
    model = NormalizedMLP((split.train.features, *size.hidden, split.train.outputs))
    objective = Objective(model)

    def robust(params: Any, data: Any) -> float:
        return robust_accuracy(objective, params, data, ATTACK)

    start = model.init(rng.child("init"), backend=place)
    return Problem(split, objective, start, {"robust": robust})


def unattacked(size: Size, backend: Backend, rng: Rng) -> Problem:
    """The same without the attack."""
    return problem(size, backend, rng)._replace(metrics={})


METHODS = (
    descent((0.001, 0.003, 0.01, 0.03)),
    weight_decay(),
    Method(
        name="PGD training",
        arm=lambda size, rate, value: composed(rate, wrappers=[AdversarialTraining(radius=value)]),
        grid=(0.1, 0.2, 0.4, 0.8),
        varies="radius",
        baseline=True,
    ),
    Method(
        name="gradient norm",
        arm=lambda size, rate, value: composed(rate, penalties=[GradientNorm(strength=value)]),
        grid=(1e-4, 1e-3, 1e-2, 1e-1),
    ),
    Method(
        name="adversarial norm",
        arm=lambda size, rate, value: composed(
            rate, penalties=[AdversarialNorm(radius=value, steps=2)]
        ),
        grid=(0.005, 0.02, 0.08, 0.32),
        varies="radius",
    ),
    Method(
        name="spectral projection",
        arm=lambda size, rate, value: composed(rate, projections=[SpectralProjection(limit=value)]),
        grid=(0.7, 1.0, 1.4, 2.0),
        varies="limit",
    ),
)

FEW = Size(training=100, validation=400, test=900, hidden=(64,), epochs=20, batch_size=50, seeds=5,
           together=5)  # fmt: skip
QUICK = replace(FEW, training=60, epochs=2, seeds=2, hidden=(16,), validation=100, test=100)

COMPARISONS = (
    Comparison(
        name="rkhs_norm_few_digits",
        title="RKHS norms on 100 digits",
        problem=problem,
        methods=METHODS,
        full=FEW,
        quick=QUICK,
    ),
    Comparison(
        name="rkhs_norm_robust_digits",
        title="RKHS norms on 100 digits, accuracy under attack",
        problem=problem,
        methods=METHODS,
        full=FEW,
        quick=QUICK,
        score="robust",
    ),
    Comparison(
        name="rkhs_norm_all_digits",
        title="RKHS norms on all digits",
        expects="control",
        problem=problem,
        methods=METHODS[:2] + METHODS[3:4],
        full=replace(FEW, training=None, validation=180, test=360, epochs=8),
        quick=QUICK,
        cut="the gradient norm alone",
    ),
    Comparison(
        name="rkhs_norm_all_mnist",
        title="RKHS norms on all of MNIST",
        expects="control",
        problem=unattacked,
        methods=(
            descent((0.01, 0.03, 0.1, 0.3)),
            weight_decay((1e-6, 1e-5, 1e-4, 1e-3)),
            replace(METHODS[3], grid=(1e-7, 1e-6, 1e-5, 1e-4)),
        ),
        full=Size(data="mnist", epochs=30, batch_size=250, seeds=5, together=1, dtype="float32"),
        quick=replace(QUICK, data="mnist"),
        cut="the gradient norm alone; 30 epochs; no attack",
    ),
)
