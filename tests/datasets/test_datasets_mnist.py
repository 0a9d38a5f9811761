"""MNIST-like folders: finding, splitting and scaling on small files, and the real ones."""

import gzip
import hashlib

import numpy as np
import pytest

from refimpl.arrays import backend
from refimpl.datasets import SOURCES, find_files, load, write_idx
from refimpl.datasets.fetch import PublicFile, mismatch
from refimpl.errors import DataError
from refimpl.random import Rng

COUNTS = {"train": 200, "t10k": 50}


def fill(folder, suffix=".gz", dotted=False):
    """Images whose first two pixels number them, so that each can be recognised."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    for part, count in COUNTS.items():
        images = generator.integers(0, 256, (count, 4, 3)).astype(np.uint8)
        images[:, 0, 0] = np.arange(count)
        images[0, 0, 1] = 255
        labels = (np.arange(count) % 10).astype(np.uint8)
        separator = "." if dotted else "-"
        write_idx(folder / f"{part}-images{separator}idx3-ubyte{suffix}", images)
        write_idx(folder / f"{part}-labels{separator}idx1-ubyte{suffix}", labels)
    return folder


def numbers(dataset):
    return np.rint(dataset.inputs[:, 0] * 255).astype(int).tolist()


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize(("suffix", "dotted"), [(".gz", False), ("", False), ("", True)])
@pytest.mark.parametrize("inside", [True, False])
def test_files_are_found_in_each_place_and_spelling(tmp_path, name, suffix, dotted, inside):
    fill(tmp_path / name if inside else tmp_path, suffix, dotted)
    parts = load(name, data_dir=tmp_path, rng=Rng(0), validation=40)
    assert [len(part) for part in parts] == [160, 40, 50]
    assert parts.train.inputs.shape == (160, 12)


def test_the_variable_names_the_folder_and_the_argument_wins(tmp_path, monkeypatch):
    fill(tmp_path / "good" / "mnist")
    monkeypatch.setenv("REFIMPL_DATA", str(tmp_path / "good"))
    assert len(load("mnist", rng=Rng(0), validation=40).test) == 50
    with pytest.raises(DataError, match="empty"):
        load("mnist", data_dir=tmp_path / "empty", rng=Rng(0))
    monkeypatch.delenv("REFIMPL_DATA")
    with pytest.raises(DataError, match=r"`refimpl data fetch mnist` downloads.*REFIMPL_DATA"):
        load("mnist", rng=Rng(0))


def test_a_missing_file_is_named_with_its_folder_and_the_command(tmp_path):
    folder = fill(tmp_path / "fashion-mnist")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError) as caught:
        load("fashion-mnist", data_dir=tmp_path, rng=Rng(0))
    message = str(caught.value)
    assert f"t10k-labels-idx1-ubyte.gz, t10k-labels-idx1-ubyte in {folder};" in message
    assert "train-images" not in message
    assert f"refimpl data fetch fashion-mnist --data-dir {tmp_path}" in message
    assert caught.value.missing == 1


def test_labels_in_the_place_of_images_are_refused(tmp_path):
    folder = fill(tmp_path)
    content = (folder / "train-labels-idx1-ubyte.gz").read_bytes()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"file of images is expected.*holds labels"):
        load("mnist", data_dir=tmp_path, rng=Rng(0), validation=40)


def test_the_files_of_the_other_set_are_refused(tmp_path, monkeypatch):
    labels = fill(tmp_path) / "t10k-labels-idx1-ubyte.gz"
    digest = hashlib.md5(labels.read_bytes()).hexdigest()
    public = PublicFile("t10k-labels-idx1-ubyte", {"md5": digest}, of="archive")
    monkeypatch.setitem(SOURCES["fashion-mnist"].files, "test_labels", public)
    with pytest.raises(DataError, match="files of Fashion-MNIST, not of MNIST"):
        load("mnist", data_dir=tmp_path, rng=Rng(0))
    assert set(find_files("fashion-mnist", tmp_path)) == set(SOURCES["mnist"].files)


def test_validation_comes_off_the_training_images_without_overlap(tmp_path):
    fill(tmp_path)
    parts = load("mnist", data_dir=tmp_path, rng=Rng(0), validation=40)
    assert sorted(numbers(parts.train) + numbers(parts.validation)) == list(range(200))
    assert sorted(numbers(parts.test)) == list(range(50))
    assert np.bincount(parts.validation.targets).tolist() == [4] * 10
    for part in parts:
        assert (np.array(numbers(part)) % 10).tolist() == part.targets.tolist()


def test_the_last_images_can_be_held_out(tmp_path):
    fill(tmp_path)
    parts = load("mnist", data_dir=tmp_path, rng=Rng(0), validation=40, holdout="last")
    assert numbers(parts.validation) == list(range(160, 200))


def test_a_training_subset_is_stratified_and_leaves_validation_alone(tmp_path):
    fill(tmp_path)
    small, large = (
        load("mnist", data_dir=tmp_path, rng=Rng(0), validation=40, training=n, test=20)
        for n in (30, 0.5)
    )
    assert np.bincount(small.train.targets).tolist() == [3] * 10
    assert np.bincount(small.test.targets).tolist() == [2] * 10
    assert len(large.train) == 80
    assert numbers(small.validation) == numbers(large.validation)
    assert not set(numbers(large.train)) & set(numbers(large.validation))


def test_pixels_lie_in_the_unit_interval_and_backends_agree(tmp_path, place):
    fill(tmp_path)
    reference = load("mnist", data_dir=tmp_path, rng=Rng(0), validation=40, center=True).train
    made = load(
        "mnist", data_dir=tmp_path, rng=Rng(0), validation=40, center=True, backend=place
    ).train
    assert made.inputs.dtype == place.dtype and made.targets.dtype == place.xp.int64
    back = made.to(backend("numpy"))
    np.testing.assert_allclose(back.inputs, reference.inputs, rtol=0, atol=1e-7)
    plain = load("mnist", data_dir=tmp_path, rng=Rng(0), validation=40)
    assert plain.train.inputs.min() >= 0 and plain.train.inputs.max() == 1.0


def test_bad_options_are_refused(tmp_path):
    fill(tmp_path)
    for options, message in (
        ({"validation": 201}, "201 of 200"),
        ({"validation": 40, "training": 161}, "161 examples of 160"),
        ({"validation": 40, "scale": "zscore"}, "unit, std, norm"),
        ({"validation": 200, "center": True}, "at least one training image"),
        ({"validation": 40, "label_noise": 1.5}, "probability"),
    ):
        with pytest.raises(ValueError, match=message):
            load("mnist", data_dir=tmp_path, rng=Rng(0), **options)


@pytest.mark.mnist
def test_the_real_files_have_the_published_checksums(mnist_dir):
    digests = {
        "train_images": "6bbc9ace898e44ae57da46a324031adb",
        "train_labels": "a25bea736e30d166cdddb491f175f624",
        "test_images": "2646ac647ad5339dbf082846283269ea",
        "test_labels": "27ae3e4e09519cfbb04c329615203637",
    }
    for role, path in find_files("mnist", mnist_dir).items():
        assert hashlib.md5(gzip.decompress(path.read_bytes())).hexdigest() == digests[role]
        assert mismatch(path, SOURCES["mnist"].files[role]) is None


@pytest.mark.mnist
def test_the_real_files_load(mnist_dir):
    parts = load("mnist", data_dir=mnist_dir, rng=Rng(0), backend=backend("numpy", "float32"))
    assert [part.inputs.shape for part in parts] == [(50000, 784), (10000, 784), (10000, 784)]
    # The class sizes of the published training and test files.
    sizes = np.array([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
    counts = [np.bincount(part.targets) for part in parts]
    assert (counts[0] + counts[1]).tolist() == sizes.tolist()
    assert np.all(np.abs(counts[1] - sizes / 6) < 1)
    assert counts[2].tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    # The well-known mean and deviation of MNIST's training pixels.
    mean, square = (
        sum(f(part.inputs).sum(dtype=np.float64) for part in parts[:2]) / (60000 * 784)
        for f in (np.asarray, np.square)
    )
    assert abs(mean - 0.1307) < 1e-4
    assert abs(np.sqrt(square - mean**2) - 0.3081) < 1e-4
