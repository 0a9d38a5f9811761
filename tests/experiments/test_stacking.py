"""A stack of networks is its members: the same numbers as one run each."""

from dataclasses import replace

import numpy as np
import pytest

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.orthogonality import Orthogonality
from refimpl.algorithms.sgd import SGD
from refimpl.datasets import load
from refimpl.errors import SettingError
from refimpl.experiments.stacking import Member, stackable, train_stack
from refimpl.models import MLP, Objective
from refimpl.training import train


class Jitter:
    """A penalty that draws, and counts its steps: its gradient is noise of a falling size."""

    def __init__(self, size):
        self.size = size

    def init(self, params):
        return np.asarray(1.0)

    def value_and_gradient(self, params, batch, objective, aux, rng=None):
        noise = ad.map_tree(lambda w: self.size / float(aux) * rng.normal(w.shape, like=w), params)
        return np.asarray(0.0), noise, aux + 1.0


MODEL = MLP((64, 9, 8, 10), activation="tanh")
OBJECTIVE = Objective(MODEL)


def members(algorithms, schedule=None, size=50):
    found = []
    for number, algorithm in enumerate(algorithms):
        rng = Rng(3).child("member", number // 2)  # two settings a seed
        data = load("digits", rng=rng.child("data"), training=size).train
        start = MODEL.init(rng.child("init"), bias_scale=1.0)
        at = schedule and schedule(algorithm)
        found.append(Member(algorithm, start, data, rng.child("training"), at))
    return found


def falling(algorithm):
    return lambda epoch: replace(algorithm, learning_rate=algorithm.learning_rate / (1 + epoch))


def composed(update, penalties):
    return [Composition(update(learning_rate=r), penalties=p) for r, p in penalties]


CASES = {
    "sgd": ([SGD(learning_rate=r) for r in (0.1, 0.3, 0.2)], None, 16),
    "whole set": ([SGD(learning_rate=r) for r in (0.1, 0.3, 0.2)], None, None),
    "nesterov, falling": (
        [Momentum(learning_rate=r, momentum=0.8, nesterov=True) for r in (0.1, 0.02)], falling, 20,
    ),
    "adam": ([Adam(learning_rate=r, beta1=0.8) for r in (1e-3, 1e-2, 3e-3)], None, 16),
    "decay": (
        composed(Momentum, [(0.1, [L2(strength=0.1)]), (0.2, [L2(strength=0.01, include="all")])]),
        None, 16,
    ),
    "drawing penalties": (
        composed(SGD, [(0.1, [L2(strength=0.1), Jitter(s), Jitter(2.0 * s)]) for s in (0.1, 0.3)]),
        None, 16,
    ),
    "two penalties": (
        composed(SGD, [(0.1, [L2(strength=s), Orthogonality(strength=0.1)]) for s in (0.1, 0.5)]),
        None, 16,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_stack_gives_what_single_runs_give(case):
    algorithms, schedule, batch_size = CASES[case]
    group = members(algorithms, schedule)
    stacked = train_stack(group, OBJECTIVE, epochs=3, batch_size=batch_size)
    for member, params in zip(group, stacked, strict=True):
        alone = train(
            member.algorithm, OBJECTIVE, member.params, member.data, epochs=3,
            batch_size=batch_size, rng=member.rng, schedule=member.schedule, progress=False,
        )  # fmt: skip
        for mine, theirs in zip(ad.flatten(params)[0], ad.flatten(alone.params)[0], strict=True):
            assert np.max(np.abs(mine - theirs)) < 1e-13 * np.max(np.abs(theirs))
    first, second = (ad.flatten(params)[0][0] for params in stacked[:2])
    assert np.max(np.abs(first - second)) > 1e-4, "the settings differ"


def test_one_that_breaks_down_does_not_touch_the_others():
    group = members([SGD(learning_rate=0.1), SGD(learning_rate=1e200)])
    objective = Objective(MLP(MODEL.widths))
    broken = train_stack(group, objective, epochs=2, batch_size=16)
    (alone,) = train_stack(group[:1], objective, epochs=2, batch_size=16)
    assert np.array_equal(broken[0][0]["weight"], alone[0]["weight"])
    assert not np.isfinite(broken[1][0]["weight"]).all()


def test_what_looks_at_the_whole_network_does_not_stack():
    from refimpl.algorithms.early_stopping import EarlyStopping

    update = SGD(learning_rate=0.1)
    for bad in (
        [update, Momentum()],
        [Momentum(momentum=0.8), Momentum(momentum=0.9)],
        [Composition(update, wrappers=[EarlyStopping()])],
        [Composition(update, penalties=[L2(strength=0.1, decoupled=True)])],
        [],
    ):
        assert not stackable(bad), bad
    assert not stackable([update], [lambda params, batch: 0.0])
    assert not stackable([update] * 2, [OBJECTIVE, Objective(MODEL, "multiclass_margin")])
    with pytest.raises(SettingError, match="of Momentum, SGD do not train as one stack"):
        train_stack(members([update, Momentum()]), OBJECTIVE, epochs=1, batch_size=4)


def test_members_have_equal_numbers_of_examples():
    group = members([SGD()], size=50) + members([SGD()], size=40)
    with pytest.raises(SettingError, match=r"as many examples each, not \[40, 50\]"):
        train_stack(group, OBJECTIVE, epochs=1, batch_size=4)
