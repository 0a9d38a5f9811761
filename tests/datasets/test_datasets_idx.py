"""IDX files built byte by byte with struct, then damaged at every place."""

import gzip
import os
import struct

import numpy as np
import pytest

from refimpl.datasets.idx import read_idx, read_labeled, write_idx
from refimpl.errors import DataError

TYPES = [
    (0x08, "B", [0, 1, 127, 255]),
    (0x09, "b", [0, 1, -128, 127]),
    (0x0B, "h", [0, -2, -32768, 32767]),
    (0x0C, "i", [0, 70000, -(2**31), 2**31 - 1]),
    (0x0D, "f", [0.0, -1.5, 3.25, 1e30]),
    (0x0E, "d", [0.0, -1.5, 0.1, 1e300]),
]


def make(code, letter, shape, values):
    return (
        struct.pack(">HBB", 0, code, len(shape))
        + struct.pack(f">{len(shape)}I", *shape)
        + struct.pack(f">{len(values)}{letter}", *values)
    )


IMAGES = make(0x08, "B", (2, 2, 3), list(range(12)))
LABELS = make(0x08, "B", (2,), [1, 0])


@pytest.fixture(params=["raw", "gzip"])
def store(request, tmp_path):
    """Write bytes as a file, plain or compressed."""

    def write(content, name="file"):
        path = tmp_path / name
        path.write_bytes(content if request.param == "raw" else gzip.compress(content))
        return path

    return write


def failure(function, *args, **options):
    with pytest.raises(DataError) as caught:
        function(*args, **options)
    return caught.value


@pytest.mark.parametrize(("code", "letter", "values"), TYPES)
@pytest.mark.parametrize("shape", [(4,), (2, 2), (1, 4, 1), (2, 1, 2, 1)])
def test_reads_every_type_and_shape(store, code, letter, values, shape):
    array = read_idx(store(make(code, letter, shape, values)))
    assert array.shape == shape
    assert array.dtype.isnative
    assert array.dtype.char == letter
    assert array.ravel().tolist() == list(
        struct.unpack(f">4{letter}", struct.pack(f">4{letter}", *values))
    )


@pytest.mark.parametrize(("code", "letter", "values"), TYPES)
@pytest.mark.parametrize("name", ["array", "array.gz"])
def test_writes_the_bytes_of_the_format(tmp_path, code, letter, values, name):
    path = tmp_path / name
    write_idx(path, np.array(values, dtype=letter).reshape(2, 2))
    content = path.read_bytes()
    content = gzip.decompress(content) if name.endswith(".gz") else content
    assert content == make(code, letter, (2, 2), values)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_writing_is_deterministic_and_takes_any_memory_order(tmp_path):
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    big_endian = np.asfortranarray(array).astype(">i4")
    for name, values in (("a.gz", array), ("b.gz", big_endian)):
        write_idx(tmp_path / name, values)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


@pytest.mark.parametrize("array", [np.array([1]), np.array([True]), np.array([1], np.float16)])
def test_types_without_a_code_are_refused(tmp_path, array):
    with pytest.raises(TypeError, match="IDX has no type"):
        write_idx(tmp_path / "x", array)
    with pytest.raises(ValueError, match="cannot hold shape"):
        write_idx(tmp_path / "x", np.float64(1).reshape(()))


@pytest.mark.parametrize("length", range(len(IMAGES)))
def test_truncated_anywhere_names_file_and_offset(store, length):
    path = store(IMAGES[:length])
    error = failure(read_idx, path)
    assert error.path == str(path) and str(path) in str(error)
    assert error.offset == length
    assert "truncated" in str(error)
    begin = 0 if length < 4 else 4 if length < 16 else 16
    assert error.expected.endswith(f"from offset {begin}")
    assert error.found == f"{length - begin} bytes"


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_gzip_file_cut_in_its_trailer_is_refused_although_all_data_are_there(tmp_path, cut):
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(IMAGES)[:-cut])
    error = failure(read_idx, path)
    assert "gzip stream" in str(error) and error.path == str(path)


def test_every_cut_of_a_gzip_file_is_refused(tmp_path):
    whole = gzip.compress(IMAGES)
    for length in range(len(whole)):
        path = tmp_path / "cut.gz"
        path.write_bytes(whole[:length])
        assert failure(read_idx, path).path == str(path)


def test_a_flipped_checksum_of_gzip_is_refused(tmp_path):
    content = bytearray(gzip.compress(IMAGES))
    content[-6] ^= 1
    path = tmp_path / "flipped.gz"
    path.write_bytes(content)
    assert "gzip stream" in str(failure(read_idx, path))


@pytest.mark.parametrize("extra", [b"\x00", b"12345"])
def test_trailing_bytes_are_refused_where_they_start(store, extra):
    error = failure(read_idx, store(IMAGES + extra))
    assert "bytes after the data" in str(error)
    assert error.offset == len(IMAGES)


@pytest.mark.parametrize(
    ("content", "offset", "expected", "found"),
    [
        (b"\x89PNG" + IMAGES[4:], 0, "0000", "8950"),
        (b"\x00\x01" + IMAGES[2:], 0, "0000", "0001"),
        (b"\x00\x00\x0a\x03" + IMAGES[4:], 2, "08 09 0b 0c 0d 0e", "0a"),
        (b"\x00\x00\x08\x00" + IMAGES[4:], 3, "1 to 64", "0"),
        (b"\x00\x00\x08\xff" + IMAGES[4:], 3, "1 to 64", "255"),
        # Little-endian sizes: (2, 2, 3) reads as 2^25 * 2^25 * 3 * 2^24 values.
        (IMAGES[:4] + struct.pack("<3I", 2, 2, 3) + IMAGES[16:], 4, "at most", "33554432"),
    ],
)
def test_wrong_headers_are_refused_where_they_are_wrong(store, content, offset, expected, found):
    error = failure(read_idx, store(content))
    assert error.offset == offset
    assert expected in error.expected
    assert found in error.found


def test_a_header_that_promises_terabytes_fails_for_want_of_bytes(store):
    path = store(make(0x0E, "d", (2**20, 2**20), []))
    error = failure(read_idx, path, limit=2**50)
    assert error.offset == 12 and str(2**43) in error.expected
    error = failure(read_idx, path)
    assert error.offset == 4 and "larger than it can be" in str(error)


def test_a_stream_of_zeros_is_refused_before_it_is_inflated(tmp_path):
    path = tmp_path / "bomb.gz"
    write_idx(path, np.zeros((400, 100, 100), np.uint8))
    assert path.stat().st_size < 10_000
    assert "larger than it can be" in str(failure(read_idx, path, limit=1_000_000))


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in str(failure(read_idx, tmp_path / "pipe"))


@pytest.mark.parametrize("value", [0, 7, 255])
def test_images_that_are_all_alike_are_refused(tmp_path, value):
    write_idx(tmp_path / "labels", np.array([0, 1, 1], np.uint8))
    write_idx(tmp_path / "images", np.full((3, 2, 2), value, np.uint8))
    error = failure(read_labeled, tmp_path / "images", tmp_path / "labels", classes=2)
    assert "all pixels of all images are equal" in str(error)
    write_idx(tmp_path / "images", np.zeros((3, 2, 0), np.uint8))
    error = failure(read_labeled, tmp_path / "images", tmp_path / "labels", classes=2)
    assert "no pixels" in str(error)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "cannot open" in str(failure(read_idx, tmp_path / "none"))
    assert failure(read_idx, tmp_path).path == str(tmp_path)


def test_empty_arrays_survive(store):
    assert read_idx(store(make(0x08, "B", (0, 28, 28), []))).shape == (0, 28, 28)


def test_a_pair_is_read_in_row_order(store):
    images, labels = read_labeled(store(IMAGES, "images"), store(LABELS, "labels"), classes=2)
    assert images.tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert labels.tolist() == [1, 0]


def test_swapped_files_are_told_apart(store):
    images, labels = store(IMAGES, "images"), store(LABELS, "labels")
    error = failure(read_labeled, labels, images, classes=2)
    assert error.path == str(labels) and error.offset == 3
    assert "file of images is expected" in str(error) and "holds labels" in str(error)
    error = failure(read_labeled, images, images, classes=2)
    assert "file of labels is expected" in str(error) and "holds images" in str(error)
    assert "(2, 2, 3)" in error.found


def test_counts_that_differ_are_refused(store):
    labels = store(make(0x08, "B", (3,), [1, 0, 1]), "labels")
    error = failure(read_labeled, store(IMAGES, "images"), labels, classes=2)
    assert (error.path, error.offset) == (str(labels), 4)
    assert (error.expected, error.found) == ("2 labels", "3 labels")


def test_a_label_out_of_range_is_refused_at_its_byte(store):
    content = make(0x08, "B", (2,), [1, 2])
    labels = store(content, "labels")
    error = failure(read_labeled, store(IMAGES, "images"), labels, classes=2)
    assert content[error.offset] == 2
    assert error.found == "2" and error.expected == "a value below 2"


def test_a_pair_of_the_wrong_type_is_refused(store):
    labels = store(make(0x0C, "i", (2,), [1, 0]), "labels")
    error = failure(read_labeled, store(IMAGES, "images"), labels, classes=2)
    assert error.offset == 2 and error.found == "int32"
