"""Meta-gradients against the autograd library, and the step that follows."""

import math

import autograd
import numpy as np
import pytest
from helpers import assert_close
from papers.gradient_dropout.twin import (
    TASKS,
    given_noise,
    pairs,
    problem,
    twin_meta_loss,
)

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.sgd import SGD
from refimpl.datasets import Batch, Episode
from refimpl.models import LinearChain, Objective
from refimpl.papers.gradient_dropout import inner
from refimpl.papers.gradient_dropout.dropout import GradientDropout
from refimpl.papers.gradient_dropout.maml import MAML, MetaSGD

CASES = [
    (kind, activation, loss, order)
    for kind in (MAML, MetaSGD)
    for activation, loss in (
        ("tanh", "mean_squared_error"),
        ("tanh", "softmax_cross_entropy"),
        ("relu", "softmax_cross_entropy"),
        ("relu", "mean_squared_error"),
    )
    for order in ("second", "first")
]


@pytest.mark.parametrize(("kind", "activation", "loss", "order"), CASES)
def test_meta_gradient_against_autograd(kind, activation, loss, order):
    objective, params, episode = problem(activation=activation, loss=loss)
    noise = given_noise(params, 3)
    algorithm = kind(inner_rate=0.3, inner_steps=3, order=order)
    at = algorithm.init(params).params
    found = algorithm.meta_gradient(at, objective, episode, noise=noise)
    rates = [(0.3 * np.ones_like(w), 0.3 * np.ones_like(b)) for w, b in pairs(params)]
    evaluate = twin_meta_loss(episode, noise, 3, activation, loss, order)
    assert float(found.losses.sum()) == pytest.approx(evaluate(pairs(params), rates), rel=1e-12)
    wanted = autograd.grad(evaluate, 0)(pairs(params), rates)
    gradient = found.gradient.start if kind is MetaSGD else found.gradient
    for layer, (weight, bias) in zip(gradient, wanted, strict=True):
        np.testing.assert_allclose(layer["weight"], weight, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(layer["bias"], bias, rtol=1e-11, atol=1e-13)
    if kind is MetaSGD:
        wanted = autograd.grad(evaluate, 1)(pairs(params), rates)
        for layer, (weight, bias) in zip(found.gradient.rates, wanted, strict=True):
            np.testing.assert_allclose(layer["weight"], weight, rtol=1e-11, atol=1e-13)
            np.testing.assert_allclose(layer["bias"], bias, rtol=1e-11, atol=1e-13)


# --- one step ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("reduction", "clip"), [("sum", None), ("mean", None), ("sum", 0.2)])
def test_a_step_moves_by_the_reduced_and_clipped_gradient(reduction, clip):
    objective, params, episode = problem()
    algorithm = MAML(
        task_reduction=reduction, clip=clip, base="sgd", learning_rate=0.5, inner_steps=2
    )
    noise = GradientDropout(rate=0.5)
    algorithm = algorithm.wrapped(noise)
    state, info = algorithm.step(algorithm.init(params), objective, episode, Rng(1))
    total = MAML(inner_steps=2, wrappers=noise).meta_gradient(
        params, objective, episode, rng=Rng(1)
    )
    share = 1.0 if reduction == "sum" else 1.0 / TASKS
    gradient = ad.map_tree(lambda g: share * g, total.gradient)
    norm = math.sqrt(sum(float((g**2).sum()) for g in ad.flatten(gradient)[0]))
    factor = 1.0 if clip is None else min(1.0, clip / norm)
    assert clip is None or factor < 0.5
    expected = ad.map_tree(lambda p, g: p - 0.5 * factor * g, params, gradient)
    assert_close(state.params, expected)
    assert float(info.gradient_norm) == pytest.approx(norm)
    assert float(info.loss) == pytest.approx(share * float(total.losses.sum()))
    assert float(info.support_loss) == pytest.approx(
        float(objective.each(inner.spread(params, TASKS), episode.support).mean())
    )
    drawn = [n for k in total.trajectory.noise for n in ad.flatten(k)[0]]
    entries = np.concatenate([np.ravel(n) for n in drawn])
    assert float(info.noise_variance) == pytest.approx(((entries - 1.0) ** 2).mean())


def test_the_update_is_that_which_is_given():
    objective, params, episode = problem()
    named = MAML(base="momentum", learning_rate=0.1, momentum=0.5)
    assert named.outer.momentum == 0.5 and named.outer.learning_rate == 0.1
    algorithm = MAML(update=Adam(learning_rate=0.1, beta2=0.5))
    state, _ = algorithm.step(algorithm.init(params), objective, episode)
    moved = ad.map_tree(lambda a, b: np.abs(a - b), state.params, params)
    assert all(np.allclose(leaf, 0.1, rtol=1e-4) for leaf in ad.flatten(moved)[0])
    assert MAML(update=SGD()).outer == SGD()


def test_no_inner_step_is_the_gradient_of_the_query_loss():
    objective, params, episode = problem()
    algorithm = MAML(inner_steps=0, wrappers=GradientDropout(rate=0.5))
    found = algorithm.meta_gradient(params, objective, episode).gradient
    plain = ad.grad(lambda p: ad.sum(objective.each(inner.spread(p, TASKS), episode.query)))(params)
    assert_close(found, plain)
    _, info = algorithm.step(algorithm.init(params), objective, episode)
    assert float(info.support_loss) == float(info.noise_variance) == 0.0


@pytest.mark.parametrize("noise", ["bernoulli", "gaussian"])
def test_rate_zero_is_maml_bit_for_bit(noise):
    objective, params, episode = problem(activation="relu")
    results = []
    for wrappers in ((), GradientDropout(rate=0.0, noise=noise)):
        algorithm = MAML(wrappers=wrappers)
        state = algorithm.init(params)
        for _ in range(5):
            state, _ = algorithm.step(state, objective, episode)  # no stream: nothing is drawn
        results.append(ad.ravel(state.params)[0])
    assert results[0].tobytes() == results[1].tobytes()


def test_all_entries_dropped_leaves_the_parameters():
    objective, params, episode = problem()
    nothing = ad.map_tree(lambda p: np.zeros((TASKS, *p.shape)), params)
    found = MAML(inner_steps=2).meta_gradient(params, objective, episode, noise=[nothing, nothing])
    assert_close(found.trajectory.params[-1], inner.spread(params, TASKS), rtol=0.0, atol=0.0)


def test_tasks_one_by_one_are_the_stack():
    """A plain function of one task gives what the batched objective gives."""
    objective, params, episode = problem()
    noise = given_noise(params, 2)
    algorithm = MAML(inner_rate=0.3, inner_steps=2)
    together = algorithm.meta_gradient(params, objective, episode, noise=noise)
    alone = algorithm.meta_gradient(
        params, lambda p, batch: objective(p, batch), episode, noise=noise
    )
    assert_close(alone.gradient, together.gradient)
    assert_close(alone.losses, together.losses)


def test_a_model_that_takes_no_stacks_runs_task_by_task():
    """A linear chain of 0-d weights, against the gradient written out by hand."""
    objective = Objective(LinearChain(2), "mean_squared_error")
    params = objective.model.init([0.5, 2.0])
    x, y = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[1.0, 1.0], [2.0, 0.0]])
    episode = Episode(Batch(x, y), Batch(2.0 * x, y))
    algorithm = MAML(inner_rate=0.1, inner_steps=1, order="first")
    found = algorithm.meta_gradient(params, objective, episode)
    wanted = np.zeros(2)
    for t in range(2):
        w = [0.5, 2.0]
        common = np.mean((w[0] * w[1] * x[t] - y[t]) * x[t])
        w = [w[0] - 0.1 * common * 2.0, w[1] - 0.1 * common * 0.5]
        common = np.mean((w[0] * w[1] * 2.0 * x[t] - y[t]) * 2.0 * x[t])
        wanted += [common * w[1], common * w[0]]
    np.testing.assert_allclose([float(g) for g in found.gradient], wanted, rtol=1e-12)


def test_two_wrappers_multiply():
    objective, params, episode = problem()
    parts = (GradientDropout(rate=0.5), GradientDropout(rate=0.3, noise="gaussian"))
    both = MAML(inner_steps=1, wrappers=parts[:1]).wrapped(parts[1])
    assert both.wrappers == parts
    used = both.meta_gradient(params, objective, episode, rng=Rng(3)).trajectory.noise[0]
    stacked = inner.spread(params, TASKS)
    one, two = (
        part.multipliers(stacked, 0, Rng(3).child("inner", number, 0))
        for number, part in enumerate(parts)
    )
    assert_close(used, ad.map_tree(lambda a, b: a * b, one, two))
