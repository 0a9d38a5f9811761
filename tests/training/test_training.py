"""The loop: what it visits, what it records, and that no way of dying changes the numbers."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.composition import alone
from refimpl.algorithms.early_stopping import EarlyStopping
from refimpl.algorithms.l1 import L1
from refimpl.algorithms.momentum import Momentum
from refimpl.algorithms.sgd import SGD
from refimpl.algorithms.sgld import SGLD
from refimpl.arrays import backend
from refimpl.datasets import Dataset
from refimpl.errors import CheckpointError, DivergenceError, SettingError
from refimpl.models import MLP, Objective
from refimpl.random import Rng
from refimpl.training import History, accuracy, chunked_mean, loop, train

MODEL = MLP((3, 5, 2), activation="tanh")
OBJECTIVE = Objective(MODEL, "softmax_cross_entropy")


def dataset(size=10, name="points"):
    rng = Rng(11).child(name)
    inputs = rng.normal((size, 3))
    return Dataset(name, inputs, (inputs[:, 0] > 0).astype(np.int64), classes=2)


def go(algorithm=None, data=None, seed=0, **options):
    settings = {
        "epochs": 3,
        "batch_size": 4,
        "metrics": {"accuracy": accuracy(MODEL), "loss": chunked_mean(OBJECTIVE, 3)},
        "evaluate": {"test": dataset(7, "test")},
    }
    return train(
        algorithm or SGLD(learning_rate=0.2, temperature=0.01),
        OBJECTIVE,
        MODEL.init(Rng(2)),
        dataset() if data is None else data,
        rng=Rng(seed),
        **{**settings, **options},
    )


def assert_same_run(left, right):
    for a, b in zip(ad.flatten(left.state)[0], ad.flatten(right.state)[0], strict=True):
        assert np.array_equal(a, b)
    assert_same_history(left.history, right.history)


def assert_same_history(left, right):
    for group in ("steps", "epochs"):
        one, two = getattr(left, group), getattr(right, group)
        assert one.keys() == two.keys()
        for name in one:
            assert one[name].dtype == np.float64
            assert one[name].tobytes() == two[name].tobytes(), (group, name)


class DyingError(Exception):
    """Stands for a crash."""


def dying_at(k, error):
    def on_step(step, state, info):
        if step == k:
            raise error

    return on_step


# What the loop does


def test_the_loop_is_steps_on_named_streams():
    """The run written out by hand from the names of its streams."""
    algorithm = SGLD(learning_rate=0.2, temperature=0.01)
    data, rng = dataset(), Rng(0)
    state, losses = algorithm.init(MODEL.init(Rng(2))), []
    for epoch in range(3):
        order = rng.child("order", epoch).permutation(10)
        for part in (order[:4], order[4:8], order[8:]):
            noise = rng.child("step", len(losses))
            state, info = algorithm.step(state, OBJECTIVE, data.batch(part), noise)
            losses.append(float(info.loss))
    result = go(algorithm)
    assert result.history.steps["loss"].tolist() == losses
    assert np.array_equal(result.params[0]["weight"], state.params[0]["weight"])
    weights = np.asarray([4, 4, 2]) / 10
    expected = np.asarray(losses).reshape(3, 3) @ weights
    np.testing.assert_allclose(result.history.epochs["loss"], expected, rtol=1e-14)


@pytest.mark.parametrize(("batch_size", "lengths"), [(4, [4, 4, 2]), (5, [5, 5]), (99, [10])])
def test_every_example_is_visited_once_an_epoch(batch_size, lengths):
    seen = []

    def objective(params, batch):
        seen.append(batch.indices)
        return OBJECTIVE(params, batch)

    train(
        SGD(), objective, MODEL.init(Rng(2)), dataset(), epochs=2, batch_size=batch_size,
        rng=Rng(0),
    )  # fmt: skip
    assert [len(part) for part in seen] == lengths * 2
    first, second = np.concatenate(seen).reshape(2, 10)
    assert sorted(first) == sorted(second) == list(range(10))
    assert list(first) != list(second)


def test_a_full_batch_is_the_whole_set_in_order():
    result = go(SGD(learning_rate=0.1), batch_size=None, epochs=5)
    params = MODEL.init(Rng(2))
    for _ in range(5):
        gradient = ad.grad(OBJECTIVE)(params, dataset().batch())
        params = ad.map_tree(lambda w, g: w - 0.1 * g, params, gradient)
    np.testing.assert_allclose(result.params[0]["weight"], params[0]["weight"], rtol=1e-13)
    assert len(result.history.steps["loss"]) == 5


def test_metrics_are_those_of_the_parameters_of_the_epoch():
    snapshots = {}

    def on_step(step, state, info):
        snapshots[step] = state.params

    test = dataset(7, "test")
    result = go(on_step=on_step, evaluate={"test": test}, validation=dataset(5, "other"))
    epochs = result.history.epochs
    assert epochs["epoch"].tolist() == [1, 2, 3] and epochs["step"].tolist() == [3, 6, 9]
    for row, step in enumerate((3, 6, 9)):
        outputs = MODEL(snapshots[step], test.inputs)
        right = np.mean(np.argmax(outputs, axis=1) == test.targets)
        assert epochs["test_accuracy"][row] == pytest.approx(right, abs=1e-15)
        loss = float(OBJECTIVE(snapshots[step], test.batch()))
        assert epochs["test_loss"][row] == pytest.approx(loss, rel=1e-14)
    assert {"validation_accuracy", "validation_loss"} < set(epochs)


def test_evaluations_may_be_rare_and_the_end_is_always_seen():
    assert go(epochs=5, evaluate_every=2).history.epochs["epoch"].tolist() == [2, 4, 5]


@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_chunked_means_do_not_depend_on_the_chunk(chunk):
    data, params = dataset(7), MODEL.init(Rng(2))
    whole = float(OBJECTIVE(params, data.batch()))
    assert chunked_mean(OBJECTIVE, chunk)(params, data) == pytest.approx(whole, rel=1e-14)


def test_a_schedule_changes_the_algorithm_by_epoch():
    base = SGD(learning_rate=0.4)
    result = go(base, schedule=lambda epoch: replace(base, learning_rate=0.4 * 0.5**epoch))
    params, rng = MODEL.init(Rng(2)), Rng(0)
    for epoch in range(3):
        order = rng.child("order", epoch).permutation(10)
        for part in (order[:4], order[4:8], order[8:]):
            gradient = ad.grad(OBJECTIVE)(params, dataset().batch(part))
            rate = (0.4, 0.2, 0.1)[epoch]
            params = ad.map_tree(lambda w, g, rate=rate: w - rate * g, params, gradient)
    np.testing.assert_allclose(result.params[0]["weight"], params[0]["weight"], rtol=1e-13)


def test_a_schedule_is_asked_once_an_epoch():
    asked = []

    def schedule(epoch):
        asked.append(epoch)
        return SGD(learning_rate=0.1)

    go(SGD(learning_rate=0.1), schedule=schedule)
    assert asked == [0, 1, 2]


def test_every_scalar_of_the_info_is_recorded():
    result = go(alone(L1, strength=0.1))
    assert set(result.history.steps) == {"loss", "penalty", "zeros"}


class Talking(NamedTuple):
    """An info with what a step may say besides its loss."""

    loss: object
    counted: int
    vector: object
    diagnostics: dict


class Talkative:
    """Plain descent that reports numbers in a dict, one of them on the device's terms."""

    def __init__(self, extra=()):
        self.base = SGD(learning_rate=0.1)
        self.extra = dict(extra)

    def init(self, params):
        return self.base.init(params)

    def step(self, state, objective, batch, rng=None):
        new, info = self.base.step(state, objective, batch, rng)
        said = {"norm": np.sum(state.params[0]["weight"] ** 2), "clock": 2.0 * state.step}
        told = {**said, "row": np.zeros(2), **self.extra}
        return new, Talking(info.loss, state.step, np.zeros(3), told)


def test_scalars_in_a_dict_of_the_info_are_columns(tmp_path):
    algorithm = Talkative()
    result = go(algorithm, checkpoint=tmp_path / "run.npz")
    steps = result.history.steps
    assert set(steps) == {"loss", "counted", "norm", "clock"}
    assert steps["clock"].tolist() == [2.0 * k for k in range(9)]
    assert steps["norm"][0] == pytest.approx(np.sum(MODEL.init(Rng(2))[0]["weight"] ** 2))
    assert_same_run(result, go(algorithm, checkpoint=tmp_path / "run.npz", resume=True))


def test_a_name_that_the_info_gives_twice_is_refused():
    with pytest.raises(ValueError, match=r"'counted' twice, once in 'diagnostics'"):
        go(Talkative({"counted": 1.0}))


def test_an_algorithm_is_given_what_it_requires():
    seen = {}

    class Asking:
        requires = ("objective", "steps_per_epoch", "training", "validation")

        def init(self, params, **given):
            seen.update(given)
            return SGD().init(params)

        def step(self, *arguments):
            return SGD().step(*arguments)

    go(Asking(), validation=dataset(5, "other"), epochs=1)
    assert seen["objective"] is OBJECTIVE and seen["steps_per_epoch"] == 3
    assert len(seen["training"].inputs) == 10 and len(seen["validation"].inputs) == 5
    go(Asking(), validation=dataset(5), init_kwargs={"training": None}, epochs=1)
    assert seen["training"] is None
    Asking.requires = ("a_moon",)
    with pytest.raises(SettingError, match="Asking needs 'a_moon'"):
        go(Asking())


def test_early_stopping_ends_the_run_with_the_best_parameters():
    algorithm = alone(EarlyStopping, base="adam", learning_rate=0.3, evaluate_every=1, patience=3)
    losses = []
    validation = dataset(5, "hard")
    validation = replace(validation, targets=1 - validation.targets)

    def on_step(step, state, info):
        losses.append(float(OBJECTIVE(state.params, validation.batch())))

    result = go(algorithm, validation=validation, epochs=50, on_step=on_step)
    assert result.stopped and result.state.step == len(losses) < 150
    assert result.history.steps["stopped"].tolist() == [0.0] * (len(losses) - 1) + [1.0]
    at_start = float(OBJECTIVE(MODEL.init(Rng(2)), validation.batch()))
    best = float(OBJECTIVE(result.params, validation.batch()))
    assert best == pytest.approx(min([at_start, *losses]), rel=1e-14)
    assert result.history.epochs["step"][-1] == len(losses)


def test_a_missing_validation_set_is_named():
    with pytest.raises(ValueError, match=r"EarlyStopping.*validation=\.\.\."):
        go(alone(EarlyStopping))


def test_float32_stays_float32_and_inputs_are_not_touched():
    place = backend("numpy", "float32")
    data, params = dataset().to(place), MODEL.init(Rng(2), backend=place)
    leaves = [*ad.flatten(params)[0], data.inputs, data.targets]
    for leaf in leaves:
        leaf.flags.writeable = False
    result = train(Adam(), OBJECTIVE, params, data, epochs=2, batch_size=4, rng=Rng(0))
    assert all(leaf.dtype == np.float32 for leaf in ad.flatten(result.params)[0])
    assert result.history.steps["loss"].dtype == np.float64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": -1}, "epochs must be at least 0, not -1"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
        ({"check_every": 0}, "check_every"),
        ({"checkpoint_every": 0}, "checkpoint_every"),
        ({"evaluate_every": 0}, "evaluate_every"),
        ({"resume": True}, "checkpoint path"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        go(**options)


def test_no_epochs_is_the_start():
    result = go(epochs=0)
    assert result.state.step == 0 and result.history.steps == {}
    assert np.array_equal(result.params[0]["weight"], MODEL.init(Rng(2))[0]["weight"])


def test_the_progress_bar_can_be_forced_and_is_off_without_a_terminal(capsys, monkeypatch):
    quiet = go()
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert_same_run(quiet, go(progress=True))
    shown = capsys.readouterr()
    assert shown.out == "" and "9/9" in shown.err


def test_histories_are_saved_and_loaded(tmp_path):
    history = go().history
    history.save(tmp_path / "deep" / "history.npz")
    assert_same_history(history, History.load(tmp_path / "deep" / "history.npz"))
    with pytest.raises(CheckpointError, match=r"none\.npz"):
        History.load(tmp_path / "none.npz")


# Dying and coming back


@pytest.mark.parametrize("k", range(1, 10))
@pytest.mark.parametrize("error", [KeyboardInterrupt(), DyingError()])
def test_a_run_killed_at_any_step_resumes_to_the_same_bits(k, error, tmp_path):
    path = tmp_path / "run.npz"
    whole = go()
    with pytest.raises(type(error)):
        go(checkpoint=path, checkpoint_every=2, on_step=dying_at(k, error))
    assert path.exists() == (isinstance(error, KeyboardInterrupt) or k > 2)
    if isinstance(error, KeyboardInterrupt):
        with np.load(path) as file:
            assert json.loads(str(file["meta"]))["step"] == k
    assert_same_run(whole, go(checkpoint=path, checkpoint_every=2, resume=True))


def test_a_run_interrupted_while_it_evaluates_resumes_to_the_same_bits(tmp_path):
    calls = []

    def fragile(params, data):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return OBJECTIVE(params, data.batch())

    options = {"checkpoint": tmp_path / "run.npz", "metrics": {"loss": fragile}}
    with pytest.raises(KeyboardInterrupt):
        go(**options)
    resumed = go(**options, resume=True)
    calls.extend([1, 1])
    assert_same_run(go(metrics={"loss": fragile}), resumed)


SCRIPT = """
import os, signal, sys
sys.path.insert(0, {folder!r})
import test_training as t

def on_step(step, state, info):
    if step == 8:
        os.kill(os.getpid(), signal.SIGKILL)

t.go(checkpoint={path!r}, checkpoint_every=3, on_step=on_step)
"""


def test_a_process_that_is_killed_resumes_to_the_same_bits(tmp_path):
    path = tmp_path / "run.npz"
    script = SCRIPT.format(folder=os.path.dirname(__file__), path=str(path))
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    with np.load(path) as file:
        assert json.loads(str(file["meta"]))["step"] == 6
    assert_same_run(go(), go(checkpoint=path, checkpoint_every=3, resume=True))


def test_a_finished_run_resumes_to_itself_and_can_be_prolonged(tmp_path):
    path = tmp_path / "run.npz"
    first = go(checkpoint=path)
    assert_same_run(first, go(checkpoint=path, resume=True, on_step=dying_at(10, DyingError())))
    assert_same_run(go(epochs=5), go(epochs=5, checkpoint=path, resume=True))


def test_an_early_stop_is_remembered(tmp_path):
    algorithm = alone(EarlyStopping, learning_rate=0.3, evaluate_every=1, patience=1)
    validation = replace(dataset(5, "hard"), targets=1 - dataset(5, "hard").targets)
    options = {"validation": validation, "epochs": 9, "checkpoint": tmp_path / "run.npz"}
    first = go(algorithm, **options)
    assert first.stopped
    second = go(algorithm, **options, resume=True)
    assert second.stopped
    assert_same_run(first, second)


def test_scalar_parameters_survive_a_checkpoint(tmp_path):
    def objective(params, batch):
        return (params[0] * params[1] - 1.0) ** 2

    def chain(**options):
        start = [np.asarray(0.5), np.asarray(1.5)]
        return train(Momentum(), objective, start, dataset(), epochs=6, rng=Rng(0), **options)

    options = {"checkpoint": tmp_path / "run.npz", "checkpoint_every": 2}
    with pytest.raises(DyingError):
        chain(**options, on_step=dying_at(5, DyingError()))
    assert_same_run(chain(), chain(**options, resume=True))


def test_a_checkpoint_of_another_run_is_refused_by_field(tmp_path):
    path = tmp_path / "run.npz"
    go(checkpoint=path)
    changed = dataset()
    changed.inputs[3, 1] += 1e-9
    relabeled = replace(dataset(), targets=1 - dataset().targets)
    with pytest.raises(CheckpointError) as caught:
        go(checkpoint=path, resume=True, data=relabeled)
    assert caught.value.field == "data"
    for name, options in {
        "algorithm": {"algorithm": SGLD(learning_rate=0.1, temperature=0.01)},
        "seed": {"seed": 1},
        "batch_size": {"batch_size": 5},
        "data_shape": {"data": dataset(11)},
        "data": {"data": changed},
        "metrics": {"metrics": {}},
    }.items():
        with pytest.raises(CheckpointError, match=f"another run: {name} differs") as caught:
            go(checkpoint=path, resume=True, **options)
        assert caught.value.field == name
        assert caught.value.expected != caught.value.found
    with pytest.raises(CheckpointError) as caught:
        train(
            SGLD(learning_rate=0.2, temperature=0.01), OBJECTIVE, MODEL.init(Rng(3)),
            dataset(), epochs=3, batch_size=4, rng=Rng(0), checkpoint=path, resume=True,
        )  # fmt: skip
    assert caught.value.field == "start"


def test_broken_checkpoints_are_refused(tmp_path):
    path = tmp_path / "run.npz"
    go(checkpoint=path)
    whole = path.read_bytes()
    for content in (b"", b"not an archive", whole[: len(whole) // 2], whole[:-10]):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"run\.npz is no npz archive"):
            go(checkpoint=path, resume=True)
    np.savez(path, loss=np.zeros(3))
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        go(checkpoint=path, resume=True)


def test_a_failing_write_keeps_the_old_file_and_leaves_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    go(checkpoint=path)
    before = path.read_bytes()

    def full(file, **arrays):
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space"):
        go(checkpoint=path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.npz"]


def test_progress_is_told_at_every_look_and_at_the_end(monkeypatch):
    told = []

    @contextlib.contextmanager
    def bar(*names, **options):
        yield lambda step, loss: told.append((step, loss))

    monkeypatch.setattr(loop, "progress_bar", bar)
    losses = go(epochs=3, check_every=4).history.steps["loss"]
    assert len(losses) == 9
    assert told == [(step, losses[step - 1]) for step in (4, 8, 9)]


# Diverging


def explosive(params, batch):
    return ad.sum(params[0]["weight"] ** 4)


def diverge(**options):
    return train(
        SGD(learning_rate=1.0), explosive, MODEL.init(Rng(2)), dataset(), epochs=50,
        rng=Rng(0), **options,
    )  # fmt: skip


@pytest.mark.parametrize("check_every", [1, 7, 1000])
def test_divergence_names_its_step_whenever_it_is_noticed(check_every):
    params, exact = MODEL.init(Rng(2))[0]["weight"], None
    with np.errstate(all="ignore"):
        for step in range(50):
            if not np.isfinite(np.sum(params**4)):
                exact = step
                break
            params = params - 4.0 * params**3
    with pytest.raises(DivergenceError) as caught:
        diverge(check_every=check_every)
    assert caught.value.step == exact > 1
    assert not np.isfinite(caught.value.loss)
    assert caught.value.checkpoint is None


@pytest.mark.parametrize("checkpoint_every", [1, 3])
def test_the_last_good_checkpoint_survives_divergence(checkpoint_every, tmp_path):
    path = tmp_path / "run.npz"
    with pytest.raises(DivergenceError) as caught:
        diverge(checkpoint=path, checkpoint_every=checkpoint_every)
    assert caught.value.checkpoint == str(path)
    with np.load(path) as file:
        stored = [file[name] for name in file.files if name.startswith("state/")]
        assert stored and all(np.all(np.isfinite(values)) for values in stored)
        assert np.all(np.isfinite(file["steps/loss"]))
    with pytest.raises(DivergenceError) as again:
        diverge(checkpoint=path, checkpoint_every=1000, resume=True, check_every=1)
    assert again.value.checkpoint == str(path)


def test_parameters_that_are_not_finite_are_never_stored(tmp_path):
    """sqrt has a finite value and an infinite slope at zero, where one step leads."""
    path = tmp_path / "run.npz"

    def cusp(params, batch):
        return ad.sum(ad.sqrt(params["weight"]))

    with pytest.raises(DivergenceError, match="parameter") as caught:
        train(
            SGD(learning_rate=2.0), cusp, {"weight": np.asarray([1.0])}, dataset(),
            epochs=9, rng=Rng(0), checkpoint=path,
        )  # fmt: skip
    assert caught.value.step == 2 and caught.value.loss == 0.0
    with np.load(path) as file:
        assert file["state/0"].tolist() == [0.0]


def test_an_interrupt_after_divergence_keeps_the_good_checkpoint(tmp_path):
    path = tmp_path / "run.npz"
    with pytest.raises(KeyboardInterrupt):
        diverge(
            checkpoint=path, checkpoint_every=3, check_every=1000,
            on_step=dying_at(6, KeyboardInterrupt()),
        )  # fmt: skip
    with np.load(path) as file:
        assert json.loads(str(file["meta"]))["step"] == 3
        assert np.all(np.isfinite(file["steps/loss"]))
