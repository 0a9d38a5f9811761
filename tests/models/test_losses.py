"""Losses against formulas by other routes: SciPy, scikit-learn and plain loops."""

import math

import numpy as np
import pytest
import scipy.special
import sklearn.metrics
from helpers import assert_close, assert_same_kind
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.arrays import eps
from refimpl.datasets import Batch
from refimpl.models import LOSSES, MLP, Objective, accuracy, check_labels, losses

COUNTS = st.integers(1, 7)
CLASSES = st.integers(2, 5)
SEEDS = st.integers(0, 2**32)


def assert_reductions(loss, outputs, targets, each):
    """All three reductions against the loss of each example."""
    unit = 1000 * eps(outputs)
    found = loss(outputs, targets, reduction="none")
    assert_close(found, each, rtol=unit, atol=unit)
    total = math.fsum(each)
    size = max(1.0, math.fsum(abs(x) for x in each))
    for how, expected in (("sum", total), ("mean", total / len(each))):
        found = loss(outputs, targets, reduction=how)
        assert found.shape == ()
        assert abs(float(found) - expected) <= unit * size
    assert float(loss(outputs, targets)) == float(loss(outputs, targets, reduction="mean"))


@given(count=COUNTS, outputs=st.integers(1, 4), seed=SEEDS)
def test_mean_squared_error(xb, count, outputs, seed):
    f, y = Rng(seed).normal((count, outputs)), Rng(seed, ("y",)).normal((count, outputs))
    each = 0.5 * np.linalg.norm(f - y, axis=1) ** 2
    assert_reductions(losses.mean_squared_error, xb.asarray(f), xb.asarray(y), each)
    each = 0.5 * np.abs(f[:, 0] - y[:, 0]) ** 2
    assert_reductions(losses.mean_squared_error, xb.asarray(f[:, 0]), xb.asarray(y[:, 0]), each)


@given(count=COUNTS, classes=CLASSES, scale=st.sampled_from([0.1, 1.0, 50.0]), seed=SEEDS)
def test_softmax_cross_entropy_of_labels(xb, count, classes, scale, seed):
    f = scale * Rng(seed).normal((count, classes))
    y = Rng(seed, ("y",)).integers(0, classes, (count,))
    each = -scipy.special.log_softmax(f, axis=1)[np.arange(count), y]
    assert_reductions(losses.softmax_cross_entropy, xb.asarray(f), xb.asarray(y), each)


@pytest.mark.parametrize("name", ["mean_squared_error", "softmax_cross_entropy", "probabilities"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_stack_of_tasks_is_its_tasks_one_by_one(xb, name, reduction):
    """Values and gradients of T networks at once, against each alone."""
    tasks, count, classes = 3, 4, 2
    model = MLP((3, 5, classes))
    loss = LOSSES["softmax_cross_entropy" if name == "probabilities" else name]
    objective = Objective(model, loss, reduction)
    networks = [model.init(Rng(0, (t,)), bias_scale=1.0, backend=xb) for t in range(tasks)]
    inputs = [xb.asarray(Rng(1, (t,)).normal((count, 3))) for t in range(tasks)]
    if name == "softmax_cross_entropy":
        targets = [xb.asarray(Rng(2, (t,)).integers(0, classes, (count,))) for t in range(tasks)]
    else:
        targets = [xb.asarray(Rng(2, (t,)).uniform((count, classes))) for t in range(tasks)]
    stacked = ad.map_tree(lambda *leaves: xb.xp.stack(leaves), *networks)
    batch = Batch(xb.xp.stack(inputs), xb.xp.stack(targets))
    alone = [
        ad.value_and_grad(objective)(p, Batch(x, y))
        for p, x, y in zip(networks, inputs, targets, strict=True)
    ]
    assert_close(objective.each(stacked, batch), xb.xp.stack([value for value, _ in alone]))
    together = ad.grad(lambda p: ad.sum(objective.each(p, batch)))(stacked)
    assert_close(together, ad.map_tree(lambda *g: xb.xp.stack(g), *(g for _, g in alone)))
    scale = tasks if reduction == "mean" else 1
    total = float(xb.xp.sum(objective.each(stacked, batch)))
    assert float(objective(stacked, batch)) * scale == pytest.approx(total, rel=1e-5)
    if name != "mean_squared_error":
        with pytest.raises(ValueError, match=r"do not fit outputs"):
            loss(objective.outputs(stacked, batch), batch.targets[:, :-1, ...])


@given(count=COUNTS, classes=CLASSES, seed=SEEDS)
def test_softmax_cross_entropy_of_probabilities(xb, count, classes, seed):
    """Cross-entropy is entropy plus Kullback-Leibler divergence."""
    f = Rng(seed).normal((count, classes))
    p = scipy.special.softmax(Rng(seed, ("p",)).normal((count, classes)), axis=1)
    q = scipy.special.softmax(f, axis=1)
    each = scipy.special.entr(p).sum(axis=1) + scipy.special.rel_entr(p, q).sum(axis=1)
    assert_reductions(losses.softmax_cross_entropy, xb.asarray(f), xb.asarray(p), each)


@given(count=COUNTS, seed=SEEDS)
def test_logistic_is_binary_cross_entropy(xb, count, seed):
    f, y = Rng(seed).normal((count,)), Rng(seed, ("y",)).rademacher((count,))
    each = -np.log(np.where(y > 0, scipy.special.expit(f), scipy.special.expit(-f)))
    assert_reductions(losses.logistic, xb.asarray(f), xb.asarray(y), each)
    assert_reductions(losses.logistic, xb.asarray(f[:, None]), xb.asarray(y), each)


@given(count=COUNTS, seed=SEEDS)
def test_logistic_is_the_two_class_softmax(count, seed):
    f, y = Rng(seed).normal((count,)), Rng(seed, ("y",)).rademacher((count,))
    two = losses.softmax_cross_entropy(np.stack([-f / 2, f / 2], axis=1), (y > 0).astype(int))
    assert_close(losses.logistic(f, y), two)


@given(count=COUNTS, seed=SEEDS)
def test_hinge(xb, count, seed):
    f, y = Rng(seed).normal((count,)), Rng(seed, ("y",)).rademacher((count,))
    each = [max(0.0, 1.0 - float(a * b)) for a, b in zip(f, y, strict=True)]
    assert_reductions(losses.hinge, xb.asarray(f), xb.asarray(y), np.array(each))
    if len(set(y.tolist())) == 2:
        assert_close(losses.hinge(f, y), sklearn.metrics.hinge_loss(y, f))
    wide = [max(0.0, 2.5 - float(a * b)) for a, b in zip(f, y, strict=True)]
    assert_close(losses.hinge(f, y, "none", margin=2.5), np.array(wide))


@given(count=COUNTS, classes=CLASSES, seed=SEEDS)
def test_multiclass_margin(xb, count, classes, seed):
    f = Rng(seed).normal((count, classes))
    y = Rng(seed, ("y",)).integers(0, classes, (count,))
    each = [
        max(0.0, 1.0 + max(row[k] for k in range(classes) if k != label) - row[label])
        for row, label in zip(f, y, strict=True)
    ]
    assert_reductions(losses.multiclass_margin, xb.asarray(f), xb.asarray(y), np.array(each))
    if classes > 2:
        expected = sklearn.metrics.hinge_loss(y, f, labels=range(classes))
        assert_close(losses.multiclass_margin(f, y), expected)


def test_integer_labels_in_plus_minus_one_are_cast(xb):
    f = xb.asarray([0.5, -0.5])
    found = losses.logistic(f, xb.asarray([1, -1]))
    assert_same_kind(found, xb.xp.sum(f))
    assert_close(found, np.log1p(np.exp(-0.5)))


# --- shapes and labels ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "outputs", "targets", "message"),
    [
        ("mean_squared_error", (3, 1), (3,), r"outputs have shape \(3, 1\) but targets \(3,\)"),
        ("softmax_cross_entropy", (3,), (3,), r"\(examples, classes\), got shape \(3,\)"),
        ("softmax_cross_entropy", (3, 2), (2,), r"\(2,\) do not fit outputs of shape \(3, 2\)"),
        ("softmax_cross_entropy", (3, 2), (3, 1), r"\(3, 1\) do not fit"),
        ("multiclass_margin", (3, 2), (3, 2), r"\(3, 2\) do not fit"),
        ("logistic", (3, 2), (3,), "one score an example"),
        ("hinge", (3, 1), (3, 1), "one score an example"),
        ("hinge", (2,), (3,), "one score an example"),
    ],
)
def test_shapes_that_do_not_fit_are_errors(loss, outputs, targets, message):
    with pytest.raises(ValueError, match=message):
        LOSSES[loss](np.ones(outputs), np.ones(targets))


def test_check_labels(xb):
    check_labels(xb.asarray([0, 2, 1]), 3)
    with pytest.raises(ValueError, match=r"label 3 at position 2 is outside .* 0\.\.2"):
        check_labels(xb.asarray([0, 1, 3, 7]), 3)
    with pytest.raises(ValueError, match="label -1 at position 1"):
        check_labels(xb.asarray([0, -1]), 3)
    with pytest.raises(TypeError, match="labels must be integers, not"):
        check_labels(xb.asarray([0.0, 1.0]), 3)


def test_accuracy_of_classes_and_signs(xb):
    scores = xb.asarray([[0.1, 0.9, 0.0], [0.8, 0.2, 0.1], [0.0, 0.1, 0.2], [0.3, 0.2, 0.1]])
    assert accuracy(scores, xb.asarray([1, 0, 0, 0])) == 0.75
    signs = xb.asarray([1, -1, 1])
    assert accuracy(xb.asarray([2.0, -0.1, -3.0]), signs) == 2 / 3
    assert accuracy(xb.asarray([[2.0], [0.1], [3.0]]), signs) == 2 / 3
    assert accuracy(xb.asarray([0.0, 0.0]), signs[:2]) == 0.0  # no decision is no success


# --- objectives ----------------------------------------------------------------------------------


def test_objective_joins_model_and_loss(xb):
    model = MLP((3, 4, 2), "tanh")
    params = model.init(Rng(0), backend=xb)
    inputs, labels = xb.asarray(Rng(1).normal((5, 3))), xb.asarray([0, 1, 1, 0, 1])
    batch = Batch(inputs, labels, None)
    outputs = model(params, inputs)
    mean = Objective(model)
    total = Objective(model, losses.softmax_cross_entropy, "sum")
    assert_close(mean.outputs(params, batch), outputs)
    assert_close(mean(params, batch), losses.softmax_cross_entropy(outputs, labels))
    assert_close(total(params, batch), 5.0 * mean(params, batch))
    value, gradient = ad.value_and_grad(total)(params, batch)
    assert_close(value, total(params, batch))
    assert_same_kind(gradient, params)
    assert_close(gradient, ad.map_tree(lambda g: 5.0 * g, ad.grad(mean)(params, batch)))


def test_objective_with_a_named_loss_is_that_loss():
    for name, function in LOSSES.items():
        assert Objective(None, name).loss is function


def test_objective_checks_its_options():
    with pytest.raises(ValueError, match="unknown loss 'mse': choose one of mean_squared_error"):
        Objective(None, "mse")
    with pytest.raises(ValueError, match="'mean' or 'sum', not 'none'"):
        Objective(None, "hinge", "none")
