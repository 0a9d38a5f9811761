"""What is compared computes the same thing, and the clocks and tables say what they should."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from refimpl import Rng
from refimpl.algorithms.adam import Adam
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import backend
from refimpl.benchmarks import device, methods, scaling, table
from refimpl.benchmarks.hand import hand_written
from refimpl.benchmarks.peers import PEERS, peers
from refimpl.benchmarks.table import NETWORKS, Network
from refimpl.benchmarks.timing import Timing, race
from refimpl.claims.report import document, report_html
from refimpl.cli import verify
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


def test_a_watched_step_writes_down_its_products_and_draws():
    """Of an MLP 6-9-3 on 11 examples: two products forward, three backward, no draws of SGD."""
    small = Network((6, 9, 3), 11)
    step, work = methods.taking("sgd", small)
    found = work()
    shapes = sorted((left.shape, right.shape) for left, right in found.products)
    assert shapes == sorted(
        [((11, 6), (6, 9)), ((11, 9), (9, 3)), ((3, 11), (11, 9)), ((11, 3), (3, 9)),
         ((9, 11), (11, 6))]
    )  # fmt: skip
    assert methods.operations(found) == 2 * 11 * (2 * 6 * 9 + 3 * 9 * 3)
    assert found.draws == []
    assert methods.taking("sgld", small)[1]().draws[0][0] == "normal"
    assert float(step().loss) > 0
    methods.repeated(found)()


def test_a_watched_step_keeps_a_product_of_one_memory():
    """So that what is repeated alone is the symmetric product that the step makes."""
    found = methods.watched(lambda x, rng: x @ x.mT, np.ones((2, 3)), Rng(0))
    assert np.shares_memory(*found.products[0])


def test_products_of_vectors_are_repeated_too():
    found = methods.watched(lambda x, rng: (x @ x, rng.normal((2,))), np.ones(3), Rng(0))
    methods.repeated(found)()
    assert methods.operations(found) == 6.0
    assert found.draws == [("normal", ((2,),))]


def test_methods_above_their_products_come_first(monkeypatch, tmp_path):
    def method(name, ratio):
        ratios = {"sgd": (ratio, ratio, ratio), "floor": (ratio, ratio, ratio)}
        return methods.Method(name, Timing(10.0, ratios), 5)

    found = [method("sgd", 1.1), method("mhe", 1.4), methods.Method("srip", None, 0, "Broken: no")]
    monkeypatch.setattr(methods, "measure", lambda *args, **kwargs: iter(found))
    path = tmp_path / "numbers.json"
    result = CliRunner().invoke(app, ["bench", "--table", "methods", "--output", str(path)])
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.output.splitlines() if line.strip()]
    shown = [line[0] for line in lines if line[0] in ("mhe", "sgd", "srip")]
    assert shown == ["mhe", "sgd", "srip"]
    assert "Broken: no" in result.output
    assert "1 of 3 methods above 1.3" in result.output
    assert any(name in result.output for name in ("openblas", "mkl", "accelerate"))
    assert [row["method"] for row in json.loads(path.read_text())["methods"]] == [
        "mhe", "sgd", "srip"]  # fmt: skip


def test_methods_are_measured_and_unknown_ones_named(tmp_path):
    options = ("--table", "methods", "--seconds", "0.01", "--output", str(tmp_path / "m.json"))
    result = CliRunner().invoke(app, ["bench", *options, "--method", "sgd"])
    assert result.exit_code == 0, result.output
    row = json.loads((tmp_path / "m.json").read_text())["methods"][0]
    assert row["products"] == 5
    assert row["microseconds"] > 0
    result = CliRunner().invoke(app, ["bench", *options, "--method", "sdg"])
    assert result.exit_code == 2
    assert "sgd" in result.output


def test_slopes_are_those_of_the_times(monkeypatch, tmp_path):
    """With a clock under which an example costs a microsecond: slope 1, whatever the network."""

    def timed(steps, seconds):
        return {name: Timing(float(name), {}) for name in steps}

    monkeypatch.setattr(scaling, "race", timed)
    monkeypatch.setattr(scaling, "SWEEPS", scaling.SWEEPS[2:])
    path = tmp_path / "bench" / "scaling.json"
    chosen = ("--method", "sgd", "--method", "lattice_hinge")  # of which the second does not run
    options = ("--table", "scaling", *chosen, "--output", str(path))
    result = CliRunner().invoke(app, ["bench", *options])
    assert result.exit_code == 0, result.output
    assert "SettingError" in result.output
    growth = scaling.read(path)
    assert [sweep["method"] for sweep in growth["sweeps"]] == ["sgd"]
    assert growth["sweeps"][0]["slopes"] == pytest.approx(
        {"time": 1.0, "operations": 1.0, "time against operations": 1.0, "steepest": 1.0}
    )
    assert scaling.slope([1, 10, 100], [2.0, 2e3, 2e6]) == pytest.approx(3.0)
    page = report_html(document([], {"seed": 3}), growth=growth)
    assert "How times grow" in page
    assert "784-100-100-10" in page
    assert "How times grow" not in report_html(document([], {"seed": 3}))


def test_the_report_takes_the_slopes_beside_it(tmp_path):
    growth = scaling.Growth("sgd", "a network", "width", [1, 2], [1.0, 2.0], [1.0, 4.0])
    folder = tmp_path / "bench"
    folder.mkdir()
    (folder / "scaling.json").write_text(
        json.dumps({"blas": ["openblas"], "sweeps": [growth.as_dict()]})
    )
    command = ["verify", "--claim", "FD-1", "--output", str(tmp_path / "verify")]
    result = CliRunner().invoke(app, [*command, "--no-cache"])
    assert result.exit_code == 0, result.output
    page = (tmp_path / "verify" / "report.html").read_text()
    assert "How times grow" in page
    assert "a network" in page
    assert verify.growth_beside(tmp_path / "verify")["blas"] == ["openblas"]
    for broken in ("{", '{"blas": [], "sweeps": [{}]}', "[]"):
        (folder / "scaling.json").write_text(broken)
        assert verify.growth_beside(tmp_path / "verify") is None


def test_the_report_of_a_gpu_can_be_rehearsed(monkeypatch, tmp_path):
    monkeypatch.setattr(device, "NETWORKS", {"deep": NETWORKS["deep"]})
    some = {name: device.catalogue.algorithms()[name] for name in ("sgd", "lattice_hinge")}
    some["broken"] = SimpleNamespace(requires=(), fields={}, make=lambda **settings: 1 / 0)
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
