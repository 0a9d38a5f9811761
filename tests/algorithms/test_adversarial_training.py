"""Training on attacked batches: the update's own step on moved inputs."""

import numpy as np
import pytest
from helpers import assert_close

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.algorithms.adversarial_training import AdversarialTraining
from refimpl.algorithms.attacks import ProjectedGradientAttack
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.sgd import SGD
from refimpl.datasets import Batch
from refimpl.models import MLP, Objective


def problem(seed=0, examples=8):
    model = MLP((3, 5, 2))
    params = model.init(Rng(seed), bias_scale=1.0)
    rng = Rng(seed).child("data")
    return Objective(model), params, Batch(rng.normal((examples, 3)), rng.integers(0, 2, (8,)))


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_a_step_is_that_of_the_update_on_attacked_inputs(norm):
    objective, params, batch = problem()
    part = AdversarialTraining(radius=0.4, norm=norm, steps=3, step_size=0.2)
    algorithm = Composition(SGD(learning_rate=0.1), penalties=[L2(strength=0.3)], wrappers=[part])
    state, info = algorithm.step(algorithm.init(params), objective, batch)
    attack = ProjectedGradientAttack(radius=0.4, norm=norm, steps=3, step_size=0.2)
    moved = batch._replace(inputs=attack(objective, params, batch))
    plain = Composition(SGD(learning_rate=0.1), penalties=[L2(strength=0.3)])
    expected, clean = plain.step(plain.init(params), objective, moved)
    assert_close(state.params, expected.params)
    assert float(info.loss) == float(clean.loss) > float(objective(params, batch))


def test_the_random_start_comes_from_the_steps_rng():
    objective, params, batch = problem()
    part = AdversarialTraining(radius=0.4, steps=1, start="random", low=-1.0, high=1.0)
    algorithm = Composition(SGD(learning_rate=0.1), wrappers=[part])
    losses = [
        float(algorithm.step(algorithm.init(params), objective, batch, Rng(n))[1].loss)
        for n in (1, 1, 2)
    ]
    assert losses[0] == losses[1] != losses[2]
    inside = part.prepare(batch, params, objective, (), 0, Rng(0)).inputs
    assert inside.min() >= -1.0 and inside.max() <= 1.0
    with pytest.raises(TypeError, match="rng"):
        algorithm.step(algorithm.init(params), objective, batch)


def test_radius_zero_is_plain_training_bit_for_bit():
    objective, params, batch = problem()
    wrapped = Composition(Momentum(), wrappers=[AdversarialTraining(radius=0.0)])
    plain = Composition(Momentum())
    a, b = wrapped.init(params), plain.init(params)
    for _ in range(3):
        a, b = wrapped.step(a, objective, batch)[0], plain.step(b, objective, batch)[0]
    for left, right in zip(ad.flatten(a.params)[0], ad.flatten(b.params)[0], strict=True):
        assert left.tobytes() == right.tobytes()


@pytest.mark.parametrize(
    "wrong", [{"radius": -1.0}, {"norm": "l1"}, {"steps": 0}, {"step_size": 0.0}, {"start": "x"},
              {"low": 1.0, "high": 0.0}]
)  # fmt: skip
def test_wrong_settings_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AdversarialTraining(**wrong)


def test_one_step_of_the_signs_is_the_fast_gradient_sign_method():
    """On a linear model of two classes the loss rises along the difference of the weights."""
    objective = Objective(MLP((3, 2)))
    params = objective.model.init(Rng(0), bias_scale=1.0)
    batch = problem()[2]
    part = AdversarialTraining(radius=0.2, norm="linf", steps=1, step_size=0.2)
    moved = part.prepare(batch, params, objective, (), 0).inputs
    rise = params[0]["weight"][1 - batch.targets] - params[0]["weight"][batch.targets]
    assert_close(moved, batch.inputs + 0.2 * np.sign(rise))
