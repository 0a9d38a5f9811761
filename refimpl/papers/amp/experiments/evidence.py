"""AMP, SAM and random perturbation against tuned descent: wrong labels, and clean ones.

The paper says that it favors flat minima and generalizes better; labels redrawn at random are where
sharp minima cost most, and clean labels on all digits are where there is little to gain. Every
network also reports its one-step sharpness on the training set.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from refimpl import autodiff as ad
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.momentum import Momentum
from refimpl.arrays import Backend
from refimpl.experiments.comparison import Arm, Problem
from refimpl.experiments.declared import Comparison, Method, Size, images
from refimpl.papers.amp.experiments.recipe import wrapper_of
from refimpl.papers.amp.experiments.shared import evaluator
from refimpl.papers.amp.sam import SAM
from refimpl.random import Rng


def _arm(method: str, size: Any, rate: float, value: float) -> Arm:
    update = Momentum(learning_rate=rate, momentum=0.9, nesterov=True)
    if method == "decay":
        return Arm("", Composition(update, penalties=[L2(strength=value)]))
    wrapper = None if method == "plain" else wrapper_of(method, value)
    return Arm("", Composition(update, wrappers=[] if wrapper is None else [wrapper]))


def plain(size: Any, rate: float, value: float) -> Arm:
    """Nesterov's momentum, which the grid gives its rate."""
    return _arm("plain", size, rate, value)


def decay(size: Any, rate: float, value: float) -> Arm:
    """The same under weight decay."""
    return _arm("decay", size, rate, value)


def amp(size: Any, rate: float, value: float) -> Arm:
    """AMP of a radius."""
    return _arm("amp", size, rate, value)


def sam(size: Any, rate: float, value: float) -> Arm:
    """SAM of a radius."""
    return _arm("sam", size, rate, value)


def random(size: Any, rate: float, value: float) -> Arm:
    """Perturbations of random directions."""
    return _arm("random", size, rate, value)


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


METHODS = (
    Method(name="plain", arm=plain, grid=(0.003, 0.01, 0.03, 0.1), varies="learning rate",
           baseline=True, tunes_rate=True),
    Method(name="decay", arm=decay, grid=(1e-4, 1e-3, 1e-2, 1e-1), baseline=True),
    Method(name="amp", arm=amp, grid=(0.1, 0.25, 0.5, 1.0), varies="radius"),
    Method(name="sam", arm=sam, grid=(0.1, 0.25, 0.5, 1.0), varies="radius"),
    Method(name="random", arm=random, grid=(0.5, 1.0, 2.0, 4.0), varies="radius"),
)  # fmt: skip

FULL = Size(training=500, validation=500, test=797, noise=0.3, epochs=60, batch_size=50)
QUICK = replace(FULL, training=100, epochs=4, seeds=2)

COMPARISONS = (
    Comparison(
        name="amp_noisy_digits",
        title="AMP on 500 digits, 30 % of the labels redrawn",
        problem=problem,
        methods=METHODS,
        full=FULL,
        quick=QUICK,
        unit="points",
    ),
    Comparison(
        name="amp_clean_digits",
        title="AMP on all digits, clean labels",
        expects="control",
        problem=problem,
        methods=METHODS,
        full=replace(FULL, training=None, validation=180, test=360, noise=0.0, epochs=30),
        quick=replace(QUICK, noise=0.0),
        unit="points",
    ),
)
