"""Meta-learning from the command line."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from refimpl.cli.app import app

TINY = ("--data-option", "training=3", "--data-option", "validation=2", "--data-option", "test=2")


def call(*arguments, code=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output + result.stderr
    return result


@pytest.mark.parametrize(
    ("data", "algorithm"), [("sinusoids", "maml"), ("few-shot-digits", "meta_sgd")]
)
def test_training_on_tasks_prints_losses_before_and_after_adaptation(data, algorithm, tmp_path):
    shown = call(
        "train", "--data", data, "--algorithm", algorithm, "--epochs", 3, *TINY,
        "--order", "first", "--export-sparse", "--output", tmp_path,
    ).output  # fmt: skip
    assert "pre_loss" in shown and "post_loss" in shown
    assert ("post_accuracy" in shown) == (data == "few-shot-digits")
    folder = next(tmp_path.glob(f"{data}-{algorithm}-seed0-*"))
    summary = json.loads((folder / "summary.json").read_text())
    assert set(summary["results"]) == {"train", "validation", "test"}
    assert summary["hyper_parameters"]["order"] == "first"
    assert summary["steps"] == 3  # three tasks make one meta-batch
    with np.load(folder / "history.npz") as steps:
        assert steps["steps/gradient_norm"].shape == (3,)


def test_other_networks_adapt_task_by_task(tmp_path):
    shown = call(
        "train", "--data", "few-shot-digits", "--algorithm", "maml", "--model", "deep_linear",
        "--epochs", 1, *TINY, "--output", tmp_path,
    ).output  # fmt: skip
    assert "post_accuracy" in shown


def test_data_sets_of_tasks_bring_their_recipe(tmp_path):
    shown = call(
        "train", "--data", "sinusoids", "--algorithm", "maml", "--epochs", 1, *TINY,
        "--output", tmp_path,
    ).output  # fmt: skip
    assert "1-40-40-1" in shown
    shown = call(
        "train", "--data", "sinusoids", "--algorithm", "maml", "--epochs", 1, *TINY,
        "--width", 7, "--output", tmp_path,
    ).output  # fmt: skip
    assert "1-7-1" in shown


def test_the_noise_is_a_wrapper_around_the_inner_gradient(tmp_path):
    call(
        "train", "--data", "sinusoids", "--algorithm", "maml", "--epochs", 2, *TINY,
        "--wrapper", "gradient_dropout:rate=0.5,noise=gaussian", "--output", tmp_path,
    )  # fmt: skip
    (folder,) = tmp_path.iterdir()
    with np.load(folder / "history.npz") as steps:
        variance = steps["steps/noise_variance"]
    assert np.all(np.abs(variance - 1.0) < 0.1)  # 26,415 draws: s.e. .009
    refused = call(
        "train", "--data", "sinusoids", "--algorithm", "maml", *TINY, "--penalty", "l2", code=2
    )
    assert "takes no penalties" in " ".join(refused.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "digits", "--algorithm", "maml"), "digits is a set of examples"),
        (("--data", "sinusoids", "--algorithm", "sgd"), "take an algorithm for tasks"),
        (
            ("--data", "few-shot-digits", "--algorithm", "maml", "--loss", "multiclass_margin"),
            "takes no stacks of tasks",
        ),
        (
            ("--data", "sinusoids", "--algorithm", "maml", "--inner-rate", "-1"),
            "inner_rate must be positive",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(arguments, message):
    result = call("train", *arguments, code=2)
    assert message in " ".join(result.stderr.split())
