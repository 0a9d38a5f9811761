import math
from dataclasses import dataclass

import numpy as np
import pytest

from refimpl.claims import ledger
from refimpl.claims.ledger import (
    Ledger,
    Outcome,
    all_of,
    bound,
    check,
    compare,
    evaluate,
    judge,
    paired,
    report,
)
from refimpl.errors import MissingDataError, RefimplError
from refimpl.experiments.base import Experiment, Result


def enter(book, id, function, experiment=None, **changes):
    header = {"paper": "foundations", "place": "here", "statement": f"statement of {id}"}
    book.claim(id, **{**header, **changes}, experiment=experiment)(function)


@pytest.mark.parametrize(
    ("predicted", "measured", "tolerance", "relative", "holds"),
    [
        (1.0, 1.0 + 1e-9, 1e-8, False, True),
        (1.0, 1.0 + 1e-7, 1e-8, False, False),
        (1e6, 1e6 + 1.0, 1e-5, True, True),
        (1e6, 1e6 + 1.0, 1e-5, False, False),
        (0.0, 0.0, 0.0, False, True),
        (0.0, 1e-300, 0.0, True, False),
        (1.0, math.nan, 1e9, False, False),
        (math.nan, math.nan, 1e9, False, False),
        (math.inf, math.inf, 0.0, False, True),
        (math.inf, 1e300, 1.0, True, False),
        (1.0, math.inf, 1.0, False, False),
        ([1.0, 2.0], [1.0, 2.5], [0.1, 1.0], False, True),
        ([1.0, 2.0], [1.5, 2.5], [0.1, 1.0], False, False),
    ],
)
def test_compare(predicted, measured, tolerance, relative, holds):
    outcome = compare(predicted, measured, tolerance, relative=relative)
    assert outcome.verdict == ("holds" if holds else "fails")


def test_compare_shows_the_worst_element_relative_to_its_tolerance():
    outcome = compare([[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.9], [3.2, 4.0]], [[1, 1], [0.1, 1]])
    assert (outcome.predicted, outcome.measured) == (3.0, 3.2)
    assert outcome.tolerance == pytest.approx(0.1)
    assert "at (1, 0)" in outcome.note
    hidden = compare(np.zeros(3), [0.5, math.nan, 0.9], 1.0)
    assert math.isnan(hidden.measured) and hidden.verdict == "fails"


def test_comparisons_of_nothing_and_of_misfits_are_errors():
    with pytest.raises(ValueError, match="empty"):
        compare([], [], 0.1)
    with pytest.raises(ValueError, match="empty"):
        bound([], at_most=1.0)
    with pytest.raises(ValueError, match="broadcast"):
        compare(np.zeros(2), np.zeros(3), 0.1)
    with pytest.raises(ValueError, match="non-negative"):
        compare(1.0, 1.0, math.nan)
    with pytest.raises(ValueError, match="needs at_most"):
        bound(1.0)


@pytest.mark.parametrize(
    ("measured", "limits", "holds"),
    [
        (1.0, {"at_most": 1.0}, True),
        ([0.5, 1.1], {"at_most": 1.0}, False),
        (1.0, {"at_least": 1.1}, False),
        ([0.2, 0.9], {"between": (0.1, 1.0)}, True),
        ([0.0, 0.9], {"between": (0.1, 1.0)}, False),
        (math.nan, {"at_most": 1.0}, False),
        ([1.0, 2.0], {"at_most": [1.0, 2.0]}, True),
    ],
)
def test_bound(measured, limits, holds):
    assert bound(measured, **limits).verdict == ("holds" if holds else "fails")


def test_the_verdict_of_agreement_needs_its_reason():
    assert compare(1, 1, 0, verdict="qualified", condition="if odd").verdict == "qualified"
    assert compare(1, 2, 0, verdict="qualified", condition="if odd").verdict == "fails"
    assert check(True, verdict="refuted", correction="no").verdict == "refuted"
    assert bound(2, at_most=1, verdict="refuted", correction="no").verdict == "fails"
    with pytest.raises(ValueError, match="condition="):
        compare(1, 1, 0, verdict="qualified")
    with pytest.raises(ValueError, match="correction="):
        compare(1, 1, 0, verdict="refuted")
    with pytest.raises(ValueError, match="cannot be expected to fail"):
        check(True, verdict="fails")
    with pytest.raises(ValueError, match="verdict must be one of"):
        Outcome("maybe")


def test_reports_are_not_judged_unless_they_are_no_number():
    assert report([0.2, 0.4], "two runs").measured == pytest.approx(0.3)
    assert report(0.2, "one run").verdict == "reported"
    assert report(math.nan, "broken").verdict == "error"
    with pytest.raises(ValueError, match="is not 'reported'"):
        check(True, verdict="reported")


def test_a_paired_comparison_holds_fails_or_is_not_shown():
    better = [1.0, 1.2, 0.9, 1.1, 1.3]
    assert paired(better).verdict == "holds"
    assert paired(better, at_least=0.5).verdict == "holds"
    assert paired(better, at_least=1.05).verdict == "not shown"
    assert paired(better, at_least=5.0).verdict == "fails"
    assert paired([-d for d in better]).verdict == "fails"
    assert paired([1.0, -1.0, 0.5, -0.4]).verdict == "not shown"
    assert paired([0.01, -0.01, 0.0], equivalence=0.2).verdict == "holds"
    assert paired([0.01, -0.01, 0.0], equivalence=0.001).verdict == "not shown"
    assert paired(better, equivalence=0.1).verdict == "fails"
    assert paired([1.0, math.nan, 1.0]).verdict == "error"
    with pytest.raises(ValueError, match="two differences"):
        paired([1.0])


def test_the_interval_is_that_of_student():
    """Four differences of mean 2.5 and variance 5/3: 99 % reach 5.840909 * sqrt(5/12)."""
    text = paired([1.0, 2.0, 3.0, 4.0]).measured
    assert text.startswith("2.5, 99 % in [-1.27, 6.27], n = 4")


def test_all_of_takes_the_strongest_verdict_and_fails_with_any():
    holds = check(True, measured="h")
    qualified = check(True, verdict="qualified", condition="c", measured="q")
    refuted = check(True, verdict="refuted", correction="r", measured="r")
    fails = check(False, measured="f")
    assert all_of(holds, qualified).verdict == "qualified"
    assert all_of(qualified, refuted, holds).verdict == "refuted"
    combined = all_of(refuted, holds, fails)
    assert (combined.verdict, combined.measured) == ("fails", "f")
    assert "all 2 checks agree" in all_of(holds, holds).note
    shown = report(1.0, "a number")
    unclear = paired([1.0, -1.0])
    assert all_of(shown, holds).verdict == "holds" and all_of(shown, shown).verdict == "reported"
    assert all_of(holds, unclear, refuted).verdict == "not shown"
    assert all_of(unclear, fails).verdict == "fails"
    assert all_of(fails, report(math.inf, "no number")).verdict == "error"
    assert all_of(holds).note == ""


@pytest.mark.parametrize(
    ("id", "changes", "match"),
    [
        ("mn1", {}, "looks like 'MN-1'"),
        ("FD-1", {"statement": "two\nlines"}, "one line"),
        ("FD-1", {"statement": ""}, "one line"),
    ],
)
def test_malformed_headers_are_refused(id, changes, match):
    with pytest.raises(ValueError, match=match):
        enter(Ledger(), id, lambda: None, **changes)


def test_an_id_is_taken_once():
    book = Ledger()

    def first(): ...

    def second(): ...

    enter(book, "FD-1", first)
    enter(book, "FD-1", first)  # the same module, imported again
    with pytest.raises(ValueError, match="FD-1 is taken by"):
        enter(book, "FD-1", second)


def test_claims_come_in_the_order_of_papers_and_numbers():
    book = Ledger()
    for id, paper in (("MN-10", "minnorm"), ("MN-2", "minnorm"), ("FD-3", "foundations"),
                      ("MN-2b", "minnorm")):  # fmt: skip
        enter(book, id, lambda: None, paper=paper)
    assert [claim.id for claim in book.claims()] == ["FD-3", "MN-2", "MN-2b", "MN-10"]
    assert [claim.id for claim in book.claims(["minnorm"])] == ["MN-2", "MN-2b", "MN-10"]
    ids = [claim.id for claim in book.claims(["minnorm", "foundations"])]
    assert ids == ["MN-2", "MN-2b", "MN-10", "FD-3"]


@dataclass(frozen=True)
class NoFields:
    @classmethod
    def quick(cls):
        return cls()

    full = quick


HALVES = Experiment("halves", NoFields, lambda c, b, r: {"half": 0.5})
BROKEN = Experiment("broken", NoFields, lambda c, b, r: {"x": 1 // 0})


def find(name):
    """Stands for the catalogue."""
    found = {"halves": HALVES, "broken": BROKEN}
    if name not in found:
        raise RefimplError(f"unknown experiment {name!r}")
    return found[name]


def raising():
    raise ArithmeticError("seventeen")


@pytest.mark.parametrize("jobs", [1, 2])
def test_evaluate_judges_all_and_isolates_failures(jobs):
    book = Ledger()
    enter(book, "FD-1", lambda r: compare(0.5, r["half"], 0.0), "halves")
    enter(book, "FD-2", lambda: check(True, measured="alone"))
    enter(book, "FD-3", raising)
    enter(book, "FD-4", lambda r: compare(1.0, r["x"], 0.0), "broken")
    enter(book, "FD-5", lambda r: compare(1.0, r["whole"], 0.0), "halves")
    enter(book, "FD-6", lambda r, s: compare(1.0, r["half"] + s["half"], 0.0), ("halves",) * 2)
    enter(book, "FD-7", lambda r: "yes", "halves")
    enter(book, "FD-8", lambda r: check(True), "missing_experiment")
    seen = []
    records = evaluate(
        book.claims(), find, jobs=jobs, on_record=lambda record: seen.append(record.id)
    )
    assert [record.id for record in records] == [f"FD-{k}" for k in range(1, 9)]
    assert sorted(seen) == [record.id for record in records]
    verdicts = {record.id: record.verdict for record in records}
    notes = {record.id: record.note for record in records}
    assert [id for id, verdict in verdicts.items() if verdict == "holds"] == [
        "FD-1",
        "FD-2",
        "FD-6",
    ]
    assert {verdicts[f"FD-{k}"] for k in (3, 4, 5, 7, 8)} == {"error"}
    assert notes["FD-3"].startswith("ArithmeticError: seventeen at test_ledger.py:")
    assert "ZeroDivisionError" in notes["FD-4"] and "broken" in notes["FD-4"]
    assert "has no result 'whole': it has half" in notes["FD-5"]
    assert "str, not an Outcome" in notes["FD-7"]
    assert "unknown experiment 'missing_experiment'" in notes["FD-8"]
    assert all(record.seconds >= 0.0 for record in records)


def test_without_its_data_files_a_claim_is_skipped_with_the_reason():
    def absent(config, backend, rng):
        raise MissingDataError("no files of this set: `refimpl data fetch mnist` gets them")

    experiment = Experiment("absent", NoFields, absent)
    book = Ledger()
    enter(book, "FD-1", lambda r: check(True), "absent")
    [record] = evaluate(book.claims(), lambda name: experiment)
    assert record.verdict == "skipped" and "refimpl data fetch mnist" in record.note


def test_a_claim_alone_is_cached_and_keeps_its_numbers(tmp_path):
    book = Ledger()
    enter(book, "FD-2", lambda: compare(1.0, math.inf, 0.5, note="big"))
    first = evaluate(book.claims(), cache_dir=tmp_path)
    second = evaluate(book.claims(), cache_dir=tmp_path)
    assert first == second
    assert first[0].measured == math.inf
    assert len(list(tmp_path.rglob("*.npz"))) == 1


def test_a_record_is_plain_even_where_numbers_are_not_finite():
    book = Ledger()
    enter(book, "FD-2", lambda r: compare(1.0, r["x"], 0.5), "demo")
    [claim] = book.claims()
    record = judge(claim, {"demo": Result("demo", {"x": math.nan}, seconds=2.0)})
    assert record.as_dict()["measured"] == "nan"
    assert record.experiment_seconds == 2.0


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_a_claim_of_the_full_profile_is_skipped_in_the_quick_one_and_counted(profile):
    book, ran = Ledger(), []

    def costly():
        ran.append(True)
        return compare(1, 1, 0)

    enter(book, "FD-1", costly, profile="full")
    enter(book, "FD-2", lambda: compare(1, 1, 0))
    seen = []
    records = evaluate(book.claims(), profile=profile, on_record=seen.append)
    assert len(seen) == 2 and bool(ran) == (profile == "full")
    expected = {"quick": ["skipped", "holds"], "full": ["holds", "holds"]}[profile]
    assert [record.verdict for record in records] == expected
    assert ("1 skipped" in ledger.summarize(records)) == (profile == "quick")
    assert judge(book.claims()[0], {}, profile).verdict == expected[0]
    with pytest.raises(ValueError, match="profile of FD-3"):
        enter(book, "FD-3", costly, profile="slow")


def test_a_claim_whose_experiment_nobody_finds_says_what_to_give():
    book = Ledger()
    enter(book, "FD-1", lambda r: check(True), "halves")
    [record] = evaluate(book.claims())
    assert record.verdict == "error" and "give find=, such as catalogue.experiment" in record.note


@pytest.mark.parametrize(
    ("place", "whose"),
    [
        ("Eq. 5, derived", "printed"),
        ("tables of arXiv 1805.09298 and 1906.04892 (other networks and data); digits", "printed"),
        ("supplement (September 2019), gradient of the label's row", "printed"),
        ("abstract (linear chain) / derived", "abstract"),
        ("released code of arXiv 1906.04892; observed", "released code"),
        ("CoMHE Theorem 1's conditions (recalled)", "recalled"),
        ("Scarselli et al. 2009; standard", "literature"),
        ("Saxe, McClelland & Ganguli 2014, eqs. 4-6", "literature"),
        ("derived; functionals of arXiv 2107.02797", "derived"),
        ("bistability derived here; observed here", "derived"),
        ("observed here; equal norms derived here", "observed"),
    ],
)
def test_the_origin_is_the_source_that_the_place_begins_with(place, whose):
    assert ledger.Claim("FD-1", "foundations", place, "s", (), print).origin == whose
