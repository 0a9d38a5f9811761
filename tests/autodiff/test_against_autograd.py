"""Random networks against HIPS autograd, which shares no code with this package."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from autograd.scipy.special import logsumexp
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective

ACTIVATIONS = {
    "relu": lambda x: anp.maximum(x, 0.0),
    "leaky_relu": lambda x: anp.where(x > 0, x, 0.01 * x),
    "tanh": anp.tanh,
    "sigmoid": lambda x: 1.0 / (1.0 + anp.exp(-x)),
    "softplus": lambda x: anp.logaddexp(x, 0.0),
    "identity": lambda x: x,
}


def margin_to_best_rival(f, y):
    own = f[anp.arange(len(y)), y]
    others = anp.where(anp.arange(f.shape[1])[None, :] == y[:, None], -anp.inf, f)
    return own - anp.max(others, axis=1)


LOSSES = {
    "mean_squared_error": lambda f, y: 0.5 * anp.sum((f - y) ** 2) / len(y),
    "softmax_cross_entropy": lambda f, y: anp.mean(logsumexp(f, axis=1) - f[anp.arange(len(y)), y]),
    "logistic": lambda f, y: anp.mean(anp.logaddexp(0.0, -y * f[:, 0])),
    "hinge": lambda f, y: anp.mean(anp.maximum(0.0, 1.0 - y * f[:, 0])),
    "multiclass_margin": lambda f, y: anp.mean(anp.maximum(0.0, 1.0 - margin_to_best_rival(f, y))),
}


def autograd_objective(activation, loss, shapes):
    """The same network on one flat vector of parameters."""

    def objective(vector, inputs, targets):
        signal, start = inputs, 0
        for index, (rows, columns, bias) in enumerate(shapes):
            weight = anp.reshape(vector[start : start + rows * columns], (rows, columns))
            start += rows * columns
            signal = anp.dot(signal, weight.T)
            if bias:
                signal = signal + vector[start : start + rows]
                start += rows
            if index < len(shapes) - 1:
                signal = ACTIVATIONS[activation](signal)
        return LOSSES[loss](signal, targets)

    return objective


def draw_targets(loss, rng, count, outputs):
    if loss == "mean_squared_error":
        return rng.normal((count, outputs))
    if loss in ("logistic", "hinge"):
        return rng.rademacher((count,))
    return rng.integers(0, outputs, (count,))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@given(data=st.data())
def test_gradient_and_hessian_product_to_twelve_digits(activation, loss, data):
    hidden = data.draw(st.lists(st.integers(1, 8), min_size=1, max_size=4), label="hidden")
    first = data.draw(st.integers(1, 6), label="inputs")
    last = 1 if loss in ("logistic", "hinge") else data.draw(st.integers(2, 5), label="outputs")
    count = data.draw(st.integers(1, 9), label="examples")
    bias = data.draw(st.booleans(), label="bias")
    rng = Rng(data.draw(st.integers(0, 2**32), label="seed"))

    model = MLP((first, *hidden, last), activation, bias)
    params = model.init(rng.child("init"), "glorot_normal", bias_scale=1.0)
    inputs = rng.child("inputs").normal((count, first))
    targets = draw_targets(loss, rng.child("targets"), count, last)
    objective, batch = Objective(model, loss), Batch(inputs, targets, None)
    vector, unravel = ad.ravel(params)
    direction = rng.child("direction").normal(vector.shape)

    shapes = [(*layer["weight"].shape, bias) for layer in params]
    oracle = autograd_objective(activation, loss, shapes)
    value, gradient = ad.value_and_grad(objective)(params, batch)
    expected = autograd.grad(oracle)(vector, inputs, targets)
    np.testing.assert_allclose(value, oracle(vector, inputs, targets), rtol=1e-12, atol=1e-13)
    assert_twelve_digits(ad.ravel(gradient)[0], expected)

    def along(vector):
        return anp.dot(autograd.grad(oracle)(vector, inputs, targets), direction)

    product = ad.hvp(lambda p: objective(p, batch), params, unravel(direction))
    assert_twelve_digits(ad.ravel(product)[0], autograd.grad(along)(vector))


def assert_twelve_digits(actual, expected):
    size = max(1.0, float(np.max(np.abs(expected))))
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12 * size)


@given(seed=st.integers(0, 2**32))
def test_regularizers_of_weights(seed):
    """Norms, angles and log-determinant-like sums, as penalties combine them."""
    rng = Rng(seed)
    w = rng.normal((4, 3))

    def ours(w):
        unit = w / ad.norm(w, axis=1, keepdims=True)
        gram = unit @ unit.mT
        angles = ad.arccos(ad.clip(0.99 * gram, -1.0, 1.0))
        return ad.sum(angles**2) + ad.logsumexp(w) + ad.sum(ad.max(ad.abs(w), axis=0))

    def theirs(w):
        unit = w / anp.sqrt(anp.sum(w * w, axis=1, keepdims=True))
        gram = anp.dot(unit, unit.T)
        angles = anp.arccos(0.99 * gram)
        return anp.sum(angles**2) + logsumexp(w) + anp.sum(anp.max(anp.abs(w), axis=0))

    # the angle of a vector with itself has a steep arccos, hence two digits fewer
    np.testing.assert_allclose(ad.grad(ours)(w), autograd.grad(theirs)(w), rtol=1e-10, atol=1e-11)
