"""Projected gradient ascent: exact on linear models, per example, and never a NaN."""

import numpy as np
import pytest
from helpers import assert_close, assert_same_kind

from refimpl.algorithms.attacks import ProjectedGradientAttack, normalized_rows, row_norms
from refimpl.arrays import to_host
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective
from refimpl.random import Rng

LINEAR = MLP((3, 2))
OBJECTIVE = Objective(LINEAR)


def linear_problem(xb, examples=6):
    rng = np.random.default_rng(4)
    params = [
        {"weight": xb.asarray(rng.normal(size=(2, 3))), "bias": xb.asarray(rng.normal(size=2))}
    ]
    batch = Batch(
        xb.asarray(rng.normal(size=(examples, 3))), xb.asarray(rng.integers(0, 2, examples))
    )
    return params, batch


def uphill(params, batch):
    """w_other - w_mine for each example: the direction in which a two-class loss grows."""
    weight, labels = to_host(params[0]["weight"]), to_host(batch.targets)
    return np.stack([weight[1 - y] - weight[y] for y in labels])


def test_euclidean_attack_finds_the_worst_case_of_a_linear_model(xb):
    params, batch = linear_problem(xb)
    moved = ProjectedGradientAttack(radius=0.7)(OBJECTIVE, params, batch)
    assert_same_kind(moved, batch.inputs)
    up = uphill(params, batch)
    worst = to_host(batch.inputs) + 0.7 * up / np.linalg.norm(up, axis=1, keepdims=True)
    assert_close(moved, worst)


def test_maximum_norm_attack_finds_the_worst_case_of_a_linear_model(xb):
    params, batch = linear_problem(xb)
    attack = ProjectedGradientAttack(radius=0.3, norm="linf")
    worst = to_host(batch.inputs) + 0.3 * np.sign(uphill(params, batch))
    assert_close(attack(OBJECTIVE, params, batch), worst)
    single = ProjectedGradientAttack.single_step(0.3)
    assert_close(single(OBJECTIVE, params, batch), worst)


def test_too_few_steps_stop_short_of_the_ball(xb):
    params, batch = linear_problem(xb)
    attack = ProjectedGradientAttack(radius=5.0, norm="linf", steps=3, step_size=0.01)
    expected = to_host(batch.inputs) + 0.03 * np.sign(uphill(params, batch))
    assert_close(attack(OBJECTIVE, params, batch), expected, factor=1000)


def test_every_example_has_its_own_step():
    """The length of one example's gradient changes no other's answer."""

    def gradient(scale):
        return lambda x: np.array([[3.0, 4.0], [scale, 0.0]])

    attack = ProjectedGradientAttack(radius=1.0, steps=2, step_size=0.25)
    for scale in (1e-250, 1.0, 1e250):
        moved = attack.perturb(gradient(scale), np.zeros((2, 2)))
        np.testing.assert_allclose(moved, [[0.3, 0.4], [0.5, 0.0]], rtol=1e-15)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_a_zero_gradient_leaves_the_example_where_it_is(xb, norm):
    inputs = xb.asarray(np.ones((2, 3)))
    attack = ProjectedGradientAttack(radius=0.5, norm=norm)
    moved = attack.perturb(lambda x: xb.xp.zeros_like(x), inputs)
    assert np.array_equal(to_host(moved), np.ones((2, 3)))


def test_a_dead_network_leaves_its_inputs(xb):
    model = MLP((3, 4, 2))
    params = [{**layer, "bias": layer["bias"] - 100.0} for layer in model.init(Rng(0), backend=xb)]
    inputs = xb.asarray(np.ones((5, 3)))
    batch = Batch(inputs, xb.asarray(np.zeros(5, dtype=np.int64)))
    moved = ProjectedGradientAttack(radius=1.0)(Objective(model), params, batch)
    assert np.array_equal(to_host(moved), to_host(inputs))


def test_the_answer_stays_in_the_ball_and_in_the_box():
    rng = np.random.default_rng(0)
    inputs = rng.uniform(size=(20, 5))
    for norm, order in (("l2", 2), ("linf", np.inf)):
        attack = ProjectedGradientAttack(
            radius=0.4, norm=norm, steps=7, step_size=0.3, start="random", low=0.0, high=1.0
        )
        moved = attack.perturb(lambda x: rng.normal(size=x.shape), inputs, Rng(1))
        assert moved.min() >= 0.0 and moved.max() <= 1.0 + 1e-15
        assert np.linalg.norm(moved - inputs, order, axis=1).max() <= 0.4 * (1 + 1e-14)
        assert np.linalg.norm(moved - inputs, order, axis=1).min() > 0.05


def test_the_box_is_kept_by_a_linear_attack():
    attack = ProjectedGradientAttack(radius=0.5, norm="linf", low=0.0, high=1.0)
    moved = attack.perturb(lambda x: np.array([[1.0, -1.0]]), np.array([[0.9, 0.2]]))
    np.testing.assert_allclose(moved, [[1.0, 0.0]], atol=1e-15)


def test_a_box_may_have_one_side():
    attack = ProjectedGradientAttack(radius=0.5, norm="linf", low=0.0)
    moved = attack.perturb(lambda x: np.array([[1.0, -1.0]]), np.array([[0.9, 0.2]]))
    np.testing.assert_allclose(moved, [[1.4, 0.0]], atol=1e-15)


def test_random_starts_come_from_the_rng():
    attack = ProjectedGradientAttack(radius=0.5, start="random")
    inputs = np.zeros((4, 3))

    def still(x):
        return np.zeros_like(x)

    first, again = (attack.perturb(still, inputs, Rng(seed)) for seed in (1, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, attack.perturb(still, inputs, Rng(2)))
    draws = 0.5 * Rng(1).normal((4, 3))
    lengths = np.linalg.norm(draws, axis=1, keepdims=True)
    np.testing.assert_allclose(first, draws * np.minimum(1.0, 0.5 / lengths), rtol=1e-14)
    uniform = ProjectedGradientAttack(radius=0.5, norm="linf", start="random")
    assert np.array_equal(uniform.perturb(still, inputs, Rng(1)), Rng(1).uniform((4, 3), -0.5, 0.5))
    with pytest.raises(TypeError, match="rng"):
        attack.perturb(still, inputs)


def test_ascent_raises_the_loss_of_a_network(xb):
    model = MLP((3, 8, 2))
    objective, params = Objective(model), model.init(Rng(2), bias_scale=1.0, backend=xb)
    _, batch = linear_problem(xb, 10)
    moved = ProjectedGradientAttack(radius=0.5, steps=10)(objective, params, batch)
    before = objective.loss(model(params, batch.inputs), batch.targets, reduction="none")
    after = objective.loss(model(params, moved), batch.targets, reduction="none")
    assert np.all(to_host(after) > to_host(before))


def test_radius_zero_is_the_identity():
    inputs = np.ones((2, 2))
    assert ProjectedGradientAttack(radius=0.0).perturb(None, inputs) is inputs
    assert ProjectedGradientAttack.single_step(0.0).perturb(None, inputs) is inputs


@pytest.mark.parametrize(
    "wrong",
    [
        {"radius": -1.0},
        {"radius": float("nan")},
        {"norm": "l1"},
        {"steps": 0},
        {"step_size": 0.0},
        {"start": "ones"},
        {"low": 1.0, "high": 0.0},
    ],
)
def test_wrong_settings_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ProjectedGradientAttack(**wrong)


def test_rows_of_any_size_keep_their_direction(xb):
    small = 1e-30 if xb.dtype_name == "float32" else 1e-300
    rows = xb.asarray(np.array([[3.0, 4.0], [0.0, 0.0], [1.0, 0.0]]))
    assert_close(normalized_rows(small * rows), np.array([[0.6, 0.8], [0.0, 0.0], [1.0, 0.0]]))
    assert_close(row_norms(small * rows) / small, np.array([[5.0], [0.0], [1.0]]))
