import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from cli_runs import call

from refimpl import autodiff as ad
from refimpl import datasets
from refimpl.models import MLP, Objective
from refimpl.random import Rng

ROOT = Path(__file__).parents[2]


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
