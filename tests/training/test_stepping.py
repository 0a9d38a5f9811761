"""Steps on flat storage and with replayed gradients are the reference's steps, to the last bit."""

import signal
from dataclasses import dataclass, replace

import numpy as np
import pytest

from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composed_gradient import Gradients
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.orthogonality import Orthogonality
from refimpl.algorithms.sgd import SGD
from refimpl.algorithms.sgld import SGLD
from refimpl.arrays import backend
from refimpl.datasets import Dataset
from refimpl.models import MLP, Objective
from refimpl.random import Rng
from refimpl.recording import same_bits
from refimpl.training import stepper, train

MODEL = MLP((3, 5, 4, 2))
OBJECTIVE = Objective(MODEL)
UPDATES = {
    "sgd": SGD(learning_rate=0.3),
    "momentum": Momentum(learning_rate=0.1, momentum=0.8),
    "nesterov": Momentum(learning_rate=0.1, momentum=0.8, nesterov=True),
    "adam": Adam(learning_rate=0.05, beta1=0.7, beta2=0.95, epsilon=1e-3),
}


def assert_same_run(left, right):
    for a, b in zip(ad.flatten(left.state)[0], ad.flatten(right.state)[0], strict=True):
        assert same_bits(a, b)
    ours, theirs = left.history.steps, right.history.steps
    assert ours.keys() == theirs.keys()
    assert all(same_bits(ours[name], theirs[name]) for name in ours)


def dataset(dtype="float64", size=10):
    rng = Rng(11)
    inputs = rng.normal((size, 3), like=backend("numpy", dtype).zeros(()))
    return Dataset("points", inputs, (inputs[:, 0] > 0).astype(np.int64), classes=2)


def go(algorithm, replay, objective=OBJECTIVE, dtype="float64", **options):
    return train(
        algorithm,
        objective,
        MODEL.init(Rng(2), bias_scale=1.0, backend=backend("numpy", dtype)),
        dataset(dtype),
        rng=Rng(0),
        **{"epochs": 6, "batch_size": 4, "replay": replay, **options},
    )


def flat_of(steps):
    return steps._flat


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", UPDATES)
def test_a_run_is_the_reference_run(name, dtype):
    """With a last, short batch in every epoch."""
    assert_same_run(go(UPDATES[name], None, dtype=dtype), go(UPDATES[name], False, dtype=dtype))


@pytest.mark.parametrize("name", UPDATES)
def test_updates_of_the_core_take_their_steps_in_place(name):
    """Without it the other tests would compare the reference with itself."""
    steps = stepper(UPDATES[name], OBJECTIVE, MODEL.init(Rng(2)))
    for k in range(6):
        steps.step(dataset().batch(range(4)), Rng(0).child("step", k))
    flat = flat_of(steps)
    assert flat is not None and flat._replayed.recordings == 1
    assert steps.taken == steps.state.step == 6
    reference = stepper(UPDATES[name], OBJECTIVE, MODEL.init(Rng(2)), replay=False)
    reference.step(dataset().batch(range(4)), Rng(0))
    assert flat_of(reference) is None


@pytest.mark.parametrize("name", UPDATES)
def test_a_schedule_and_a_look_at_every_state(name):
    schedule = lambda epoch: replace(UPDATES[name], learning_rate=0.2 / (1 + epoch // 2))  # noqa: E731

    def states(replay):
        kept = []
        result = go(
            UPDATES[name], replay, schedule=schedule, on_step=lambda k, s, i: kept.append(s)
        )
        return kept, result

    (ours, left), (theirs, right) = states(None), states(False)
    assert_same_run(left, right)
    assert [state.step for state in ours] == list(range(1, 19))
    for a, b in zip(ours, theirs, strict=True):
        assert all(map(same_bits, ad.flatten(a)[0], ad.flatten(b)[0]))


def test_the_parameters_that_a_run_starts_from_are_left_alone():
    params = MODEL.init(Rng(2))
    kept = ad.map_tree(np.copy, params)
    steps = stepper(SGD(), OBJECTIVE, params)
    for k in range(6):
        before = steps.state
        copies = ad.map_tree(np.copy, before.params)
        steps.step(dataset().batch(), Rng(k))
        assert all(map(same_bits, ad.flatten(before.params)[0], ad.flatten(copies)[0]))
        assert not same_bits(steps.state.params[0]["weight"], before.params[0]["weight"])
    assert all(map(same_bits, ad.flatten(params)[0], ad.flatten(kept)[0]))


@pytest.mark.parametrize("k", [1, 3, 4, 11])
@pytest.mark.parametrize("name", UPDATES)
def test_a_killed_run_resumes_to_the_same_bits(name, k, tmp_path):
    class KilledError(Exception):
        pass

    def on_step(step, state, info):
        if step == k:
            raise KilledError

    path = tmp_path / "run.npz"
    options = {"checkpoint": path, "checkpoint_every": 2}
    with pytest.raises(KilledError):
        go(UPDATES[name], None, on_step=on_step, **options)
    resumed = go(UPDATES[name], None, resume=True, **options)
    assert_same_run(resumed, go(UPDATES[name], False))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers of POSIX")
def test_a_signal_never_leaves_half_a_step():
    """The state is that of a whole number of steps wherever the signal comes."""
    batch, adam = dataset().batch(), UPDATES["adam"]
    params = MODEL.init(Rng(2))
    reference = stepper(adam, OBJECTIVE, params, replay=False)
    states = [reference.state]
    steps = stepper(adam, OBJECTIVE, params)
    for _ in range(4):
        steps.step(batch)

    def ring(number, frame):
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, ring)
    try:
        for turn in range(60):
            try:
                signal.setitimer(signal.ITIMER_REAL, 2e-4 + 1.7e-5 * turn)
                while True:
                    steps.step(batch)
            except KeyboardInterrupt:
                state = steps.state
                while len(states) <= state.step:
                    reference.step(batch)
                    states.append(reference.state)
                assert all(map(same_bits, ad.flatten(state)[0], ad.flatten(states[state.step])[0]))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


@dataclass(frozen=True)
class Ahead:
    """A wrapper that evaluates twice: it takes the gradient at a point up the slope."""

    def init(self, params):
        return ()

    def gradient(self, loss, penalty, params, aux, step, rng):
        value, here = loss(params)
        moved = ad.map_tree(lambda w, g: w + 0.1 * g, params, here)
        _, there = loss(moved)
        extra, more = penalty(params)
        total = ad.map_tree(lambda g, h: 0.5 * g + h, here, there)
        if more is not None:
            total = ad.map_tree(lambda g, m: g + m, total, more)
        return Gradients(value, extra, total, {}), aux


class Drifting:
    """A stateful objective: its value depends on how often it was evaluated in the run."""

    def init(self, params):
        return np.zeros(())

    def value(self, params, batch, aux):
        return OBJECTIVE(params, batch) + 0.1 * aux * ad.sum(params[0]["weight"] ** 2), aux + 1.0


@pytest.mark.parametrize(
    ("algorithm", "objective", "replay"),
    [
        (Composition(Adam(), penalties=[L2(strength=0.1)]), OBJECTIVE, None),
        (Composition(SGD(), penalties=[Orthogonality()], wrappers=[Ahead()]), OBJECTIVE, None),
        (SGLD(learning_rate=0.1), OBJECTIVE, None),
        (Composition(SGD()), Drifting(), None),
        (Composition(SGD()), Drifting(), True),
        (SGD(), lambda params, batch: OBJECTIVE(params, batch), None),
        (Adam(), lambda params, batch: OBJECTIVE(params, batch), True),
    ],
)
def test_parts_samplers_and_other_objectives(algorithm, objective, replay):
    assert_same_run(go(algorithm, replay, objective), go(algorithm, False, objective))


def test_parts_are_given_the_objective():
    steps = stepper(Composition(SGD(), penalties=[L2()]), OBJECTIVE, MODEL.init(Rng(2)))
    info = steps.step(dataset().batch(), Rng(0))
    assert float(info.penalty) > 0.0


def test_a_class_derived_from_an_update_takes_its_own_steps():
    class Doubling(SGD):
        def step(self, state, objective, batch, rng=None):
            state, info = super().step(state, objective, batch, rng)
            return state._replace(params=ad.map_tree(lambda w: 2.0 * w, state.params)), info

    steps = stepper(Doubling(learning_rate=0.1), OBJECTIVE, MODEL.init(Rng(2)))
    for _ in range(5):
        steps.step(dataset().batch())
    assert flat_of(steps) is None


def test_an_objective_whose_scale_moves_is_left_on_the_tape():
    """What no trace can see, a number from elsewhere, is never replayed without being asked to."""

    def losses(replay):
        scale = [1.0]

        def objective(params, batch):
            scale[0] *= 0.5
            return scale[0] * OBJECTIVE(params, batch)

        return go(SGD(), replay, objective).history.steps["loss"]

    assert np.array_equal(losses(None), losses(False))
    assert losses(None)[-1] < 1e-3
