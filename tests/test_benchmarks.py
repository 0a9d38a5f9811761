"""What is compared computes the same thing, and the clocks and tables say what they should."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from refimpl import Rng
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import backend
from refimpl.benchmarks import device, table
from refimpl.benchmarks.hand import hand_written
from refimpl.benchmarks.peers import PEERS, peers
from refimpl.benchmarks.table import NETWORKS, Network
from refimpl.benchmarks.timing import Timing, race
from refimpl.cli.app import app
from refimpl.training import stepper

SMALL = Network((6, 9, 7, 3), 11)
RATE = 0.1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_the_yardstick_and_the_peers_take_the_packages_steps(kind, dtype):
    objective, params, batch = table.problem(SMALL, dtype)
    update = {"sgd": SGD, "adam": Adam}[kind](learning_rate=RATE)
    steps = stepper(update, objective, params)
    ours = [float(steps.step(batch, Rng(0)).loss) for _ in range(8)]
    others = {"hand": hand_written(params, batch.inputs, batch.targets, kind, RATE)}
    for library in PEERS:
        others |= peers(library, params, batch.inputs, batch.targets, kind, RATE)
    assert ours[-1] < 0.9 * ours[0]
    for name, step in others.items():
        theirs = [float(step()) for _ in range(8)]
        np.testing.assert_allclose(theirs, ours, rtol=3e-5 if dtype == "float32" else 1e-10,
                                   err_msg=name)  # fmt: skip


def test_a_race_gives_times_and_ratios_by_its_clock():
    now = [0.0]

    def spend(seconds):
        def function():
            now[0] += seconds

        return function

    found = race({"a": spend(3e-3), "b": spend(1e-3)}, seconds=0.05, clock=lambda: now[0])
    assert found["a"].microseconds == pytest.approx(3000)
    assert found["a"].ratios["b"] == pytest.approx((3.0, 3.0, 3.0))
    assert found["b"].ratios["a"][0] == pytest.approx(1 / 3)


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_steps_hold_little_more_than_they_must(kind):
    assert table.memory("wide", "float32", kind) <= table.MEMORY_AIM


def test_cells_that_fall_short_come_first(monkeypatch, tmp_path):
    def cell(kind, ratio):
        ratios = {"hand": (ratio, ratio, ratio), "products": (2.0, 2.0, 2.0)}
        return table.Cell("deep", "float32", kind, Timing(10.0, ratios))

    cells = [cell("gradient", 1.0), cell("sgd", 1.31), cell("adam", 1.05)]
    monkeypatch.setattr(table, "measure", lambda *args, **kwargs: iter(cells))
    monkeypatch.setattr(table, "memory", lambda *args: 1.0)
    path = tmp_path / "numbers.json"
    result = CliRunner().invoke(app, ["bench", "--no-peers", "--output", str(path)])
    assert result.exit_code == 0, result.output
    lines = [line for line in result.output.splitlines() if "b64" in line]
    assert [line.split()[3] for line in lines] == ["sgd", "gradient", "adam"]
    assert "1 of 3 cells above 1.1" in result.output
    assert "openblas" in result.output or "mkl" in result.output or "accelerate" in result.output
    assert json.loads(path.read_text())["cells"][0]["ratios"]["hand"][0] == 1.31


def test_the_table_is_measured(tmp_path):
    options = ("--network", "deep", "--dtype", "float32", "--seconds", "0.01", "--no-peers")
    result = CliRunner().invoke(app, ["bench", *options])
    assert result.exit_code == 0, result.output
    assert result.output.count("b64") == 3


def test_the_report_of_a_gpu_can_be_rehearsed(monkeypatch, tmp_path):
    monkeypatch.setattr(device, "NETWORKS", {"deep": NETWORKS["deep"]})
    some = {name: device.catalogue.algorithms()[name] for name in ("sgd", "mhe", "lattice_hinge")}
    monkeypatch.setattr(device.catalogue, "algorithms", lambda: some)
    path = tmp_path / "device.json"
    options = ("--backend", "numpy", "--seconds", "0.01", "--output", str(path))
    result = CliRunner().invoke(app, ["bench", *options])
    assert result.exit_code == 0, result.output
    report = json.loads(path.read_text())
    assert "not run on a GPU" in report["status"]
    assert report["left_out"] == []
    assert len(report["agreement"]) == 12
    assert all(row["difference"] == 0.0 for row in report["agreement"])
    assert {(row["dtype"], row["kind"]) for row in report["steps"]} == {
        (dtype, kind) for dtype in ("float32", "float64") for kind in ("gradient", "sgd", "adam")
    }
    assert all(row["own"] > 0 for row in report["steps"])
    assert [("error" in row) for row in report["algorithms"]] == [False, False, True]


def test_what_does_not_fit_the_time_is_named():
    found = device.report(backend("numpy"), budget=-1.0)
    assert found["left_out"] == ["tests", "agreement", "steps", "algorithms"]


def test_agreement_sees_another_result(monkeypatch):
    honest = device._trained

    def spoiled(place, algorithm, count):
        leaves = honest(place, algorithm, count)
        spoiled.turn = not getattr(spoiled, "turn", False)
        return leaves if spoiled.turn else [leaf * (1 + 1e-6) for leaf in leaves]

    monkeypatch.setattr(device, "_trained", spoiled)
    rows = device.agreement(backend("numpy"), steps=(1,))
    assert all(row["difference"] == pytest.approx(1e-6, rel=0.3) for row in rows)
