"""ISDA from the command line: its losses are listed, trained with, resumed and refused."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from refimpl import Rng
from refimpl.algorithms.sgd import SGD
from refimpl.cli.app import app
from refimpl.datasets import Batch
from refimpl.errors import SettingError
from refimpl.models import MLP
from refimpl.papers.isda.isda import ISDA
from refimpl.training import History

TINY = (
    "train", "--data", "gaussians", "--data-option", "training=40", "--data-option", "classes=3",
    "--width", "5", "--batch-size", "10",
)  # fmt: skip


def call(*arguments, code=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_losses_are_listed():
    shown = call("list", "losses").output
    for name in ("softmax_cross_entropy", "isda", "isda_sampled", "isda_semi_supervised"):
        assert name in shown
    assert "schedule='epoch'" in shown


def test_trained_with_the_schedule_of_the_run(tmp_path):
    options = ("--loss", "isda", "--loss-option", "strength=0.4", "--epochs", 4)
    shown = call(*TINY, "--algorithm", "momentum", *options).output
    assert "ISDA(strength=0.4, schedule='epoch', epochs=4, steps_per_epoch=4" in shown
    [folder] = (tmp_path / "outputs/train").glob("gaussians-momentum+isda-seed0-*")
    history = History.load(folder / "history.npz")
    expected = np.repeat([0.0, 0.1, 0.2, 0.3], 4)
    np.testing.assert_allclose(history.steps["isda_strength"], expected, atol=1e-15)
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["loss"] == "isda" and summary["steps"] == 16


@pytest.mark.parametrize("loss", ["isda_sampled", "isda_semi_supervised"])
def test_variants_resume(loss, tmp_path):
    options = (*TINY, "--algorithm", "sgd", "--loss", loss, "--loss-option", "epochs=3")
    call(*options, "--epochs", 3, "--output", "whole")
    call(*options, "--epochs", 1, "--output", "parts")
    call(*options, "--epochs", 3, "--output", "parts", "--resume")
    whole, parts = (
        History.load(next((tmp_path / place).glob("*/history.npz"))).steps["loss"]
        for place in ("whole", "parts")
    )
    np.testing.assert_array_equal(whole, parts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sgd", "--loss", "isda", "--loss-option", "strengt=1"), "did you mean 'strength'?"),
        (("sgd", "--loss", "isda", "--loss-option", "strength=-1"), "must be non-negative"),
        (("sgd", "--loss", "isda", "--loss-option", "covariance=thin"), "must be one of full"),
        (("sgd", "--loss-option", "strength=1"), "has no options: strength"),
        (("sgld", "--loss", "isda"), "keeps no memory of a loss"),
    ],
)
def test_refused(arguments, message):
    result = call(*TINY, "--algorithm", *arguments, code=2)
    assert message in " ".join(result.stderr.split())


def test_an_update_alone_does_not_drop_the_memory_silently():
    model = MLP((5, 6, 3))
    objective, params = ISDA().objective(model, head=(-1,)), model.init(Rng(0))
    batch = Batch(Rng(1).normal((4, 5)), np.array([0, 1, 2, 0]))
    algorithm = SGD()
    with pytest.raises(SettingError, match="put the update into a Composition"):
        algorithm.step(algorithm.init(params), objective, batch)
