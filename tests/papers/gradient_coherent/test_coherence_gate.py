"""The gate as a wrapper against the gated algorithm, and under penalties that it does not have."""

import numpy as np
import pytest
from helpers import assert_close

from refimpl import autodiff as ad
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l1 import L1
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import to_host
from refimpl.datasets import Batch
from refimpl.errors import SettingError
from refimpl.models import MLP, Objective
from refimpl.papers.gradient_coherent.coherence_gate import CoherenceGate
from refimpl.papers.gradient_coherent.gradient_coherent import GradientCoherent
from refimpl.random import Rng

OBJECTIVE = Objective(MLP((3, 4, 2), activation="tanh"), "softmax_cross_entropy")


def batch(xb, step):
    rng = Rng(3).child(step)
    targets = xb.asarray(rng.integers(0, 2, (7,)))
    return Batch(xb.asarray(rng.normal((7, 3))), targets, np.arange(7))


def walk(algorithm, xb, steps=6):
    state = algorithm.init(
        OBJECTIVE.model.init(Rng(1), bias_scale=1.0, backend=xb), steps_per_epoch=2
    )
    infos = []
    for step in range(steps):
        state, info = algorithm.step(state, OBJECTIVE, batch(xb, step))
        infos.append(info)
    return state, infos


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize(
    "hyper",
    [
        {"criterion": "total", "threshold": 0.8},
        {"criterion": "sign"},
        {"criterion": "ratio", "ratio": 2.0},
        {"criterion": "temporal", "threshold": 0.5},
        {"criterion": "lookahead", "threshold": 0.999},
        {"criterion": "always", "delay": 1},
    ],
    ids=lambda h: h["criterion"],
)
def test_under_l2_it_is_the_gated_algorithm(xb, scope, hyper):
    strength, rate = 0.2, 0.3
    gated = GradientCoherent(
        strength=strength, learning_rate=rate, base="momentum", momentum=0.5, scope=scope, **hyper
    )
    gate = CoherenceGate(scope=scope, reach=rate, **hyper)
    update = Momentum(learning_rate=rate, momentum=0.5)
    whole = Composition(update, L2(strength=strength), gate)
    ours, mine = walk(whole, xb)
    theirs, yours = walk(gated, xb)
    for a, b in zip(ad.flatten(ours.params)[0], ad.flatten(theirs.params)[0], strict=True):
        assert_close(a, to_host(b), factor=1000.0)
    seen = [float(info.gate) for info in mine]
    assert seen == pytest.approx([float(info.gate) for info in yours])
    if hyper["criterion"] != "always":
        assert len(set(seen)) > 1, "the gate never moved: the comparison says nothing"


def test_a_shut_gate_leaves_the_update_and_an_open_one_the_penalties(xb):
    rough = [L2(strength=0.5), L1(strength=0.1, method="subgradient")]
    for threshold, penalties in ((1.0, []), (-1.0, rough)):
        gated = Composition(SGD(learning_rate=0.3), rough, CoherenceGate(threshold=threshold))
        plain = Composition(SGD(learning_rate=0.3), penalties)
        ours, infos = walk(gated, xb, 3)
        state = plain.init(OBJECTIVE.model.init(Rng(1), bias_scale=1.0, backend=xb))
        for step in range(3):
            state, _ = plain.step(state, OBJECTIVE, batch(xb, step))
        for a, b in zip(ad.flatten(ours.params)[0], ad.flatten(state.params)[0], strict=True):
            assert_close(a, to_host(b))
        assert float(infos[-1].gate) == (threshold < 0.0)


def test_without_matrices_there_is_nothing_to_gate():
    with pytest.raises(SettingError, match=r"the gate acts on no parameter.*\(2,\)"):
        CoherenceGate().init([np.ones(2)])
