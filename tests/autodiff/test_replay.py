"""A replay gives the tape's numbers, to the last bit, or it is no replay."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl import autodiff as ad
from refimpl.arrays import backend
from refimpl.datasets import Batch
from refimpl.models import ACTIVATIONS, LOSSES, MLP, DeepLinear, LinearChain, Objective
from refimpl.models.losses import multiclass_margin
from refimpl.random import Rng
from refimpl.recording import same_bits

WIDTHS = (3, 5, 2)


def batch_of(size, rng, features=3, outputs=2, dtype="float64", targets="labels"):
    place = backend("numpy", dtype)
    inputs = rng.child("inputs").normal((size, features), like=place.zeros(()))
    if targets == "labels":
        wanted = rng.child("targets").integers(0, outputs, (size,))
    elif targets == "signs":
        wanted = 2 * rng.child("targets").integers(0, 2, (size,)) - 1
    else:
        wanted = np.abs(rng.child("targets").normal((size, outputs), like=inputs))
    return Batch(inputs, wanted, np.arange(size))


def params_of(seed, widths=WIDTHS, dtype="float64"):
    return MLP(widths).init(Rng(seed), bias_scale=1.0, backend=backend("numpy", dtype))


def assert_same(left, right):
    (value, gradient), (other, more) = left, right
    assert same_bits(value, other)
    assert type(value) is type(other)
    assert ad.flatten(gradient)[1] == ad.flatten(more)[1]
    for a, b in zip(ad.flatten(gradient)[0], ad.flatten(more)[0], strict=True):
        assert same_bits(a, b)


def follow(function, batches=None, make=params_of):
    """Replay and tape on new parameters and batches at every step; what was replayed."""
    replayed, tape = ad.Replayed(function), ad.value_and_grad(function)
    for step, batch in enumerate(batches or [batch_of(6, Rng(k)) for k in range(6)]):
        params = make(step)
        assert_same(replayed(params, batch), tape(params, batch))
    return replayed


TARGETS = {
    "softmax_cross_entropy": ("labels", "rows"),
    "mean_squared_error": ("rows",),
    "multiclass_margin": ("labels",),
    "logistic": ("signs",),
    "hinge": ("signs",),
}


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_replay_is_the_tape_for_any_network(data):
    loss = data.draw(st.sampled_from(sorted(LOSSES)))
    kind = data.draw(st.sampled_from(TARGETS[loss]))
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    outputs = 1 if kind == "signs" else data.draw(st.integers(2, 5))
    hidden = data.draw(st.lists(st.integers(1, 20), max_size=3))
    model = MLP(
        (data.draw(st.integers(1, 20)), *hidden, outputs),
        activation=data.draw(st.sampled_from(sorted(ACTIVATIONS))),
        bias=data.draw(st.booleans()),
    )
    objective = Objective(model, loss, reduction=data.draw(st.sampled_from(["mean", "sum"])))
    assert ad.is_replayable(objective)
    size, seed = data.draw(st.integers(1, 40)), data.draw(st.integers(0, 10**6))
    batches = [
        batch_of(size, Rng(seed + k), model.widths[0], outputs, dtype, kind) for k in range(5)
    ]
    place = backend("numpy", dtype)
    make = lambda k: model.init(Rng(seed + k), bias_scale=1.0, backend=place)  # noqa: E731
    replayed = follow(objective, batches, make)
    if loss in ("softmax_cross_entropy", "mean_squared_error"):
        assert replayed.recordings == 1, replayed.refused


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_is_replayed(activation):
    assert follow(Objective(MLP(WIDTHS, activation=activation))).recordings == 1


def test_a_deep_linear_network_is_replayed():
    model = DeepLinear(WIDTHS)
    batches = [batch_of(6, Rng(k), targets="rows") for k in range(5)]
    objective = Objective(model, "mean_squared_error")
    assert follow(objective, batches, lambda k: model.init(Rng(k))).recordings == 1


def test_scalars_of_two_dtypes_are_told_apart():
    """0-d parameters: neither shape nor strides differ."""
    chain = LinearChain(3)
    objective = Objective(chain, "mean_squared_error")
    replayed, tape = ad.Replayed(objective), ad.value_and_grad(objective)
    for k in range(5):
        for dtype in ("float32", "float64"):
            place = backend("numpy", dtype)
            params = chain.init(1.1 + 0.1 * k, backend=place)
            inputs = place.asarray([1.0, 2.0 + k])
            batch = Batch(inputs, place.asarray([0.5, 0.25]))
            assert_same(replayed(params, batch), tape(params, batch))
    assert replayed.recordings == 2


def test_large_networks_keep_their_bits():
    """Where products are blocked and sums are pairwise."""
    widths = (300, 257, 130, 10)
    for dtype in ("float32", "float64"):
        batches = [batch_of(129, Rng(k), 300, 10, dtype) for k in range(4)]
        found = follow(
            Objective(MLP(widths)), batches, partial(params_of, widths=widths, dtype=dtype)
        )
        assert found.recordings == 1


def test_a_short_last_batch_has_its_own_recording():
    batches = [batch_of(6 if k % 3 else 2, Rng(k)) for k in range(15)]
    assert follow(Objective(MLP(WIDTHS)), batches).recordings == 2


def test_other_dtypes_and_memory_orders_have_their_own():
    wide = [batch_of(6, Rng(k), features=6) for k in range(5)]
    strided = [b._replace(inputs=b.inputs[:, ::2]) for b in wide]
    fortran = [b._replace(inputs=np.asfortranarray(b.inputs[:, :3])) for b in wide]
    assert follow(Objective(MLP(WIDTHS)), strided + fortran).recordings == 2
    both = ad.Replayed(Objective(MLP(WIDTHS)))
    for k in range(4):
        for dtype in ("float32", "float64"):
            value, gradient = both(params_of(k, dtype=dtype), batch_of(6, Rng(k), dtype=dtype))
            assert value.dtype == gradient[0]["weight"].dtype == dtype
    assert both.recordings == 2


def test_a_gradient_is_the_callers_own():
    """Two evaluations a step, as at a perturbed point: the second leaves the first alone."""
    replayed, batch = ad.Replayed(Objective(MLP(WIDTHS))), batch_of(6, Rng(0))
    for step in range(6):
        params = params_of(step)
        _, first = replayed(params, batch)
        kept = ad.map_tree(np.copy, first)
        moved = ad.map_tree(lambda w, g: w + 0.1 * g, params, first)
        _, second = replayed(moved, batch)
        assert_same((np.zeros(()), first), (np.zeros(()), kept))
        assert not same_bits(first[0]["weight"], second[0]["weight"])
    assert replayed.recordings == 1


def test_arrays_that_are_overwritten_by_their_owner_are_read_anew():
    objective, params, batch = Objective(MLP(WIDTHS)), params_of(0), batch_of(6, Rng(0))
    replayed, tape = ad.Replayed(objective), ad.value_and_grad(objective)
    for _ in range(6):
        assert_same(replayed(params, batch), tape(params, batch))
        params[0]["weight"] *= 0.5
        batch.inputs[...] += 1.0
    assert replayed.recordings == 1


def test_second_derivatives_are_replayed():
    model = MLP(WIDTHS, activation="tanh")
    loss = Objective(model)

    def penalized(params, batch):
        slopes = ad.grad(lambda x: loss(params, batch._replace(inputs=x)))(batch.inputs)
        return loss(params, batch) + ad.sum(slopes * slopes)

    assert follow(penalized).recordings == 1


def test_a_replay_inside_another_differentiation_is_the_tape():
    loss = Objective(MLP(WIDTHS, activation="tanh"))
    replayed, batch = ad.Replayed(loss), batch_of(6, Rng(0))
    for step in range(5):
        params = params_of(step)
        direction = params_of(step + 50)
        ours = ad.grad(lambda p, d=direction: ad.dot(replayed(p, batch)[1], d))(params)
        theirs = ad.hvp(lambda p: loss(p, batch), params, direction)
        for a, b in zip(ad.flatten(ours)[0], ad.flatten(theirs)[0], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)
        replayed(params, batch)


def test_a_branch_by_where_is_replayed_and_follows_the_numbers():
    def function(params, batch):
        first = params[0]["weight"]
        return ad.sum(ad.where(first > 0, first * first, ad.sin(first)))

    assert follow(function).recordings == 1


@pytest.mark.parametrize(
    "function",
    [
        lambda p, b: p * b,
        lambda p, b: p / b,
        lambda p, b: b / p,
        lambda p, b: b * ad.exp(p),
        lambda p, b: b * ad.square(p),
        lambda p, b: ad.tanh(p) * b,
        lambda p, b: b * ad.sigmoid(p),
        lambda p, b: b * ad.softplus(p),
        lambda p, b: b * ad.sin(p) - ad.cos(p),
    ],
)
def test_zeros_of_what_was_not_chosen_have_one_sign(function):
    """The tape leaves out the harmless point where numbers are finite, a recording never does."""
    numbers = np.linspace(-3.1, 2.9, 7)
    replayed = ad.Replayed(lambda p, b: ad.sum(ad.relu(function(p, b)), axis=None))
    for _ in range(4):
        found = replayed(numbers, numbers[::-1].copy())
    assert replayed.recordings == 1, replayed.refused
    assert_same(found, replayed.tape(numbers, numbers[::-1].copy()))
    assert not np.any(np.signbit(found[1][found[1] == 0.0]))


def test_numbers_out_of_range_keep_their_bits():
    def huge(seed):
        return ad.map_tree(lambda w: 1e200 * w, params_of(seed))

    with np.errstate(all="ignore"):
        follow(Objective(MLP(WIDTHS)), make=huge)


# --- what stays on the tape -----------------------------------------------------------------------


def stays(function, reason, batches=None):
    replayed = follow(function, batches)
    assert replayed.recordings == 0
    assert reason in replayed.refused


def test_a_branch_on_a_traced_value_stays_on_the_tape():
    def function(params, batch):
        first = ad.sum(params[0]["weight"])
        return first * first if first > 0 else ad.sin(first)

    signs = {bool(np.sum(params_of(k)[0]["weight"]) > 0) for k in range(6)}
    assert signs == {True, False}
    stays(function, "read numbers")


@pytest.mark.parametrize("read", [float, bool, int, math.sqrt])
def test_a_number_read_by_value_stays_on_the_tape(read):
    def function(params, batch):
        scale = read(ad.value(ad.sum(ad.square(params[0]["weight"]))) * 0.0 + 1)
        return scale * ad.sum(params[0]["weight"] ** 2)

    stays(function, "read numbers")


def test_a_branch_on_the_batch_stays_on_the_tape():
    def function(params, batch):
        scale = 2.0 if batch.inputs[0, 0] > 0 else 1.0
        return scale * ad.sum(params[0]["weight"] ** 2)

    stays(function, "read numbers")


def test_labels_as_indices_stay_on_the_tape():
    def function(params, batch):
        return ad.sum(params[1]["bias"][batch.targets] ** 2)

    stays(function, "indices")


def test_noise_drawn_in_the_objective_stays_on_the_tape():
    """Dropout: a mask that is another each time."""
    model = MLP(WIDTHS)

    def with_noise(rng):
        def function(params, batch):
            mask = rng.uniform(batch.inputs.shape) < 0.5
            kept = Objective(lambda p, x: model(p, ad.where(mask, x, 0.0)))
            noise = rng.normal(params[0]["weight"].shape)
            return kept(params, batch) + ad.sum(noise * params[0]["weight"])

        return function

    class Twice:
        """The same stream for replay and tape: each draw is given out twice."""

        def __init__(self):
            self.drawn, self.given = [], 0

        def uniform(self, shape):
            return Rng(0).child("mask", self.turn()).uniform(shape)

        def normal(self, shape):
            return Rng(0).child("noise", self.turn()).normal(shape)

        def turn(self):
            self.given += 1
            return self.given

    ours, theirs = Twice(), Twice()
    replayed, tape = ad.Replayed(with_noise(ours)), ad.value_and_grad(with_noise(theirs))
    for step in range(6):
        params, batch = params_of(step), batch_of(6, Rng(step))
        left = replayed(params, batch)
        theirs.given = ours.given - 2
        assert_same(left, tape(params, batch))
    assert replayed.recordings == 0
    assert replayed.refused


def test_an_array_from_elsewhere_stays_on_the_tape():
    elsewhere = np.ones((5, 3))

    def function(params, batch):
        elsewhere[...] += 1.0
        return ad.sum(params[0]["weight"] * elsewhere)

    replayed = ad.Replayed(function)
    for step in range(6):
        params = params_of(step)
        value, _ = replayed(params, batch_of(6, Rng(step)))
        np.testing.assert_allclose(value, np.sum(params[0]["weight"] * elsewhere), rtol=1e-12)
    assert replayed.recordings == 0
    assert "no part of the recording" in replayed.refused


def test_a_number_in_the_batch_stays_on_the_tape():
    batches = [{"scale": float(k), "inputs": np.ones(3)} for k in range(6)]
    replayed = follow(lambda p, b: b["scale"] * ad.sum(p[0]["weight"] ** 2), batches)
    assert replayed.recordings == 0


def test_an_error_of_the_function_is_raised_by_the_tape():
    def function(params, batch):
        return ad.exp(params[0]["weight"])  # no scalar

    replayed = ad.Replayed(function)
    for _ in range(5):
        with pytest.raises(ValueError, match="scalar"):
            replayed(params_of(0), batch_of(6, Rng(0)))


def test_a_replay_that_differs_from_the_tape_is_given_up(monkeypatch):
    from refimpl.recording import Program

    honest = Program.run

    def spoiled(self):
        honest(self)
        self.outputs[-1].flat[0] += 1e-3

    monkeypatch.setattr(Program, "run", spoiled)
    replayed = follow(Objective(MLP(WIDTHS)))
    assert replayed.recordings == 0
    assert "differs" in replayed.refused


def test_only_what_says_so_itself_is_replayable():
    class Noisy(MLP):
        def __call__(self, params, inputs):
            return super().__call__(params, inputs) * np.random.default_rng().normal()

    class Other(Objective):
        pass

    assert ad.is_replayable(Objective(MLP(WIDTHS), partial(multiclass_margin, margin=2.0)))
    for objective in (
        Objective(Noisy(WIDTHS)),
        Objective(lambda p, x: x @ p),
        Objective(MLP(WIDTHS), lambda outputs, targets, reduction: ad.sum(outputs)),
        Other(MLP(WIDTHS)),
        lambda params, batch: 0.0,
        partial(Objective(MLP(WIDTHS))),
    ):
        assert not ad.is_replayable(objective)
