"""``refimpl compare``: what can be compared, a small run and its record, and bad input."""

import json

import pytest
from click.testing import CliRunner

from refimpl import catalogue
from refimpl.cli.app import app


def invoke(*arguments, code=0):
    run = CliRunner().invoke(app, ["compare", *arguments])
    assert run.exit_code == code, run.output + run.stderr
    return run.output + run.stderr


def test_the_list_names_every_comparison():
    shown = invoke("--list")
    assert all(name in shown for name in catalogue.comparisons())
    assert "AMP on 300 digits" in shown and "(control)" in shown


def test_a_small_run_says_its_budget_first_and_leaves_a_record(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = invoke("amp_clean_digits", "--quick", "--jobs", "1", "--seeds", "3")
    said = "on one core before grids grow, usually 2 to 4 times that in the end"
    assert 0 <= shown.index(said) < shown.index("best baseline:")
    assert "at most" not in shown, "grids that grow have no bound that could be said"
    found = json.loads((tmp_path / "outputs/compare/amp_clean_digits.json").read_text())
    assert found["size"]["seeds"] == 3 and len(found["methods"]) == 5
    lengths = {len(row["grid"]) for row in found["methods"]}
    assert len(lengths) == 1
    for row in found["methods"]:
        assert len(row["scores"]["test_accuracy"]) == 3
        assert f"{sum(row['scores']['test_accuracy']) / 3:.4f}" in shown


def test_a_run_over_the_budget_is_refused_before_it_starts(tmp_path):
    shown = invoke(
        "amp_clean_digits", "--jobs", "1", "--minutes", "0.001", "--output", str(tmp_path), code=1
    )
    assert "longer than 0.001 min: --minutes allows it" in shown
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["amp_cleen_digits"], 1, "unknown comparison 'amp_cleen_digits' (did you mean"),
        (["--paper", "amq"], 1, "unknown paper 'amq'"),
        ([], 2, "name a comparison, or --paper or --list"),
        (["amp_clean_digits", "--seeds", "1"], 2, "1 is not in the range x>=2"),
        (["amp_clean_digits", "--data", "cats"], 2, "'cats' is not one of"),
    ],
)
def test_bad_input_is_told_in_one_line(arguments, code, message):
    assert message in invoke(*arguments, code=code)
