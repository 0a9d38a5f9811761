"""Parts that are put together: against plain loops, on every backend, killed and resumed."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from helpers import assert_close

from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.base import tree_namespace
from refimpl.algorithms.composed_gradient import plain
from refimpl.algorithms.composition import Composition, Gradients, quiet
from refimpl.algorithms.l1 import L1
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.langevin import Langevin
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.sgd import SGD
from refimpl.algorithms.sgld import SGLD
from refimpl.arrays import backend, to_host
from refimpl.datasets import Batch, Dataset
from refimpl.errors import SettingError
from refimpl.random import Rng
from refimpl.training import train


@dataclass(frozen=True)
class Cube:
    """strength * sum |w|^3 / 3 through the tape, with a count of its own evaluations."""

    strength: float = 0.5

    def init(self, params):
        return {"calls": tree_namespace(params).zeros_like(ad.flatten(params)[0][0][0, 0])}

    def value(self, params, batch, objective, aux, rng):
        terms = [ad.sum(ad.abs(w) ** 3) for w in ad.flatten(params)[0]]
        return (self.strength / 3.0) * sum(terms[1:], terms[0]), {"calls": aux["calls"] + 1.0}

    def diagnostics(self, params, batch, objective, aux):
        return {"calls": aux["calls"]}


@dataclass(frozen=True)
class Ahead:
    """The loss's gradient at w + reach * g, the penalties' at w; remembers the last norm of g."""

    reach: float = 0.25

    def init(self, params):
        return {"last": tree_namespace(params).zeros_like(ad.flatten(params)[0][0][0, 0])}

    def gradient(self, loss, penalty, params, aux, step, rng):
        value, gradient = loss(params)
        there = ad.map_tree(lambda w, g: w + self.reach * g, params, gradient)
        _, gradient = loss(there)
        extra, more = penalty(params)
        leaves = ad.flatten(gradient)[0]
        norm = sum(tree_namespace(params).sum(g * g) for g in leaves)
        if more is not None:
            gradient = ad.map_tree(lambda g, e: g + e, gradient, more)
        return Gradients(value, extra, gradient, {"norm": norm, "before": aux["last"]}), {
            "last": norm
        }


@dataclass(frozen=True)
class Doubled:
    """Twice the gradient of what it wraps."""

    def init(self, params):
        return ()

    def gradient(self, loss, penalty, params, aux, step, rng):
        value, gradient = loss(params)
        extra, more = penalty(params)
        doubled = ad.map_tree(lambda g: 2.0 * g, gradient)
        if more is not None:
            doubled = ad.map_tree(lambda g, e: g + e, doubled, more)
        return Gradients(value, extra, doubled, {}), aux


@dataclass(frozen=True)
class Clamp:
    """Weights clipped to +-1 after the step."""

    def init(self, params):
        return ()

    def project(self, params, aux, step, rng):
        xp = tree_namespace(params)
        return ad.map_tree(lambda w: xp.clip(w, -1.0, 1.0), params), aux


@dataclass(frozen=True)
class Decaying:
    """A stateful objective: (w - m)^2 / 2 summed, m the running mean of the batches' means."""

    def init(self, params):
        xp = tree_namespace(params)
        return {"mean": xp.zeros_like(params["w"][0, 0]), "count": 0}

    def value(self, params, batch, aux):
        xp = tree_namespace({"x": batch.inputs})
        n = aux["count"] + 1
        mean = aux["mean"] + (xp.mean(batch.inputs) - aux["mean"]) / n
        return 0.5 * ad.sum((params["w"] - mean) ** 2), {"mean": mean, "count": n}

    def __call__(self, params, batch):
        return self.value(params, batch, self.init(ad.map_tree(ad.value, params)))[0]

    def diagnostics(self, params, batch, aux):
        return {"running_mean": aux["mean"]}


def batch_on(xb):
    inputs = xb.asarray([[1.0, 3.0], [0.3, -0.7]])
    return Batch(inputs, xb.asarray([0.0, 0.0]), np.arange(2))


def curvature(params, batch):
    """h w² / 2 − x w summed, with h the first row of the inputs and x the second."""
    w = params["w"]
    return 0.5 * ad.sum(w * w * batch.inputs[:1, ...]) - ad.sum(w * batch.inputs[1:, ...])


UPDATES = {
    "sgd": SGD(learning_rate=0.1),
    "momentum": Momentum(learning_rate=0.05, momentum=0.8),
    "nesterov": Momentum(learning_rate=0.05, momentum=0.8, nesterov=True),
    "adam": Adam(learning_rate=0.1, beta1=0.7, beta2=0.9),
}


def twin(name, steps, *, l2, cube, reach, clamp):
    """The same in plain NumPy, from the equations."""
    h, x, w = np.array([[1.0, 3.0]]), np.array([[0.3, -0.7]]), np.array([[1.2, -0.4]])
    v, m, s = np.zeros((1, 2)), np.zeros((1, 2)), np.zeros((1, 2))
    for step in range(steps):
        g = h * w - x
        g = h * (w + reach * g) - x
        g = g + l2 * w + cube * np.sign(w) * w**2
        if name == "sgd":
            w = w - 0.1 * g
        elif name in ("momentum", "nesterov"):
            v = 0.8 * v + g
            w = w - 0.05 * (v if name == "momentum" else g + 0.8 * v)
        else:
            m, s = 0.7 * m + 0.3 * g, 0.9 * s + 0.1 * g * g
            up = m / (1 - 0.7 ** (step + 1))
            w = w - 0.1 * up / (np.sqrt(s / (1 - 0.9 ** (step + 1))) + 1e-8)
        if clamp:
            w = np.clip(w, -1.0, 1.0)
    return w


@pytest.mark.parametrize("name", list(UPDATES))
@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("penalized", [False, True])
@pytest.mark.parametrize("clamp", [False, True])
def test_any_update_under_any_parts(xb, name, wrapped, penalized, clamp):
    algorithm = Composition(
        UPDATES[name],
        penalties=[L2(strength=0.3), Cube(0.5)] if penalized else [],
        wrappers=[Ahead(0.25)] if wrapped else (),
        projections=Clamp() if clamp else (),
    )
    state = algorithm.init({"w": xb.asarray([[1.2, -0.4]])})
    for step in range(5):
        state, info = algorithm.step(state, curvature, batch_on(xb), Rng(0).child(step))
    expected = twin(
        name,
        5,
        l2=0.3 * penalized,
        cube=0.5 * penalized,
        reach=0.25 * wrapped,
        clamp=clamp,
    )
    assert_close(state.params["w"], expected, factor=200.0)
    assert state.step == 5 and info.loss.dtype == xb.dtype and info.penalty.dtype == xb.dtype
    if penalized:
        assert float(info.calls) == 5.0  # counted once a step, whatever the wrappers ask
    if wrapped:
        assert float(info.norm) > 0.0 and info.before.dtype == xb.dtype
    with pytest.raises(AttributeError, match="no diagnostic 'nonsense'"):
        _ = info.nonsense


def test_wrappers_nest_the_first_next_to_the_loss(xb):
    """Doubled(Ahead(g)) is not Ahead(Doubled(g)): 2 g(w + r g(w)) against 2 g(w + 2 r g(w))."""
    h, x, w = np.array([[1.0, 3.0]]), np.array([[0.3, -0.7]]), np.array([[1.2, -0.4]])

    def g(at):
        return h * at - x

    for wrappers, reach in (([Ahead(), Doubled()], 0.25), ([Doubled(), Ahead()], 0.5)):
        algorithm = Composition(SGD(learning_rate=0.1), [L2(strength=0.3)], wrappers)
        state = algorithm.init({"w": xb.asarray(w)})
        state, _ = algorithm.step(state, curvature, batch_on(xb))
        expected = w - 0.1 * (2.0 * g(w + reach * g(w)) + 0.3 * w)
        assert_close(state.params["w"], expected)


def test_without_parts_it_is_the_update_bit_for_bit(xb):
    for update in UPDATES.values():
        here, there = Composition(update), update
        a, b = (
            here.init({"w": xb.asarray([[1.2, -0.4]])}),
            there.init({"w": xb.asarray([[1.2, -0.4]])}),
        )
        for _ in range(20):
            a, _ = here.step(a, curvature, batch_on(xb))
            b, _ = there.step(b, curvature, batch_on(xb))
        assert to_host(a.params["w"]).tobytes() == to_host(b.params["w"]).tobytes()


def test_decoupled_decay_shrinks_the_old_weights(xb):
    algorithm = Composition(
        Momentum(learning_rate=0.1, momentum=0.5), L2(strength=2.0, decoupled=True)
    )
    state = algorithm.init({"w": xb.asarray([[1.2, -0.4]])})
    h, x, w, v = np.array([[1.0, 3.0]]), np.array([[0.3, -0.7]]), np.array([[1.2, -0.4]]), 0.0
    for _ in range(3):
        v = 0.5 * v + (h * w - x)
        w = (1.0 - 0.1 * 2.0) * w - 0.1 * v
        state, _ = algorithm.step(state, curvature, batch_on(xb))
    assert_close(state.params["w"], w)
    with pytest.raises(ValueError, match="at most 1 for decoupled"):
        Composition(SGD(learning_rate=1.0), L2(strength=1.5, decoupled=True))


def test_a_stateful_objective_counts_each_batch_once(xb):
    for wrappers in ([], [Ahead(0.25)]):
        algorithm = Composition(SGD(learning_rate=0.5), wrappers=wrappers)
        objective = Decaying()
        state = algorithm.init({"w": xb.asarray([[2.0]])}, objective=objective)
        w, mean, reach = 2.0, 0.0, 0.25 * len(wrappers)
        for n in range(1, 4):
            batch = Batch(xb.asarray([[float(n)]]), None, None)
            state, info = algorithm.step(state, objective, batch)
            mean += (n - mean) / n
            assert_close(info.running_mean, np.asarray(mean))
            g = w - mean
            w = w - 0.5 * (w + reach * g - mean)
        assert_close(state.params["w"], np.array([[w]]))
        assert state.memory.objective["count"] == 3
        assert_close(state.memory.objective["mean"], np.asarray(2.0))


@dataclass(frozen=True)
class Elsewhere:
    """The gradient at two shifted points and never at the parameters themselves."""

    def init(self, params):
        return ()

    def gradient(self, loss, penalty, params, aux, step, rng):
        value, gradient = loss(ad.map_tree(lambda w: w + 0.25, params))
        loss(ad.map_tree(lambda w: w - 0.25, params))
        return Gradients(value, penalty(params)[0], gradient, {}), aux


def test_a_batch_that_is_seen_at_shifted_parameters_only_is_counted_too(xb):
    algorithm = Composition(SGD(learning_rate=0.5), wrappers=[Elsewhere()])
    state = algorithm.init({"w": xb.asarray([[2.0]])}, objective=Decaying())
    for n in range(1, 4):
        state, _ = algorithm.step(state, Decaying(), Batch(xb.asarray([[float(n)]]), None, None))
    assert state.memory.objective["count"] == 3
    assert_close(state.memory.objective["mean"], np.asarray(2.0))


class KilledError(Exception):
    pass


@pytest.mark.parametrize("name", list(UPDATES))
def test_killed_and_resumed_to_the_same_bits(name, tmp_path):
    xb = backend("numpy", "float64")
    data = Dataset("four", xb.asarray(Rng(1).normal((8, 2)) ** 2 + 0.5), xb.zeros((8,)))

    def loss(params, batch):
        return 0.5 * ad.mean(ad.sum(params["w"] * params["w"] * batch.inputs, axis=1))

    algorithm = Composition(UPDATES[name], [L2(strength=0.1), Cube(0.2)], [Ahead(0.1)], [Clamp()])

    def go(path, die_at=None, resume=False):
        def on_step(step, state, info):
            if step == die_at:
                raise KilledError

        return train(
            algorithm, loss, {"w": xb.asarray([[1.2, -0.4]])}, data, epochs=3, batch_size=3,
            rng=Rng(4), checkpoint=path, checkpoint_every=2, resume=resume, on_step=on_step,
        )  # fmt: skip

    whole = go(tmp_path / "whole.npz")
    with pytest.raises(KilledError):
        go(tmp_path / "killed.npz", die_at=5)
    resumed = go(tmp_path / "killed.npz", resume=True)
    left, right = ad.flatten(whole.state)[0], ad.flatten(resumed.state)[0]
    assert [np.asarray(x).tobytes() for x in left] == [np.asarray(x).tobytes() for x in right]


@pytest.mark.parametrize(
    "sampler", [SGLD(learning_rate=0.1, temperature=0.0), Langevin(temperature=0.0)], ids=repr
)
def test_samplers_take_penalties_and_wrappers_without_memory(xb, sampler):
    """Under L2 a noise-free sampler moves as on the loss with the penalty written into it."""

    def whole(params, batch):
        return curvature(params, batch) + 0.15 * ad.sum(params["w"] ** 2)

    here = Composition(sampler, L2(strength=0.3))
    a = here.init({"w": xb.asarray([[1.2, -0.4]])})
    b = sampler.init({"w": xb.asarray([[1.2, -0.4]])})
    for step in range(4):
        a, info = here.step(a, curvature, batch_on(xb), Rng(step))
        b, _ = sampler.step(b, whole, batch_on(xb), Rng(step))
    assert_close(a.params["w"], to_host(b.params["w"]))
    assert a.step == 4 and float(info.penalty) > 0.0
    doubled = Composition(sampler, wrappers=Doubled())
    a, _ = doubled.step(
        doubled.init({"w": xb.asarray([[1.2, -0.4]])}), curvature, batch_on(xb), Rng(0)
    )
    b, _ = sampler.step(
        sampler.init({"w": xb.asarray([[1.2, -0.4]])}),
        lambda p, batch: 2.0 * curvature(p, batch),
        batch_on(xb),
        Rng(0),
    )
    assert_close(a.params["w"], to_host(b.params["w"]))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"projections": [Clamp()]}, "Clamp acts after the step"),
        ({"wrappers": [Ahead()]}, "Ahead remembers something"),
        ({"penalties": [L2(decoupled=True)]}, "L2 acts after the step"),
    ],
)
def test_samplers_refuse_what_they_cannot_carry(parts, message):
    with pytest.raises(SettingError, match=message):
        Composition(SGLD(), **parts).init({"w": np.ones((1, 2))})


def test_what_is_no_part_is_refused():
    class Closed(SGD):
        composes: ClassVar[Any] = "it has its own penalty"

    for build, message in (
        (lambda: Composition(SGD(), penalties=[SGD()]), "SGD is no penalty"),
        (lambda: Composition(SGD(), penalties=[L2]), "an object, not a class"),
        (lambda: Composition(SGD(), wrappers=[L2()]), "L2 is no wrapper"),
        (lambda: Composition(SGD(), projections=[L2()]), "L2 is no projection"),
        (lambda: Composition(L2()), "L2 is no update"),
        (lambda: Composition(Closed(), L2()), "takes no penalties.*its own penalty"),
    ):
        with pytest.raises(SettingError, match=message):
            build()
    with pytest.raises(SettingError, match=r"no parameter.*\(2,\).*include='all'"):
        Composition(SGD(), L2()).init([np.ones(2)])
    assert Composition(SGD(), L2(include="all")).init([np.ones(2)]).step == 0


@dataclass(frozen=True)
class Shifted:
    """A wrapper that moves the batch's second row by a draw, and takes gradients as they come."""

    scale: float = 1.0

    def init(self, params):
        return ()

    def prepare(self, batch, params, objective, aux, step, rng):
        draw = rng.normal((1, 2), like=batch.inputs)
        moved = batch.inputs[1:, ...] + self.scale * draw + step
        return batch._replace(
            inputs=tree_namespace(params).concat([batch.inputs[:1, ...], moved], axis=0)
        )

    def gradient(self, loss, penalty, params, aux, step, rng):
        return plain(loss, penalty, params), aux


@dataclass(frozen=True)
class Epochs:
    """A projection that wants to know the steps of an epoch, and shrinks by it."""

    requires: ClassVar[tuple[str, ...]] = ("steps_per_epoch",)

    def init(self, params, *, steps_per_epoch):
        return steps_per_epoch

    def project(self, params, aux, step, rng):
        return ad.map_tree(lambda w: w / aux, params), aux


def test_a_wrapper_may_change_the_batch(xb):
    algorithm = Composition(SGD(learning_rate=0.1), wrappers=[Shifted(), Shifted(2.0)])
    state = algorithm.init({"w": xb.asarray([[1.0, 2.0]])})
    w = np.array([[1.0, 2.0]])
    for step in range(2):
        rng = Rng(7).child("step", step)
        state, _ = algorithm.step(state, curvature, batch_on(xb), rng)
        rng = Rng(7).child("step", step)
        draws = [rng.normal((1, 2)), 2 * rng.child("prepare", 1).normal((1, 2))]
        x = np.array([[0.3, -0.7]]) + sum(draws) + 2 * step
        w = w - 0.1 * (np.array([[1.0, 3.0]]) * w - x)
    assert_close(state.params["w"], w)


def test_a_projection_is_told_what_it_requires():
    algorithm = Composition(SGD(learning_rate=0.1), projections=[Epochs()])
    assert "steps_per_epoch" in algorithm.requires
    data = Dataset("rows", np.array([[1.0, 3.0], [0.3, -0.7]] * 2), np.zeros(4))
    outcome = train(
        algorithm,
        lambda params, batch: 0.0 * ad.sum(params["w"]),
        {"w": np.array([[8.0, 4.0]])},
        data,
        epochs=1,
        batch_size=2,
        rng=Rng(0),
    )
    assert np.array_equal(outcome.params["w"], [[2.0, 1.0]])


@dataclass(frozen=True)
class Absorbing(Decaying):
    """Writes the running mean into the parameters."""

    def absorb(self, params, aux):
        return {**params, "seen": params["seen"] * 0.0 + aux["mean"]}


def test_what_an_objective_remembers_is_written_into_the_parameters_after_projections(xb):
    algorithm = Composition(SGD(learning_rate=0.5), projections=[Clamp()])
    objective = Absorbing()
    params = {"w": xb.asarray([[0.5]]), "seen": xb.asarray([[0.0]])}
    state = algorithm.init(params, objective=objective)
    for batch in (2.0, 4.0):
        state, _ = algorithm.step(state, objective, Batch(xb.asarray([[batch]]), None, None))
    assert_close(state.params["seen"], np.array([[3.0]]))
    assert_close(state.params["w"], np.array([[1.0]]))


class Watched:
    """½ w² of one example, whose diagnostics count themselves."""

    def __init__(self):
        self.asked = 0

    def init(self, params):
        return {"steps": 0.0 * params[0][0, 0]}

    def value(self, params, batch, aux):
        return 0.5 * ad.sum(params[0] ** 2), {"steps": aux["steps"] + 1.0}

    def diagnostics(self, params, batch, aux):
        self.asked += 1
        return {"seen": aux["steps"]}


def test_a_quiet_composition_takes_the_same_steps_and_asks_for_no_diagnostics():
    start = [np.asarray([[1.0, -0.5]])]
    loud = Composition(Momentum(learning_rate=0.2), [Cube(), L1(strength=0.1)], [Ahead()])
    found = {}
    for algorithm in (loud, quiet(loud)):
        objective = Watched()
        state = algorithm.init(start, objective=objective)
        for k in range(4):
            state, info = algorithm.step(state, objective, None, Rng(0).child(k))
        found[algorithm.reports] = (state, info, objective.asked)
    (state, info, asked), (other, silent, never) = found[True], found[False]
    assert asked == 4 and never == 0
    assert {"seen", "calls", "zeros"} <= set(info.diagnostics)
    assert not {"seen", "calls", "zeros"} & set(silent.diagnostics)
    assert silent.diagnostics.keys() < info.diagnostics.keys()  # those of the wrapper are left
    for one, same in zip(ad.flatten(state)[0], ad.flatten(other)[0], strict=True):
        np.testing.assert_array_equal(one, same)
    assert (float(info.loss), float(info.penalty)) == (float(silent.loss), float(silent.penalty))
    assert quiet(SGD()) == SGD()
