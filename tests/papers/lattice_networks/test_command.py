"""``refimpl train`` on the paper's data sets with its parts."""

import json
import math
import re

import pytest
from click.testing import CliRunner

from refimpl import Rng, catalogue
from refimpl.cli.app import app
from refimpl.papers.lattice_networks.data import load_lattice_algebraic


def train(tmp_path, *arguments):
    run = CliRunner().invoke(app, ["train", "--output", str(tmp_path), "--epochs", "3", *arguments])
    assert run.exit_code == 0, run.output
    [summary] = tmp_path.glob("*/summary.json")
    return run.output, json.loads(summary.read_text())


SIZES = ["--data-option", "training=17", "--data-option", "test=40", "--data-option",
         "dimension=4", "--data-option", "validation=8"]  # fmt: skip


def test_errors_and_gap_in_the_unit_of_the_target(tmp_path):
    output, summary = train(
        tmp_path, "--data", "lattice_algebraic", "--algorithm", "lattice_tailored", *SIZES
    )
    found = re.search(r"training (\S+), generalization (\S+) \(test\), gap (\S+)", output)
    split = load_lattice_algebraic(
        rng=Rng(0).child("data"), training=17, test=40, dimension=4, validation=8
    )
    scale = float(split.train.truth["scale"][0])
    results = summary["results"]
    training, test = (scale * math.sqrt(2 * results[p]["loss"]) for p in ("train", "test"))
    assert math.isclose(float(found[1]), training, rel_tol=1e-3)
    assert math.isclose(float(found[2]), test, rel_tol=1e-3)
    assert math.isclose(float(found[3]), test - training, rel_tol=1e-2)
    assert summary["model"] == "lattice_network" and summary["widths"] == [4, 32, 32, 32, 1]
    assert summary["activation"] == "swish"


@pytest.mark.parametrize(
    "method",
    [
        ["--algorithm", "lattice_l2"],
        ["--algorithm", "lattice_hinge"],
        ["--algorithm", "lattice_projection"],
        ["--algorithm", "adam", "--penalty", "lattice_tailored:strength=1e-5,power=1.5",
         "--projection", "lattice_projection:scale=1.0"],
    ],
)  # fmt: skip
def test_every_part_trains(tmp_path, method):
    output, summary = train(tmp_path, "--data", "lattice_diffusion", *method, *SIZES)
    assert "gap" in output
    assert math.isfinite(summary["results"]["test"]["loss"])


def test_the_paper_offers_them_by_name():
    assert {"lattice_algebraic", "lattice_diffusion"} <= set(catalogue.datasets())
    assert "lattice_network" in catalogue.models()
    entry = catalogue.entry("lattice_l2")
    assert entry.kind == "penalty" and entry.default("form") == "l2"
