"""The files as a reader in another language sees them, and the ways in which they can be wrong."""

import dataclasses
import hashlib
import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from vectors.reading import load, numbers, records

from refimpl import autodiff as ad
from refimpl import catalogue, vectors
from refimpl.errors import DataError
from refimpl.models import LOSSES
from refimpl.vectors import constraints, methods
from refimpl.vectors.encoding import decode, decode_like, distance, encode, hexadecimal
from refimpl.vectors.running import Draws, run
from refimpl.vectors.schema import problems, schema

ROOT = Path(__file__).parents[2]
READER = ROOT / "docs" / "vectors_reader.py"


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
        ("mhe.released", "mhe.default"),
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
        "o_cola_ud_released", "amp_released", "mhe",
    }  # fmt: skip


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
    record = json.loads(path.read_text(encoding="utf-8"))
    data = record["outputs"][2]["params"][0]["weight"]
    first, _, rest = data["data"].partition(" ")
    allowed = numbers(record["outputs"][2]["tolerance"])
    data["data"] = f"{(float.fromhex(first) + 2.0 * allowed).hex()} {rest}"
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(record))
    assert read(bad).returncode == 1


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
