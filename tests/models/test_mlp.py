"""The multi-layer perceptron against loops over neurons."""

import math

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.arrays import to_host
from refimpl.models import ACTIVATIONS, MLP
from refimpl.testing import assert_orthonormal

SCALAR = {
    "relu": lambda z: z if z > 0 else 0.0,
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "tanh": math.tanh,
    "sigmoid": lambda z: 1.0 / (1.0 + math.exp(-z)),
    "softplus": lambda z: math.log(1.0 + math.exp(z)),
    "identity": lambda z: z,
}


def by_loops(params, inputs, activation):
    """The outputs, neuron by neuron and example by example."""
    outputs = []
    for row in inputs:
        signal = [float(x) for x in row]
        for index, layer in enumerate(params):
            sums = []
            for neuron, weights in enumerate(np.asarray(layer["weight"])):
                total = float(layer["bias"][neuron]) if "bias" in layer else 0.0
                for weight, entry in zip(weights, signal, strict=True):
                    total += float(weight) * entry
                sums.append(total)
            last = index == len(params) - 1
            signal = sums if last else [SCALAR[activation](z) for z in sums]
        outputs.append(signal)
    return np.array(outputs)


def test_every_activation_is_tested():
    assert set(SCALAR) == set(ACTIVATIONS)


@pytest.mark.parametrize("activation", SCALAR)
@given(
    widths=st.lists(st.integers(1, 5), min_size=2, max_size=5),
    count=st.integers(1, 4),
    bias=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_forward_pass(xb, activation, widths, count, bias, seed):
    model = MLP(tuple(widths), activation, bias)
    params = model.init(Rng(seed), "gaussian", bias_scale=1.0, backend=xb)
    inputs = xb.asarray(Rng(seed, ("inputs",)).normal((count, widths[0])))
    outputs = model(params, inputs)
    assert_same_kind(outputs, xb.zeros((count, widths[-1])))
    host = ad.map_tree(to_float, params)
    assert_close(outputs, by_loops(host, to_float(inputs), activation), factor=1000)


def to_float(array):
    return to_host(array).astype(np.float64)


@pytest.mark.parametrize("activation", SCALAR)
def test_layers_end_in_the_outputs_and_apply_the_activation(activation):
    model = MLP((3, 4, 5, 2), activation)
    params = model.init(Rng(0), bias_scale=1.0)
    inputs = Rng(1).normal((6, 3))
    layers = model.layers(params, inputs)
    assert [layer.shape for layer in layers] == [(6, 4), (6, 5), (6, 2)]
    assert_close(layers[-1], model(params, inputs), rtol=0.0, atol=0.0)
    for depth in (1, 2):
        head = MLP(model.widths[: depth + 1], activation)
        before = head(params[:depth], inputs)
        assert_close(layers[depth - 1], np.vectorize(SCALAR[activation])(before))


def test_parameters_are_drawn_layer_by_layer():
    """A change of one layer's width leaves the other layers' draws alone."""
    a = MLP((3, 4, 4, 2)).init(Rng(5), bias_scale=1.0)
    b = MLP((3, 4, 4, 7)).init(Rng(5), bias_scale=1.0)
    for index in (0, 1):
        assert_close(a[index], b[index], rtol=0.0, atol=0.0)
    assert not np.allclose(a[0]["weight"], MLP((3, 4, 4, 2)).init(Rng(6))[0]["weight"])


def test_initial_biases():
    params = MLP((100, 5000)).init(Rng(0), bias_scale=1.0)
    assert 0.0999 < np.max(np.abs(params[0]["bias"])) <= 0.1  # uniform on +-1/sqrt(100)
    assert np.all(MLP((100, 50)).init(Rng(0))[0]["bias"] == 0.0)
    assert "bias" not in MLP((100, 50), bias=False).init(Rng(0))[0]


def test_scale_and_one_initializer_for_each_layer():
    model = MLP((4, 6, 3))
    names = ["orthogonal", "he_normal"]
    one, three = (model.init(Rng(0), names, scale=s) for s in (1.0, 3.0))
    for a, b in zip(one, three, strict=True):
        assert_close(3.0 * a["weight"], b["weight"])
    assert_orthonormal(one[0]["weight"], tolerance=1e-14)


def test_parameters_live_on_the_backend(xb):
    params = MLP((3, 2)).init(Rng(0), backend=xb, bias_scale=1.0)
    assert_same_kind(params, [{"weight": xb.zeros((2, 3)), "bias": xb.zeros((2,))}])


def test_model_is_differentiable_in_its_inputs():
    model = MLP((3, 5, 1), "tanh")
    params = model.init(Rng(0), bias_scale=1.0)
    ad.check_vjp(lambda x: model(params, x), Rng(1).normal((4, 3)), Rng(2))


@pytest.mark.parametrize("widths", [(), (3,), (3, 0), (-1, 2)])
def test_widths_are_checked(widths):
    with pytest.raises(ValueError, match="two or more positive integers"):
        MLP(widths)


def test_unknown_activation_names_the_choices():
    with pytest.raises(ValueError, match=r"'gelu' \(did you mean 'relu'\?\): choose one of relu"):
        MLP((2, 2), "gelu")


@pytest.mark.parametrize("initializer", ["he", ["he_normal"], ["he_normal"] * 3])
def test_unknown_initializer_names_the_choices(initializer):
    with pytest.raises(ValueError, match="one for each of the 2 layers, from glorot_uniform"):
        MLP((2, 2, 2)).init(Rng(0), initializer)


def test_number_of_layers_is_checked():
    params = MLP((2, 2)).init(Rng(0))
    with pytest.raises(ValueError, match="expected 2 layers of parameters, got 1"):
        MLP((2, 2, 2))(params, np.ones((1, 2)))
