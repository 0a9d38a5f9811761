"""The penalty on the loss gradient in the inputs, against differences of the loss."""

import numpy as np
import pytest

from refimpl import Rng
from refimpl.algorithms import gradient_penalties
from refimpl.algorithms.loss_gradient import LossGradient
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective

RNG = Rng(3)
BATCH = Batch(RNG.child("x").normal((5, 3)), np.array([0, 1, 1, 0, 1]))


def problem(activation):
    model = MLP((3, 6, 2), activation=activation)
    return Objective(model), model.init(RNG.child("init"), bias_scale=1.0)


def by_differences(objective, params, norm, h=1e-5):
    total = 0.0
    for i in range(5):
        for j in range(3):
            up, down = (np.array(BATCH.inputs[i : i + 1]) for _ in range(2))
            up[0, j] += h
            down[0, j] -= h
            label = BATCH.targets[i : i + 1]
            slope = (
                objective(params, Batch(up, label)) - objective(params, Batch(down, label))
            ) / (2 * h)
            total += slope**2 if norm == "l2" else abs(slope)
    return float(total) / 5


@pytest.mark.parametrize("norm", ["l2", "l1"])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_value_is_the_mean_slope_of_the_loss(activation, norm):
    objective, params = problem(activation)
    part = LossGradient(strength=0.7, norm=norm)
    value, _ = part.value(params, BATCH, objective, ())
    assert value == pytest.approx(0.7 * by_differences(objective, params, norm), rel=1e-7)


@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_both_ways_to_the_gradient_agree(norm):
    objective, params = problem("relu")
    found = [
        LossGradient(norm=norm, derivatives=way).value_and_gradient(params, BATCH, objective, ())
        for way in ("closed_form", "tape")
    ]
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-13)
    for left, right in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_allclose(left["weight"], right["weight"], atol=1e-13)
        np.testing.assert_allclose(left["bias"], right["bias"], atol=1e-13)


def test_squared_slopes_of_a_linear_model_are_those_of_its_weights():
    model = MLP((2, 2), bias=False)
    params = [{"weight": np.array([[3.0, 4.0], [0.0, 2.0]])}]
    for way in ("tape", "closed_form"):
        found, _ = gradient_penalties.squared_slopes(model, params, np.ones((3, 2)), way)
        np.testing.assert_array_equal(found, [[25.0, 4.0]] * 3)
