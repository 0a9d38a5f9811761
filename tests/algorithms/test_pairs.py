"""The table of pairs: every update and sampler with every part that the papers offer."""

import numpy as np
import pytest
from cases import all_cases

from refimpl import autodiff as ad
from refimpl import catalogue
from refimpl.algorithms.composition import Composition, place_of
from refimpl.datasets import Batch, Dataset
from refimpl.errors import SettingError
from refimpl.models import MLP, Objective
from refimpl.random import Rng
from refimpl.training import train

CASES = all_cases()
OBJECTIVE = Objective(MLP((3, 4, 2), activation="tanh"), "softmax_cross_entropy")
ENTRIES = catalogue.algorithms()
UPDATES = [name for name, entry in ENTRIES.items() if entry.kind == "update"]
PARTS = [name for name, entry in ENTRIES.items() if entry.is_part]
SAMPLERS = ["sgld", "sghmc", "sgnht", "langevin", "c_cola_od", "c_cola_ud", "o_cola_od",
            "o_cola_ud", "constrained_od", "constrained_ud"]  # fmt: skip
CLOSED = ["minnorm", "constrained_mala", "constrained_hmc"]


def settings(name):
    """The case's settings of a part, without those of the update below it."""
    own = ENTRIES[name].own_fields
    return {key: value for key, value in CASES[name].sample.items() if key in own}


def composed(update, *names):
    parts = {"penalties": [], "wrappers": [], "projections": []}
    for name in names:
        part = ENTRIES[name].part(**settings(name))
        parts[place_of(part)].append(part)
    return Composition(update, **parts)


def batch(size=7, name="batch"):
    rng = Rng(3).child(name)
    targets = rng.integers(0, 2, (size,))
    return Batch(rng.normal((size, 3)), targets, np.arange(size))


def begin(algorithm):
    offered = {
        "objective": OBJECTIVE,
        "validation": batch(5, "validation"),
        "training": batch(),
        "steps_per_epoch": 2,
    }
    extra = {name: offered[name] for name in algorithm.requires}
    return algorithm.init(OBJECTIVE.model.init(Rng(1), bias_scale=1.0), **extra)


def walk(algorithm, steps=3):
    state = begin(algorithm)
    for step in range(steps):
        state, info = algorithm.step(state, OBJECTIVE, batch(), Rng(5).child(step))
    return state, info


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("update", UPDATES)
def test_every_update_goes_with_every_part(update, part):
    algorithm = composed(catalogue.make(update, learning_rate=0.01), part)
    state, info = walk(algorithm)
    leaves = ad.flatten(state.params)[0]
    assert all(np.all(np.isfinite(leaf)) and leaf.dtype == np.float64 for leaf in leaves)
    assert state.step == 3 and np.isfinite(float(info.loss)) and np.isfinite(float(info.penalty))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samplers_take_a_part_or_say_why_not(sampler, part):
    algorithm = composed(catalogue.make(sampler, **CASES[sampler].sample), part)
    try:
        state, info = walk(algorithm)
    except SettingError as error:
        reason = str(error)
    else:
        reason = ""
    if reason:
        assert "use it with a first-order update" in reason
        return
    assert state.step == 3 and np.isfinite(float(info.loss)) and np.isfinite(float(info.penalty))
    alone, _ = walk(Composition(catalogue.make(sampler, **CASES[sampler].sample)))
    moved = [
        float(np.max(np.abs(a - b)))
        for a, b in zip(ad.flatten(state.params)[0], ad.flatten(alone.params)[0], strict=True)
    ]
    if ENTRIES[part].kind == "penalty":
        assert max(moved) > 0.0, "the penalty did not reach the sampler"


@pytest.mark.parametrize("name", CLOSED)
def test_algorithms_with_a_penalty_of_their_own_refuse_parts(name):
    with pytest.raises(SettingError, match="takes no penalties, wrappers or projections"):
        composed(catalogue.make(name), "l2")


class KilledError(Exception):
    """Stands for a process that dies."""


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_run_under_parts_resumes_to_the_same_bits(part, tmp_path):
    inputs, targets, _ = batch(10, "data")
    data = Dataset("ten", inputs, targets, classes=2)
    names = [part] if part == "l2" else [part, "l2"]
    algorithm = composed(catalogue.make("adam", learning_rate=0.01), *names)

    def go(path, die_at=None, resume=False):
        def on_step(step, state, info):
            if step == die_at:
                raise KilledError

        return train(
            algorithm, OBJECTIVE, OBJECTIVE.model.init(Rng(1)), data, epochs=3, batch_size=4,
            rng=Rng(4), validation=data.take(range(4)), checkpoint=path, checkpoint_every=2,
            resume=resume, on_step=on_step,
        )  # fmt: skip

    whole = go(tmp_path / "whole.npz")
    with pytest.raises(KilledError):
        go(tmp_path / "killed.npz", die_at=5)
    resumed = go(tmp_path / "killed.npz", resume=True)
    left, right = ad.flatten(whole.state)[0], ad.flatten(resumed.state)[0]
    assert [np.asarray(x).tobytes() for x in left] == [np.asarray(x).tobytes() for x in right]
    for name, values in whole.history.steps.items():
        assert values.tobytes() == resumed.history.steps[name].tobytes(), name
