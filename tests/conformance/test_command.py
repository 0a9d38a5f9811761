"""``refimpl check`` on the command line: exit codes, what stands where, messages for mistakes."""

import json
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner

from refimpl.cli.app import app

MODULE = """
import numpy as np

def right(weight):
    return 0.5 * 0.25 * np.sum(weight * weight)

def wrong(weight):
    return 0.25 * np.sum(weight * weight)

def breaks(weight):
    raise OverflowError("too large <b>")

class Descent:
    def init(self, params):
        return None

    def step(self, params, state, gradient, noise):
        return [w - 0.2 * g for w, g in zip(params, gradient)], state
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    (tmp_path / "own_module.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def invoke(*arguments, code):
        result = CliRunner().invoke(app, ["check", *arguments])
        assert result.exit_code == code, result.output + result.stderr
        return result

    return invoke


def test_agreement_is_exit_code_0_and_a_difference_1(run):
    right = run("own_module:right", "--against", "l2", "--set", "strength=0.25", code=0)
    assert "agrees with l2" in right.output
    wrong = run("own_module:wrong", "--against", "l2", "--set", "strength=0.25", code=1)
    assert "theirs is 2 times ours: a factor 1/2 is missing" in wrong.output


def test_a_file_and_an_optimizer(run):
    arguments = ("own_module.py:Descent", "--against", "sgd", "--steps", "3")
    run(*arguments, "--set", "learning-rate=0.2", code=0)
    assert "learning_rate=0.2" in run(*arguments, code=1).output


def test_json_is_all_of_standard_output(run):
    result = run("own_module:wrong", "--against", "l2", "--set", "strength=0.25", "--json", code=1)
    found = json.loads(result.stdout)
    assert found["verdict"] == "differs" and found["settings"]["strength"] == 0.25
    assert found["diagnosis"]["causes"][0]["names"] == [
        "theirs is 2 times ours: a factor 1/2 is missing"
    ]
    value = next(row for row in found["rows"] if row["quantity"] == "value")
    assert value["theirs"] == pytest.approx(2.0 * value["ours"], rel=1e-14)


def test_the_page_is_whole_and_escapes_what_it_shows(run, tmp_path):
    run("own_module:breaks", "--against", "l2", "--html", "page.html", code=1)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "OverflowError: too large &lt;b&gt;" in page and "<script" not in page

    class Balance(HTMLParser):
        open: list = []

        def handle_starttag(self, tag, attributes):
            if tag not in ("meta", "br"):
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    parser = Balance()
    parser.feed(page)
    assert parser.open == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("own_module:rigth", "--against", "l2"), "did you mean 'right'?"),
        (("own_modul:right", "--against", "l2"), "did you mean 'own_module'?"),
        (("own_module:right", "--against", "orthogonalty"), "'orthogonality'"),
        (("own_module:right", "--against", "l2", "--set", "strenght=1"), "'strength'?"),
        (("own_module:right", "--against", "l2", "--set", "strength"), "NAME=VALUE"),
        (("own_module:right", "--against", "l2", "--set", "strength=-1"), "non-negative"),
        (("own_module", "--against", "l2"), "module:name"),
        (("missing.py:right", "--against", "l2"), "no file"),
        (("own_module:right",), "--against"),
    ],
)
def test_mistakes_are_exit_code_2_and_say_what_there_is(run, arguments, message):
    assert message in run(*arguments, code=2).stderr


def test_the_list_names_every_contract(run):
    listed = run("--list", code=0).output
    assert "orthogonality " in listed and "step(params, state, gradient, noise)" in listed
