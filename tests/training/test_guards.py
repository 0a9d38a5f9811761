"""What a run is refused for: labels, numbers, dtypes, and files that are not its own."""

import hashlib
import io
import json
import os
import zipfile

import numpy as np
import pytest

from refimpl import Rng
from refimpl import autodiff as ad
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.sgd import SGD
from refimpl.algorithms.sgld import SGLD
from refimpl.arrays import backend
from refimpl.datasets import Dataset
from refimpl.errors import (
    CheckpointError,
    DataError,
    DivergenceError,
    SettingError,
    TargetError,
)
from refimpl.models import MLP, Objective
from refimpl.training import train
from refimpl.training.checkpoint import describe, digest
from refimpl.training.guards import check_run

X = Rng(0).normal((12, 3))


def run(model, data, algorithm=None, loss="softmax_cross_entropy", params=None, **options):
    start = model.init(Rng(1)) if params is None else params
    settings = {"epochs": 2, "rng": Rng(2), **options}
    return train(
        algorithm or SGD(learning_rate=0.1), Objective(model, loss), start, data, **settings
    )


# --- the door ------------------------------------------------------------------------------------


def test_sets_without_inputs_or_examples_are_not_asked():
    model = MLP((3, 2))
    empty = Dataset("none", np.zeros((0, 3), np.float32), np.zeros(0, np.int64), classes=2)
    check_run(Objective(model), model.init(Rng(1)), {"empty": empty, "graphs": object()})


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "multiclass_margin"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_labels_beyond_the_outputs_are_refused(loss, outputs):
    data = Dataset("three", X, np.arange(12) % 3, classes=3)
    with pytest.raises(TargetError, match=f"label {outputs} at position {outputs} .*{outputs} out"):
        run(MLP((3, outputs)), data, loss=loss)
    held = {"validation": data}
    fine = Dataset("one", X, np.zeros(12, np.int64), classes=1)
    with pytest.raises(TargetError, match="label"):
        run(MLP((3, outputs)), fine, loss=loss, evaluate=held)


@pytest.mark.parametrize("loss", ["logistic", "hinge"])
def test_labels_of_0_and_1_are_refused_where_signs_are_meant(loss):
    wrong = Dataset("pair", X, np.arange(12) % 2, classes=2)
    with pytest.raises(TargetError, match="2 y - 1"):
        run(MLP((3, 1)), wrong, loss=loss)
    right = Dataset("pair", X, 2.0 * (np.arange(12) % 2) - 1.0)
    assert run(MLP((3, 1)), right, loss=loss).state.step == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_entry_that_is_not_finite_is_named(value):
    inputs = X.copy()
    inputs[7, 1] = inputs[9, 0] = value
    data = Dataset("holes", inputs, np.zeros(12, np.int64), classes=1)
    with pytest.raises(DataError, match=f"training set.*{value} in row 7, column 1") as caught:
        run(MLP((3, 1)), data)
    assert (caught.value.row, caught.value.column) == (7, 1)
    whole = Dataset("whole", X, np.zeros(12, np.int64), classes=1)
    with pytest.raises(DataError, match="validation set"):
        run(MLP((3, 1)), whole, validation=data)


def test_mixed_dtypes_are_refused_and_the_message_names_the_cast():
    labels = np.zeros(12, np.int64)
    single = MLP((3, 2)).init(Rng(0), backend=backend("numpy", "float32"))
    double = Dataset("double", X, labels, classes=2)
    with pytest.raises(SettingError, match=r"float32.*float64.*backend\('numpy', 'float32'\)"):
        run(MLP((3, 2)), double, params=single)
    mixed = MLP((3, 4, 2)).init(Rng(0))
    mixed[1] = {name: leaf.astype(np.float32) for name, leaf in mixed[1].items()}
    with pytest.raises(SettingError, match="parameter 2 is float32"):
        run(MLP((3, 4, 2)), double, params=mixed)


def test_a_leaf_keeps_its_dtype_and_shape():
    class Widening(SGD):
        def step(self, state, objective, batch, rng=None):
            state, info = super().step(state, objective, batch, rng)
            return state._replace(params=ad.map_tree(lambda w: w.astype(float), state.params)), info

    place = backend("numpy", "float32")
    data = Dataset("single", place.asarray(X), np.zeros(12, np.int64), classes=1)
    params = MLP((3, 2)).init(Rng(0), backend=place)
    with pytest.raises(SettingError, match=r"has become float64 .* was float32"):
        run(MLP((3, 2)), data, Widening(learning_rate=0.1), params=params)


# --- what an algorithm remembers -----------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "scale"), [("float32", 1e20), ("float64", 1e160)])
def test_moments_that_leave_the_range_are_a_divergence(dtype, scale):
    """Their root is infinite from then on, and Adam would stand still for ever."""
    place = backend("numpy", dtype)
    data = Dataset("one", place.ones((1, 1)), place.ones((1,)))

    def steep(params, batch):
        return scale * ad.sum((params - 1.0) ** 2)

    with pytest.raises(DivergenceError, match="what the algorithm remembers") as caught:
        train(Adam(learning_rate=0.1), steep, place.zeros((1,)), data, epochs=3, rng=Rng(0))
    assert caught.value.step == 1


# --- checkpoints ---------------------------------------------------------------------------------


def checkpointed(tmp_path, **options):
    data = Dataset("points", X, (X[:, 0] > 0).astype(np.int64), classes=2)
    settings = {"epochs": 3, "batch_size": 5, "checkpoint": tmp_path / "run.npz", **options}
    model = settings.pop("model", MLP((3, 4, 2)))
    algorithm = SGLD(learning_rate=0.1, temperature=0.01)
    return run(model, data, algorithm, **settings)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"model": MLP((3, 4, 2), activation="tanh")}, "objective"),
        ({"loss": "multiclass_margin"}, "objective"),
        ({"schedule": lambda epoch: SGLD(learning_rate=0.2, temperature=0.01)}, "schedule"),
        ({"batch_size": 4}, "batch_size"),
        ({"epochs": 2}, "epochs"),
        ({"rng": Rng(5)}, "seed"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_by_what_differs(tmp_path, change, field):
    checkpointed(tmp_path)
    with pytest.raises(CheckpointError) as caught:
        checkpointed(tmp_path, resume=True, **change)
    assert caught.value.field == field
    assert checkpointed(tmp_path, resume=True, epochs=4).state.step == 12


def test_settings_are_described_in_the_same_words_in_every_process():
    first = describe(Objective(MLP((2, 3), activation="tanh"), "logistic"))
    assert "0x" not in first and "tanh" in first and "refimpl.models.losses.logistic" in first
    rate = 0.1
    assert describe(lambda e: rate * e) != describe(lambda e: 2 * rate * e)
    loops = [1]
    loops.append(loops)
    assert "list" in describe(loops)


def edited(path, edit):
    with np.load(path) as file:
        arrays = dict(file)
    meta = json.loads(str(arrays["meta"]))
    edit(arrays, meta)
    if "meta" in arrays:
        arrays["meta"] = np.asarray(json.dumps(meta))
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    path.write_bytes(stream.getvalue())


def drop(prefix):
    def edit(arrays, meta):
        for name in [name for name in arrays if name.startswith(prefix)]:
            del arrays[name]

    return edit


def put(name, value):
    def edit(arrays, meta):
        meta[name] = value

    return edit


def scale(prefix, factor):
    def edit(arrays, meta):
        name = next(name for name in arrays if name.startswith(prefix))
        arrays[name] = arrays[name] * factor

    return edit


def cast(dtype):
    def edit(arrays, meta):
        for name in arrays:
            if name.startswith("state/"):
                arrays[name] = arrays[name].astype(dtype)

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        drop("state/0"), drop("state/"), drop("steps/loss"), drop("steps/"), drop("meta"),
        *(put("step", step) for step in (0, -5, 10**12, "three", 1.5, None, True)),
        *(put("scalars", value) for value in ({}, None, [], {"1": 10**12})),
        *(put("fingerprint", value) for value in (None, {}, [])),
        put("format", 1), put("format", "two"), put("digest", "0"), put("digest", None),
        lambda arrays, meta: meta.pop("format"), lambda arrays, meta: meta.pop("step"),
        lambda arrays, meta: meta.pop("digest"),
        scale("state/", 1.5), scale("state/", np.nan), scale("steps/loss", 2.0),
        cast(np.float32), cast(np.complex128), cast("U8"),
    ],
)  # fmt: skip
def test_an_edited_checkpoint_is_refused(tmp_path, edit):
    checkpointed(tmp_path)
    edited(tmp_path / "run.npz", edit)
    with pytest.raises(CheckpointError):
        checkpointed(tmp_path, resume=True)


def test_no_flipped_bit_of_a_checkpoint_matters_in_silence(tmp_path):
    whole = checkpointed(tmp_path)
    path = tmp_path / "run.npz"
    content = path.read_bytes()
    accepted = 0
    for place in range(0, len(content), 41):
        damaged = bytearray(content)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        try:
            again = checkpointed(tmp_path, resume=True)
        except CheckpointError:
            continue
        accepted += 1
        for one, other in zip(*(ad.flatten(r.state)[0] for r in (whole, again)), strict=True):
            assert np.array_equal(one, other)
    assert accepted < len(content) // 41  # some bits are of dates and the like


def test_a_checkpoint_that_may_not_be_read_says_so(tmp_path):
    (tmp_path / "run.npz").mkdir()
    with pytest.raises(CheckpointError, match="no regular file"):
        checkpointed(tmp_path, resume=True)


def test_files_have_the_mode_that_the_umask_leaves(tmp_path):
    old = os.umask(0o022)
    try:
        result = checkpointed(tmp_path)
        result.history.save(tmp_path / "history.npz")
    finally:
        os.umask(old)
    for name in ("run.npz", "history.npz"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o644
        assert zipfile.is_zipfile(tmp_path / name)


@pytest.mark.parametrize("params", [None, [], {}, [None]])
def test_nothing_to_train_is_refused(params):
    data = Dataset("pair", X, np.zeros(12, np.int64), classes=1)
    with pytest.raises(SettingError, match="nothing to train"):
        train(SGD(learning_rate=0.1), lambda p, b: 0.0, params, data, epochs=1, rng=Rng(0))


@pytest.mark.parametrize(
    "leaf", ["text", 1.0, [1.0], np.ones(2, int), np.ones(2).view(np.ma.MaskedArray)]
)
def test_what_is_no_plain_array_is_refused(leaf):
    data = Dataset("pair", X, np.zeros(12, np.int64), classes=1)
    with pytest.raises(TypeError, match=r"float64 or float32|plain array"):
        train(SGD(learning_rate=0.1), lambda p, b: 0.0, [leaf], data, epochs=1, rng=Rng(0))


def test_the_digest_of_arrays_is_that_of_earlier_runs():
    """Of dtype, shape and bytes, and of numbers as they are written: 128 bits of BLAKE2b."""
    told = b"<f8(2, 1)" + np.array([[0.5], [-3.0]]).tobytes() + b"1" + b"True"
    expected = hashlib.blake2b(told, digest_size=16).hexdigest()
    assert digest([np.array([[0.5], [-3.0]]), 1, True]) == expected
