import itertools
import json
import os
import re
import subprocess
import sys
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Literal

import click
import numpy as np
import pytest
from click.testing import CliRunner
from fake_experiments import TRACED

from refimpl import autodiff as ad
from refimpl import catalogue, datasets
from refimpl.claims import ledger
from refimpl.claims.ledger import Ledger, check, compare
from refimpl.cli import options
from refimpl.cli.app import app
from refimpl.cli.hyper import hyper_option
from refimpl.errors import DivergenceError
from refimpl.models import MLP, Objective
from refimpl.models.compression import load as load_sparse
from refimpl.random import Rng
from refimpl.training import History

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REFIMPL_DATA", raising=False)


def call(*arguments, code=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output + result.stderr
    return result


@pytest.fixture
def book(monkeypatch):
    """A ledger of fake claims in the place of the package's."""
    book = Ledger()

    def enter(id, function, experiment=None, paper="foundations"):
        book.claim(
            id, paper=paper, place="eq. 7", statement=f"statement of {id}", experiment=experiment
        )(function)

    module = type(sys)("fake_traced")
    module.EXPERIMENT = TRACED
    monkeypatch.setitem(sys.modules, "fake_traced", module)
    monkeypatch.setitem(catalogue.experiments(), "traced", "fake_traced")
    monkeypatch.setattr(catalogue, "claims", lambda papers=None: book.claims(papers))
    enter("FD-1", lambda r: compare([0, 1, 2, 3], r["number"], 0), "traced")
    enter("FD-2", lambda: check(True, verdict="refuted", correction="two"))
    enter("MN-1", lambda: compare(1.0, 1.5, 0.1, note="off by half"), paper="minnorm")
    return book


# --- verify --------------------------------------------------------------------------------------


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
        (("--backend", "torch"), "'numpy', 'cupy'"),
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


# --- train ---------------------------------------------------------------------------------------

TINY = ("--data", "spirals", "--data-option", "training=40", "--width", 5, "--epochs", 3)


def test_train_saves_what_it_prints(tmp_path):
    result = call("train", *TINY, "--algorithm", "momentum", "--nesterov", "--seed", 3)
    folder = tmp_path / "outputs/train/spirals-momentum-seed3"
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint.npz", "history.npz", "summary.json",
    ]  # fmt: skip
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["hyper_parameters"] == {
        "learning_rate": 0.05, "momentum": 0.9, "nesterov": True,
    }  # fmt: skip
    assert summary["widths"] == [2, 5, 2] and summary["steps"] == 3
    history = History.load(folder / "history.npz")
    assert history.epochs["test_accuracy"][-1] == summary["results"]["test"]["accuracy"]
    assert history.epochs["train_loss"][-1] == summary["results"]["train"]["loss"]
    for name, values in summary["results"].items():
        [row] = [line.split() for line in result.output.splitlines() if line.strip()[:4] == name[:4]
                 and "%" in line]  # fmt: skip
        assert row == [name, f"{values['loss']:.5g}", f"{values['accuracy']:.2%}"]


def test_the_seed_decides_everything(tmp_path):
    for place in ("a", "b"):
        call("train", *TINY, "--algorithm", "sgld", "--seed", 1, "--output", place)
    call("train", *TINY, "--algorithm", "sgld", "--seed", 2, "--output", "a")
    first, second, other = (
        History.load(tmp_path / path / "history.npz").steps["loss"]
        for path in ("a/spirals-sgld-seed1", "b/spirals-sgld-seed1", "a/spirals-sgld-seed2")
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_resume_goes_on_as_if_never_stopped(tmp_path):
    call("train", *TINY, "--algorithm", "adam", "--output", "whole")
    call("train", *TINY, "--algorithm", "adam", "--output", "parts", "--epochs", 1)
    call("train", *TINY, "--algorithm", "adam", "--output", "parts", "--resume")
    whole, parts = (
        History.load(tmp_path / place / "spirals-adam-seed0/history.npz").steps["loss"]
        for place in ("whole", "parts")
    )
    assert len(whole) == 3
    np.testing.assert_array_equal(whole, parts)


def test_resume_refuses_the_checkpoint_of_another_run():
    call("train", *TINY, "--algorithm", "sgd", "--learning-rate", 0.1)
    result = call("train", *TINY, "--algorithm", "sgd", "--learning-rate", 0.2, "--resume", code=2)
    assert "algorithm differs" in result.stderr
    call("train", *TINY, "--algorithm", "sgd", "--learning-rate", 0.2)


def test_a_smaller_loss_than_at_the_start_is_reached(tmp_path):
    options = ("--data", "gaussians", "--algorithm", "sgd", "--epochs", 20)
    call("train", *options)
    history = History.load(tmp_path / "outputs/train/gaussians-sgd-seed0/history.npz")
    assert history.epochs["train_loss"][-1] < 0.5 * history.steps["loss"][0]
    assert history.epochs["test_accuracy"][-1] > 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--algorithm", "sdg"), "did you mean 'sgd'?"),
        (("--algorithm", "sgd", "--lr", "1"), "sgd's hyper-parameters are --learning-rate"),
        (("--algorithm", "sgd", "--learning-rate", "-1"), "must be positive"),
        (("--algorithm", "sgd", "--learning-rate", "fast"), "'fast' is not a valid float"),
        (("--algorithm", "langevin", "--splitting", "ABC"), "BAOAB"),
        (("--algorithm", "c_cola_od", "--radii", "-1"), "radii must be positive"),
        (("--algorithm", "sgd", "--widths", "a-b"), "not of the form"),
        (("--algorithm", "sgd", "--loss", "hinge"), "take softmax_cross_entropy"),
        (("--algorithm", "sgd", "--data-option", "colour=3"), "no option 'colour'"),
        (("--algorithm", "sgd", "--data-option", "colour"), "not of the form NAME=VALUE"),
        (("--algorithm", "sgd", "--data-option", "noise="), "not of the form NAME=VALUE"),
        (("--algorithm", "sgd", "--widths", "2-5-2"), "--width or --widths, not both"),
        ((), "name one with --algorithm; `refimpl list algorithms` shows them"),
    ],
)
def test_train_says_what_is_wrong_and_what_would_be_right(arguments, message):
    assert message in call("train", *TINY, *arguments, code=2).stderr


def test_train_asks_for_data_and_fitting_widths():
    assert "name one with --data; " in call("train", "--algorithm", "sgd", code=2).stderr
    options = ("--data", "spirals", "--algorithm", "sgd", "--widths", "3-5-2")
    assert "which needs 2-...-2" in call("train", *options, code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("c_cola_od", "--radii", 1, "--radii", 1, "--radii", 1), "expected 1 to 2 radii"),
        (("minnorm", "--accumulate"), "linear models without biases"),
        (("early_stopping", "--data-option", "validation=0"), "needs a validation set"),
        (("sgd", "--data-option", "training=0"), "the training set 'spirals' is empty"),
    ],
)
def test_settings_that_do_not_fit_the_network_or_the_data_are_one_line(arguments, message):
    result = call("train", *TINY, "--algorithm", *arguments, code=1)
    assert result.stderr.startswith("error: ") and message in result.stderr
    assert result.stderr.count("\n") == 1


def test_resuming_needs_a_checkpoint_of_the_same_network():
    options = ("train", *TINY, "--algorithm", "sgd")
    assert "no checkpoint of spirals-sgd-seed0" in call(*options, "--resume", code=2).stderr
    call(*options)
    call(*options, "--resume")
    foreign = call(*options, "--resume", "--width", 6, code=2).stderr
    assert "belongs to another run: objective differs" in foreign


def test_a_network_may_lack_biases(tmp_path):
    call("train", *TINY, "--algorithm", "sgd", "--no-bias", "--output", tmp_path)
    with np.load(tmp_path / "spirals-sgd-seed0/checkpoint.npz") as stored:
        assert [stored[name].ndim for name in stored if name.startswith("state/")] == [2, 2]


def test_typed_errors_are_one_line_without_traceback(monkeypatch):
    from refimpl import training

    def diverge(*arguments, **options):
        raise DivergenceError("the loss is not finite", step=7, loss=float("inf"))

    monkeypatch.setattr(training, "train", diverge)
    result = call("train", *TINY, "--algorithm", "sgd", code=1)
    assert result.stderr == "error: the loss is not finite (step=7, loss=inf)\n"
    assert "Traceback" in call("train", *TINY, "--algorithm", "sgd", "--traceback", code=1).stderr


def test_missing_data_files_are_one_line():
    result = call("train", "--data", "mnist", "--algorithm", "sgd", "--data-dir", "no", code=1)
    assert result.stderr.startswith("error: MNIST is not complete")


def test_former_spellings_of_options_stay_valid(tmp_path):
    arguments = ("--algorithm", "comhe_angle", "--optimiser", "unrolled", "--dimension", 2)
    call("train", *TINY, *arguments, "--initialiser", "glorot_normal")
    [path] = tmp_path.rglob("summary.json")
    assert json.loads(path.read_text())["initializer"] == "glorot_normal"


@pytest.mark.parametrize("name", list(catalogue.algorithms()))
def test_every_algorithm_shows_its_hyper_parameters(name):
    text = call("train", "--algorithm", name, "--help").output
    for field_name, item in catalogue.entry(name).fields.items():
        callable_only = "from Python only" in item.metadata.get("help", "")
        flag = re.escape("--" + field_name.replace("_", "-"))
        shown = re.search(rf"^ +{flag}(?![\w-])", text, re.MULTILINE) is not None
        assert shown != callable_only


@dataclass(frozen=True)
class Everything:
    size: int
    rate: float = 0.5
    flag: bool = True
    kind: Literal["a", "b"] = "a"
    limit: float | None = None
    range: tuple[float, float] = (0.0, 1.0)
    layers: tuple[int, ...] = (1,)
    seed: int = 0
    hidden: dict = field(default_factory=dict)


def test_options_follow_the_types_of_the_fields():
    made = {
        name: hyper_option(name, kind, MISSING if name == "size" else 0, "", {"seed"})
        for name, kind in __import__("typing").get_type_hints(Everything).items()
    }
    assert made.pop("hidden") is None
    command = click.Command("c", params=list(made.values()), callback=lambda **values: values)
    arguments = "--size 3 --no-flag --kind b --limit 2 --range 0 2 --layers 4 --layers 5"
    values = command.main([*arguments.split(), "--hyper-seed", "9"], standalone_mode=False)
    assert values == {
        "hyper_size": 3, "hyper_rate": None, "hyper_flag": False, "hyper_kind": "b",
        "hyper_limit": 2.0, "hyper_range": (0.0, 2.0), "hyper_layers": (4, 5), "hyper_seed": 9,
    }  # fmt: skip
    with pytest.raises(click.MissingParameter):
        command.main([], standalone_mode=False)


# --- list, data, the whole -----------------------------------------------------------------------


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
    assert "No such command" in call("verfy", code=2).stderr
    assert options.core_count() >= 1


def test_a_sparse_network_is_exported_and_reads_back(tmp_path):
    options = ("--data", "gaussians", "--algorithm", "gradient_coherent", "--penalty", "l1")
    result = call(
        "train", *options, "--strength", 0.05, "--threshold", 0, "--epochs", 30, "--export-sparse"
    )
    folder = tmp_path / "outputs/train/gaussians-gradient_coherent-seed0"
    counted = json.loads((folder / "summary.json").read_text())["compression"]
    stored = load_sparse(folder / "sparse.npz")
    assert counted["nonzero"] == sum(np.count_nonzero(layer["weight"]) for layer in stored)
    assert 1.0 < counted["ratio"] == counted["weights"] / counted["nonzero"]
    assert f"compression {counted['ratio']:.2f}x" in result.output


def test_a_dead_network_is_called_collapsed():
    options = ("--algorithm", "strong_regularization", "--penalty", "l1", "--strength", 50)
    result = call("train", *TINY, *options)
    assert "collapsed: all" in result.output


# --- compositions --------------------------------------------------------------------------------

DIGITS = ("--data", "digits", "--epochs", 1, "--width", 16)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--update", "adam", "--learning-rate", 0.001, "--penalty", "mhe:output_strength=0",
         "--penalty", "l2:strength=1e-4"),
        ("--algorithm", "mhe", "--penalty", "l2", "--wrapper", "early_stopping:patience=2"),
        ("--algorithm", "sgld", "--penalty", "l2:strength=0.1"),
        ("--algorithm", "sgd", "--model", "deep_linear"),
    ],
)  # fmt: skip
def test_any_update_goes_with_any_parts_on_the_command_line(arguments, tmp_path):
    call("train", *DIGITS, *arguments, "--output", tmp_path)
    (folder,) = tmp_path.iterdir()
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["results"]["train"]["accuracy"] > 0.15
    for flag, name in (("--penalty", "penalties"), ("--wrapper", "wrappers")):
        given = [v for f, v in itertools.pairwise(arguments) if f == flag]
        assert summary[name] == given
        for text in given:
            assert text.partition(":")[0] in folder.name


def test_penalties_given_by_name_are_those_of_python(tmp_path):
    """Two penalties on the command line against the loss with both written into it."""
    call(
        "train", *DIGITS, "--batch-size", 0, "--update", "sgd", "--penalty", "l2:strength=0.3",
        "--penalty", "l2:strength=0.2,include=all", "--output", tmp_path,
    )  # fmt: skip
    rng = Rng(0)
    split = datasets.load("digits", rng=rng.child("data"))
    model = MLP((64, 16, 10))
    objective = Objective(model)
    params = model.init(rng.child("init"))

    def whole(p, batch):
        weights = sum(
            (ad.sum(layer["weight"] ** 2) for layer in p[1:]), ad.sum(p[0]["weight"] ** 2)
        )
        biases = sum((ad.sum(layer["bias"] ** 2) for layer in p[1:]), ad.sum(p[0]["bias"] ** 2))
        return objective(p, batch) + 0.25 * weights + 0.1 * biases

    gradient = ad.grad(whole)(params, split.train.batch())
    with np.load(next(tmp_path.iterdir()) / "checkpoint.npz") as stored:
        leaves = [stored[n] for n in stored if n.startswith("state/")]
    expected = [
        w - 0.1 * g for w, g in zip(ad.flatten(params)[0], ad.flatten(gradient)[0], strict=True)
    ]
    for leaf in expected:
        assert any(leaf.shape == x.shape and np.allclose(leaf, x, rtol=1e-12) for x in leaves)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sgd", "--penalty", "l3"), "unknown penalty 'l3'"),
        (("sgd", "--penalty", "l2:strenth=1"), "'strenth' (did you mean 'strength'?)"),
        (("sgd", "--penalty", "l2:strength=x"), "strength must be a number, not 'x'"),
        (("sgd", "--penalty", "l2:decoupled=perhaps"), "decoupled must be true or false"),
        (("sgd", "--penalty", "l2:strength"), "not of the form NAME or NAME:KEY=VALUE"),
        (("sgd", "--wrapper", "l2"), "unknown wrapper 'l2'"),
        (("minnorm", "--penalty", "l2"), "Minnorm takes no penalties"),
        (("sgd", "--model", "deep_linear", "--activation", "tanh"), "deep_linear has no acti"),
        (("sgd", "--model", "deep_linear", "--model-option", "depth=3"), "option of deep_linear"),
        (("sgd", "--loss-option", "a=1"), "has no options: a"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_say_why(arguments, message):
    result = call("train", *DIGITS, "--algorithm", *arguments, code=2)
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_linear_chain_fits_one_input_and_output(tmp_path):
    call("train", "--data", "sinusoid", "--epochs", 1, "--model", "linear_chain", "--model-option",
         "depth=3", "--algorithm", "sgd", "--output", tmp_path)  # fmt: skip
    summary = json.loads((next(tmp_path.iterdir()) / "summary.json").read_text())
    assert summary["widths"] == [1, 1, 1, 1] and summary["model"] == "linear_chain"


# --- consoles, paths and old runs ----------------------------------------------------------------


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


def test_resuming_another_network_is_a_usage_error_that_names_what_differs():
    train = ("train", "--data", "digits", "--algorithm", "sgd", "--width", 8, "--epochs")
    call(*train, 1)
    text = call(*train, 2, "--activation", "tanh", "--resume", code=2).stderr
    assert "objective differs" in text
    text = call(*train, 2, "--loss", "multiclass_margin", "--resume", code=2).stderr
    assert "objective differs" in text
    text = call(*train, 2, "--seed", 3, "--resume", code=2).stderr
    assert "no checkpoint of digits-sgd-seed3" in text and "those of digits-sgd-seed0" in text
    assert call(*train, 2, "--resume").exit_code == 0
