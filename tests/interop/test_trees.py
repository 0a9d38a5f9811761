"""Parameters from and to state_dict, Flax, pytrees and safetensors, against those libraries."""

import dataclasses

import numpy as np
import pytest
from helpers import assert_close, foreign_backend

from refimpl import MLP, backend
from refimpl.errors import BackendError, ForeignError
from refimpl.interop import (
    flat_dict,
    from_flax,
    from_pytree,
    from_state_dict,
    layers,
    like_tree,
    load_safetensors,
    nested_dict,
    save_safetensors,
    to_flax,
    to_pytree,
    to_state_dict,
)
from refimpl.random import Rng

MODEL = MLP((3, 4, 2), activation="tanh")
PARAMS = MODEL.init(Rng(0), bias_scale=1.0)
INPUTS = Rng(1).normal((5, 3))


def sequential():
    torch = pytest.importorskip("torch")
    parts = (torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    return torch, torch.nn.Sequential(*parts).double()


# --- names ---------------------------------------------------------------------------------------


def test_names_there_and_back():
    tree = {"a": {"0": {"weight": np.ones(2)}, "1": {"weight": np.zeros(1)}}, "b": np.ones(())}
    assert list(flat_dict(tree)) == ["a.0.weight", "a.1.weight", "b"]
    assert_close(nested_dict(flat_dict(tree)), tree)
    assert flat_dict([(1.0, None), {"x": 2.0}]) == {"0.0": 1.0, "1.x": 2.0}


def test_names_that_cannot_be_read_back_are_refused():
    with pytest.raises(ForeignError, match=r"'a\.b' cannot be part of a path"):
        flat_dict({"a.b": 1.0})
    with pytest.raises(ForeignError, match="leads through an array"):
        nested_dict({"a": 1.0, "a.b": 2.0})
    with pytest.raises(ForeignError, match="an array and a group"):
        nested_dict({"a.b": 1.0, "a": 2.0})


def test_names_decide_before_order():
    """Two layers of one shape, in a file that has sorted the names the other way round."""
    given = {"1.weight": np.full((2, 2), 1.0), "0.weight": np.full((2, 2), 0.0)}
    found = like_tree(given, [{"weight": np.empty((2, 2))}, {"weight": np.empty((2, 2))}])
    assert found[0]["weight"][0, 0] == 0.0 and found[1]["weight"][0, 0] == 1.0
    with pytest.raises(ForeignError, match="missing a, not wanted b"):
        like_tree({"b": np.ones(1)}, {"a": np.ones(1)})
    with pytest.raises(ForeignError, match="another shape"):
        like_tree({"b": np.ones(1)}, [np.ones(2)])


# --- PyTorch -------------------------------------------------------------------------------------


@pytest.mark.interop
def test_a_network_of_torch_is_ours():
    """The same outputs from its state_dict, and from ours loaded into it."""
    torch, module = sequential()
    with torch.no_grad():
        expected = module(torch.as_tensor(INPUTS)).numpy()
    found = from_state_dict(module.state_dict(), like=PARAMS)
    assert not any(leaf.requires_grad for leaf in flat_dict(found).values())
    assert_close(MODEL(found, torch.as_tensor(INPUTS)), expected, rtol=1e-14)
    assert_close(layers(from_state_dict(module.state_dict())), found, rtol=0.0, atol=0.0)
    module.load_state_dict(to_state_dict(PARAMS, like=module.state_dict()))
    with torch.no_grad():
        again = module(torch.as_tensor(INPUTS)).numpy()
    assert_close(again, MODEL(PARAMS, INPUTS), rtol=1e-14)


@pytest.mark.interop
def test_what_is_read_is_a_copy():
    torch, module = sequential()
    found = from_state_dict(module.state_dict())
    before = found["0"]["weight"].clone()
    with torch.no_grad():
        module[0].weight.add_(1.0)
    assert torch.equal(found["0"]["weight"], before)
    weight = np.ones((2, 2), dtype=np.float32)
    sent = to_state_dict({"weight": weight})["weight"]
    weight[0, 0] = 5.0
    assert sent.dtype == torch.float32 and sent[0, 0] == 1.0


@pytest.mark.interop
def test_parameters_that_record_a_graph_are_refused():
    from refimpl import SGD

    _, module = sequential()
    with pytest.raises(TypeError, match=r"requires_grad.*from_state_dict"):
        SGD(learning_rate=0.1).init(dict(module.named_parameters()))


# --- dense layers and Flax -----------------------------------------------------------------------


def test_flax_stores_the_transpose():
    params = to_flax(PARAMS)
    dense = params["params"]
    assert [dense[f"Dense_{i}"]["kernel"].shape for i in (0, 1)] == [(3, 4), (4, 2)]
    h = np.tanh(INPUTS @ dense["Dense_0"]["kernel"] + dense["Dense_0"]["bias"])
    outputs = h @ dense["Dense_1"]["kernel"] + dense["Dense_1"]["bias"]
    assert_close(outputs, MODEL(PARAMS, INPUTS), rtol=1e-13)
    assert_close(from_flax(params), PARAMS, rtol=0.0, atol=0.0)


def test_layers_come_in_the_order_of_their_numbers():
    groups = {f"Dense_{i}": {"kernel": np.full((2, 2), float(i))} for i in (0, 1, 10, 11, 2)}
    order = [int(layer["weight"][0, 0]) for layer in from_flax({"params": groups})]
    assert order == [0, 1, 2, 10, 11]


def test_a_wrong_orientation_is_told():
    with pytest.raises(ForeignError, match="stored \\(in, out\\)"):
        layers([{"weight": np.ones((3, 4))}, {"weight": np.ones((4, 2))}])
    with pytest.raises(ForeignError, match="stored \\(out, in\\)"):
        layers(PARAMS, weights="in_out")
    with pytest.raises(ForeignError, match="two-dimensional"):
        layers({"scale": np.ones(3)})


@pytest.mark.interop
def test_modules_of_jax_are_trees():
    foreign_backend("jax")
    import jax
    import jax.numpy as jnp

    @dataclasses.dataclass
    class Linear:
        weight: object
        bias: object
        activate: object

    jax.tree_util.register_dataclass(Linear, ["weight", "bias", "activate"], [])
    module = {"layers": [Linear(jnp.ones((4, 3)), jnp.zeros(4), jnp.tanh),
                         Linear(jnp.ones((2, 4)), None, None)]}  # fmt: skip
    tree = from_pytree(module)
    assert {name: leaf.shape for name, leaf in flat_dict(tree).items()} == {
        "layers.0.weight": (4, 3), "layers.0.bias": (4,), "layers.1.weight": (2, 4)}  # fmt: skip
    assert [layer["weight"].shape for layer in layers(tree)] == [(4, 3), (2, 4)]
    tree["layers"]["0"]["bias"] = jnp.ones(4)
    back = to_pytree(tree, like=module)
    assert back["layers"][0].activate is jnp.tanh and float(back["layers"][0].bias[0]) == 1.0
    with pytest.raises(ForeignError, match="missing"):
        to_pytree({"layers": {}}, like=module)


# --- safetensors ---------------------------------------------------------------------------------


@pytest.mark.interop
def test_files_are_read_by_safetensors_itself(tmp_path):
    """And a transposed view is written as what it shows."""
    library = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "net.safetensors"
    tree = {"a": {"weight": PARAMS[0]["weight"].T, "bias": np.arange(3)}}
    save_safetensors(tree, path)
    theirs = library.load_file(path)
    assert np.array_equal(theirs["a.weight"], PARAMS[0]["weight"].T)
    assert theirs["a.bias"].dtype == np.int64
    with pytest.importorskip("safetensors").safe_open(path, "numpy") as file:
        assert file.metadata() == {"weights": "out_in"}
    save_safetensors(PARAMS, path)
    assert_close(load_safetensors(path, like=PARAMS), PARAMS, rtol=0.0, atol=0.0)
    assert_close(layers(load_safetensors(path)), PARAMS, rtol=0.0, atol=0.0)
    place = foreign_backend("torch", "float32")
    single = load_safetensors(path, backend=place)
    assert single["0"]["weight"].dtype == place.dtype


@pytest.mark.interop
def test_files_that_do_not_fit_are_refused(tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "net.safetensors"
    save_safetensors(PARAMS[:1], path)
    with pytest.raises(ForeignError, match="names do not fit"):
        load_safetensors(path, like=PARAMS)
    path.write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00nonsense")
    with pytest.raises(ForeignError, match="cannot be read"):
        load_safetensors(path)


def test_missing_libraries_are_named(monkeypatch):
    import sys

    for name in ("torch", "jax", "safetensors"):
        monkeypatch.setitem(sys.modules, name, None)
    for call in (
        lambda: to_state_dict(PARAMS),
        lambda: from_pytree(PARAMS),
        lambda: save_safetensors(PARAMS, "nowhere"),
        lambda: backend("torch"),
        lambda: backend("jax"),
    ):
        with pytest.raises(BackendError, match="refimpl\\[interop\\]"):
            call()
