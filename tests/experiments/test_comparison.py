"""Comparisons: paired, chosen by validation alone, and never a setting that diverged."""

from dataclasses import dataclass

import numpy as np
import pytest

from refimpl import Rng, backend
from refimpl import autodiff as ad
from refimpl.algorithms.base import plain_step, start
from refimpl.algorithms.composition import Composition
from refimpl.algorithms.sgd import SGD
from refimpl.datasets.base import Dataset, Split
from refimpl.errors import SettingError
from refimpl.experiments.base import Result
from refimpl.experiments.comparison import Arm, Problem, arms, comparison, differences
from refimpl.experiments.runner import run_many


@dataclass(frozen=True)
class Config:
    epochs: int = 3
    batch_size: int = 4
    seeds: int = 3
    broken: bool = False

    @classmethod
    def quick(cls):
        return cls()

    @classmethod
    def full(cls):
        return cls()


SEEN = []


class Shifted:
    """(w - mean of the targets)^2 / 2 + shift: the shift tells the methods apart."""

    def __init__(self, shift=0.0, validation_shift=0.0):
        self.shift, self.validation_shift = shift, validation_shift

    def __call__(self, params, batch):
        extra = self.validation_shift if float(np.max(batch.targets)) > 50.0 else 0.0
        return 0.5 * ad.sum((params - ad.mean(batch.targets)) ** 2) + self.shift + extra


def problem(config, place, rng):
    draw = rng.child("data").normal((12,))
    SEEN.append(draw[0])
    inputs = place.zeros((4, 1))
    parts = [
        Dataset(f"part {i}", inputs, place.asarray(draw[4 * i : 4 * i + 4] + 100.0 * (i == 1)))
        for i in range(3)
    ]
    return Problem(Split(*parts), Shifted(), place.zeros((1,)))


def methods(config):
    bad = 1e200 if config.broken else 0.5
    return {
        "plain": arms(SGD, {"learning_rate": (0.1, 0.5, 0.2)}),
        "worse": [
            Arm("a", SGD(learning_rate=0.5), Shifted(1.0, 9.0)),
            Arm("b", SGD(learning_rate=bad), Shifted(2.0)),
            Arm("c", SGD(learning_rate=0.5), Shifted(3.0, 1.0)),
        ],
    }


EXPERIMENT = comparison(
    "compared", Config, problem=problem, methods=methods, reference="plain", score="loss"
)


def run(config=None):
    return run_many([(EXPERIMENT, config or Config())])["compared"]


def test_seeds_are_shared_and_the_choice_is_by_validation():
    SEEN.clear()
    result = run()
    assert len(SEEN) == 18 and len(set(SEEN)) == 3, "all settings of a seed have one problem"
    assert list(result["method"]) == ["plain", "worse"]
    # "worse": validation prefers b (2 + 0) to a (1 + 9) and c (3 + 1), whatever the test says
    assert result["chosen"].tolist() == [1, 1]
    assert result["setting"][1].tolist() == ["a", "b", "c"]
    assert not result["at_edge"].any()
    assert np.allclose(result["difference"], [[0.0] * 3, [2.0] * 3], atol=1e-12)
    assert np.allclose(differences(result, "worse", "plain"), 2.0)
    assert np.allclose(differences(result, "plain", "worse", "train_loss"), -2.0)


def test_test_scores_are_those_of_the_closed_form():
    """Full batches: w after 3 epochs is (1 - 0.5^3) m, the test loss (w - m_test)^2 / 2."""
    result = run()
    for seed in range(3):
        draw = Rng(0).child("compared", seed).child("data").normal((12,))
        w = (1.0 - 0.5**3) * draw[:4].mean()
        assert result["test"][0, seed] == pytest.approx(0.5 * (w - draw[8:].mean()) ** 2)


def test_what_diverged_is_never_chosen():
    result = run(Config(broken=True))
    assert result["diverged"][1, 1].all() and not result["diverged"][1, 0].any()
    assert result["chosen"][1] == 2 and result["at_edge"][1]
    assert np.isfinite(result["test"]).all()


def test_unequal_grids_and_unknown_references_are_refused():
    def unequal(config):
        return {"plain": methods(config)["plain"][:2], "worse": methods(config)["worse"]}

    for changed, reference, message in (
        (unequal, "plain", "same number of settings"),
        (methods, "nobody", "'nobody' is none of plain, worse"),
    ):
        bad = comparison("bad", Config, problem=problem, methods=changed, reference=reference)
        with pytest.raises(SettingError, match=message):
            bad.tasks(Config())


def test_several_processes_give_the_same_numbers():
    one = run()
    two = run_many([(EXPERIMENT, Config())], jobs=2)["compared"]
    assert isinstance(two, Result)
    for name in one:
        assert np.array_equal(one[name], two[name]), name


def test_the_backend_is_passed_on():
    task = {"method": "plain", "setting": 0, "seed": 0}
    values = EXPERIMENT.run_one(Config(), backend("numpy", "float32"), Rng(0), task)
    assert 0.0 < float(values["test_loss"]) < 10.0


@dataclass(frozen=True)
class Dear:
    """A penalty of nothing, whose diagnostics are counted."""

    asked: list

    def init(self, params):
        return ()

    def value(self, params, batch, objective, aux, rng):
        return ad.sum(0.0 * params), aux

    def diagnostics(self, params, batch, objective, aux):
        self.asked.append(1)
        return {"dear": 1.0}


@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("scheduled", [False, True])
def test_diagnostics_are_computed_only_where_a_run_is_observed(observed, scheduled):
    asked = []
    algorithm = Composition(SGD(learning_rate=0.5), [Dear(asked)])
    arm = Arm("a", algorithm, schedule=(lambda epoch: algorithm) if scheduled else None)
    watch = lambda outcome: {"dear": float(np.sum(outcome.history.steps["dear"]))}  # noqa: E731

    def watched(config, place, rng):
        return problem(config, place, rng)._replace(observe=watch if observed else None)

    one = comparison(
        "silent", Config, problem=watched, methods=lambda config: {"plain": [arm]},
        reference="plain", score="loss",
    )  # fmt: skip
    result = one.run(Config(seeds=1), backend(), Rng(0))
    assert len(asked) == (3 if observed else 0)
    assert not observed or result["run_dear"].tolist() == [[3.0]]
    np.testing.assert_array_equal(result["test"], _plain_test(Config(seeds=1)))


@dataclass(frozen=True)
class Spoilt:
    """Descent whose parameters are lost in one step, while every loss so far was finite."""

    at: int

    def init(self, params):
        return start(SGD(learning_rate=0.5), params)

    def step(self, state, objective, batch, rng=None):
        new, info = plain_step(SGD(learning_rate=0.5), state, objective, batch)
        return (new._replace(params=np.nan * new.params) if new.step == self.at else new), info


@pytest.mark.parametrize("epochs", [1, 3, 16, 34, 37])
def test_parameters_lost_in_the_last_step_are_seen(epochs):
    def lost(config):
        return {"plain": [Arm("a", SGD()), Arm("b", Spoilt(epochs))]}

    one = comparison(
        "spoilt", Config, problem=problem, methods=lost, reference="plain", score="loss"
    )
    result = one.run(Config(seeds=1, epochs=epochs), backend(), Rng(0))
    assert result["diverged"][0, :, 0].tolist() == [False, True]


def _plain_test(config):
    plain = comparison(
        "silent", Config, problem=problem,
        methods=lambda config: {"plain": [Arm("a", SGD(learning_rate=0.5))]},
        reference="plain", score="loss",
    )  # fmt: skip
    return plain.run(config, backend(), Rng(0))["test"]
