"""Minnorm training against exact identities, pseudo-inverses and solvers that share no code."""

import numpy as np
import pytest
from helpers import assert_close
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng, backend
from refimpl.algorithms import make
from refimpl.datasets import Batch
from refimpl.models import MLP, DeepLinear, Objective

CONSTRAINTS = ("equality", "margin", "one_vs_rest", "crammer_singer", "loss")


def problem(constraint, *, seed=0, examples=5, inputs=9, hidden=(7,), activation="relu"):
    """Random data with fewer examples than inputs, and a bias-free network for them."""
    rng = Rng(seed).child("problem")
    outputs = 1 if constraint == "margin" else 3
    x = rng.child("x").normal((examples, inputs))
    if constraint == "equality":
        y = rng.child("y").normal((examples, outputs))
    elif constraint == "margin":
        y = rng.child("y").rademacher((examples,))
    else:
        y = rng.child("y").integers(0, outputs, (examples,))
    loss = {"equality": "mean_squared_error", "margin": "logistic"}
    model = MLP((inputs, *hidden, outputs), activation=activation, bias=False)
    objective = Objective(model, loss.get(constraint, "softmax_cross_entropy"))
    params = model.init(rng.child("init"), scale=0.7)
    return objective, params, Batch(x, y, np.arange(examples))


def run(algorithm, objective, params, data, steps, batch_size=None):
    state, info = algorithm.init(params, data, objective), None
    for step in range(steps):
        batch = data
        if batch_size:
            order = Rng(9).child(step).permutation(len(data.inputs))[:batch_size]
            batch = Batch(data.inputs[order], data.targets[order], order)
        state, info = algorithm.step(state, objective, batch)
    return state, info


@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
@given(seed=st.integers(0, 10**6), batch_size=st.sampled_from([None, 1, 3]))
def test_the_null_space_of_the_first_layer_decays_exactly(constraint, order, seed, batch_size):
    objective, params, data = problem(constraint, seed=seed)
    algorithm = make(
        "minnorm", constraint=constraint, order=order, learning_rate=0.01, multiplier_rate=0.01
    )
    state, _ = run(algorithm, objective, params, data, 20, batch_size)
    null = np.eye(9) - np.linalg.pinv(data.inputs) @ data.inputs
    expected = 0.99**20 * params[0]["weight"] @ null
    assert_close(state.params[0]["weight"] @ null, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
@given(seed=st.integers(0, 10**6), examples=st.integers(1, 6), outputs=st.integers(1, 3))
def test_shallow_regression_ends_at_the_pseudo_inverse(order, seed, examples, outputs):
    rng = Rng(seed)
    left = np.linalg.qr(rng.child("left").normal((examples, examples)))[0]
    right = np.linalg.qr(rng.child("right").normal((8, examples)))[0]
    x = left @ np.diag(rng.child("gains").uniform((examples,), 0.7, 1.4)) @ right.T
    y = rng.child("y").normal((examples, outputs))
    objective = Objective(DeepLinear((8, outputs)), "mean_squared_error")
    algorithm = make(
        "minnorm", constraint="equality", order=order, damping=0.0,
        learning_rate=0.5, multiplier_rate=0.4, tolerance=0.0,
    )  # fmt: skip
    start = [rng.child("w").normal((outputs, 8))]
    state, _ = run(algorithm, objective, start, Batch(x, y), 700)
    assert_close(state.params[0], (np.linalg.pinv(x) @ y).T, rtol=0, atol=1e-12)
    assert_close(state.multipliers, np.linalg.solve(x @ x.T, y), rtol=0, atol=1e-11)


def test_runs_in_float32_on_minibatches():
    place = backend("numpy", "float32")
    objective, params, data = problem("one_vs_rest")
    params = [{"weight": place.asarray(layer["weight"])} for layer in params]
    data = data._replace(inputs=place.asarray(data.inputs))
    state, info = run(make("minnorm"), objective, params, data, 3, 2)
    assert state.multipliers.dtype == np.float32
    assert info.layer_norms.shape == (2,)
