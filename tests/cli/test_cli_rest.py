import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runs import call
from click.testing import CliRunner

from refimpl.cli import options
from refimpl.cli.app import app

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("kind", "needles"),
    [
        ("algorithms", ["sgd", "learning_rate=0.1", "splitting='BAOAB'"]),
        ("datasets", ["digits", "fashion-mnist"]),
        ("claims", ["FD-10", "foundations"]),
        ("figures", ["sgld_gaussian"]),
        ("experiments", ["sgld_gaussian", "6, 13"]),
    ],
)
def test_list(kind, needles):
    text = call("list", kind).output
    whole = call("list").output
    for needle in needles:
        assert needle in text and needle in whole
    assert "choose" not in text


def test_data_knows_which_sets_have_files():
    assert "no files belong to 'digits'" in call("data", "fetch", "digits", code=2).stderr
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
    assert call("data", "fetch", "mnist", "--data-dir", tmp_path).output.lstrip() == (
        f"downloaded: {tmp_path / 'labels'}\n"
    )


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
