"""npz archives from anywhere: read in full and within bounds, or refused by a typed error.

An archive that was cut off, overwritten, inflated or made by somebody else fails in many ways, of
which NumPy and zipfile name only some. Here each member's header is looked at first, so that no
file decides how much memory it takes.

>>> import tempfile
>>> path = Path(tempfile.mkdtemp()) / "numbers.npz"
>>> np.savez(path, x=np.arange(2.0))
>>> read_arrays(path, error=DataError)
{'x': array([0., 1.])}
"""

from __future__ import annotations

import hashlib
import math
import os
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.errors import DataError, RefimplError

LIMIT = 1 << 32
"""Bytes of all members together, where the caller knows no better bound."""

_HEADERS: dict[Any, Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_arrays(
    path: str | Path, *, error: type[RefimplError] = DataError, limit: int = LIMIT
) -> dict[str, np.ndarray]:
    """All arrays of an npz archive.

    Parameters
    ----------
    path : path
    error : type
        Of what is raised.
    limit : int
        The most bytes that the arrays may take together.

    Returns
    -------
    dict of str to array

    Raises
    ------
    RefimplError
        Of the type ``error``: where the file is missing, may not be read, is no regular file, no
        archive or a damaged one, holds Python objects, or would take more than ``limit``.

    Examples
    --------
    >>> read_arrays("no/such/file")
    Traceback (most recent call last):
    ...
    refimpl.errors.DataError: cannot read no/such/file: No such file or directory
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
            raise error(f"cannot read {path}: it is no regular file")
        with open(path, "rb") as stream:
            if not zipfile.is_zipfile(stream):
                raise error(f"{path} is no npz archive, or half of one")
            with zipfile.ZipFile(stream) as archive:
                members = archive.infolist()
                total = sum(member.file_size for member in members)
                if total > limit:
                    raise error(f"{path} is larger than it can be", bytes=total, limit=limit)
                return {
                    member.filename.removesuffix(".npy"): _read(archive, member)
                    for member in members
                }
    except OSError as found:
        raise error(f"cannot read {path}: {found.strerror or found}") from None
    except RefimplError:
        raise
    except Exception as found:  # what a damaged file makes a reader raise has no common base
        raise error(f"{path} is damaged: {type(found).__name__}: {found}") from None


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise ValueError(f"{member.filename} has format {version}")
        shape, fortran, dtype = _HEADERS[version](stream)
        if dtype.hasobject:
            raise ValueError(f"{member.filename} holds Python objects")
        size = math.prod(shape) * dtype.itemsize
        left = member.file_size - stream.tell()
        if size != left or min(shape, default=0) < 0:
            raise ValueError(f"{member.filename} has {left} bytes for {size} of its shape")
        content = bytearray(stream.read(size))
        if stream.read(1):  # reaching the end checks the checksum
            raise ValueError(f"{member.filename} is longer than it says")
    return np.ndarray(shape, dtype, content, order="F" if fortran else "C")


def array_hash(arrays: Mapping[str, Any]) -> str:
    """SHA-256 over names, dtypes, shapes and bytes: equal exactly where the arrays are.

    Examples
    --------
    >>> array_hash({"x": np.zeros(2)}) == array_hash({"x": np.zeros(2)})
    True
    >>> array_hash({"x": np.zeros(2)}) == array_hash({"x": np.zeros((2, 1))})
    False
    """
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        digest.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
