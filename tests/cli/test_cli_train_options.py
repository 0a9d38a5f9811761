import json
import re
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Literal

import click
import numpy as np
import pytest
from cli_runs import call, folder

from refimpl import catalogue
from refimpl.cli.hyper import hyper_option
from refimpl.errors import DivergenceError

ROOT = Path(__file__).parents[2]


TINY = ("--data", "spirals", "--data-option", "training=40", "--width", 5, "--epochs", 3)


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
        (("--algorithm", "sgd", "--model", "mpl"), "unknown model 'mpl' (did you mean 'mlp'?)"),
        (("--algorithm", "sgd", "--activation", "rellu"), "did you mean 'relu'?"),
        (("--algorithm", "sgd", "--loss", "hing"), "unknown loss 'hing' (did you mean 'hinge'?)"),
        (("--algorithm", "sgd", "--backend", "nunpy"), "did you mean 'numpy'?"),
        (("--algorithm", "langevin", "--splitting", "BAOBA"), "unknown splitting 'BAOBA'"),
        ((), "name one with --algorithm; `refimpl list algorithms` shows them"),
    ],
)
def test_train_says_what_is_wrong_and_what_would_be_right(arguments, message):
    assert message in call("train", *TINY, *arguments, code=2).stderr


def test_an_unknown_data_set_is_named_with_the_nearest():
    text = call("train", "--data", "digit", "--algorithm", "sgd", code=2).stderr
    assert "unknown data set 'digit' (did you mean 'digits'?): `refimpl list datasets`" in text


def test_help_shows_the_algorithms_own_options_first_then_groups():
    text = call("train", "--algorithm", "c_cola_ud", "--help").output
    places = [
        text.index(words)
        for words in (
            "Options of c_cola_ud:", "--step-size", "--splitting [BAOAB|", "Data:", "--data-option",
            "Model and loss:", "--activation", "Training:", "--epochs", "Run:", "--resume",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert "Options of" not in call("train", "--help").output
    assert max(map(len, text.splitlines())) <= 80


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
    assert "has widths [2, 5, 2], not [2, 5, 6, 2];" in foreign


def test_a_network_may_lack_biases(tmp_path):
    call("train", *TINY, "--algorithm", "sgd", "--no-bias", "--output", tmp_path)
    with np.load(folder(tmp_path, "spirals-sgd-seed0") / "checkpoint.npz") as stored:
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
