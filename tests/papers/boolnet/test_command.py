"""``refimpl train --model boolnet``."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from refimpl import catalogue
from refimpl.cli.app import app

TINY = ("train", "--data", "gaussians", "--data-option", "training=60", "--data-option",
        "classes=3", "--width", "8", "--batch-size", "20", "--epochs", "2", "--model",
        "boolnet")  # fmt: skip


def train(tmp_path, *options, algorithm="adam", code=0):
    given = [*TINY, "--algorithm", algorithm, "--output", str(tmp_path), *options]
    run = CliRunner().invoke(app, given)
    assert run.exit_code == code, run.output
    return run.output


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("slices=4", "split=true"),
        ("shortcuts=none", "slices=2", "offsets=non_uniform"),
        ("weight_scale=mean_abs", "detach_scale=true"),
        ("progressive=false", "sign_zero=0"),
        ("decay=0.5", "schedule=epoch", "statistics=training"),
        ("local_shift=3", "slices=2"),
    ],
)
def test_every_form_trains(tmp_path, options):
    given = [part for option in options for part in ("--model-option", option)]
    train(tmp_path, *given)
    [summary] = tmp_path.glob("*/summary.json")
    assert json.loads(summary.read_text())["model"] == "boolnet"


def test_the_recipe_of_the_paper_trains(tmp_path):
    options = ("--waiting", "nothing", "--threshold", "5", "--wrapper", "clipping:limit=2.5")
    shown = train(tmp_path, *options, algorithm="radam")
    assert "waiting='nothing'" in shown and "GradientClipping(limit=2.5)" in shown
    [history] = tmp_path.glob("*/history.npz")
    with np.load(history) as saved:
        assert any("gradient_clipped" in name for name in saved.files)


def test_a_run_is_resumed_with_its_own_schedule_only(tmp_path):
    train(tmp_path)
    train(tmp_path, "--resume")
    [summary] = tmp_path.glob("*/summary.json")
    assert json.loads(summary.read_text())["steps"] == 6
    assert "objective differs" in train(tmp_path, "--epochs", "3", "--resume", code=2)
    assert "boolnet" in catalogue.models()


def test_what_is_refused(tmp_path):
    assert "slices=3" in train(tmp_path, "--model-option", "slices=3", code=2)
    assert "keeps no memory" in train(tmp_path, algorithm="sgld", code=2)
