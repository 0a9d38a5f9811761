import pickle
import zipfile

import numpy as np
import pytest

from refimpl import Rng
from refimpl.catalogue import experiment, experiments
from refimpl.errors import RefimplError
from refimpl.experiments.base import (
    PROFILES,
    Experiment,
    Result,
    merge,
    plain_values,
    stack,
    task_label,
)
from refimpl.experiments.store import array_hash, npz_bytes, source_hash


@pytest.mark.parametrize("name", list(experiments()))
def test_every_experiment_has_presets_and_plain_tasks(name):
    found = experiment(name)
    for profile in PROFILES:
        config = found.preset(profile)
        hash(config)
        labels = [task_label(task) for task in found.tasks(config)]
        assert labels and len(set(labels)) == len(labels)
    assert found.summary
    pickle.loads(pickle.dumps(found.preset("quick")))


def test_a_result_is_read_only():
    result = Result("demo", {"x": np.arange(3.0)})
    with pytest.raises(ValueError, match="read-only"):
        result["x"][0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        result.arrays["x"][0] = 1.0


def test_objects_are_no_results():
    with pytest.raises(TypeError, match="'bad' holds Python objects"):
        plain_values({"bad": [{}, None]})


def test_ragged_tasks_do_not_stack():
    with pytest.raises(RefimplError, match="different shapes"):
        stack(None, [{"k": 1}, {"k": 2}], [{"x": np.zeros(2)}, {"x": np.zeros(3)}])
    with pytest.raises(RefimplError, match="different shapes"):
        stack(None, [{"k": 1}, {"k": 2}], [{"x": np.zeros(2)}, {}])


def test_tasks_with_one_name_do_not_merge():
    parts = [{"part": 1}, {"part": 2}]
    merged = merge(None, parts, [{"x": np.zeros(2)}, {"y": np.ones(3)}])
    assert {name: values.shape for name, values in merged.items()} == {"x": (2,), "y": (3,)}
    with pytest.raises(RefimplError, match="two tasks give 'x'"):
        merge(None, parts, [{"x": np.zeros(2)}, {"x": np.zeros(2)}])


def test_a_single_piece_gets_no_axis_and_others_do():
    piece = {"x": np.zeros(2)}
    assert stack(None, [{}], [piece])["x"].shape == (2,)
    assert stack(None, [{"k": 1}], [piece])["x"].shape == (1, 2)


def test_task_labels_do_not_depend_on_the_order_of_keys():
    assert task_label({"a": 1, "b": 2.5}) == task_label({"b": 2.5, "a": 1})
    with pytest.raises(TypeError):
        task_label({"a": np.zeros(2)})


@pytest.mark.parametrize(
    "other",
    [
        {"x": np.array([1.0, np.nextafter(2.0, 3.0)])},
        {"y": np.array([1.0, 2.0])},
        {"x": np.array([1.0, 2.0], dtype=np.float32)},
        {"x": np.array([[1.0, 2.0]])},
    ],
)
def test_the_hash_sees_every_difference(other):
    assert array_hash({"x": np.array([1.0, 2.0])}) != array_hash(other)


def test_archives_hold_no_clock(tmp_path):
    arrays = {"x": np.arange(5.0), "name": np.asarray("text")}
    (tmp_path / "a.npz").write_bytes(npz_bytes(arrays))
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {item.date_time for item in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    with np.load(tmp_path / "a.npz") as loaded:
        assert array_hash(dict(loaded)) == array_hash(arrays)


def test_the_source_hash_sees_names_and_contents(tmp_path):
    hashes = set()
    for name, text in (("a.py", "x = 1"), ("a.py", "x = 2"), ("b.py", "x = 2")):
        folder = tmp_path / f"{name}{len(hashes)}"
        folder.mkdir()
        (folder / name).write_text(text)
        hashes.add(source_hash(folder))
    assert len(hashes) == 3


def test_rows_are_selected_by_what_their_columns_say():
    result = Result(
        "demo",
        {
            "method": ["a", "b", "a", "b"],
            "strength": [0.1, 0.1, 0.3, 0.1 + 0.2],
            "curve": np.arange(8.0).reshape(4, 2),
            "grid": [1.0, 2.0],
            "total": 5.0,
        },
    )
    chosen = result.select(method="b", strength=0.3)
    assert set(chosen) == {"method", "strength", "curve"}
    assert chosen["curve"].tolist() == [[6.0, 7.0]]
    assert result.select(method="a")["strength"].tolist() == [0.1, 0.3]
    with pytest.raises(ValueError, match=r"no row with.*'c'.*there are.*'a', 'b'"):
        result.select(method="c")
    with pytest.raises(ValueError, match=r"'total'.*not a column"):
        result.select(total=5.0)
    with pytest.raises(KeyError, match="no result 'nonsense'"):
        result.select(nonsense=1)


def test_an_experiment_knows_whether_a_seed_reaches_it():
    def draws(config, backend, rng, *, size):
        return {"x": [rng.normal(()) for _ in range(size)]}

    def hidden(config, backend, rng):
        return {"x": (lambda: rng.normal(()))()}

    def fixed(config, backend, rng):
        return {"x": Rng(0).normal(())}

    found = [Experiment("x", None, run).seeded for run in (draws, hidden, fixed)]
    assert found == [True, True, False]
