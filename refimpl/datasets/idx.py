"""A strict reader and writer of IDX files, the format of MNIST, plain or gzip-compressed.

An IDX file is, with every number big-endian:

    offset 0   two zero bytes
    offset 2   one byte, the type: 08 uint8, 09 int8, 0B int16, 0C int32, 0D float32, 0E float64
    offset 3   one byte, the number d of dimensions
    offset 4   d sizes, uint32 each
    then       the values, last index fastest, and nothing after them

Anything else is a :class:`~refimpl.errors.DataError` with the path, the byte offset (in the
decompressed stream), what was expected there and what was found.

>>> import pathlib, tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     path = pathlib.Path(folder) / "small-idx2-short.gz"
...     write_idx(path, np.array([[1, -2], [3, 400]], dtype=np.int16))
...     read_idx(path)
array([[  1,  -2],
       [  3, 400]], dtype=int16)
"""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from refimpl.errors import DataError
from refimpl.files import write_atomic

DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
"""IDX type code to the big-endian dtype of the values."""

_CODES = {dtype.newbyteorder("="): code for code, dtype in DTYPES.items()}
_CHUNK = 1 << 20
_MAX_DIMENSIONS = 64  # NumPy's own limit
_GZIP_MAGIC = b"\x1f\x8b"


LIMIT = 1 << 30
"""Bytes of the data of one file, where the caller knows no better bound: a gzip stream of a few
megabytes may hold as many gigabytes."""


def read_idx(path: str | os.PathLike[str], *, limit: int = LIMIT) -> np.ndarray:
    """The array in an IDX file.

    Parameters
    ----------
    path : path-like
        Plain or gzip; the content decides, not the name.
    limit : int
        The most bytes that the data may take.

    Returns
    -------
    numpy.ndarray
        Of the file's shape and type, in native byte order.

    Raises
    ------
    DataError
        If the file is missing, no regular file, truncated, larger than ``limit``, has a wrong
        magic number, bytes after its data, or a damaged gzip stream. It carries ``path``,
        ``offset``, ``expected`` and ``found``.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "labels"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    path = Path(path)
    with _stream(path) as stream:
        reader = _Reader(path, stream)
        magic = reader.read(4, "the 4-byte magic number")
        if magic[:2] != b"\x00\x00":
            raise _error("not an IDX file", path, 0, "bytes 0000", f"bytes {magic[:2].hex()}")
        dtype = DTYPES.get(magic[2])
        if dtype is None:
            codes = " ".join(f"{code:02x}" for code in DTYPES)
            raise _error(
                "unknown IDX type code", path, 2, f"one of {codes}", f"byte {magic[2]:02x}"
            )
        dimensions = magic[3]
        if not 1 <= dimensions <= _MAX_DIMENSIONS:
            raise _error(
                "unusable number of dimensions",
                path,
                3,
                f"1 to {_MAX_DIMENSIONS}",
                str(dimensions),
            )
        sizes = reader.read(4 * dimensions, f"{dimensions} sizes of 4 bytes")
        shape = tuple(int(size) for size in np.frombuffer(sizes, dtype=">u4"))
        start = reader.offset
        if prod(size or 1 for size in shape) * dtype.itemsize > sys.maxsize:
            raise _error(
                "the sizes exceed any memory", path, 4, f"at most {sys.maxsize} bytes", str(shape)
            )
        needed = prod(shape) * dtype.itemsize
        if needed > limit:
            raise _error(
                "the file is larger than it can be", path, 4, f"at most {limit} bytes", str(shape)
            )
        values = reader.read(needed, f"{needed} bytes for shape {shape}")
        end = reader.offset
        if reader.more():
            raise _error(
                "bytes after the data",
                path,
                end,
                f"the end of the file, {end - start} bytes of data for shape {shape}",
                "more bytes",
            )
    return (
        np.frombuffer(values, dtype=dtype)
        .reshape(shape)
        .astype(dtype.newbyteorder("="), copy=False)
    )


def write_idx(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write ``array`` as an IDX file, gzip-compressed if the name ends in ``.gz``.

    The file appears whole or not at all, and equal arrays give equal bytes.

    Parameters
    ----------
    path : path-like
    array : numpy.ndarray
        uint8, int8, int16, int32, float32 or float64, with at least one dimension.

    Raises
    ------
    TypeError, ValueError
        If IDX has no code for the dtype or the shape.

    Examples
    --------
    >>> write_idx("labels", np.array([1, 2]))
    Traceback (most recent call last):
    ...
    TypeError: IDX has no type for int64; use uint8, int8, int16, int32, float32 or float64
    """
    path = Path(path)
    code = _CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        raise TypeError(
            f"IDX has no type for {array.dtype}; use uint8, int8, int16, int32, float32 or float64"
        )
    if array.ndim == 0 or max(array.shape) >= 2**32:  # a size is a uint32
        raise ValueError(f"IDX cannot hold shape {array.shape}")
    header = bytes([0, 0, code, array.ndim]) + np.asarray(array.shape, dtype=">u4").tobytes()
    content = header + array.astype(DTYPES[code]).tobytes()
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    write_atomic(path, content)


def read_labeled(
    images: str | os.PathLike[str],
    labels: str | os.PathLike[str],
    *,
    classes: int,
    limit: int = LIMIT,
) -> tuple[np.ndarray, np.ndarray]:
    """Images and their labels from a pair of IDX files that must fit each other.

    Parameters
    ----------
    images : path-like
        uint8 of shape (P, height, width).
    labels : path-like
        uint8 of shape (P,), values in [0, classes).
    classes : int
    limit : int
        The most bytes that a file's data may take.

    Returns
    -------
    images : numpy.ndarray of uint8, shape (P, height * width)
    labels : numpy.ndarray of uint8, shape (P,)

    Raises
    ------
    DataError
        As :func:`read_idx`; and if a file holds something else than its role asks for (such as
        images where labels belong), if the counts differ, if a label is out of range, if the images
        have no pixels, or if all pixels of all images are equal (as in a file of zeros).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = pathlib.Path(name)
    ...     write_idx(folder / "images", np.arange(18, dtype=np.uint8).reshape(2, 3, 3))
    ...     write_idx(folder / "labels", np.array([1, 0], dtype=np.uint8))
    ...     read_labeled(folder / "images", folder / "labels", classes=2)[0].shape
    (2, 9)
    """
    pixels = _read_role(Path(images), "images", 3, limit)
    answers = _read_role(Path(labels), "labels", 1, limit)
    if answers.shape[0] != pixels.shape[0]:
        raise _error(
            f"labels and images do not belong together: {images} has {pixels.shape[0]} images",
            Path(labels),
            4,
            f"{pixels.shape[0]} labels",
            f"{answers.shape[0]} labels",
        )
    wrong = np.flatnonzero(answers >= classes)
    if wrong.size:
        first = int(wrong[0])
        raise _error(
            f"label {first} is out of range ({wrong.size} such labels)",
            Path(labels),
            8 + first,
            f"a value below {classes}",
            str(int(answers[first])),
        )
    count, height, width = pixels.shape
    if count and not height * width:
        raise _error("the images have no pixels", Path(images), 8, "sizes of 1 or more", "0")
    if count > 1 and pixels.min() == pixels.max():
        raise _error(
            "all pixels of all images are equal", Path(images), 16, "images", f"{pixels.max()} only"
        )
    return pixels.reshape(count, height * width), answers


def _read_role(path: Path, role: str, dimensions: int, limit: int) -> np.ndarray:
    """Read a uint8 file of ``dimensions`` dimensions, or say what else it seems to hold."""
    array = read_idx(path, limit=limit)
    if array.dtype != np.uint8:
        raise _error(f"not a file of {role}", path, 2, "type 08 (uint8)", str(array.dtype))
    if array.ndim != dimensions:
        seems = {1: "labels", 3: "images"}.get(array.ndim, "something else")
        raise _error(
            f"a file of {role} is expected here, but this one holds {seems}",
            path,
            3,
            f"{dimensions} dimensions",
            f"{array.ndim} dimensions, shape {array.shape}",
        )
    return array


def is_gzip(path: str | os.PathLike[str]) -> bool:
    """Whether the content of the file starts as a gzip stream does."""
    with open(path, "rb") as file:
        return file.read(2) == _GZIP_MAGIC


@contextmanager
def _stream(path: Path) -> Iterator[IO[bytes]]:
    """The decompressed bytes of ``path``."""
    with ExitStack() as stack:
        try:
            if path.exists() and not path.is_file():  # a pipe would be waited for
                raise OSError(0, "it is no regular file")
            file: Any = stack.enter_context(open(path, "rb"))
            if is_gzip(path):
                file = stack.enter_context(gzip.GzipFile(fileobj=file))
        except OSError as error:
            raise DataError(f"cannot open the file: {error.strerror}", path=str(path)) from None
        yield file


class _Reader:
    """Counts what was read, so that every failure knows its offset."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self.path = path
        self.stream = stream
        self.offset = 0

    def read(self, size: int, what: str) -> bytearray:
        """Exactly ``size`` bytes. In pieces: a damaged size field may ask for terabytes, and
        must fail for want of bytes, not of memory."""
        start = self.offset
        content = bytearray()
        while len(content) < size:
            piece = self._piece(min(_CHUNK, size - len(content)))
            if not piece:
                raise _error(
                    "the file is truncated",
                    self.path,
                    self.offset,
                    f"{what} from offset {start}",
                    f"{len(content)} bytes",
                )
            content += piece
        return content

    def more(self) -> bool:
        """Whether anything follows; reaching the end also checks gzip's checksum."""
        return bool(self._piece(1))

    def _piece(self, size: int) -> bytes:
        try:
            piece = self.stream.read(size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise _error(
                f"the gzip stream is damaged or truncated: {error}",
                self.path,
                self.offset,
                "a complete gzip stream",
                f"{self.offset} readable bytes",
            ) from None
        self.offset += len(piece)
        return piece


def _error(message: str, path: Path, offset: int, expected: str, found: str) -> DataError:
    return DataError(message, path=str(path), offset=offset, expected=expected, found=found)
