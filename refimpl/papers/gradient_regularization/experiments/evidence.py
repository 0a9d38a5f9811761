"""Penalties on the network's gradient against decay, input noise and loss gradients, on digits.

Few examples are where the papers' smoothness should help; on all digits there is little to gain.
Accuracy under attack is judged with its own choice of settings.
"""

from __future__ import annotations

from dataclasses import replace

from refimpl.algorithms.attacks import ProjectedGradientAttack
from refimpl.algorithms.loss_gradient import LossGradient
from refimpl.arrays import Backend
from refimpl.experiments.baselines import composed, descent, weight_decay
from refimpl.experiments.comparison import Problem
from refimpl.experiments.declared import Comparison, Method, Size, images
from refimpl.papers.gradient_regularization.experiments.digits import under
from refimpl.papers.gradient_regularization.input_noise import InputNoise
from refimpl.papers.gradient_regularization.regularization import GradientRegularization
from refimpl.random import Rng

ATTACK = ProjectedGradientAttack(radius=0.5, norm="l2", steps=10)


def problem(size: Size, backend: Backend, rng: Rng) -> Problem:
    """Images, and accuracy under an l2 attack of radius 0.5, ten steps."""
    found = images(size, backend, rng)
    return found._replace(metrics={"attacked": under(ATTACK, found.objective)})


METHODS = (
    descent(),
    weight_decay(),
    Method(
        name="input noise",
        arm=lambda size, rate, value: composed(rate, wrappers=[InputNoise(deviation=value)]),
        grid=(0.1, 0.2, 0.4, 0.8),
        varies="deviation",
        baseline=True,
    ),
    Method(
        name="loss gradient",
        arm=lambda size, rate, value: composed(rate, penalties=[LossGradient(strength=value)]),
        grid=(0.03, 0.1, 0.3, 1.0),
        baseline=True,
    ),
    Method(
        name="Tikhonov",
        arm=lambda size, rate, value: composed(
            rate, penalties=[GradientRegularization(strength=value)]
        ),
        grid=(3e-4, 3e-3, 3e-2, 3e-1),
    ),
    Method(
        name="total variation",
        arm=lambda size, rate, value: composed(
            rate, penalties=[GradientRegularization(strength=value, power=1)]
        ),
        grid=(3e-4, 3e-3, 3e-2, 3e-1),
    ),
)

MANY: dict[str, tuple[float, ...]] = {
    "plain": (0.03, 0.1, 0.3, 0.9),
    "weight decay": (1e-6, 1e-5, 1e-4, 1e-3),
    "Tikhonov": (3e-6, 3e-5, 3e-4, 3e-3),
    "total variation": (3e-6, 3e-5, 3e-4, 3e-3),
}
"""Where the grids of these methods begin with many examples."""

FEW = Size(training=150, validation=500, test=900, epochs=40, batch_size=50, seeds=6, together=6)
QUICK = replace(FEW, training=60, epochs=2, seeds=2, hidden=(16,), validation=100, test=100)

COMPARISONS = (
    Comparison(
        name="gradient_regularization_few_digits",
        title="Gradient regularization on 150 digits",
        problem=problem,
        methods=METHODS,
        full=FEW,
        quick=QUICK,
    ),
    Comparison(
        name="gradient_regularization_robust_digits",
        title="Gradient regularization on 150 digits, accuracy under attack",
        problem=problem,
        methods=METHODS,
        full=FEW,
        quick=QUICK,
        score="attacked",
    ),
    Comparison(
        name="gradient_regularization_all_digits",
        title="Gradient regularization on all digits",
        expects="control",
        problem=problem,
        methods=METHODS[:2] + METHODS[4:],
        full=replace(FEW, training=None, validation=180, test=360, epochs=6),
        quick=QUICK,
        cut="descent and weight decay as the only baselines",
    ),
    Comparison(
        name="gradient_regularization_all_mnist",
        title="Gradient regularization on all of MNIST",
        expects="control",
        problem=images,
        methods=tuple(
            replace(method, grid=MANY[method.name]) for method in METHODS if method.name in MANY
        ),
        full=Size(data="mnist", epochs=10, batch_size=250, seeds=5, together=1, dtype="float32"),
        quick=replace(QUICK, data="mnist"),
        cut="10 epochs; no attack; descent and weight decay as the only baselines",
    ),
)
