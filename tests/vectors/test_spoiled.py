"""What is wrong with a file of test vectors is said."""

import hashlib
import json
import shutil

import pytest
from click.testing import CliRunner
from vectors.reading import load, numbers

from refimpl import vectors
from refimpl.cli.app import app
from refimpl.errors import DataError
from refimpl.vectors.encoding import encode, hexadecimal


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
        (
            lambda r: nudged(r["deviations"][0]["params"][0]["weight"], 1e-6),
            "with 'released constants' the parameters differ",
        ),
        (lambda r: r["deviations"][0].update(name="none such"), "no deviation 'none such' of mhe"),
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
