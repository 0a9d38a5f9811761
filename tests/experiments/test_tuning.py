"""Declared comparisons: growth to an inner optimum, equal grids, no look at test sets, resuming."""

import json
import math
import os
from dataclasses import replace

import numpy as np
import pytest

from refimpl import autodiff as ad
from refimpl.algorithms.sgd import SGD
from refimpl.datasets.base import Dataset, Split
from refimpl.errors import DataError, MissingDataError, SettingError
from refimpl.experiments import records, settings_runs, tuning
from refimpl.experiments.comparison import Arm, Problem
from refimpl.experiments.declared import Comparison, Method, Size
from refimpl.experiments.runner import run_many

DRAWN = []
FORBIDDEN = {"test": False, "after": math.inf}


class Bowl:
    """(w - target)^2 / 2 + penalty(shift): the loss of a part of the data and of a setting."""

    def __init__(self, shift=0.0):
        self.shift = shift

    def __call__(self, params, batch):
        return 0.5 * ad.sum((params - ad.mean(batch.targets)) ** 2) + self.shift


class Untouchable(Dataset):
    def batch(self, indices=None):
        raise AssertionError("the test set was looked at")

    def __len__(self):
        raise AssertionError("the test set was looked at")


def problem(size, place, rng):
    DRAWN.append(rng.path)
    if len(DRAWN) > FORBIDDEN["after"]:
        os._exit(9)
    draw = 5.0 + rng.child("data").normal((12,))
    parts = [
        Dataset("part", place.zeros((4, 1)), place.asarray(draw[4 * i : 4 * i + 4]))
        for i in range(3)
    ]
    if FORBIDDEN["test"]:
        object.__setattr__(parts[2], "__class__", Untouchable)
    return Problem(Split(*parts), Bowl(), place.zeros((1,)))


def rated(size, rate, value):
    return Arm("", SGD(learning_rate=value))


def shifted(size, rate, value):
    """Best at 0.02 by validation and everything else; records the rate that it was given."""
    return Arm("", SGD(learning_rate=rate), Bowl(1.0 + abs(math.log(value / 0.02))))


def worse(size, rate, value):
    return Arm("", SGD(learning_rate=rate), Bowl(3.0 + abs(math.log(value / 0.5))))


def declared(**changes):
    return Comparison(
        **{
            "name": "bowls",
            "title": "bowls",
            "problem": problem,
            "methods": (
                Method(name="plain", arm=rated, grid=(0.1, 0.2), tunes_rate=True, baseline=True),
                Method(name="shifted", arm=shifted, grid=(0.32, 0.64)),
                Method(name="worse", arm=worse, grid=(0.25, 0.5), high=0.5, baseline=True),
            ),
            "full": Size(seeds=3, together=2, epochs=3, batch_size=None),
            "quick": Size(seeds=2, epochs=1, batch_size=None),
            "score": "loss",
            "lower": True,
            **changes,
        }
    )


@pytest.fixture(autouse=True)
def fresh():
    DRAWN.clear()
    FORBIDDEN.update(test=False, after=math.inf)


def test_grids_grow_until_no_choice_lies_at_an_end_and_stay_of_equal_length():
    found = tuning.run(declared(), declared().full)
    shifted_grid = found.choices["shifted"].grid.values
    assert found.choices["shifted"].value == 0.02 and min(shifted_grid) < 0.02
    assert {len(choice.grid.values) for choice in found.choices.values()} == {len(shifted_grid)}
    assert not any(choice.at_end for choice in found.choices.values())
    assert found.choices["worse"].value == 0.5, "at its limit, which is no open end"
    rate = found.choices["plain"].value
    assert found.choices["shifted"].rate == found.choices["worse"].rate == rate
    assert found.choices["plain"].rate is None


def test_scores_are_those_of_the_closed_form_on_common_seeds():
    """Whole sets: w after 3 steps is (1 - (1 - a)^3) m, the loss (w - m_test)^2 / 2 + shift."""
    from refimpl import Rng

    found = tuning.run(declared(), declared().full)
    rate = found.choices["plain"].value
    for seed in range(3):
        draw = 5.0 + Rng(0).child("bowls", seed).child("data").normal((12,))
        w = (1.0 - (1.0 - rate) ** 3) * draw[:4].mean()
        losses = [0.5 * (w - draw[4 * part : 4 * part + 4].mean()) ** 2 for part in range(3)]
        plain = found.choices["plain"]
        assert plain.scores[plain.chosen, seed] == pytest.approx(losses[1], rel=1e-12)
        assert found.final["plain"]["test_loss"][seed] == pytest.approx(losses[2], rel=1e-12)
        assert found.final["shifted"]["test_loss"][seed] == pytest.approx(losses[2] + 1.0)
        assert found.final["plain"]["train_loss"][seed] == pytest.approx(losses[0], rel=1e-12)
    assert set(DRAWN) == {("bowls", seed) for seed in range(3)}


def test_no_test_set_is_looked_at_before_the_choice(tmp_path):
    FORBIDDEN["test"] = True
    work = tuning._Work(declared(), declared().full, {})
    choices = tuning.choose(declared(), work.scores)
    assert choices["shifted"].value == 0.02
    with pytest.raises(Exception, match="the test set was looked at"):
        tuning.run(declared(), declared().full, cache_dir=tmp_path)


def test_what_diverges_is_not_chosen_and_ends_the_growth():
    methods = (
        Method(name="plain", arm=rated, grid=(0.5, 1.0), baseline=True),
        Method(name="wild", arm=lambda size, rate, v: Arm("", SGD(learning_rate=10.0**v)),
               grid=(1.0, 200.0)),
    )  # fmt: skip
    found = tuning.run(declared(methods=methods), declared().full)
    wild = found.choices["wild"]
    assert np.isnan(wild.scores[wild.grid.values.index(200.0)]).all() and wild.value < 100.0


def test_what_diverges_everywhere_is_named_with_its_rate_and_runs():
    wild = Method(name="wild", arm=shifted, grid=(1.0, 2.0))

    def score(requests):
        """Descent is best at 0.8; every setting of the other breaks on one seed of three."""
        rows = [np.ones((len(values), 3)) for _, values, _ in requests]
        for (name, values, _), row in zip(requests, rows, strict=True):
            row[:, 0] = np.abs(np.log(np.array(values) / 0.8)) if name == "plain" else math.nan
        return rows

    with pytest.raises(
        SettingError, match=r"bowls: wild at the rate 0.8: every setting of .* on one seed or more"
    ) as caught:
        tuning.choose(declared(methods=(declared().methods[0], wild)), score)
    assert (caught.value.broken, caught.value.runs) == (2, 6)


def test_a_killed_run_goes_on_where_it_was(tmp_path):
    whole = tuning.run(declared(), declared().full)
    count = len(DRAWN)
    child = os.fork()
    if child == 0:
        DRAWN.clear()
        FORBIDDEN["after"] = 9  # dies in a later task
        tuning.run(declared(), declared().full, cache_dir=tmp_path)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    DRAWN.clear()
    again = tuning.run(declared(), declared().full, cache_dir=tmp_path)
    assert len(DRAWN) == count - 9, "nine problems belong to finished tasks"
    for name, row in whole.final.items():
        assert np.array_equal(again.final[name]["test_loss"], row["test_loss"])
    DRAWN.clear()
    tuning.run(declared(), declared().full, cache_dir=tmp_path)
    assert len(DRAWN) == 2, "nothing is left but the problems of the clock and of the description"


def test_growth_that_never_ends_is_recorded_as_such():
    def always_more(size, rate, value):
        return Arm("", SGD(learning_rate=0.1), Bowl(-math.log(value)))

    steep = Method(name="steep", arm=always_more, grid=(1.0, 2.0))
    comparison = declared(methods=(declared().methods[0], steep))
    found = tuning.run(comparison, comparison.full)
    assert found.choices["steep"].at_end
    rows = records.document(comparison, comparison.full, found)["methods"]
    assert [row["at_end"] for row in rows] == [False, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: (m[0], m[1], replace(m[2], name="plain")), "have one name"),
        (lambda m: (m[0], replace(m[1], grid=(1.0, 2.0, 3.0))), "as many settings as the others"),
        (lambda m: m[1:2], "compares baselines and others"),
        (lambda m: (m[0], m[1], replace(m[2], tunes_rate=True)), "at most one method"),
    ],
)
def test_unfair_declarations_are_refused(change, message):
    with pytest.raises(SettingError, match=message):
        declared(methods=change(declared().methods))


def test_a_record_has_the_paired_differences_to_the_best_baseline(tmp_path):
    comparison = declared()
    found = tuning.run(comparison, comparison.full)
    document = records.document(comparison, comparison.full, found, note="less")
    assert document["reference"] == "plain" and document["cut"] == "less"
    assert document["data"] == {"description": "part", "training": 4, "validation": 4, "test": 4}
    row = document["methods"][1]
    assert row["difference"] == pytest.approx([-1.0] * 3) and row["mean"] == pytest.approx(-1.0)
    assert row["p_holm"] < 1e-12 and row["interval"] == pytest.approx([-1.0, -1.0])
    assert "p_holm" not in document["methods"][2] and "mean" not in document["methods"][0]
    path = records.write(document, tmp_path)
    assert records.read(path) == json.loads(path.read_text()) == document
    assert path.stat().st_size < 4000
    read = run_many([records.recorded(comparison, tmp_path)])["bowls"]
    assert read.select(method="shifted")["difference"][0] == pytest.approx([-1.0] * 3)
    assert read["test_loss"].shape == (3, 3) and read.config.reference == "plain"
    assert read.config.words.startswith(f"recorded {document['date']} at ")


def test_a_record_that_is_changed_is_another_experiment(tmp_path):
    comparison = declared()
    found = tuning.run(comparison, comparison.full)
    document = records.document(comparison, comparison.full, found)
    path = records.write(document, tmp_path)
    experiment = records.recorded(comparison, tmp_path)
    cache = {"cache_dir": tmp_path / "cache"}
    before = run_many([experiment], **cache)["bowls"]["difference"].copy()
    document["methods"][1]["difference"] = [5.0, 5.0, 5.0]
    records.write(document, tmp_path)
    assert run_many([experiment], **cache)["bowls"]["difference"][1].tolist() == [5.0] * 3
    assert before[1].tolist() != [5.0] * 3
    path.unlink()
    gone = run_many([experiment], **cache)["bowls"]
    assert "refimpl compare bowls" in gone.absent


def test_bad_records_are_refused(tmp_path):
    with pytest.raises(MissingDataError, match="`refimpl compare nothing` makes it"):
        records.read(tmp_path / "nothing.json")
    for text in ("{", "{}", '{"name": "other", "methods": [1]}', "[]"):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(DataError, match="is no record of a comparison"):
            records.read(tmp_path / "bad.json")


def test_steps_are_timed_for_every_method():
    comparison = declared()
    settings = {"plain": (0.1, None), "shifted": (0.3, 0.1), "worse": (0.5, 0.1)}
    found = settings_runs.step_seconds(comparison, comparison.full, settings, steps=6, turns=1)
    assert all(0.0 < seconds < 1.0 for seconds in found.values()) and len(found) == 3
