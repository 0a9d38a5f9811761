"""Dataset, Batch, Split: exact stratification, no overlap, no mutation, every backend."""

from collections import Counter

import numpy as np
import pytest

from refimpl.arrays import backend, device, to_host
from refimpl.datasets import Dataset, partition, split, with_label_noise
from refimpl.random import Rng


def numbered(labels, classes=None):
    """A set whose first feature is the position of the example, so that it can be recognised."""
    labels = np.asarray(labels)
    position = np.arange(labels.size, dtype=np.float64)
    return Dataset("numbered", np.stack([position, -position], axis=1), labels, classes)


def positions(dataset):
    return [int(v) for v in to_host(dataset.inputs)[:, 0]]


LABELS = np.repeat([0, 1, 2], [60, 30, 10])


@pytest.mark.parametrize("seed", range(5))
def test_split_is_exactly_stratified(seed):
    parts = split(numbered(LABELS, 3), Rng(seed), (0.5, 0.2, 0.3))
    counts = [Counter(part.targets.tolist()) for part in parts]
    assert counts == [{0: 30, 1: 15, 2: 5}, {0: 12, 1: 6, 2: 2}, {0: 18, 1: 9, 2: 3}]


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize("sizes", [(0.7, 0.15, 0.15), (None, 13, 7), (11, 0.25, None), (5, 4, 3)])
def test_parts_are_disjoint_and_of_the_sizes_asked_for(sizes, stratified):
    data = numbered(LABELS, 3)
    parts = split(data, Rng(2), sizes, stratified=stratified)
    seen = [position for part in parts for position in positions(part)]
    assert len(seen) == len(set(seen))
    expected = {
        (0.7, 0.15, 0.15): [70, 15, 15],
        (None, 13, 7): [80, 13, 7],
        (11, 0.25, None): [11, 25, 64],
        (5, 4, 3): [5, 4, 3],
    }
    assert [len(part) for part in parts] == expected[sizes]
    for part in parts:
        for position, label in zip(positions(part), part.targets, strict=True):
            assert LABELS[position] == label


@pytest.mark.parametrize("count", [1, 7, 33, 64, 99])
def test_shares_differ_from_the_exact_ones_by_less_than_one(count):
    (chosen,) = partition(100, Rng(0), (count,), labels=LABELS)
    for label, size in enumerate([60, 30, 10]):
        assert abs(np.sum(LABELS[chosen] == label) - size * count / 100) < 1


def test_the_largest_remainders_are_rounded_up():
    # Exact shares 19.8, 9.9 and 3.3.
    (chosen,) = partition(100, Rng(0), (33,), labels=LABELS)
    assert np.bincount(LABELS[chosen]).tolist() == [20, 10, 3]


def test_fractions_that_sum_to_one_use_every_example():
    for count in range(1, 60):
        parts = partition(count, Rng(0), (0.6, 0.3, 0.1))
        assert sorted(np.concatenate(parts)) == list(range(count))


def test_split_depends_on_the_seed_alone():
    data = numbered(LABELS, 3)
    rng = Rng(4)
    rng.normal((17,))
    first, again, other = (split(data, r) for r in (Rng(4), rng, Rng(5)))
    assert [positions(p) for p in first] == [positions(p) for p in again]
    assert positions(first.train) != positions(other.train)
    assert positions(first.train) != sorted(positions(first.train))


@pytest.mark.parametrize(
    ("sizes", "error"),
    [
        ((60, 30, 11), "need 101 examples of 100"),
        ((0.9, 0.2, 0.0), "need 110 examples of 100"),
        ((None, None, 1), "only one size may be None"),
        ((-1, 0, 0), "at least 0, not -1"),
        ((1.5, 0, 0), r"fraction must lie in \[0, 1\], not 1.5"),
    ],
)
def test_impossible_sizes_are_refused_with_numbers(sizes, error):
    with pytest.raises(ValueError, match=error):
        split(numbered(LABELS, 3), Rng(0), sizes)


def test_regression_sets_split_at_random():
    parts = split(numbered(np.linspace(0, 1, 10)), Rng(0), (6, 2, 2))
    assert sorted(p for part in parts for p in positions(part)) == list(range(10))


def test_batches_on_every_backend(place):
    data = numbered(LABELS, 3).to(place)
    batch = data.batch([99, 0, 0, 61])
    assert to_host(batch.inputs)[:, 0].tolist() == [99, 0, 0, 61]
    assert to_host(batch.targets).tolist() == [2, 0, 0, 1]
    assert isinstance(batch.indices, np.ndarray)
    for array, dtype in ((batch.inputs, place.dtype), (batch.targets, place.xp.int64)):
        assert array.dtype == dtype
        assert device(array) == device(data.inputs) == (place.device or "cpu")
    whole = data.batch()
    assert whole.inputs is data.inputs
    assert whole.indices.tolist() == list(range(100))


def test_take_subset_split_and_codes_on_every_backend(place):
    data = numbered(LABELS, 3).to(place)
    assert positions(data.take([3, 1])) == [3, 1]
    assert Counter(to_host(data.subset(20, Rng(0)).targets).tolist()) == {0: 12, 1: 6, 2: 2}
    parts = split(data, Rng(0), (10, 10, 10))
    assert all(device(part.targets) == device(data.inputs) for part in parts)
    codes = data.one_hot(off=-1.0)
    assert codes.targets.dtype == place.dtype
    assert device(codes.targets) == device(data.inputs)
    host = to_host(codes.targets)
    assert host.argmax(axis=1).tolist() == LABELS.tolist()
    assert set(host.ravel().tolist()) == {-1.0, 1.0}
    assert np.all(host.sum(axis=1) == -1.0)
    assert codes.outputs == 3 and codes.classes is None


@pytest.mark.parametrize("indices", [[100], [-1], [0, 200]])
def test_positions_outside_the_set_are_refused(indices):
    with pytest.raises(IndexError, match=r"outside \[0, 100\)"):
        numbered(LABELS, 3).batch(indices)


def test_splitting_does_not_write_into_the_data():
    inputs, labels = np.random.default_rng(0).normal(size=(100, 2)), LABELS.copy()
    inputs.flags.writeable = labels.flags.writeable = False
    data = Dataset("frozen", inputs, labels, 3)
    with_label_noise(split(data, Rng(0)).train, 1.0, Rng(1))
    data.one_hot()


@pytest.mark.parametrize(
    ("inputs", "targets", "classes", "error", "message"),
    [
        (np.zeros(3), np.zeros(3), None, ValueError, r"shape \(P, n\)"),
        (np.zeros((3, 1)), np.zeros(2), None, ValueError, "one row each"),
        (np.zeros((3, 1)), np.zeros((3, 2, 1)), None, ValueError, "one row each"),
        (np.zeros((3, 1)), np.array([0, 1, 2]), 2, ValueError, "from 0 to 2"),
        (np.zeros((3, 1)), np.array([0, -1, 1]), 2, ValueError, "from -1 to 1"),
        (np.zeros((3, 1)), np.zeros((3, 1), dtype=np.int64), 2, ValueError, "one row each"),
        (np.zeros((3, 1)), np.zeros(3), 2, TypeError, "int64"),
        (np.zeros((3, 1)), np.array([0, 1, 1]), None, TypeError, "give classes="),
        (np.zeros((3, 1), dtype=np.int64), np.zeros(3), None, TypeError, "float64 or float32"),
        (np.zeros((3, 1), dtype=np.float32), np.zeros(3), None, TypeError, "float32"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(inputs, targets, classes, error, message):
    with pytest.raises(error, match=message):
        Dataset("bad", inputs, targets, classes)


def test_label_noise_hits_the_stated_fraction_of_labels_uniformly():
    n, classes, probability = 40_000, 4, 0.4
    data = Dataset("zeros", np.zeros((n, 1)), np.zeros(n, dtype=np.int64), classes)
    noisy = with_label_noise(data, probability, Rng(0)).targets
    counts = np.bincount(noisy, minlength=classes)
    expected = n * np.array([1 - probability * 3 / 4, *[probability / 4] * 3])
    # Binomial counts: six standard deviations, false alarms below 1e-8.
    assert np.all(np.abs(counts - expected) < 6 * np.sqrt(expected))
    assert np.all(with_label_noise(data, 0.0, Rng(0)).targets == 0)


def test_label_noise_keeps_place_and_dtype(place):
    noisy = with_label_noise(numbered(LABELS, 3).to(place), 0.5, Rng(0))
    assert noisy.targets.dtype == place.xp.int64
    assert device(noisy.targets) == device(noisy.inputs)


def test_moving_a_set_moves_its_truth():
    data = Dataset("t", np.zeros((1, 1)), np.zeros(1), truth={"teacher": np.ones(3)})
    assert data.to(backend("numpy", "float32")).truth["teacher"].dtype == np.float32
