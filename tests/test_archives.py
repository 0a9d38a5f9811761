"""Archives that were cut, flipped, inflated or made by somebody else: arrays or a typed error."""

import io
import os
import zipfile

import numpy as np
import pytest

from refimpl.archives import read_arrays
from refimpl.errors import CheckpointError, DataError


def write(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)


def npy(array, header=None):
    stream = io.BytesIO()
    np.save(stream, array)
    content = stream.getvalue()
    return content if header is None else content.replace(*header)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.asarray(3),
        np.zeros((0, 4)),
        np.array(["a", "bc"]),
        np.array([True]),
    ],
)
def test_what_was_written_is_read(tmp_path, array):
    np.savez_compressed(tmp_path / "x.npz", x=array, y=np.ones(1))
    found = read_arrays(tmp_path / "x.npz")
    assert list(found) == ["x", "y"]
    assert found["x"].dtype == array.dtype and found["x"].shape == array.shape
    assert np.array_equal(found["x"], array)


@pytest.mark.parametrize(
    "header",
    [
        (b"(3,)", b"(4,)"),
        (b"(3,)", b"(2,)"),
        (b"(3,)", b"(-3,)"),
        (b"(3,)", b"3   "),
        (b"'<f8'", b"'|O' "),
        (b"'descr'", b"'descr"),
        (b"\x93NUMPY\x01", b"\x93NUMPY\x09"),
        (b"(3,)", b"(((("),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path, header):
    write(tmp_path / "x.npz", x=npy(np.arange(3.0), header))
    with pytest.raises(DataError, match="damaged"):
        read_arrays(tmp_path / "x.npz")


def test_bombs_are_refused_before_they_are_inflated(tmp_path):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x=np.zeros(1_000_000))
    assert path.stat().st_size < 20_000
    with pytest.raises(DataError, match="larger than it can be") as caught:
        read_arrays(path, limit=1_000_000)
    assert caught.value.limit == 1_000_000 < caught.value.bytes
    shape = (b"(3,), ", b"(99999999999,)")
    write(path, x=npy(np.arange(3.0)).replace(*shape))
    with pytest.raises(DataError):
        read_arrays(path)


def test_what_is_no_file_of_its_own_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "empty", "folder", "missing"):
        with pytest.raises(CheckpointError, match=name):
            read_arrays(tmp_path / name, error=CheckpointError)
