import json
import re
import sys
from pathlib import Path

import pytest
from cli_runs import call
from click.testing import CliRunner

from refimpl import catalogue
from refimpl.claims import ledger
from refimpl.cli.app import app
from refimpl.cli.options import check_folder

ROOT = Path(__file__).parents[2]


def test_verify_prints_a_line_for_each_claim_and_the_summary_last(book, tmp_path):
    output = call("verify", "--paper", "foundations", "--jobs", 1).output.splitlines()
    assert output[0].startswith(
        "Checking 2 claims of 1 paper: quick profile, numpy float64, seed 0"
    )
    rows = {line.split()[0]: line for line in output if line.startswith("FD-")}
    assert rows["FD-1"].split()[1:5] == ["holds", "0", "0", "0"]
    assert rows["FD-2"].split()[1:] == ["refuted", "-", "-", "-", "statement", "of", "FD-2"]
    assert output[-1].startswith("2 claims: 1 holds, 0 qualified, 1 refuted, 0 fails in ")
    assert output[-1].endswith("s -> outputs/verify/report.html")
    content = json.loads((tmp_path / "outputs/verify/claims.json").read_text())
    assert [claim["id"] for claim in content["claims"]] == ["FD-1", "FD-2"]
    assert content["provenance"]["profile"] == "quick"
    assert (tmp_path / "outputs/verify/report.html").is_file()
    assert list((tmp_path / "outputs/cache/traced").glob("*.npz"))


def test_the_document_alone_is_on_standard_output(book):
    result = call("verify", "--paper", "foundations", "--jobs", 1, "--json")
    content = json.loads(result.stdout)
    assert [claim["id"] for claim in content["claims"]] == ["FD-1", "FD-2"]
    assert "Checking 2 claims" in result.stderr


def test_a_run_of_one_claim_keeps_the_others_in_the_report(book, tmp_path):
    call("verify", "--paper", "foundations", "--jobs", 1)
    call("verify", "--claim", "FD-2", "--jobs", 1)
    content = json.loads((tmp_path / "outputs/verify/claims.json").read_text())
    assert [claim["id"] for claim in content["claims"]] == ["FD-1", "FD-2"]


def test_it_is_said_when_nothing_was_computed(book):
    first = call("verify", "--paper", "foundations", "--jobs", 1).output
    again = call("verify", "--paper", "foundations", "--jobs", 1).output
    assert "nothing was computed" not in first
    assert re.search(r"^nothing was computed: all \d tasks are kept in outputs/cache$", again, re.M)


def test_a_failing_claim_makes_the_exit_code_1_and_says_why(book):
    result = call("verify", "--jobs", 1, "--no-cache", code=1)
    assert "MN-1 fails (minnorm, eq. 7): predicted 1, measured 1.5, tolerance 0.1. off by half" in (
        result.output
    )
    assert "want of digits" not in result.output
    single = call("verify", "--jobs", 1, "--no-cache", "--dtype", "float32", code=1)
    assert "a claim can fail for want of digits" in single.output
    assert not Path("outputs/cache").exists()
    call("verify", "--jobs", 1, "--claim", "fd-2", "--output", "there")
    assert Path("there/report.html").is_file()


def test_a_seed_says_which_claims_it_does_not_reach(book):
    assert "does not reach" not in call("verify", "--jobs", 1, "--paper", "foundations").output
    output = call("verify", "--jobs", 1, "--paper", "foundations", "--seed", 3).output
    assert "Seed 3 does not reach 1 of these claims" in output and "draws: FD-2" in output


def test_a_broken_computation_is_no_verdict_and_exits_with_3(book):
    book.claim("FD-3", paper="foundations", place="here", statement="breaks")(lambda: 1 // 0)
    result = call("verify", "--jobs", 1, "--claim", "FD-3", code=3)
    assert "FD-3 error (foundations, here)" in result.output
    assert "ZeroDivisionError" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--paper", "minorm"), "unknown paper 'minorm' (did you mean 'minnorm'?)"),
        (
            ("--paper", "gradient_coherent"),
            "paper 'gradient_coherent' has no claims yet; those that have: foundations, minn",
        ),
        (("--claim", "FD-9"), "choose one of FD-1, FD-2, MN-1"),
        (("--seed", "-1"), "--seed"),
        (("--jobs", "0"), "--jobs"),
        (("--backend", "torch"), "unknown backend 'torch': choose one of numpy, cupy"),
    ],
)
def test_verify_names_what_it_does_not_know(book, arguments, message):
    assert message in call("verify", *arguments, code=2).stderr


def test_a_backend_that_cannot_run_is_one_line(book, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    result = call("verify", "--backend", "cupy", code=1)
    assert result.output.startswith("error: backend 'cupy' needs the CuPy package")
    assert result.output.count("\n") == 1
    assert "Traceback" in call("verify", "--backend", "cupy", "--traceback", code=1).stderr


def test_an_interrupt_says_that_the_rest_is_kept(book, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(ledger, "evaluate", interrupt)
    assert "interrupted" in call("verify", code=130).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("verify", "--output", "file/out"), "nothing can be written to file/out"),
        (("figures", "sgld_gaussian", "--output", "file/out"), "another folder with --output"),
        (("verify", "--dask", "nonsense"), "'nonsense' is no address of a Dask scheduler"),
        (("figures", "sgld_gaussian", "--dask", "nonsense"), "such as tcp://127.0.0.1:8786"),
        (("sample", "--output", "file/out"), "nothing can be written to file/out"),
        (
            ("train", "--data", "digits", "--algorithm", "sgd", "--output", "file/out"),
            "nothing can be written to file/out",
        ),
        (("data", "fetch", "mnist", "--data-dir", "file/out"), "another folder with --data-dir"),
    ],
)
def test_what_a_run_needs_is_looked_at_before_anything_is_computed(
    book, arguments, message, monkeypatch
):
    def computed(*arguments, **options):
        raise AssertionError("computed")

    for place in ("refimpl.claims.ledger.evaluate", "refimpl.cli.parts.load_data"):
        monkeypatch.setattr(place, computed)
    Path("file").write_text("no folder")
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code in (1, 2) and message in result.stderr
    assert not isinstance(result.exception, AssertionError)


def test_looking_at_a_folder_leaves_it_as_it_was(tmp_path):
    """Two commands may look at one folder at a time: neither may take away the other's file."""
    before = tmp_path / ".writable"
    before.write_text("somebody's")
    check_folder(tmp_path, "")
    assert [*tmp_path.iterdir()] == [before] and before.read_text() == "somebody's"


def test_an_interrupt_without_a_cache_promises_nothing(book, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(ledger, "evaluate", interrupt)
    assert "kept in outputs/cache" in call("verify", code=130).stderr
    assert "nothing is kept" in call("verify", "--no-cache", code=130).stderr


def test_what_is_about_to_be_computed_is_said(book):
    said = []
    claims = catalogue.select(["foundations"], [])
    options = {"cache_dir": "cache", "on_start": said.append}
    ledger.evaluate(claims, catalogue.experiment, **options)
    assert len(said) == 1 and said[0].startswith("starting ")
    ledger.evaluate(claims, catalogue.experiment, **options)
    assert len(said) == 1, "everything was kept"
