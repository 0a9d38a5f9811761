"""Hyperspherical energy on classes whose frequencies fall geometrically: mean accuracy of classes.

Energies keep neurons apart, and those of the output layer are the classes: a rare one, whose neuron
few images move, should gain. Which digit is how rare is drawn for each seed. Images are centred by
the mean of the set before classes are thinned; validation and test sets keep all images, so that
strengths are chosen for all classes alike. The rarest class has seven images in training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refimpl.arrays import Backend, to_host
from refimpl.datasets import Dataset
from refimpl.experiments.baselines import composed, descent, weight_decay
from refimpl.experiments.comparison import Problem
from refimpl.experiments.declared import Comparison, Method, Size, images
from refimpl.experiments.kept import kept_by_seed
from refimpl.models import Objective
from refimpl.papers.hyperspherical_energy.comhe_random import RPCoMHE
from refimpl.papers.hyperspherical_energy.mhe import MHE
from refimpl.random import Rng
from refimpl.training import Metric

OUTPUT = 10.0
"""The strength of the energy of classes over that of hidden neurons, as in the released code."""


@dataclass(frozen=True, kw_only=True)
class Thinned(Size):
    """Images of which each class keeps a share of those before it.

    Attributes
    ----------
    most : int
        Images of the most frequent class.
    ratio : float
        Of its frequency and that of the rarest.
    """

    most: int = 350
    ratio: float = 50.0


def thinned(dataset: Dataset, size: Thinned, rng: Rng) -> Dataset:
    """The data set with frequencies that fall geometrically, in an order of classes drawn."""
    labels = to_host(dataset.targets)
    order = rng.child("classes").permutation(dataset.outputs)
    counts = np.rint(size.most * size.ratio ** (-np.arange(len(order)) / (len(order) - 1)))
    kept = [
        np.flatnonzero(labels == digit)[: int(count)]
        for digit, count in zip(order, counts, strict=True)
    ]
    return dataset.take(np.sort(np.concatenate(kept)))


def mean_of_classes(objective: Objective) -> Metric:
    """The mean over classes of the accuracy on each, as a metric."""

    def balanced(params: Any, dataset: Dataset) -> float:
        outputs = to_host(objective.model(params, dataset.inputs))
        labels = to_host(dataset.targets)
        right = np.argmax(outputs, axis=1) == labels
        return float(np.mean([np.mean(right[labels == digit]) for digit in np.unique(labels)]))

    return balanced


@kept_by_seed(6)
def problem(size: Thinned, backend: Backend, rng: Rng) -> Problem:
    """Images, thinned for training; mean accuracy of classes beside the plain one."""
    found = images(size, backend, rng)
    train = thinned(found.split.train, size, rng.child("thinned"))
    return found._replace(
        split=found.split._replace(train=train),
        metrics={"balanced": mean_of_classes(found.objective)},
    )


def _method(name: str, part: Callable[..., Any], hidden: float, output: float, **fixed: Any) -> Any:
    def arm(size: Any, rate: float, value: float) -> Any:
        strengths = {"strength": hidden * value, "output_strength": output * value}
        return composed(rate, penalties=[part(**strengths, **fixed)])

    return Method(name=name, arm=arm, grid=(0.01, 0.1, 1.0, 10.0))


METHODS = (
    descent(),
    weight_decay(),
    _method("half-space", MHE, 1.0, 0.0),
    _method("classes", MHE, 0.0, 1.0),
    _method("half-space and classes", MHE, 1.0, OUTPUT),
    _method("random projection and classes", RPCoMHE, 1.0, OUTPUT, dimension=30, projections=2),
)

FULL = Thinned(data="mnist", training=4000, validation=5000, hidden=(64,), epochs=15,
               batch_size=50, seeds=5, together=5, dtype="float32")  # fmt: skip
QUICK = replace(FULL, training=400, validation=200, test=200, most=30, ratio=10.0, epochs=2,
                seeds=2, hidden=(16,))  # fmt: skip

COMPARISONS = (
    Comparison(
        name="hyperspherical_imbalanced_mnist",
        title="Hyperspherical energies on MNIST, classes of 350 to 7 images",
        problem=problem,
        methods=METHODS,
        full=FULL,
        quick=QUICK,
        score="balanced",
        cut="no reweighted or resampled classes among the baselines; one hidden layer of 64; of "
        "the compressed energies random projection alone",
    ),
)
