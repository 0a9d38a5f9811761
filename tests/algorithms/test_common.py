"""What every algorithm must do; one joins by its entry in its paper, and a case in its tests."""

import dataclasses
import sys

import numpy as np
import pytest
from cases import Case, all_cases

from refimpl import autodiff as ad
from refimpl import catalogue
from refimpl.arrays import backend, device, namespace, to_host
from refimpl.datasets import Batch, Dataset
from refimpl.models import MLP, Objective
from refimpl.random import Rng
from refimpl.training import train

OBJECTIVE = Objective(MLP((3, 4, 2), activation="tanh"), "softmax_cross_entropy")


CASES = all_cases()


@pytest.fixture(params=list(catalogue.algorithms()))
def entry(request):
    return catalogue.entry(request.param)


@pytest.fixture
def case(entry):
    assert entry.name in CASES, f"{entry.name} has no Case in tests/papers/*/cases.py"
    return CASES[entry.name]


def test_cases_and_algorithms_are_the_same():
    assert set(CASES) == set(catalogue.algorithms())
    for name, case in CASES.items():
        known = catalogue.entry(name).fields.keys()
        assert set(case.sample) | set(case.noise_free) | set(case.inert) <= set(known)


class NoNoise:
    """An rng that must not be asked."""

    def __getattr__(self, name):
        raise AssertionError(f"a noise-free step used rng.{name}")


def batch_on(xb, size=7, name="batch"):
    rng = Rng(3).child(name)
    inputs = xb.asarray(rng.normal((size, 3)))
    targets = xb.asarray(rng.integers(0, 2, (size,)))
    return Batch(inputs, targets, np.arange(size))


def params_on(xb):
    return OBJECTIVE.model.init(Rng(1), bias_scale=1.0, backend=xb)


def skip_tasks(entry):
    if {"tasks", "graphs"} & set(entry.requires):
        pytest.skip("trains on tasks or graphs: the tests of its paper run it")


def begin(entry, xb, **hyper):
    skip_tasks(entry)
    algorithm = entry.make(**{**CASES.get(entry.name, Case()).sample, **hyper})
    extra = {"validation": batch_on(xb, 5, "validation")} if "validation" in entry.requires else {}
    if "training" in entry.requires:
        extra.update(training=batch_on(xb))
    if "training" in entry.requires or entry.is_part:
        extra.update(objective=OBJECTIVE)
    return algorithm, algorithm.init(params_on(xb), **extra)


def run(algorithm, state, xb, steps=3, rng=None, objective=OBJECTIVE):
    infos = []
    for step in range(steps):
        noise = Rng(5).child("step", step) if rng is None else rng
        state, info = algorithm.step(state, objective, batch_on(xb), noise)
        infos.append(info)
    return state, infos


def arrays(tree):
    return [leaf for leaf in ad.flatten(tree)[0] if hasattr(leaf, "dtype")]


def same(left, right):
    left, right = arrays(left), arrays(right)
    return len(left) == len(right) > 0 and all(
        np.array_equal(to_host(a), to_host(b)) for a, b in zip(left, right, strict=True)
    )


def test_noise_free_settings_draw_nothing_and_the_others_need_an_rng(entry, case, xb):
    algorithm, state = begin(entry, xb, **case.noise_free)
    run(algorithm, state, xb, rng=NoNoise())
    if case.noise_free:
        algorithm, state = begin(entry, xb)
        with pytest.raises(TypeError, match="rng"):
            algorithm.step(state, OBJECTIVE, batch_on(xb))
        here = run(algorithm, state, xb, rng=Rng(1))[0]
        there = run(algorithm, state, xb, rng=Rng(2))[0]
        assert not same(here.params, there.params)


def test_zero_gradient_leaves_the_parameters_where_they_are(entry, case, xb):
    if "objective" in entry.requires:
        pytest.skip("reads the outputs of an Objective, not the gradient of a function")

    def flat(params, batch):
        return 0.0 * OBJECTIVE(params, batch)

    algorithm, state = begin(entry, xb, **{**case.noise_free, **case.inert})
    after, infos = run(algorithm, state, xb, objective=flat)
    assert same(after.params, state.params)
    assert float(infos[-1].loss) == 0.0


def test_the_gradient_is_followed_downhill(entry, case):
    xb = backend("numpy", "float64")
    algorithm, state = begin(entry, xb, **{**case.noise_free, **case.inert})
    before = float(OBJECTIVE(state.params, batch_on(xb)))
    after, _ = run(algorithm, state, xb, steps=40)
    assert float(OBJECTIVE(after.params, batch_on(xb))) < 0.98 * before
    assert after.step == 40 and type(after.step) is int


def test_inputs_are_never_mutated(entry, xb):
    def freeze(tree):
        for leaf in arrays(tree):
            if isinstance(leaf, np.ndarray):
                leaf.flags.writeable = False

    algorithm, state = begin(entry, xb)
    for step in range(3):
        batch = batch_on(xb)
        freeze((state, batch))
        before = [to_host(leaf).copy() for leaf in arrays((state, batch))]
        new, _ = algorithm.step(state, OBJECTIVE, batch, Rng(0).child(step))
        after = [to_host(leaf) for leaf in arrays((state, batch))]
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
        assert new.step == state.step + 1
        state = new


def test_dtype_and_device_are_kept(entry, xb):
    algorithm, start = begin(entry, xb)
    state, infos = run(algorithm, start, xb)
    floating = [leaf for leaf in arrays(state) if "float" in str(leaf.dtype)]
    assert len(floating) >= 4
    for leaf in [*floating, infos[-1].loss]:
        assert leaf.dtype == xb.dtype
        assert namespace(leaf) is xb.xp
        assert xb.device is None or device(leaf) == xb.device
    assert infos[-1].loss.shape == ()
    first, last = ad.flatten(start), ad.flatten(state)
    assert first[1] == last[1], "the state changed its structure"
    assert [getattr(x, "shape", None) for x in first[0]] == [
        getattr(x, "shape", None) for x in last[0]
    ]


def test_steps_are_pure_and_deterministic(entry, xb):
    algorithm, state = begin(entry, xb)
    first, info = algorithm.step(state, OBJECTIVE, batch_on(xb), Rng(9))
    again, info_again = algorithm.step(state, OBJECTIVE, batch_on(xb), Rng(9))
    assert same(first, again) and same(info.loss, info_again.loss)
    assert not same(first.params, state.params)


def test_backends_agree(entry, xb):
    reference = backend("numpy", "float64")
    algorithm, state = begin(entry, xb)
    there, _ = run(algorithm, state, xb)
    algorithm, state = begin(entry, reference)
    # One starting point for all: that of float32, which rounds the draws.
    rounded = ad.map_tree(lambda leaf: leaf.astype(np.float32), state.params)
    assert all(
        np.max(np.abs(a - b)) < 1e-6
        for a, b in zip(arrays(rounded), arrays(state.params), strict=True)
    )
    here, _ = run(algorithm, state, reference)
    tolerance = 1e-13 if xb.dtype_name == "float64" else 1e-4
    for a, b in zip(arrays(there.params), arrays(here.params), strict=True):
        np.testing.assert_allclose(to_host(a), b, rtol=0, atol=tolerance)


class KilledError(Exception):
    """Stands for a process that dies."""


def test_a_killed_run_resumes_to_the_same_bits(entry, case, xb, tmp_path):
    skip_tasks(entry)
    inputs, targets, _ = batch_on(xb, 10, "data")
    data = Dataset("ten", inputs, targets, classes=2)
    validation = data.take(range(4))
    algorithm = entry.make(**case.sample)
    full = "full_batch" in entry.requires

    def go(path, die_at=None, resume=False):
        def on_step(step, state, info):
            if step == die_at:
                raise KilledError

        return train(
            algorithm,
            OBJECTIVE,
            params_on(xb),
            data,
            epochs=9 if full else 3,
            batch_size=10 if full else 4,
            rng=Rng(4),
            validation=validation,
            metrics={"loss": lambda params, dataset: OBJECTIVE(params, dataset.batch())},
            checkpoint=path,
            checkpoint_every=2,
            resume=resume,
            on_step=on_step,
        )

    whole = go(tmp_path / "whole.npz")
    path = tmp_path / "killed.npz"
    with pytest.raises(KilledError):
        go(path, die_at=5)
    resumed = go(path, resume=True)
    assert same(whole.state, resumed.state)
    assert len(whole.history.steps["loss"]) == 9
    for group in ("steps", "epochs"):
        left, right = getattr(whole.history, group), getattr(resumed.history, group)
        assert left.keys() == right.keys()
        for name in left:
            assert left[name].tobytes() == right[name].tobytes(), name


def test_hyper_parameters_are_checked_and_explained(entry):
    hints = entry.hints
    for name, item in entry.fields.items():
        assert item.metadata.get("help"), f"{name} has no help"
        with pytest.raises((TypeError, ValueError), match=name):
            entry.make(**{name: object()})
        if hints[name] is float:
            below = item.metadata.get("minimum", 0.0) - 1.0
            for wrong in (float("nan"), below, float("inf")):
                with pytest.raises(ValueError, match=name):
                    entry.make(**{name: wrong})
            with pytest.raises(TypeError, match=name):
                entry.make(**{name: True})
        elif hints[name] is int:
            with pytest.raises(TypeError, match=name):
                entry.make(**{name: 1.5})


def test_algorithms_are_frozen_values(entry, case):
    algorithm = entry.make(**case.sample)
    assert algorithm == entry.make(**case.sample)
    assert hash(algorithm) == hash(entry.make(**case.sample))
    for part in (algorithm, *getattr(algorithm, "parts", ())):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(part, dataclasses.fields(part)[0].name, 1.0)
    holders = (*getattr(algorithm, "parts", ()), algorithm, getattr(algorithm, "update", None))
    for field in entry.fields:
        expected = case.sample.get(field, entry.default(field))
        kept = [getattr(holder, field) for holder in holders if hasattr(holder, field)]
        assert kept[:1] == [expected] or (not kept and field in ("base", "momentum"))


def test_modules_are_documented(entry):
    text = sys.modules[entry.factory.__module__].__doc__
    for section in ("Algorithm\n---------", "Deviations\n----------", "====", ">>> "):
        assert section in text
    assert "Source" in text


def test_parameters_must_be_floating(entry):
    algorithm = entry.make()
    wanted = {*entry.requires, *getattr(entry.factory, "requires", ())}
    extra = dict.fromkeys(wanted & {"validation", "training", "objective"})
    with pytest.raises(TypeError, match="float"):
        algorithm.init([{"weight": np.zeros((2, 2), dtype=np.int64)}], **extra)


def of_numpy(value):
    if isinstance(value, bool) or not isinstance(value, (int, float, tuple)):
        return value
    if isinstance(value, tuple):
        return tuple(map(of_numpy, value))
    return np.int64(value) if isinstance(value, int) else np.float64(value)


def numbers_of(settings):
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        parts = value if isinstance(value, tuple) else (value,)
        yield from (
            (field.name, part)
            for part in parts
            if isinstance(part, (np.generic, int, float)) and not isinstance(part, bool)
        )


def test_numbers_of_numpy_become_numbers_of_python(entry):
    """A NumPy float64 among the settings would turn float32 parameters into float64."""
    skip_tasks(entry)
    single = backend("numpy", "float32")
    defaults = {
        name: field.default
        for name, field in entry.fields.items()
        if isinstance(getattr(field, "default", None), (int, float, tuple))
    }
    given = {**defaults, **CASES[entry.name].sample}
    settings = {name: of_numpy(value) for name, value in given.items()}
    algorithm, state = begin(entry, single, **settings)
    for name, number in numbers_of(algorithm):
        assert type(number) in (int, float), name
    state, _ = run(algorithm, state, single)
    for leaf in ad.flatten(state.params)[0]:
        assert leaf.dtype == np.float32


def test_a_run_with_replayed_gradients_is_the_reference_run(entry, case):
    """Same bits of state and history, with a short last batch in every epoch."""
    skip_tasks(entry)
    xb = backend()
    inputs, targets, _ = batch_on(xb, 10, "data")
    data = Dataset("ten", inputs, targets, classes=2)
    algorithm = entry.make(**case.sample)

    def go(replay):
        return train(
            algorithm, OBJECTIVE, params_on(xb), data, epochs=5, rng=Rng(4),
            batch_size=10 if "full_batch" in entry.requires else 4,
            validation=data.take(range(4)), replay=replay,
        )  # fmt: skip

    ours, theirs = go(None), go(False)
    for a, b in zip(ad.flatten(ours.state)[0], ad.flatten(theirs.state)[0], strict=True):
        np.testing.assert_array_equal(to_host(a), to_host(b))
    for name, column in theirs.history.steps.items():
        np.testing.assert_array_equal(ours.history.steps[name], column)
