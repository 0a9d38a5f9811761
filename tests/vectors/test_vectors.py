"""The files as a reader in another language sees them, and the ways in which they can be wrong."""

import dataclasses
import hashlib
import importlib.util
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from refimpl import autodiff as ad
from refimpl import catalogue, vectors
from refimpl.cli.app import app
from refimpl.errors import DataError
from refimpl.models import LOSSES
from refimpl.vectors import constraints, methods
from refimpl.vectors.encoding import decode, decode_like, distance, encode, hexadecimal
from refimpl.vectors.running import Draws, run
from refimpl.vectors.schema import problems, schema

ROOT = Path(__file__).parents[2]
READER = ROOT / "docs" / "vectors_reader.py"


def load(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


def records(folder):
    return [load(folder, Path(name).stem) for name in load(folder, "index")["files"]]


def numbers(record):
    """Arrays of a record, by a reading of the README that shares no code with the package."""
    if isinstance(record, dict) and record.keys() == {"shape", "type", "data"}:
        data = record["data"]
        data = [float.fromhex(x) for x in data.split()] if isinstance(data, str) else data
        return np.array(data).reshape(record["shape"])
    if isinstance(record, dict) and record.keys() == {"float"}:
        return float.fromhex(record["float"])
    if isinstance(record, dict):
        return {key: numbers(value) for key, value in record.items()}
    return [numbers(item) for item in record] if isinstance(record, list) else record


# --- the folder ----------------------------------------------------------------------------------


def test_every_method_loss_and_constraint_has_a_file(folder):
    found = {record["method"] for record in records(folder)}
    assert found == {
        *catalogue.algorithms(), *catalogue.losses(), *LOSSES, *constraints.CASES
    }  # fmt: skip
    for record in records(folder):
        assert [output["step"] for output in record["outputs"]] == [1, 2, 5, 20]


def test_every_default_lists_what_must_be_refused(folder):
    for name in catalogue.algorithms():
        record = load(folder, f"{name}.default")
        assert len([case for case in record["invalid"] if "hyper_parameters" in case]) >= 3, name
        assert all(set(case["is"]) <= {"ValueError", "TypeError"} for case in record["invalid"])
        if "graphs" not in catalogue.entry(name).requires:
            assert {"params": "integers", "error": "TypeError", "is": ["TypeError"]} in record[
                "invalid"
            ], name


def test_the_package_agrees_with_all_files(folder):
    found = vectors.check(folder)
    assert len(found) > 150
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_the_files_are_the_same_to_the_byte_when_written_again(folder, tmp_path):
    only = ["sgld", "srip", "o_cola_ud", "maml", "isda", "graph_lagrangian", "circle", "hinge"]
    for name in vectors.write(tmp_path, only):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_another_process_writes_the_same_bytes(folder, tmp_path):
    code = f"from refimpl.vectors import write; write({str(tmp_path)!r}, ['adam', 'comhe_group'])"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    for name in ("adam.default.json", "comhe_group.default.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_the_folder_is_small_and_its_index_true(folder):
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2_000_000
    index = load(folder, "index")
    assert index["format_version"] == 1
    names = {path.name for path in folder.glob("*.json")} - {"index.json", "schema.json"}
    assert set(index["files"]) == names
    for name, digest in index["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert "hexadecimal" in (folder / "README.md").read_text()


def test_tolerances_are_small_everywhere(folder):
    for record in records(folder):
        allowed = [numbers(output["tolerance"]) for output in record["outputs"]]
        assert allowed[0] <= 1e-11 and max(allowed) <= 1e-8, (record["method"], allowed)


def test_inputs_are_exact_in_single_precision(folder):
    for record in records(folder):
        if record["kind"] == "constraint":
            continue
        for part in ("params", "batches", "draws"):
            arrays, pending = [], [numbers(record[part])]
            while pending:
                item = pending.pop()
                if isinstance(item, np.ndarray):
                    arrays.append(item)
                elif isinstance(item, dict) and item.get("kind") == "uniform":
                    continue
                elif isinstance(item, (dict, list)):
                    pending += item.values() if isinstance(item, dict) else item
            for array in arrays:
                assert np.all(array.astype(np.float32) == array), record["method"]


def test_a_control_has_numbers_of_its_own(folder):
    """Three times the tolerance away from the method at the same settings."""
    pairs = [
        (f"maml.{name}", "maml.dropout")
        for name in ("dropout_scalar", "dropout_shared_tasks", "dropout_unscaled")
    ]
    pairs += [
        ("isda.printed_row", "isda.default"),
        ("graph_lagrangian.labeled_only", "graph_lagrangian.default"),
        ("c_cola_ud_released.default", "c_cola_ud.OBA"),
        ("c_cola_ud_stale.default", "c_cola_ud.default"),
        ("c_cola_ud_released.only_xi_after_theta", "c_cola_ud.OBA"),
        ("c_cola_ud_released.only_stale_gradient", "c_cola_ud.OBA"),
        ("o_cola_ud_released.only_stale_normal", "o_cola_ud_released.only_unscaled_noise"),
        ("amp_released.default", "amp.default"),
    ]
    for control, method in pairs:
        here, there = load(folder, control), load(folder, method)
        assert here["role"] == "control" and here["note"]
        last = [numbers(record["outputs"][-1]["params"]) for record in (here, there)]
        allowed = numbers(here["outputs"][-1]["tolerance"])
        assert distance(*last) > 3.0 * allowed, control
    controls = {record["method"] for record in records(folder) if record["role"] == "control"}
    assert controls == {
        "maml", "isda", "graph_lagrangian", "c_cola_ud_released", "c_cola_ud_stale",
        "o_cola_ud_released", "amp_released",
    }  # fmt: skip


# --- oracles that read the files and share no code -----------------------------------------------


def run_twin(record, init, step):
    """Parameters after 1, 2, 5 and 20 steps of a twin that sees plain arrays."""
    state = init(numbers(record["params"]))
    batches, draws = numbers(record["batches"]), {}
    for item in record["draws"]:
        draws[item["step"]] = [numbers(draw["values"]) for draw in item["draws"]]
    found = []
    for k in range(20):
        noise = iter(draws.get(k, draws.get(k % 2, [])))
        state = step(state, batches[k % len(batches)], noise)
        if k + 1 in (1, 2, 5, 20):
            found.append(state[0])
    return found


def leaves(tree):
    return [leaf for layer in tree for leaf in layer.values()]


def slopes(params, batch):
    pairs = zip(leaves(batch["slope"]), leaves(batch["curvature"]), params, strict=True)
    return [g + h * p for g, h, p in pairs]


def adam(hyper):
    def step(state, batch, noise):
        p, m, v, k = state
        g = slopes(p, batch)
        a, b = hyper["beta1"], hyper["beta2"]
        m = [a * x + (1 - a) * y for x, y in zip(m, g, strict=True)]
        v = [b * x + (1 - b) * y * y for x, y in zip(v, g, strict=True)]
        c, d = 1 - a ** (k + 1), 1 - b ** (k + 1)
        rate, tiny = hyper["learning_rate"], hyper["epsilon"]
        moves = [rate * (x / c) / (np.sqrt(y / d) + tiny) for x, y in zip(m, v, strict=True)]
        return [x - y for x, y in zip(p, moves, strict=True)], m, v, k + 1

    zeros = lambda p: [np.zeros_like(x) for x in leaves(p)]  # noqa: E731
    return lambda p: (leaves(p), zeros(p), zeros(p), 0), step


def proximal_l1(hyper):
    def step(state, batch, noise):
        rate, shrink = hyper["learning_rate"], hyper["learning_rate"] * hyper["strength"]
        moved = [p - rate * g for p, g in zip(state[0], slopes(state[0], batch), strict=True)]
        return (
            [np.sign(p) * np.maximum(np.abs(p) - shrink, 0) if p.ndim == 2 else p for p in moved],
        )

    return lambda p: (leaves(p),), step


def sgld(hyper):
    def step(state, batch, noise):
        h = hyper["learning_rate"]
        size = math.sqrt(2 * h * hyper["temperature"])
        pairs = zip(state[0], slopes(state[0], batch), strict=True)
        return ([p - h * g + size * next(noise) for p, g in pairs],)

    return lambda p: (leaves(p),), step


def sam(hyper):
    def step(state, batch, noise):
        p, buffer = state
        g = slopes(p, batch)
        size = hyper["radius"] / math.sqrt(sum(np.sum(x * x) for x in g))
        g = slopes([x + size * y for x, y in zip(p, g, strict=True)], batch)
        mu, rate = hyper["momentum"], hyper["learning_rate"]
        buffer = [mu * b + x for b, x in zip(buffer, g, strict=True)]
        moves = [x + mu * b for b, x in zip(buffer, g, strict=True)]  # nesterov
        return [x - rate * m for x, m in zip(p, moves, strict=True)], buffer

    return lambda p: (leaves(p), [np.zeros_like(x) for x in leaves(p)]), step


def overdamped_circles(hyper):
    """Weight matrices on circles of radius r, noise on θ and ξ, radial projection."""
    r, h = hyper["radii"][0], hyper["step_size"]
    size = math.sqrt(2 * h * hyper["temperature"])

    def step(state, batch, noise):
        p, xi = state
        new, slack = [], []
        for x, s, g in zip(p, xi, slopes(p, batch), strict=True):
            first = next(noise)
            if s is None:
                new.append(x - h * g + size * first)
                slack.append(None)
                continue
            a, b = x - h * g + size * first[0], s + size * first[1]
            length = np.hypot(a, b)
            new.append(r * a / length)
            slack.append(r * b / length)
        return new, slack

    def init(params):
        p = leaves(params)
        return p, [np.sqrt(r * r - x * x) if x.ndim == 2 else None for x in p]

    return init, step


TWINS = {
    "adam.default": adam,
    "adam.large_epsilon": adam,
    "l1.default": proximal_l1,
    "sgld.default": sgld,
    "sam.default": sam,
}


@pytest.mark.parametrize("name", TWINS)
def test_twins_that_know_the_files_alone_agree(folder, name):
    record = load(folder, name)
    hyper = numbers(record["hyper_parameters"])
    found = run_twin(record, *TWINS[name](hyper))
    for params, output in zip(found, record["outputs"], strict=True):
        expected = leaves(numbers(output["params"]))
        allowed = numbers(output["tolerance"])
        for mine, theirs in zip(params, expected, strict=True):
            assert np.max(np.abs(mine - theirs)) <= allowed * max(1.0, np.max(np.abs(theirs)))


def test_losses_by_loops(folder):
    record = load(folder, "softmax_cross_entropy.sum")
    scores = numbers(record["params"])
    for batch, value in zip(record["batches"], record["values"], strict=True):
        labels = numbers(batch["targets"])
        total = sum(
            math.log(sum(math.exp(x) for x in row)) - row[y]
            for row, y in zip(scores.tolist(), labels.tolist(), strict=True)
        )
        assert numbers(value["loss"]) == pytest.approx(total, rel=1e-13)


def test_a_penalty_has_its_value_gradient_and_hessian(folder):
    """L2: strength |W|² / 2 of the weights, gradient strength W, the same linear in a direction."""
    record = load(folder, "l2.default")
    strength = numbers(record["hyper_parameters"]["strength"])
    weights = [layer["weight"] for layer in numbers(record["params"])]
    penalty = numbers(record["penalty"])
    total = 0.5 * strength * sum(np.sum(w * w) for w in weights)
    assert penalty["value"] == pytest.approx(total, rel=1e-13)
    for layer, along, gradient, product in zip(
        numbers(record["params"]), penalty["direction"], penalty["gradient"],
        penalty["hessian_product"], strict=True,
    ):  # fmt: skip
        assert np.allclose(gradient["weight"], strength * layer["weight"], rtol=1e-13)
        assert np.allclose(product["weight"], strength * along["weight"], rtol=1e-13)
        assert not gradient["bias"].any() and not product["bias"].any()


def test_constraints_by_their_equations(folder):
    given = load(folder, "orthogonal.default")
    q, values = numbers(given["params"])["q"], numbers(given["values"])
    for point in (values["projection"], values["nearest"]):
        assert np.max(np.abs(point.T @ point - np.eye(3))) < 1e-14
    target = numbers(given["params"])["target"]
    multiplier = q.T @ (target - values["projection"])
    assert np.max(np.abs(multiplier - multiplier.T)) < 1e-13
    assert np.max(np.abs(target - values["projection"] - q @ multiplier)) < 1e-13
    u, _, vt = np.linalg.svd(target, full_matrices=False)
    assert np.max(np.abs(values["nearest"] - u @ vt)) < 1e-13


@pytest.mark.parametrize(
    "name", ["momentum.default", "mhe.default", "sgld.default", "o_cola_ud.OBA"]
)
def test_single_precision_is_as_good_as_the_readme_says(folder, name):
    record = load(folder, name)
    variant = methods.variant_of(record)
    problem = methods.problem_of(variant)

    def low(tree):
        return ad.map_tree(lambda x: x.astype(np.float32), decode_like(tree, problem.params))

    batches = [
        ad.map_tree(lambda x: x.astype(np.float32), decode_like(batch, problem.batches[0]))
        for batch in record["batches"]
    ]
    problem = dataclasses.replace(problem, params=low(record["params"]), batches=tuple(batches))
    method = methods.made(variant, methods.settings_of(variant))
    found = run(method, problem, Draws.of_record(record["draws"]).stream)
    for output, expected in zip(found, record["outputs"], strict=True):
        off = distance(decode(encode(output["params"])), decode(expected["params"]))
        assert 0.0 < off < 0.2e8 * numbers(expected["tolerance"])
        assert all(leaf.dtype == np.float32 for leaf in ad.flatten(output["params"])[0])


# --- the example reader --------------------------------------------------------------------------


def read(path):
    return subprocess.run(
        [sys.executable, "-I", str(READER), str(path)], capture_output=True, text=True
    )


def test_the_reader_of_the_documentation_needs_no_package_and_finds_a_wrong_number(
    folder, tmp_path
):
    text = READER.read_text()
    code = [line for line in text.split('"""', 2)[2].splitlines() if line.strip()]
    assert len(code) <= 40 and "import refimpl" not in text and "numpy" not in text
    path = folder / "momentum.default.json"
    done = read(path)
    assert done.returncode == 0 and done.stdout.count("allowed") == 4, done.stderr
    record = json.loads(path.read_text())
    data = record["outputs"][2]["params"][0]["weight"]
    first, _, rest = data["data"].partition(" ")
    allowed = numbers(record["outputs"][2]["tolerance"])
    data["data"] = f"{(float.fromhex(first) + 2.0 * allowed).hex()} {rest}"
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(record))
    assert read(bad).returncode == 1


# --- what is wrong is said -----------------------------------------------------------------------


@pytest.fixture
def one(folder, tmp_path):
    """A folder with one file, which a test may spoil."""
    name = "mhe.default.json"
    shutil.copy(folder / name, tmp_path / name)
    index = load(folder, "index")
    index["files"] = {name: index["files"][name]}
    (tmp_path / "index.json").write_text(json.dumps(index))

    def spoil(change, sign=True):
        record = load(tmp_path, "mhe.default")
        change(record)
        data = json.dumps(record).encode()
        (tmp_path / name).write_bytes(data)
        if sign:
            index["files"][name] = hashlib.sha256(data).hexdigest()
            (tmp_path / "index.json").write_text(json.dumps(index))
        return vectors.check(tmp_path)[name]

    return spoil


def nudged(record, by):
    data = record["data"].split()
    data[0] = hexadecimal(float.fromhex(data[0]) + by)
    record["data"] = " ".join(data)


def test_a_number_beyond_its_tolerance_is_named(one):
    def output(record):
        allowed = numbers(record["outputs"][1]["tolerance"])
        nudged(record["outputs"][1]["params"][0]["weight"], 3.0 * allowed)

    assert [line[:20] for line in one(output)] == ["step 2: params diffe"]


def test_a_number_within_its_tolerance_is_not(one):
    def output(record):
        allowed = numbers(record["outputs"][1]["tolerance"])
        nudged(record["outputs"][1]["params"][0]["weight"], 0.3 * allowed)

    assert one(output) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: nudged(r["penalty"]["hessian_product"][0]["weight"], 1e-6), "hessian_product"),
        (lambda r: nudged(r["params"][0]["weight"], 1e-6), "step 1: params differ"),
        (lambda r: r["hyper_parameters"].update(s=encode(1.0)), "params differ"),
        (lambda r: r["valid"].append({"hyper_parameters": {"s": encode(-2.0)}}), "is valid, but"),
        (lambda r: r["invalid"].append({"params": "ones", "error": "X", "is": []}), "ones"),
        (lambda r: r["invalid"][0].update(error="KeyError"), "refused by ValueError, not KeyError"),
        (lambda r: r["invalid"][0].update(names="nonsense"), "without naming nonsense"),
        (lambda r: r.update(variant="unheard"), "there is no variant 'unheard' of 'mhe'"),
        (lambda r: r.pop("params"), "lacks 'params'"),
        (lambda r: r["outputs"][0].update(step=3), "step is 3, not one of 1, 2, 5, 20"),
        (lambda r: r["outputs"].pop(), "has 3 items, fewer than 4"),
        (lambda r: r["params"].pop(), "another number of arrays"),
        (lambda r: r.update(note=1), "note is 1, no string"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(one, change, message):
    assert message in "; ".join(one(change))


def test_a_file_that_is_not_the_indexed_one_is_told(one):
    assert "SHA-256" in one(lambda record: record.update(note="changed"), sign=False)[0]


def test_folders_that_are_none_are_refused(tmp_path):
    with pytest.raises(DataError, match="refimpl vectors write"):
        vectors.check(tmp_path)
    (tmp_path / "index.json").write_text('{"format": "refimpl vectors", "format_version": 2}')
    with pytest.raises(DataError, match="another format"):
        vectors.check(tmp_path)
    with pytest.raises(DataError, match="did you mean 'adam'"):
        vectors.write(tmp_path, ["adaam"])


def test_the_command_writes_and_checks(tmp_path):
    def call(*arguments):
        return CliRunner().invoke(app, ["vectors", *map(str, arguments)])

    done = call("write", tmp_path, "--only", "sgd", "--only", "sphere")
    assert done.exit_code == 0 and "2 files" in done.output
    assert "2 of 2 files agree" in call("check", tmp_path).output
    path = tmp_path / "sgd.default.json"
    path.write_text(path.read_text().replace('"step":5', '"step":6'))
    failed = call("check", tmp_path)
    assert failed.exit_code == 1 and "sgd.default.json: " in failed.output
    assert "1 of 2 files agree" in failed.output
    missing = call("check", tmp_path / "nowhere")
    assert missing.exit_code == 1


# --- schema and encoding -------------------------------------------------------------------------


def test_the_schema_is_one_by_an_independent_validator(folder):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema())
    validator = jsonschema.Draft202012Validator(schema())
    for record in records(folder)[::10]:
        assert validator.is_valid(record) and not problems(record)
        record["outputs"][0]["tolerance"] = 1.0
        assert not validator.is_valid(record) and problems(record)


@pytest.mark.parametrize("value", [0.1, -1e-310, 5e-324, 1e308, 0.0, -0.0, math.inf, 1 / 3])
def test_hexadecimal_numbers_come_back_to_the_bit(value):
    text = hexadecimal(value)
    back = float.fromhex(text)
    assert back == value and math.copysign(1.0, back) == math.copysign(1.0, value)
    assert not problems({"float": text}, {**schema(), **schema()["$defs"]["float"]})


def test_trees_come_back(xb):
    tree = {"a": [xb.asarray([[1.0, 2.5]]), None], "b": True, "c": 3, "d": "x", "e": 0.1}
    back = decode(encode(tree))
    assert np.array_equal(back["a"][0], [[1.0, 2.5]]) and back["a"][1] is None
    assert (back["b"], back["c"], back["d"], back["e"]) == (True, 3, "x", 0.1)
    with pytest.raises(DataError, match="cannot be written"):
        encode(object())


def test_distances():
    assert distance(np.array([1.0, math.nan]), np.array([1.0, math.nan])) == 0.0
    assert distance(np.array([1.0]), np.array([math.nan])) == math.inf
    assert distance(np.array([math.inf]), np.array([math.inf])) == 0.0
    assert distance(np.array([0.5]), np.array([0.25])) == 0.25
    assert distance({"a": 3}, {"a": 4}) == 0.0
    assert distance(np.zeros(2), np.zeros(3)) == math.inf
    with pytest.raises(DataError, match="structures differ"):
        distance([1.0], [1.0, 2.0])


def test_the_reader_is_a_module_without_effects():
    spec = importlib.util.spec_from_file_location("vectors_reader", READER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    record = [{"float": "0x1.8p+0"}, {"shape": [1], "type": "int64", "data": [2]}]
    assert module.numbers(record) == [1.5, 2]
