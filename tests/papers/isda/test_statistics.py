"""Streaming class statistics: NumPy's covariance, orders, single examples, kinds of arrays."""

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind

from refimpl import Rng
from refimpl.papers.isda.statistics import empty_statistics, update_statistics

SIZES = (5, 1, 17, 40, 3)


def batches(rng, classes=4, width=3):
    """Uneven batches; class 0 is absent from the first, class 3 is seen once."""
    for index, size in enumerate(SIZES):
        labels = rng.integers(int(index == 0), classes - 1, size)
        if index == 2:
            labels[0] = classes - 1
        yield 2.0 + rng.normal((size, width)) * np.array([1.0, 3.0, 0.1]), labels


def expected(seen, classes=4):
    features = np.concatenate([a for a, _ in seen])
    labels = np.concatenate([y for _, y in seen])
    result = np.zeros((classes, features.shape[1], features.shape[1]))
    for k in range(classes):
        if np.sum(labels == k) > 1:
            result[k] = np.cov(features[labels == k], rowvar=False, bias=True)
    return result, np.bincount(labels, minlength=classes)


@pytest.mark.parametrize("diagonal", [False, True])
def test_streaming_is_numpys_covariance_after_every_batch(diagonal, xb):
    statistics = empty_statistics(4, 3, xb.zeros((1,)), diagonal)
    seen = []
    for features, labels in batches(Rng(1)):
        seen.append((features, labels))
        statistics = update_statistics(statistics, xb.asarray(features), xb.asarray(labels))
        full, count = expected(seen)
        wanted = np.diagonal(full, axis1=1, axis2=2) if diagonal else full
        assert_close(statistics.covariance, wanted, factor=200)
        assert_close(statistics.count, count.astype(float))
    assert count[3] == 1 and not wanted[3].any()
    means = [np.concatenate([a[y == k] for a, y in seen]).mean(axis=0) for k in range(4)]
    assert_close(statistics.mean, np.array(means))
    assert_same_kind(statistics.covariance, like=xb.zeros((1,)), shape=False)


def test_two_batches_of_one_example():
    first, second = np.array([[1.0, 2.0]]), np.array([[4.0, -2.0]])
    statistics = empty_statistics(1, 2, first, False)
    for features in (first, second):
        statistics = update_statistics(statistics, features, np.array([0]))
    np.testing.assert_allclose(
        statistics.covariance[0], (first - second).T @ (first - second) / 4.0, rtol=1e-15
    )


def test_order_and_cuts_do_not_matter():
    pieces = list(batches(Rng(2)))
    features = np.concatenate([a for a, _ in pieces])
    labels = np.concatenate([y for _, y in pieces])
    results = []
    for cuts in ([], [10], [1, 2, 30], list(range(5, 65, 5))):
        order = Rng(3).child(len(cuts)).permutation(labels.size)
        statistics = empty_statistics(4, 3, features, False)
        for part in np.split(order, cuts):
            statistics = update_statistics(statistics, features[part], labels[part])
        results.append(statistics.covariance)
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], atol=1e-13)


def test_examples_that_do_not_count():
    features, labels = next(batches(Rng(4)))
    chosen = np.array([True, False, True, True, False])
    empty = empty_statistics(4, 3, features, False)
    part = update_statistics(empty, features, labels, chosen)
    alone = update_statistics(empty, features[chosen], labels[chosen])
    for a, b in zip(part, alone, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-15)


def test_single_precision_features_are_gathered_in_double():
    rng = Rng(5)
    features = (1e4 + rng.normal((2000, 1))).astype(np.float32)
    labels = np.zeros(2000, dtype=np.int64)
    double = empty_statistics(1, 1, np.zeros(1), False)
    single = empty_statistics(1, 1, features, False)
    for start in range(0, 2000, 10):
        part = slice(start, start + 10)
        double = update_statistics(double, features[part], labels[part])
        single = update_statistics(single, features[part], labels[part])
    exact = np.var(features.astype(np.float64))
    assert double.covariance.dtype == np.float64 and single.covariance.dtype == np.float32
    assert abs(double.covariance[0, 0, 0] / exact - 1.0) < 1e-9
    assert abs(single.covariance[0, 0, 0] / exact - 1.0) > 1e-7
