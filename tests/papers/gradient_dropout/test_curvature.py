"""Closed-form gradients and Hessian-vector products against the autograd library."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from helpers import assert_close, assert_same_kind

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.arrays import to_host
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_dropout import curvature

TASKS, POINTS = 3, 5


def twin_loss(loss, reduction, targets):
    """The loss of one task in autograd's own operations, at a list of (weight, bias) pairs."""

    def evaluate(layers, inputs):
        signal = inputs
        for index, (weight, bias) in enumerate(layers):
            signal = anp.dot(signal, weight.T) + bias
            if index < len(layers) - 1:
                signal = anp.maximum(signal, 0.0)
        if loss == "mean_squared_error":
            each = 0.5 * anp.sum((signal - targets) ** 2, axis=1)
        else:
            top = anp.log(anp.sum(anp.exp(signal), axis=1))
            rows = np.eye(signal.shape[1])[targets] if targets.ndim == 1 else targets
            each = anp.sum(rows, axis=1) * top - anp.sum(rows * signal, axis=1)
        return anp.mean(each) if reduction == "mean" else anp.sum(each)

    return evaluate


def problem(xb, loss, reduction="mean", bias=True, rows=False):
    objective = Objective(MLP((3, 6, 4, 2), bias=bias), loss, reduction)
    draws = Rng(0)
    params = [
        objective.model.init(draws.child("init", t), bias_scale=1.0, backend=xb)
        for t in range(TASKS)
    ]
    stacked = ad.map_tree(lambda *leaves: xb.xp.stack(leaves), *params)
    inputs = draws.child("x").normal((TASKS, POINTS, 3))
    if loss == "softmax_cross_entropy" and not rows:
        targets = draws.child("y").integers(0, 2, (TASKS, POINTS))
    else:
        targets = draws.child("y").uniform((TASKS, POINTS, 2))
    direction = ad.map_tree(
        lambda p: draws.child("v", str(p.shape)).normal(p.shape, like=p), stacked
    )
    return objective, stacked, Batch(xb.asarray(inputs), xb.asarray(targets)), direction


CASES = [
    ("mean_squared_error", "mean", False),
    ("mean_squared_error", "sum", False),
    ("softmax_cross_entropy", "mean", False),
    ("softmax_cross_entropy", "sum", True),
]


@pytest.mark.parametrize(("loss", "reduction", "rows"), CASES)
def test_against_autograd(xb, loss, reduction, rows):
    objective, params, batch, direction = problem(xb, loss, reduction, rows=rows)
    values, gradient, product = curvature.gradient_and_product(objective, params, batch)
    curved = product(direction)
    assert_same_kind(gradient, params)
    assert_same_kind(curved, params)
    for task in range(TASKS):
        layers = [
            tuple(to_host(p[n])[task].astype(float) for n in ("weight", "bias")) for p in params
        ]
        shift = [
            tuple(to_host(p[n])[task].astype(float) for n in ("weight", "bias")) for p in direction
        ]
        inputs = to_host(batch.inputs)[task].astype(float)
        evaluate = twin_loss(loss, reduction, to_host(batch.targets)[task])
        slope = autograd.grad(evaluate)

        def along(p, shift=shift, slope=slope, inputs=inputs):
            parts = slope(p, inputs)
            pairs = zip(parts, shift, strict=True)
            return sum(anp.sum(g[i] * v[i]) for g, v in pairs for i in (0, 1))

        wanted = (evaluate(layers, inputs), slope(layers, inputs), autograd.grad(along)(layers))
        assert float(values[task]) == pytest.approx(float(wanted[0]), rel=1e-5)
        for found, expected in ((gradient, wanted[1]), (curved, wanted[2])):
            for layer, (weight, bias) in zip(found, expected, strict=True):
                assert_close(layer["weight"][task, ...], weight, factor=2000)
                assert_close(layer["bias"][task, ...], bias, factor=2000)


@pytest.mark.parametrize("loss", ["mean_squared_error", "softmax_cross_entropy"])
@pytest.mark.parametrize("bias", [True, False])
def test_against_the_tape(xb, loss, bias):
    objective, params, batch, direction = problem(xb, loss, bias=bias)

    def total(p):
        return ad.sum(objective.each(p, batch))

    values, gradient, product = curvature.gradient_and_product(objective, params, batch)
    assert_close(values, objective.each(params, batch))
    assert_close(gradient, ad.grad(total)(params))
    assert_close(product(direction), ad.hvp(total, params, direction), factor=1000)


def test_one_task_without_a_leading_axis():
    objective, params, batch, direction = problem(_numpy(), "mean_squared_error")
    one = ad.map_tree(lambda leaf: leaf[1], params)
    along = ad.map_tree(lambda leaf: leaf[1], direction)
    alone = Batch(batch.inputs[1], batch.targets[1])
    value, gradient, product = curvature.gradient_and_product(objective, one, alone)
    everything = curvature.gradient_and_product(objective, params, batch)
    assert value == pytest.approx(everything[0][1], rel=1e-14)
    assert_close(gradient, ad.map_tree(lambda leaf: leaf[1], everything[1]))
    assert_close(product(along), ad.map_tree(lambda leaf: leaf[1], everything[2](direction)))


def _numpy():
    from refimpl import backend

    return backend()


def test_the_hessian_is_symmetric_and_blind_to_a_gate_at_zero():
    objective, params, batch, left = problem(_numpy(), "softmax_cross_entropy")
    right = ad.map_tree(lambda leaf: Rng(7).child(str(leaf.shape)).normal(leaf.shape), params)
    product = curvature.gradient_and_product(objective, params, batch)[2]
    assert float(ad.dot(product(left), right)) == pytest.approx(
        float(ad.dot(left, product(right))), rel=1e-12
    )
    model = Objective(MLP((1, 1, 1), bias=False), "mean_squared_error")
    at_kink = [{"weight": np.array([[0.0]])}, {"weight": np.array([[2.0]])}]
    kinked = Batch(np.array([[1.0]]), np.array([[1.0]]))
    _, gradient, product = curvature.gradient_and_product(model, at_kink, kinked)
    ones = [{"weight": np.ones((1, 1))}] * 2
    assert gradient[0]["weight"] == gradient[1]["weight"] == 0.0
    assert product(ones)[0]["weight"] == product(ones)[1]["weight"] == 0.0


def test_which_objectives_it_covers():
    relu = MLP((2, 3, 2))
    assert curvature.applies(Objective(relu, "mean_squared_error"))
    assert curvature.applies(Objective(relu, "softmax_cross_entropy"))
    assert not curvature.applies(Objective(relu, "multiclass_margin"))
    assert not curvature.applies(Objective(MLP((2, 3, 2), activation="tanh"), "mean_squared_error"))
    assert not curvature.applies(lambda params, batch: 0.0)
