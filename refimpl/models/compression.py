"""Compression of sparse networks: counting, storing and reading back.

*Compression* is the number of weights over the number of non-zero weights, with no threshold and
without biases. *Storage* is another matter: a sparse matrix also keeps the places of its entries,
so that nine times fewer weights take more than a ninth of the bytes. Both are reported.

>>> import numpy as np
>>> report = describe([{"weight": np.eye(4), "bias": np.zeros(4)}])
>>> report.ratio, report.dense_bytes, report.sparse_bytes
(4.0, 160, 100)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.archives import LIMIT, array_hash, read_arrays
from refimpl.arrays import Array, Backend, to_host
from refimpl.arrays import backend as make_backend
from refimpl.errors import DataError
from refimpl.files import atomic_file

Params = list[dict[str, Array]]


@dataclass(frozen=True)
class Compression:
    """How sparse a network is, and what it takes to store.

    Attributes
    ----------
    weights, nonzero : int
        Entries of the weight matrices, and those that are not exactly zero.
    dense_bytes : int
        All weights and biases, dense.
    sparse_bytes : int
        Every weight matrix in the cheaper of compressed rows (values, 32-bit columns, row ends)
        and dense form, and the biases.
    """

    weights: int
    nonzero: int
    dense_bytes: int
    sparse_bytes: int

    @property
    def collapsed(self) -> bool:
        """Whether every weight is zero: a network that has died, not one that is compressed."""
        return self.nonzero == 0

    @property
    def ratio(self) -> float | None:
        """All weights over the non-zero ones; None for a collapsed network."""
        return None if self.collapsed else self.weights / self.nonzero

    @property
    def storage_ratio(self) -> float:
        """Dense over sparse bytes."""
        return self.dense_bytes / self.sparse_bytes

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a summary."""
        return {
            "weights": self.weights,
            "nonzero": self.nonzero,
            "collapsed": self.collapsed,
            "ratio": self.ratio,
            "dense_bytes": self.dense_bytes,
            "sparse_bytes": self.sparse_bytes,
            "storage_ratio": self.storage_ratio,
        }


def _sparse(weight: np.ndarray) -> Any:
    import scipy.sparse

    matrix = scipy.sparse.csr_array(weight)
    matrix.eliminate_zeros()
    return matrix


def _stored(weight: np.ndarray) -> tuple[int, Any]:
    """The bytes of the cheaper form, and the sparse matrix, or None where dense is cheaper."""
    matrix = _sparse(weight)
    size = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    return (size, matrix) if size < weight.nbytes else (weight.nbytes, None)


def describe(params: Params) -> Compression:
    """Count weights, zeros and bytes.

    Parameters
    ----------
    params : list of dict
        Layers with ``"weight"`` (out, in) and, perhaps, ``"bias"`` (out,). Not modified.

    Returns
    -------
    Compression

    Examples
    --------
    >>> dead = describe([{"weight": np.zeros((2, 2))}])
    >>> dead.collapsed, dead.ratio
    (True, None)
    """
    weights = nonzero = dense = sparse = 0
    for layer in params:
        weight = to_host(layer["weight"])
        other = sum(to_host(leaf).nbytes for name, leaf in layer.items() if name != "weight")
        weights += weight.size
        nonzero += int(np.count_nonzero(weight))
        dense += weight.nbytes + other
        sparse += _stored(weight)[0] + other
    return Compression(weights, nonzero, dense, sparse)


def save(path: str | Path, params: Params) -> None:
    """Write a network to an npz file, each weight matrix in its cheaper form.

    Parameters
    ----------
    path : path-like
        Replaced if it exists.
    params : list of dict
        As for :func:`describe`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/net.npz", [{"weight": np.eye(3)}])
    ...     load(f"{folder}/net.npz")[0]["weight"]
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """
    arrays: dict[str, np.ndarray] = {"layers": np.asarray(len(params))}
    for index, layer in enumerate(params):
        for name, leaf in layer.items():
            value = to_host(leaf)
            if value.dtype.kind != "f":
                raise TypeError(f"{name!r} of layer {index} holds {value.dtype}, no real numbers")
            matrix = _stored(value)[1] if name == "weight" else None
            if matrix is None:
                arrays[f"{index}/{name}"] = value
                continue
            for part in ("data", "indices", "indptr"):
                arrays[f"{index}/{name}/{part}"] = getattr(matrix, part)
            arrays[f"{index}/{name}/shape"] = np.asarray(matrix.shape)
    with atomic_file(path) as stream:
        np.savez(stream, digest=np.asarray(array_hash(arrays)), **arrays)  # type: ignore[arg-type]


def load(path: str | Path, backend: Backend | None = None) -> Params:
    """Read what :func:`save` wrote: dense parameters, equal bit for bit to those saved.

    A weight of minus zero comes back as zero.

    Parameters
    ----------
    path : path-like
    backend : Backend, optional
        Where the parameters live; default NumPy with the dtype of the file.

    Returns
    -------
    list of dict

    Raises
    ------
    DataError
        If the file is missing, damaged, or not a saved network: every index, shape and dtype is
        looked at before it is used.
    """
    arrays = read_arrays(path)
    try:
        digest = arrays.pop("digest", None)  # the first member: no cut of the list leaves it out
        if digest is not None and str(digest) != array_hash(arrays):
            raise ValueError("its values are not those that were saved")
        params = _layers(arrays)
    except DataError:
        raise
    except Exception as error:  # whatever a foreign file can raise
        raise DataError(f"{path} is not a saved sparse network: {error}") from None
    dtype = str(params[0]["weight"].dtype)
    place = backend or make_backend("numpy", dtype)
    return [{name: place.asarray(leaf) for name, leaf in layer.items()} for layer in params]


def _layers(arrays: dict[str, np.ndarray]) -> Params:
    """The layers of an archive, each array in the place that its name says."""
    count = arrays.pop("layers")
    if count.shape != () or count.dtype.kind not in "iu" or not 0 < int(count) <= len(arrays):
        raise ValueError(f"it names {count} layers and holds {len(arrays)} arrays")
    params: Params = [{} for _ in range(int(count))]
    seen = 0
    for key, value in arrays.items():
        index, name, *part = key.split("/")
        if not index.isdecimal() or int(index) >= len(params):
            raise ValueError(f"there is no layer for {key!r}")
        if not part:
            params[int(index)][name] = value
            seen += 1
        elif part == ["data"]:
            names = [f"{index}/{name}/{other}" for other in ("indices", "indptr", "shape")]
            params[int(index)][name] = _dense(value, *(arrays[other] for other in names))
            seen += 4
    if seen != len(arrays):
        raise ValueError("it holds arrays that belong to no layer")
    dtypes = set()
    for place, layer in enumerate(params):
        if "weight" not in layer:
            raise ValueError(f"layer {place} has no weight")
        for name, leaf in layer.items():
            dtypes.add(str(leaf.dtype))
            if not np.all(np.isfinite(leaf)):
                raise ValueError(f"{name!r} of layer {place} is not finite")
    if len(dtypes) != 1 or not dtypes <= {"float64", "float32"}:
        raise ValueError(f"its arrays have the dtypes {', '.join(sorted(dtypes))}")
    return params


def _dense(
    data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, shape: np.ndarray
) -> np.ndarray:
    """A dense matrix from compressed rows, once every index is known to lie inside.

    SciPy writes where the indices say without looking.
    """
    for part in (data, indices, indptr, shape):
        if part.ndim != 1:
            raise ValueError("compressed rows are vectors")
    if shape.size != 2 or any(part.dtype.kind not in "iu" for part in (indices, indptr, shape)):
        raise ValueError("the shape or an index of compressed rows is no integer")
    rows, columns = (int(length) for length in shape)
    if rows < 0 or columns < 0 or rows * columns * data.itemsize > LIMIT:
        raise ValueError(f"a matrix of shape ({rows}, {columns}) is larger than it can be")
    ends = indptr.astype(np.int64)
    places = indices.astype(np.int64)
    if len(ends) != rows + 1 or ends[0] != 0 or ends[-1] != len(data) or len(data) != len(places):
        raise ValueError("the rows do not fit the values")
    if np.any(np.diff(ends) < 0) or np.any((places < 0) | (places >= columns)):
        raise ValueError("an index lies outside the matrix")
    matrix = np.zeros((rows, columns), dtype=data.dtype)
    np.add.at(matrix, (np.repeat(np.arange(rows), np.diff(ends)), places), data)
    return matrix
