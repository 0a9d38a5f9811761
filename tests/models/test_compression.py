"""Counts against direct ones, bytes against scipy's own file, and a round trip without a change."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng, backend
from refimpl.errors import DataError
from refimpl.models import MLP
from refimpl.models.compression import describe, load, save


def sparse_network(seed, density, dtype="float64", bias=True):
    rng = np.random.default_rng(seed)
    params = MLP((30, 40, 20, 5), bias=bias).init(Rng(seed), bias_scale=1.0)
    for layer in params:
        layer["weight"][rng.random(layer["weight"].shape) >= density] = 0.0
    return [{name: leaf.astype(dtype) for name, leaf in layer.items()} for layer in params]


@given(
    seed=st.integers(0, 10**6),
    density=st.floats(0.0, 1.0),
    dtype=st.sampled_from(["float32", "float64"]),
    bias=st.booleans(),
)
def test_a_round_trip_changes_no_prediction(tmp_path_factory, seed, density, dtype, bias):
    path = tmp_path_factory.mktemp("net") / "net.npz"
    params = sparse_network(seed, density, dtype, bias)
    save(path, params)
    again = load(path)
    for old, new in zip(params, again, strict=True):
        assert old.keys() == new.keys()
        for name in old:
            assert new[name].dtype == old[name].dtype
            assert np.array_equal(new[name], old[name])
    model = MLP((30, 40, 20, 5), bias=bias)
    inputs = np.random.default_rng(seed).normal(size=(7, 30)).astype(dtype)
    assert model(again, inputs).tobytes() == model(params, inputs).tobytes()


@given(seed=st.integers(0, 10**6), density=st.floats(0.05, 1.0))
def test_counts_and_bytes(seed, density):
    params = sparse_network(seed, density)
    report = describe(params)
    flat = np.concatenate([layer["weight"].ravel() for layer in params])
    assert report.weights == flat.size == 30 * 40 + 40 * 20 + 20 * 5
    assert report.nonzero == sum(float(value) != 0.0 for value in flat)
    assert report.ratio == pytest.approx(flat.size / report.nonzero)
    biases = 8 * (40 + 20 + 5)
    assert report.dense_bytes == 8 * flat.size + biases
    expected = biases
    for layer in params:  # 8 bytes a value, 4 a column, 4 a row end: or dense, if that is less
        kept = int((layer["weight"] != 0.0).sum())
        rows = layer["weight"].shape[0]
        expected += min(12 * kept + 4 * (rows + 1), 8 * layer["weight"].size)
    assert report.sparse_bytes == expected
    # indices cost memory: storage never gains as much as the count of weights
    assert report.storage_ratio <= report.ratio


def test_nine_times_fewer_weights_are_not_nine_times_less_storage():
    weight = np.zeros(900 * 900, np.float32)
    weight[np.random.default_rng(1).permutation(900 * 900)[: 900 * 100]] = 1.0
    report = describe([{"weight": weight.reshape(900, 900)}])
    assert report.ratio == pytest.approx(9.0, rel=1e-3)
    assert 4.0 < report.storage_ratio < 4.6


def test_a_dead_network_is_collapsed_and_not_infinitely_compressed(tmp_path):
    params = [{"weight": np.zeros((3, 2)), "bias": np.ones(3)}]
    report = describe(params)
    assert report.collapsed and report.ratio is None and report.as_dict()["ratio"] is None
    save(tmp_path / "dead.npz", params)
    assert np.array_equal(load(tmp_path / "dead.npz")[0]["weight"], np.zeros((3, 2)))


def test_weights_alone_are_stored_by_their_entries(tmp_path):
    """A bias of zeros would be smaller so, but a reader finds it as it is."""
    save(tmp_path / "net.npz", [{"weight": np.eye(60), "bias": np.zeros(60)}])
    with np.load(tmp_path / "net.npz") as archive:
        assert archive["0/weight/data"].size == 60 and archive["0/bias"].shape == (60,)


def test_the_parameters_come_back_where_they_are_wanted(tmp_path):
    save(tmp_path / "net.npz", sparse_network(0, 0.2))
    place = backend("numpy", "float32")
    assert load(tmp_path / "net.npz", place)[0]["weight"].dtype == np.float32


def test_files_that_are_no_network_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", values=np.ones(3))
    np.savez(tmp_path / "empty.npz", layers=np.asarray(1))
    (tmp_path / "text.npz").write_text("no archive")
    for name in ("missing", "other", "empty", "text"):
        with pytest.raises(DataError, match=r"not a saved sparse network|cannot read|no npz"):
            load(tmp_path / f"{name}.npz")


def crafted(**parts):
    """A network of one layer in compressed rows, (2, 3), with some parts replaced."""
    arrays = {
        "layers": np.asarray(1),
        "0/weight/data": np.ones(2),
        "0/weight/indices": np.array([0, 2]),
        "0/weight/indptr": np.array([0, 1, 2]),
        "0/weight/shape": np.array([2, 3]),
    }
    for name, value in parts.items():
        key = name if name == "layers" or "/" in name else f"0/weight/{name}"
        arrays[key] = value
    return arrays


def test_what_the_crafted_network_is(tmp_path):
    np.savez(tmp_path / "net.npz", **crafted())
    assert load(tmp_path / "net.npz")[0]["weight"].tolist() == [[1, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    "parts",
    [
        {"indices": np.array([0, 999])},
        {"indices": np.array([-2, 0])},
        {"indices": np.array([-(10**9), 0])},
        {"indices": np.array([0.0, 2.0])},
        {"indptr": np.array([0, -5, 2])},
        {"indptr": np.array([0, 2, 1])},
        {"indptr": np.array([0, 1])},
        {"indptr": np.array([0, 10**6, 2])},
        {"indptr": np.array([0, 1, 1])},
        {"indices": np.array([0, 2, 1])},
        {"data": np.ones(1), "indptr": np.array([0, 1, 1])},
        {"shape": np.array([1, 10**10])},
        {"shape": np.array([2, -3])},
        {"shape": np.array([[2, 3]])},
        {"shape": np.array(["2", "3"])},
        {"data": np.array([1.0, np.nan])},
        {"data": np.ones((2, 1))},
        {"data": np.array(["a", "b"])},
        {"data": np.ones(2, np.float16)},
        {"data": np.ones(2, np.int64)},
        {"layers": np.asarray(10**12)},
        {"layers": np.asarray([1])},
        {"layers": np.asarray(1.5)},
        {"layers": np.asarray(0)},
        {"-1/weight": np.ones((2, 2))},
        {"x/weight": np.ones((2, 2))},
        {"0/bias": np.ones(2, np.float32)},
        {"0/bias/else": np.ones(2)},
    ],
)
def test_a_crafted_network_is_refused_before_an_index_is_used(tmp_path, parts):
    np.savez(tmp_path / "net.npz", **crafted(**parts))
    with pytest.raises(DataError):
        load(tmp_path / "net.npz")


def test_a_save_that_breaks_leaves_the_old_file(tmp_path):
    path = tmp_path / "net.npz"
    save(path, [{"weight": np.eye(3)}])
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save(path, [{"weight": np.eye(3), "bias": object()}])
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["net.npz"]


def test_every_flipped_bit_is_refused_or_does_not_matter(tmp_path):
    path = tmp_path / "net.npz"
    save(path, [{"weight": np.eye(4), "bias": np.arange(4.0)}])
    whole = path.read_bytes()
    expected = [leaf.tolist() for leaf in load(path)[0].values()]
    for place in range(0, len(whole), 3):
        content = bytearray(whole)
        content[place] ^= 1 << (place % 8)
        path.write_bytes(content)
        with contextlib.suppress(DataError):
            assert [leaf.tolist() for leaf in load(path)[0].values()] == expected
