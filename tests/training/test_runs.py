import numpy as np
import pytest

from refimpl.errors import DataError
from refimpl.training.runs import export_safetensors, find_run, load_run, named, save_params, tree

LAYERS = [{"weight": np.ones((2, 3)), "bias": np.zeros(3)}, {"weight": np.arange(6.0)}]


@pytest.mark.parametrize("params", [LAYERS, {"a": [np.ones(2)], "b": np.zeros(1)}, np.ones(3)])
def test_trees_are_read_back_as_they_were(params, tmp_path):
    save_params(tmp_path / "params.npz", params)
    again = load_run(tmp_path).params
    assert list(named(again)) == list(named(params))
    for name, values in named(params).items():
        np.testing.assert_array_equal(named(again)[name], values)


def test_eleven_layers_stay_in_order():
    assert tree(named([float(k) for k in range(11)])) == [float(k) for k in range(11)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digits-sgd-sed0", r"did you mean .*digits-sgd-seed0\?"),
        ("", r"is no folder of a run; in it are digits-adam-seed0, digits-sgd-seed0"),
        ("deep/er/x", "there is none in"),
    ],
)
def test_the_nearest_run_is_named(name, message, tmp_path):
    for other in ("digits-adam-seed0", "digits-sgd-seed0"):
        save_params(tmp_path / other / "params.npz", LAYERS)
    with pytest.raises(DataError, match=message):
        find_run(tmp_path / name)
    assert find_run(tmp_path / "digits-sgd-seed0/params.npz").name == "digits-sgd-seed0"


def test_a_damaged_summary_is_a_typed_error(tmp_path):
    (tmp_path / "summary.json").write_text("{")
    with pytest.raises(DataError, match="damaged"):
        load_run(tmp_path)


def test_safetensors_hold_the_same_arrays_of_any_order_in_memory(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    weight = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    export_safetensors(tmp_path / "w", [weight])
    np.testing.assert_array_equal(safetensors.load_file(tmp_path / "w")["0"], weight)
