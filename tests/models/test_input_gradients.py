"""Input gradients by tape and in closed form: against each other, differences and known maps."""

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind

from refimpl import autodiff as ad
from refimpl.datasets import Batch
from refimpl.errors import SettingError
from refimpl.models import MLP, Objective
from refimpl.models.input_gradients import input_gradients, loss_gradients, output_gradients
from refimpl.models.linear_pieces import (
    backward,
    has_linear_pieces,
    linear_pieces,
    parameter_gradient,
    pull_back,
    squared_gradient_norms,
)
from refimpl.random import Rng
from refimpl.testing import assert_gradient

WIDTHS = (4, 7, 6, 3)


def problem(xb, activation="relu", bias=True, widths=WIDTHS):
    rng = np.random.default_rng(1)
    model = MLP(widths, activation=activation, bias=bias)
    params = model.init(Rng(3), bias_scale=1.0, backend=xb)
    inputs = xb.asarray(rng.normal(size=(5, widths[0])))
    covectors = xb.asarray(rng.normal(size=(5, widths[-1])))
    return model, params, inputs, covectors


def test_input_gradients_are_those_of_each_example(xb):
    model, params, inputs, covectors = problem(xb, "tanh")
    found = input_gradients(model, params, inputs, covectors)
    assert_same_kind(found, inputs)
    for i in range(5):

        def score(x, i=i):
            return ad.sum(model(params, x) * covectors[i : i + 1, :])

        assert_close(found[i : i + 1, :], ad.grad(score)(inputs[i : i + 1, :]))


def test_output_gradients_agree_with_differences():
    from refimpl.arrays import backend

    model, params, inputs, _ = problem(backend("numpy"), "softplus")
    found = output_gradients(model, params, inputs)
    assert found.shape == (5, 3, 4)
    for k in range(3):

        def total(x, k=k):
            return float(model(params, x)[:, k].sum())

        assert_gradient(total, inputs, found[:, k], directions=10)


def test_loss_gradients_do_not_depend_on_the_batch(xb):
    model, params, inputs, _ = problem(xb)
    batch = Batch(inputs, xb.asarray(np.array([0, 1, 2, 1, 0])))
    whole = loss_gradients(Objective(model), params, batch)
    assert_same_kind(whole, inputs)
    part = Batch(inputs[2:4, :], batch.targets[2:4])
    assert_close(loss_gradients(Objective(model, reduction="sum"), params, part), whole[2:4, :])


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "identity"])
@pytest.mark.parametrize("bias", [True, False])
def test_closed_forms_equal_the_tape(xb, activation, bias):
    model, params, inputs, covectors = problem(xb, activation, bias)
    pieces = linear_pieces(model, params, inputs)
    back = backward(pieces, covectors)
    assert_close(back.gradients, input_gradients(model, params, inputs, covectors))

    def penalty(p, r):
        a = input_gradients(model, p, inputs, r)
        return ad.sum(a * a)

    gradient, moved = pull_back(pieces, back, 2.0 * back.gradients)
    assert_same_kind(gradient, params)
    assert_close(gradient, ad.grad(penalty)(params, covectors))
    assert_close(moved, ad.grad(penalty, 1)(params, covectors))

    def score(p):
        return ad.sum(model(p, inputs) * covectors)

    assert_close(parameter_gradient(pieces, covectors), ad.grad(score)(params))
    squares = output_gradients(model, params, inputs) ** 2
    assert_close(squared_gradient_norms(pieces), xb.xp.sum(squares, axis=-1), factor=1000)


def test_closed_form_of_one_layer(xb):
    model, params, inputs, covectors = problem(xb, widths=(4, 3))
    pieces = linear_pieces(model, params, inputs)
    weight = params[0]["weight"]
    assert_close(backward(pieces, covectors).gradients, covectors @ weight)
    norms = xb.xp.sum(weight * weight, axis=1)
    assert_close(squared_gradient_norms(pieces), xb.xp.broadcast_to(norms[None, :], (5, 3)))


def test_the_closed_form_agrees_with_differences_of_any_functional():
    from refimpl.arrays import backend

    model, params, inputs, covectors = problem(backend("numpy"))
    pieces = linear_pieces(model, params, inputs)
    back = backward(pieces, covectors)
    gradient, _ = pull_back(pieces, back, np.sign(back.gradients))
    for layer in range(3):

        def total(weight, layer=layer):
            moved = [dict(part) for part in params]
            moved[layer]["weight"] = weight
            return np.abs(input_gradients(model, moved, inputs, covectors)).sum()

        slope = gradient[layer]["weight"]
        assert_gradient(
            total, params[layer]["weight"], slope, directions=20, step=1e-5, tolerance=1e-6
        )


def test_pieces_of_chosen_rows(xb):
    model, params, inputs, covectors = problem(xb)
    rows = xb.asarray(np.array([3, 0, 3]))
    chosen = linear_pieces(model, params, inputs).take(rows)
    fresh = linear_pieces(model, params, xb.xp.take(inputs, rows, axis=0))
    assert_close(chosen.outputs, fresh.outputs)
    some = covectors[:3, :]
    assert_close(backward(chosen, some).gradients, backward(fresh, some).gradients)


def test_curved_networks_are_refused_by_name():
    assert has_linear_pieces(MLP((2, 2), activation="leaky_relu"))
    assert not has_linear_pieces(MLP((2, 2), activation="softplus"))
    assert not has_linear_pieces(lambda params, inputs: inputs)
    with pytest.raises(SettingError, match="'softplus'"):
        linear_pieces(MLP((2, 2), activation="softplus"), [], None)
    with pytest.raises(SettingError, match="function"):
        linear_pieces(lambda params, inputs: inputs, [], None)
