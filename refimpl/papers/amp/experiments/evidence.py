"""AMP, SAM and random perturbation against tuned descent: wrong labels, and clean ones.

The paper says that it favors flat minima and generalizes better; labels redrawn at random are where
sharp minima cost most, and clean labels on all digits are where there is little to gain. Every
network also reports its one-step sharpness on the training set.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Backend
from refimpl.experiments.baselines import composed, descent, weight_decay
from refimpl.experiments.comparison import Problem
from refimpl.experiments.declared import Comparison, Method, Size, images
from refimpl.papers.amp.experiments.recipe import wrapper_of
from refimpl.papers.amp.experiments.shared import evaluator
from refimpl.papers.amp.sam import SAM
from refimpl.random import Rng


def problem(size: Size, backend: Backend, rng: Rng) -> Problem:
    """Images, and the one-step sharpness of radius 0.5 of the training loss."""
    found = images(size, backend, rng)

    def sharpness(params: Any, data: Any) -> float:
        whole = evaluator(found.objective, found.split.train.batch())
        value, _ = whole(params)
        ascent = SAM(radius=0.5).perturb(whole, params)
        leaves, structure = ad.flatten(params)
        raised = [leaf + d for leaf, d in zip(leaves, ascent.delta, strict=True)]
        return float(whole(ad.unflatten(structure, raised))[0]) - float(value)

    return found._replace(metrics={"sharpness": sharpness})


def _perturbed(name: str, grid: tuple[float, ...]) -> Method:
    return Method(
        name=name,
        arm=lambda size, rate, value: composed(rate, wrappers=[wrapper_of(name, value)]),
        grid=grid,
        varies="radius",
    )


METHODS = (
    descent(),
    weight_decay(),
    _perturbed("amp", (0.1, 0.25, 0.5, 1.0)),
    _perturbed("sam", (0.1, 0.25, 0.5, 1.0)),
    _perturbed("random", (0.5, 1.0, 2.0, 4.0)),
)

FULL = Size(training=300, validation=500, test=997, noise=0.3, epochs=25, batch_size=50, seeds=6)
QUICK = replace(FULL, training=100, epochs=4, seeds=2)
MNIST = Size(data="mnist", hidden=(64, 64), noise=0.3, epochs=20, batch_size=250, seeds=5,
             together=1, dtype="float32")  # fmt: skip

COMPARISONS = (
    Comparison(
        name="amp_noisy_digits",
        title="AMP on 300 digits, 30 % of the labels redrawn",
        problem=problem,
        methods=METHODS,
        full=FULL,
        quick=QUICK,
    ),
    Comparison(
        name="amp_clean_digits",
        title="AMP on all digits, clean labels",
        expects="control",
        problem=problem,
        methods=METHODS,
        full=replace(FULL, training=None, validation=180, test=360, noise=0.0, epochs=8),
        quick=replace(QUICK, noise=0.0),
    ),
    Comparison(
        name="amp_noisy_mnist",
        title="AMP on all of MNIST, 30 % of the labels redrawn",
        problem=images,
        methods=(METHODS[0], weight_decay((1e-5, 1e-4, 1e-3, 1e-2)), *METHODS[2:]),
        full=MNIST,
        quick=replace(MNIST, training=1000, validation=1000, epochs=1, seeds=2),
        cut="20 epochs; sharpness on digits only",
    ),
)
