"""Every declared comparison can be begun, and every record is one of a fair comparison."""

import math
from dataclasses import replace

import numpy as np
import pytest

from refimpl import autodiff as ad
from refimpl import backend, catalogue
from refimpl.claims.evidence import between, even, gain, less
from refimpl.errors import MissingDataError
from refimpl.experiments.base import Result
from refimpl.experiments.declared import Size, images
from refimpl.experiments.record_lines import lines, scale, unit
from refimpl.experiments.records import Recorded, arrays, path_of, read
from refimpl.experiments.settings_runs import step_seconds
from refimpl.experiments.significance import holm, interval
from refimpl.experiments.tuning import middle
from refimpl.random import Rng

NAMES = list(catalogue.comparisons())
RECORDED = [name for name in NAMES if path_of(catalogue.comparison(name).paper, name).is_file()]


@pytest.mark.parametrize("name", NAMES)
def test_every_method_takes_steps_on_its_problem(name):
    found = catalogue.comparison(name)
    assert found.name == name and found.full.seeds >= 5
    rate = next((middle(method) for method in found.methods if method.tunes_rate), None)
    settings = {
        method.name: (middle(method), None if method.tunes_rate else rate)
        for method in found.methods
    }
    try:
        seconds = step_seconds(found, found.quick, settings, steps=3, turns=1)
    except MissingDataError as error:
        pytest.skip(str(error))
    assert all(math.isfinite(value) for value in seconds.values()), seconds


MNIST = [name for name in NAMES if catalogue.comparison(name).full.data == "mnist"]
DOUBLE = {"gradient_regularization_few_mnist", "hyperspherical_regularizers_mnist"}
"""On a few images, in double precision."""


@pytest.mark.parametrize("name", [name for name in MNIST if name not in DOUBLE])
def test_what_is_declared_on_mnist_in_float32_runs_so_on_digits_too(name):
    found = catalogue.comparison(name)
    assert found.full.dtype == "float32"
    size = replace(found.quick, data="digits", training=100, validation=100, test=100,
                   dtype="float32")  # fmt: skip
    rate = next((middle(method) for method in found.methods if method.tunes_rate), None)
    problem = found.problem(size, backend("numpy"), Rng(1))
    assert {leaf.dtype for leaf in ad.flatten(problem.params)[0]} == {np.dtype("float32")}
    settings = {
        method.name: (middle(method), None if method.tunes_rate else rate)
        for method in found.methods
    }
    seconds = step_seconds(found, size, settings, steps=3, turns=1)
    assert all(math.isfinite(value) for value in seconds.values()), seconds


def test_every_paper_with_a_method_has_its_setting_and_a_control():
    by_paper = {}
    for name in NAMES:
        found = catalogue.comparison(name)
        by_paper.setdefault(found.paper, set()).add(found.expects)
    assert len(by_paper) >= 12
    assert by_paper == {paper: {"favorable", "control"} for paper in by_paper}


@pytest.mark.parametrize("name", RECORDED)
def test_a_record_is_fair_and_its_intervals_follow_from_its_numbers(name):
    declared = catalogue.comparison(name)
    found = read(path_of(declared.paper, name))
    assert found["size"]["seeds"] >= 5 and found["commit"] and found["date"]
    rows = {row["name"]: row for row in found["methods"]}
    assert len({len(row["grid"]) for row in rows.values()}) == 1
    sign = -1.0 if found["lower"] else 1.0
    merit = {}
    for row in rows.values():
        scores = [-math.inf if v is None else sign * v for v in row["validation"]]
        merit[row["name"]] = max(scores)
        place = row["grid"].index(row["chosen"])
        assert scores[place] == max(scores), "by validation"
        inside = 0 < place < len(row["grid"]) - 1
        limit = declared.method(row["name"]).high
        assert inside or row["at_end"] or row["grid"][place] == limit or _off(declared, row)
    baselines = {name: value for name, value in merit.items() if rows[name]["baseline"]}
    assert merit[found["reference"]] >= max(baselines.values()) - 1e-5
    key = f"test_{found['score']}"
    theirs = np.array(rows[found["reference"]]["scores"][key])
    tested = []
    for row in rows.values():
        if row["name"] == found["reference"]:
            continue
        difference = sign * (np.array(row["scores"][key]) - theirs)
        digits = 1e-5 * max(1.0, float(np.max(np.abs(theirs))))  # scores have six
        assert np.allclose(row["difference"], difference, atol=digits)
        mean, low, high, p = interval(row["difference"], found["confidence"])
        assert np.allclose([row["mean"], *row["interval"]], [mean, low, high], atol=1e-5)
        tested += [] if row["baseline"] else [(p, row["p_holm"])]
    adjusted = holm([p for p, _ in tested])
    assert np.allclose(adjusted, [p for _, p in tested], rtol=1e-2, atol=1e-4)


def _off(declared, row):
    """At the lower limit of a grid."""
    return declared.method(row["name"]).low > 0.0 and row["grid"].index(row["chosen"]) == 0


def test_redrawn_labels_leave_the_test_set_clean():
    place = backend("numpy")
    size = Size(training=200, validation=200, test=200)
    clean = images(size, place, Rng(1)).split
    wrong = images(replace(size, noise=0.5), place, Rng(1)).split
    changed = [float(np.mean(a.targets != b.targets)) for a, b in zip(clean, wrong, strict=True)]
    assert min(changed[:2]) > 0.25 and changed[2] == 0.0
    assert np.array_equal(clean.train.inputs, wrong.train.inputs)


def record(difference, at_end=(), sharpness=None):
    values = {
        "method": ["plain", "own"],
        "difference": [np.zeros(5), difference],
        "test_sharpness": [np.ones(5), np.ones(5) if sharpness is None else sharpness],
    }
    facts = Recorded("x", date="2026-01-01", commit="abcdef0123", reference="plain",
                     at_end=at_end, confidence=0.975, seeds=5, title="own on digits")  # fmt: skip
    return Result("x", values, facts)


AHEAD = np.array([0.010, 0.012, 0.011, 0.009, 0.013])


def test_a_headline_is_qualified_where_the_interval_says_so_and_else_not_shown():
    found = gain(record(AHEAD), "own")
    assert found.verdict == "qualified" and found.condition == "own on digits, 5 seeds"
    assert "recorded 2026-01-01 at abcdef01" in found.note and "97.5 %" in found.measured
    assert "1.1," in found.measured, "in points"
    assert gain(record(AHEAD - 0.011), "own").verdict == "not shown"
    worse = gain(record(-AHEAD), "own")
    assert worse.verdict == "not shown" and "other side of zero" in worse.note
    for name in ("own", "plain"):
        assert gain(record(AHEAD, at_end=(name,)), "own").verdict == "not shown"
    assert gain(record(AHEAD, at_end=("another",)), "own").verdict == "qualified"


def test_no_harm_is_qualified_where_the_whole_interval_lies_in_the_band():
    found = even(record(AHEAD - 0.011), "own", within=0.3)  # half a width of 0.25 points
    assert found.verdict == "qualified" and found.condition == "own on digits, 5 seeds"
    assert "0.3" in found.predicted and "97.5 %" in found.measured
    for shift, where in ((0.009, ""), (0.0, "outside"), (0.03, "outside")):
        out = even(record(AHEAD - shift), "own", within=0.3)
        assert out.verdict == "not shown" and where in out.note
    open_end = record(AHEAD - 0.011, at_end=("plain",))
    assert even(open_end, "own", within=0.3).verdict == "not shown"


def test_less_of_something_is_judged_by_the_pairs():
    flat = record(AHEAD, sharpness=np.array([0.5, 0.6, 0.55, 0.45, 0.5]))
    assert less(flat, "own", "test_sharpness", "sharpness").verdict == "qualified"
    assert less(flat, "own", "test_sharpness", "it", more=True).verdict == "not shown"


def test_lines_are_in_points_or_percent_of_the_baseline():
    rows = [
        {"name": "plain", "baseline": True, "step_seconds": 1e-4, "at_end": False,
         "scores": {"test_error": [0.5, 0.3]}},
        {"name": "own", "baseline": False, "step_seconds": 3e-4, "at_end": True, "mean": 0.1,
         "interval": [0.02, 0.18], "scores": {"test_error": [0.4, 0.2]}},
    ]  # fmt: skip
    found = {"score": "error", "lower": True, "reference": "plain", "methods": rows}
    (line,) = lines(found)
    assert scale(found) == pytest.approx(250.0) and unit(found) == "%"
    assert line.words == "own? +25.0 [+5.0, +45.0]" and line.better
    assert line._replace(mean=0.05, low=-0.02, high=0.12).words == "own? +0.05 [-0.02, +0.12]"
    assert line.cost == pytest.approx(3.0)
    assert arrays({**found, "size": {"seeds": 2}, "methods": [
        {**rows[0], "chosen": 1.0}, {**rows[1], "chosen": 2.0, "difference": [0.1, 0.1]}
    ]})["difference"].tolist() == [[0.0, 0.0], [0.1, 0.1]]  # fmt: skip


def test_numbers_of_two_methods_are_compared_in_pairs_at_a_level_shared_by_the_statement():
    values = {
        "method": ["plain", "own"],
        "run_loss": [np.array([0.5, 0.6, 0.55, 0.45, 0.5]), np.zeros(5)],
        "run_rank": [np.zeros(5), np.array([0.6, 0.71, 0.64, 0.56, 0.61])],
    }
    result = Result("x", values, record(AHEAD).config)
    mine, theirs = ("own", "run_rank"), ("plain", "run_loss")
    found = between(result, mine, theirs, "rank beyond loss", pairs=5)
    assert (
        found.verdict == "qualified" and "99.5 %" in found.measured and "0.104," in found.measured
    )
    assert between(result, theirs, mine, "loss beyond rank").verdict == "not shown"
    open_end = Result("x", values, record(AHEAD, at_end=("plain",)).config)
    assert between(open_end, mine, theirs, "rank beyond loss").verdict == "not shown"
