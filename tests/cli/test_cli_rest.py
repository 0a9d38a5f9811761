import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runs import call
from click.testing import CliRunner

from refimpl import catalogue
from refimpl.claims.recorded import recorded
from refimpl.cli import options
from refimpl.cli.app import app
from refimpl.cli.rows import Row

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("kind", "needles"),
    [
        ("algorithms", ["sgd", "learning_rate=0.1", "splitting='BAOAB'"]),
        ("datasets", ["digits", "fashion-mnist"]),
        ("claims", ["FD-10", "foundations"]),
        ("figures", ["sgld_gaussian"]),
        ("experiments", ["sgld_gaussian", "tasks: 6 quick, 13 full"]),
    ],
)
def test_list(kind, needles):
    text = call("list", kind).output
    whole = call("list").output
    for needle in needles:
        assert needle in text and needle in whole
    assert "choose" not in text


def on_a_terminal(rows, width=80):
    from rich.console import Console

    from refimpl.cli.rows import show

    file = io.StringIO()
    show(Console(file=file, width=width, force_terminal=True, color_system=None), "Title", rows)
    return file.getvalue()


def test_lists_are_wrapped_at_words_on_a_terminal_and_whole_lines_elsewhere():
    entry = Row("sgd", "descends " * 20, "rate=0.1, momentum=0.9")
    lines = on_a_terminal([entry, Row("adam", "[red] is no markup")]).splitlines()
    assert max(map(len, lines)) <= 80
    words = [word for line in lines for word in line.split()]
    assert words.count("descends") == 20 and "momentum=0.9" in words and "[red]" in words
    [line] = [line for line in call("list", "algorithms").output.splitlines() if "maml" in line[:5]]
    assert "order=" in line


def test_claims_are_listed_with_verdict_profile_and_origin():
    text = call("list", "claims", "--paper", "minnorm").output
    lines = {line.split()[0]: line for line in text.splitlines() if re.match(r"MN-\d", line)}
    assert list(lines) == [claim.id for claim in catalogue.claims(["minnorm"])]
    for claim in catalogue.claims(["minnorm"]):
        line = lines[claim.id]
        assert claim.statement in line and claim.place in line and claim.origin in line
        entry = recorded().get(claim.id)
        assert (f"; {entry['verdict']} ({entry['profile']})" if entry else "no record") in line
        assert line.endswith("needs --full") == (claim.profile == "full")
    assert "FD-1" not in text
    assert "(did you mean 'minnorm'?)" in call("list", "claims", "--paper", "minorm", code=2).stderr
    assert "--paper goes with" in call("list", "losses", "--paper", "minnorm", code=2).stderr
    assert "minnorm_margin" in call("list", "figures", "--paper", "minnorm").output


def test_data_sets_are_one_list():
    assert call("data", "list").output == call("list", "datasets").output


def test_data_knows_which_sets_have_files():
    assert "digits needs no files" in call("data", "fetch", "digits", code=2).stderr
    assert "(did you mean 'mnist'?)" in call("data", "check", "mnits", code=2).stderr
    assert (
        "MNIST is not complete" in call("data", "check", "mnist", "--data-dir", ".", code=1).stderr
    )
    assert "label_noise" in call("data", "list").output


def test_fetch_passes_on_what_was_found(monkeypatch, tmp_path):
    from refimpl import datasets

    def fetch(name, data_dir, *, progress):
        progress("labels", 1, None)
        progress("labels", 2, 2)
        return [datasets.Fetched(data_dir / "labels", "downloaded", "https://x")]

    monkeypatch.setattr(datasets, "fetch", fetch)
    said = call("data", "fetch", "mnist", "--data-dir", tmp_path).output
    assert said.startswith("MNIST (CC BY-SA 3.0") and f"-> {tmp_path / 'mnist'}\n" in said
    assert said.endswith(f"downloaded: {tmp_path / 'labels'}\n")


def python(code):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )


def test_help_imports_nothing_heavy():
    heavy = ("scipy", "matplotlib", "sklearn", "joblib", "cupy", "refimpl.experiments",
             "refimpl.claims", "refimpl.algorithms")  # fmt: skip
    run = python(
        "import sys\nfrom click.testing import CliRunner\nfrom refimpl.cli.app import app\n"
        "result = CliRunner().invoke(app, ['--help'])\nassert 'verify' in result.output\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    assert run.stdout == "[]\n", run.stderr


@pytest.mark.parametrize("missing", ["click", "rich"])
@pytest.mark.parametrize("module", ["refimpl.cli", "figures.__main__"])
def test_without_the_extra_the_commands_say_which_to_install(module, missing):
    run = python(f"import sys\nsys.modules[{missing!r}] = None\nfrom {module} import main\nmain()")
    assert run.returncode == 1
    assert run.stderr.endswith("pip install 'refimpl[experiments]'\n")
    assert run.stderr.count("\n") == 1 and missing in run.stderr


def test_version_and_unknown_commands():
    assert call("--version").output.startswith("refimpl 0.")
    assert "unknown command 'verfy' (did you mean 'verify'?)" in call("verfy", code=2).stderr
    assert options.core_count() >= 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_no_result_depends_on_the_encoding_of_the_console(encoding, tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)}
    for arguments in (
        ["verify", "--claim", "FD-3", "--no-cache", "--jobs", "1", "--output", "out"],
        ["list", "claims"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "refimpl", *arguments],
            cwd=tmp_path, env=environment, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode("ascii", "replace")
    assert (tmp_path / "out" / "report.html").is_file()


@pytest.mark.parametrize("name", ["a[/b]c", "[red]x", "[bold]"])
def test_folders_may_look_like_markup(book, name):
    shown = call("verify", "--paper", "foundations", "--jobs", 1, "--no-cache", "--output", name)
    assert f"-> {name}/report.html" in shown.output and Path(name, "report.html").is_file()
    shown = call("train", "--data", "digits", "--algorithm", "sgd", "--epochs", 1, "--output", name)
    assert f"-> {name}/digits-sgd-seed0" in shown.output


def test_an_output_that_cannot_be_is_refused_before_anything_is_computed(book, tmp_path):
    Path("file").write_text("no folder")
    result = CliRunner().invoke(app, ["verify", "--jobs", "1", "--output", "file/out"])
    assert result.exit_code == 1 and "holds" not in result.output
