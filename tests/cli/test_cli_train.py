import json
from pathlib import Path

import numpy as np
import pytest
from cli_runs import call, folder

from refimpl.models.compression import load as load_sparse
from refimpl.training import History

ROOT = Path(__file__).parents[2]


TINY = ("--data", "spirals", "--data-option", "training=40", "--width", 5, "--epochs", 3)


def test_train_saves_what_it_prints(tmp_path):
    result = call("train", *TINY, "--algorithm", "momentum", "--nesterov", "--seed", 3)
    place = folder(tmp_path / "outputs/train", "spirals-momentum-seed3")
    assert sorted(path.name for path in place.iterdir()) == [
        "checkpoint.npz", "history.npz", "params.npz", "settings.json", "summary.json",
    ]  # fmt: skip
    summary = json.loads((place / "summary.json").read_text())
    assert summary["hyper_parameters"] == {
        "learning_rate": 0.05, "momentum": 0.9, "nesterov": True,
    }  # fmt: skip
    assert summary["widths"] == [2, 5, 2] and summary["steps"] == 3
    history = History.load(place / "history.npz")
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
        History.load(folder(tmp_path / place, stem) / "history.npz").steps["loss"]
        for place, stem in (
            ("a", "spirals-sgld-seed1"),
            ("b", "spirals-sgld-seed1"),
            ("a", "spirals-sgld-seed2"),
        )
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_run_without_replay_is_the_same_run_and_says_so(tmp_path):
    for place, options in (("a", ()), ("b", ("--no-replay",))):
        call("train", *TINY, "--algorithm", "adam", "--output", place, *options)
    first, second = (folder(tmp_path / place, "spirals-adam-seed0") for place in ("a", "b"))
    assert first.name == second.name, "the folder tells settings that decide the numbers"
    losses = [History.load(place / "history.npz").steps["loss"] for place in (first, second)]
    np.testing.assert_array_equal(*losses)
    facts = [
        json.loads((place / "summary.json").read_text())["provenance"] for place in (first, second)
    ]
    assert [found["replay"] for found in facts] == [True, False]
    assert facts[0]["blas"] and facts[0]["blas"] == facts[1]["blas"]


def test_resume_goes_on_as_if_never_stopped(tmp_path):
    call("train", *TINY, "--algorithm", "adam", "--output", "whole")
    call("train", *TINY, "--algorithm", "adam", "--output", "parts", "--epochs", 1)
    call("train", *TINY, "--algorithm", "adam", "--output", "parts", "--resume")
    whole, parts = (
        History.load(folder(tmp_path / place, "spirals-adam-seed0") / "history.npz").steps["loss"]
        for place in ("whole", "parts")
    )
    assert len(whole) == 3
    np.testing.assert_array_equal(whole, parts)


def test_resume_refuses_the_checkpoint_of_another_run():
    call("train", *TINY, "--algorithm", "sgd", "--learning-rate", 0.1)
    result = call("train", *TINY, "--algorithm", "sgd", "--learning-rate", 0.2, "--resume", code=2)
    assert "sgd-seed0" in result.stderr and "has learning rate 0.1, not 0.2;" in result.stderr
    call("train", *TINY, "--algorithm", "sgd", "--learning-rate", 0.2)


def test_a_smaller_loss_than_at_the_start_is_reached(tmp_path):
    options = ("--data", "gaussians", "--algorithm", "sgd", "--epochs", 20)
    call("train", *options)
    history = History.load(
        folder(tmp_path / "outputs/train", "gaussians-sgd-seed0") / "history.npz"
    )
    assert history.epochs["train_loss"][-1] < 0.5 * history.steps["loss"][0]
    assert history.epochs["test_accuracy"][-1] > 0.9


def test_resuming_another_network_is_a_usage_error_that_names_what_differs():
    train = ("train", "--data", "digits", "--algorithm", "sgd", "--width", 8, "--epochs")
    call(*train, 1)
    text = call(*train, 2, "--activation", "tanh", "--resume", code=2).stderr
    assert "has activation 'relu', not 'tanh';" in text
    text = call(*train, 2, "--loss", "multiclass_margin", "--resume", code=2).stderr
    assert "has loss 'softmax_cross_entropy', not 'multiclass_margin';" in text
    text = call(*train, 2, "--seed", 3, "--resume", code=2).stderr
    assert "no checkpoint of digits-sgd-seed3" in text and "has seed 0, not 3;" in text
    assert call(*train, 2, "--resume").exit_code == 0


def test_a_sparse_network_is_exported_and_reads_back(tmp_path):
    options = ("--data", "gaussians", "--algorithm", "gradient_coherent", "--penalty", "l1")
    result = call(
        "train", *options, "--strength", 0.05, "--threshold", 0, "--epochs", 30, "--export-sparse"
    )
    place = folder(tmp_path / "outputs/train", "gaussians-gradient_coherent-seed0")
    counted = json.loads((place / "summary.json").read_text())["compression"]
    stored = load_sparse(place / "sparse.npz")
    assert counted["nonzero"] == sum(np.count_nonzero(layer["weight"]) for layer in stored)
    assert 1.0 < counted["ratio"] == counted["weights"] / counted["nonzero"]
    assert f"compression {counted['ratio']:.2f}x" in result.output


def test_a_dead_network_is_called_collapsed():
    options = ("--algorithm", "strong_regularization", "--penalty", "l1", "--strength", 50)
    result = call("train", *TINY, *options)
    assert "collapsed: all" in result.output


def rows(text):
    """The table of the steps: a row of words for each name."""
    lines = text[text.index("each step") :].splitlines()[2:]
    return {" ".join(line.split()[:-5]): line.split()[-5:] for line in lines[: lines.index("")]}


def test_what_the_method_is_about_is_shown_for_each_number_of_its_steps(tmp_path):
    out = ("--output", tmp_path)
    text = call(
        "train", *TINY, "--batch-size", 10, "--algorithm", "c_cola_ud", "--radii", 2, *out
    ).output
    [path] = tmp_path.rglob("history.npz")
    steps = History.load(path).steps
    shown = rows("\n".join(line.strip() for line in text.splitlines()))
    assert list(shown) == ["loss", "residual"]
    for name, values in shown.items():
        column = steps[name]
        expected = [column[0], column[-1], sum(column) / len(column), min(column), max(column)]
        assert [float(v) for v in values] == pytest.approx(expected, rel=1e-3)
    kept = json.loads(path.with_name("summary.json").read_text())["each_step"]["residual"]
    assert kept["largest"] == max(steps["residual"]) <= 1e-15


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--learning-rate", 1e6), "the loss rose: "),
        (("--learning-rate", 0.01), None),
    ],
)
def test_a_loss_that_rose_and_an_answer_no_better_than_chance_are_said(arguments, said):
    data = ("--data", "gaussians", "--epochs", 3)
    output = call("train", *data, "--algorithm", "sgd", *arguments).output
    assert ("the loss rose" in output) == (said is not None)
    assert "no better than chance" not in call("train", *data, "--algorithm", "sgd").output
    weak = call(
        "train", "--data", "digits", "--algorithm", "sgd", "--learning-rate", 1e6, "--epochs", 1
    )
    assert "no better than chance: the commonest class is 10.2% of the training set" in weak.output


def test_a_batch_larger_than_the_data_is_said():
    text = call("train", *TINY, "--algorithm", "sgd", "--batch-size", 41).output
    assert "batch size 41 exceeds the 40 training examples: every step takes all of them" in text
    assert "exceeds" not in call("train", *TINY, "--algorithm", "sgd", "--batch-size", 40).output
