"""What the comparisons on MNIST are made of: scores of examples, and Minnorm as weight decay."""

import math
from dataclasses import replace

import numpy as np
import pytest

from refimpl import Rng, backend
from refimpl import autodiff as ad
from refimpl.algorithms.momentum import Momentum
from refimpl.arrays import to_host
from refimpl.datasets import Batch
from refimpl.datasets.base import Dataset
from refimpl.experiments.declared import Size
from refimpl.models import MLP, Objective
from refimpl.papers.minnorm.experiments import evidence_mnist as evidence
from refimpl.papers.minnorm.experiments import ranking
from refimpl.training import train

SIZE = Size(data="digits", training=60, validation=40, test=40, noise=0.5, hidden=(12,),
            epochs=7, batch_size=16, seeds=2)  # fmt: skip


def network(seed=3):
    rng = Rng(seed)
    model = MLP((5, 7, 4), bias=False)
    data = Batch(rng.child("x").normal((9, 5)), rng.child("y").integers(0, 4, (9,)), np.arange(9))
    return Objective(model), model.init(rng.child("init")), data


def one(data, k):
    return Batch(data.inputs[k : k + 1], data.targets[k : k + 1])


def test_lengths_of_gradients_are_those_of_the_tape():
    objective, params, data = network()
    found = ranking.gradient_lengths(objective, params, data)
    for k in range(9):
        _, gradient = ad.value_and_grad(objective)(params, one(data, k))
        squares = sum(float(np.sum(leaf**2)) for leaf in ad.flatten(gradient)[0])
        assert math.isclose(found[k], math.sqrt(squares), rel_tol=1e-12)


def test_a_followed_descent_takes_the_same_steps_and_adds_up_each_loss():
    objective, params, data = network()
    whole = Dataset("toy", data.inputs, data.targets, classes=4)
    update, seen = Momentum(learning_rate=0.1), np.zeros(9)
    options = {"epochs": 3, "batch_size": 4, "rng": Rng(5), "progress": False}
    plain = train(update, objective, params, whole, **options)
    followed = train(ranking.Followed(inner=update), objective, params, whole, **options)
    for a, b in zip(ad.flatten(plain.params)[0], ad.flatten(followed.params)[0], strict=True):
        assert np.array_equal(a, b)
    state = update.init(params)
    for epoch in range(3):
        order = Rng(5).child("order", epoch).permutation(9)
        for rows in np.split(order, [4, 8]):
            for k in rows:
                seen[k] += float(objective(state.params, one(data, k)))
            state, _ = update.step(state, objective, whole.batch(rows))
    assert np.allclose(followed.state.total, seen, rtol=1e-10)


def test_scores_are_given_where_labels_were_redrawn_and_there_alone():
    place = backend("numpy")
    clean = ranking.problem(replace(SIZE, noise=0.0), place, Rng(1))
    noisy = ranking.problem(SIZE, place, Rng(1))
    changed = clean.split.train.targets != noisy.split.train.targets
    assert 0.3 < np.mean(changed) < 0.6
    expected = {
        evidence._descent: {"loss", "gradient", "average"},
        evidence._decay: {"loss", "gradient"},
        evidence._minnorm: {"loss", "gradient", "multipliers"},
    }
    for arm, names in expected.items():
        value = 30.0 if arm is evidence._minnorm else 0.01
        for problem, size, found in ((noisy, SIZE, names), (clean, replace(SIZE, noise=0.0), ())):
            outcome = train(
                arm(size, 0.1, value).algorithm, problem.objective, problem.params,
                problem.split.train, epochs=7, batch_size=16, rng=Rng(2), progress=False,
            )  # fmt: skip
            scores = problem.observe(outcome)
            assert set(scores) == {f"auc_{name}" for name in found}
            assert all(0.0 <= value <= 1.0 for value in scores.values())


def test_minnorm_without_multipliers_is_weight_decay_on_squared_violations():
    """Gain g and rate r: W ← W − (r/g) (W + g ∂ mean Σ_k max(0, 1 − t_k f_k)² / 2), then λ."""
    rate, gain = 0.1, 20.0
    objective, params, data = network()
    size = replace(SIZE, training=9, epochs=5)
    algorithm = evidence._minnorm(size, rate, gain).algorithm
    state = algorithm.init(params, training=data, objective=objective)
    state, _ = algorithm.step(state, objective, data)
    signs = np.where(np.arange(4) == data.targets[:, None], 1.0, -1.0)

    def squared(at, batch):
        slack = 1.0 - signs * objective.outputs(at, batch)
        return 0.5 * ad.sum(ad.where(ad.value(slack) > 0.0, slack, 0.0 * slack) ** 2) / 9.0

    _, gradient = ad.value_and_grad(squared)(params, data)
    own = evidence.SLOWER * rate
    leaves = zip(*(ad.flatten(tree)[0] for tree in (params, gradient, state.params)), strict=True)
    for weight, slope, new in leaves:
        assert np.allclose(new, weight - own * (weight / gain + slope), rtol=1e-12, atol=1e-14)
    violation = 1.0 - signs * to_host(objective.outputs(params, data))
    moved = np.maximum(0.0, evidence.MOVES * gain / 9 / 5 * violation)
    assert np.allclose(state.multipliers, moved, rtol=1e-12)


@pytest.mark.parametrize("found", evidence.COMPARISONS, ids=lambda found: found.name)
def test_every_comparison_says_how_many_images_it_trains_on(found):
    assert found.full.data == "mnist" and found.full.training
    assert found.expects == ("control" if found.full.noise else "favorable")
