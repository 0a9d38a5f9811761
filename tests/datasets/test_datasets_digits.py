"""The bundled digits: against scikit-learn's own objects, and the scaling formulas."""

import sys

import numpy as np
import pytest

from refimpl.arrays import backend
from refimpl.datasets import digits, load
from refimpl.errors import DataError
from refimpl.random import Rng

sklearn_datasets = pytest.importorskip("sklearn.datasets")


def rows(dataset):
    return {row.tobytes() for row in np.rint(dataset.inputs * 16).astype(np.uint8)}


def test_all_digits_in_the_original_order():
    bundle = sklearn_datasets.load_digits()
    data = digits()
    np.testing.assert_array_equal(data.inputs * 16, bundle.data)
    np.testing.assert_array_equal(data.targets, bundle.target)


def test_parts_are_disjoint_and_stratified():
    parts = load("digits", rng=Rng(0))
    assert [len(part) for part in parts] == [1257, 180, 360]
    sets = [rows(part) for part in parts]
    assert not sets[0] & sets[1] and not sets[0] & sets[2] and not sets[1] & sets[2]
    sizes = np.bincount(sklearn_datasets.load_digits().target)
    for part in parts:
        share = sizes * len(part) / 1797
        assert np.all(np.abs(np.bincount(part.targets) - share) < 2)


def test_same_seed_same_data_other_seed_other_data():
    first, again, other = (load("digits", rng=Rng(seed)).train for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert not np.array_equal(first.inputs, other.inputs)


def test_centering_and_scaling_use_the_training_part_alone():
    options = {"training": 200, "validation": 100, "test": 100}
    plain = load("digits", rng=Rng(0), **options)
    mean = plain.train.inputs.mean(axis=0)
    centered = load("digits", rng=Rng(0), center=True, **options)
    deviation = load("digits", rng=Rng(0), center=True, scale="std", **options)
    normed = load("digits", rng=Rng(0), center=True, scale="norm", **options)
    assert np.abs(centered.train.inputs.mean(axis=0)).max() < 1e-14
    assert abs(deviation.train.inputs.std() - 1) < 1e-13
    assert abs(np.mean(np.sum(normed.train.inputs**2, axis=1)) - 1) < 1e-13
    for part, reference in zip(centered, plain, strict=True):
        np.testing.assert_allclose(part.inputs + mean, reference.inputs, atol=1e-15)
    for scaled in (deviation, normed):
        ratio = scaled.test.inputs[centered.test.inputs != 0]
        ratio = ratio / centered.test.inputs[centered.test.inputs != 0]
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-12)
    raw = load("digits", rng=Rng(0), scale="std", **options)
    assert abs(raw.train.inputs.std() - 1) < 1e-13
    assert raw.train.inputs.min() == 0


def test_label_noise_touches_the_training_labels_only():
    plain, noisy = (load("digits", rng=Rng(0), label_noise=p) for p in (0.0, 0.5))
    wrong = np.mean(plain.train.targets != noisy.train.targets)
    # Binomial with mean 0.45 and 1257 draws: six standard deviations are 0.084.
    assert abs(wrong - 0.45) < 0.084
    np.testing.assert_array_equal(plain.train.inputs, noisy.train.inputs)
    for part in ("validation", "test"):
        np.testing.assert_array_equal(getattr(plain, part).targets, getattr(noisy, part).targets)


def test_every_backend(place):
    parts = load("digits", rng=Rng(0), backend=place, scale="std", center=True, label_noise=0.1)
    reference = load("digits", rng=Rng(0), scale="std", center=True, label_noise=0.1)
    for part, same in zip(parts, reference, strict=True):
        assert part.inputs.dtype == place.dtype and part.targets.dtype == place.xp.int64
        host = part.to(backend("numpy"))
        np.testing.assert_allclose(host.inputs, same.inputs, atol=1e-6)
        np.testing.assert_array_equal(host.targets, same.targets)


def test_without_scikit_learn_the_error_names_the_extra(monkeypatch):
    from refimpl.datasets.digits import _bundled

    _bundled.cache_clear()
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match=r"refimpl\[experiments\]"):
        load("digits", rng=Rng(0))


def test_loaded_arrays_are_not_the_shared_ones():
    data = digits()
    data.inputs[0] = -1.0
    data.targets[0] = 5
    assert digits().inputs.min() == 0.0
    assert digits().targets[0] == 0
