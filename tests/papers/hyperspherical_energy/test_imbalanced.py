"""Classes whose frequencies fall: how many of each are left, and the mean accuracy of classes."""

from dataclasses import replace

import numpy as np

from refimpl import Rng, backend
from refimpl.datasets.base import Dataset
from refimpl.papers.hyperspherical_energy.experiments.evidence_imbalanced import (
    QUICK,
    Thinned,
    mean_of_classes,
    problem,
    thinned,
)

SIZE = Thinned(most=64, ratio=64.0)


def balanced(classes=4, each=80):
    labels = np.repeat(np.arange(classes), each)
    order = Rng(0).permutation(labels.size)
    inputs = np.arange(float(labels.size))[:, None]
    return Dataset("toy", inputs, labels[order].astype(np.int64), classes=classes)


def test_frequencies_fall_geometrically_in_an_order_that_the_seed_draws():
    whole, orders = balanced(), set()
    for seed in range(12):
        part = thinned(whole, SIZE, Rng(seed))
        counts = np.bincount(part.targets, minlength=4)
        assert sorted(counts.tolist()) == [1, 4, 16, 64]
        orders.add(tuple(np.argsort(counts).tolist()))
        places = part.inputs[:, 0].astype(int)
        assert len(set(places)) == 85 and np.array_equal(whole.targets[places], part.targets)
    assert len(orders) > 6
    again = thinned(whole, SIZE, Rng(3))
    assert np.array_equal(again.inputs, thinned(whole, SIZE, Rng(3)).inputs)


class Fixed:
    """A network that says the class that stands in its inputs."""

    def model(self, params, inputs):
        return np.eye(3)[inputs[:, 0].astype(int)]


def test_the_mean_of_classes_counts_a_rare_class_like_the_others():
    said = np.array([0, 0, 0, 0, 1, 1, 2, 0])
    true = np.array([0, 0, 0, 0, 0, 1, 2, 2])
    data = Dataset("toy", said[:, None].astype(float), true, classes=3)
    expected = (4 / 5 + 1 + 1 / 2) / 3
    assert mean_of_classes(Fixed())(None, data) == expected


def test_the_problem_thins_its_training_set_alone():
    size = replace(
        QUICK, data="digits", training=900, validation=300, test=500, most=60, ratio=20.0
    )
    found = problem(size, backend("numpy"), Rng(2))
    train, validation, test = (np.bincount(part.targets) for part in found.split)
    assert max(train) == 60 and min(train) == 3
    assert min(validation) > 20 and min(test) > 40
    assert set(found.metrics) == {"balanced"}
