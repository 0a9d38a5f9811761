"""What tests share: comparisons across backends, and a backend whose arrays cannot be written."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refimpl import arrays
from refimpl.autodiff import flatten

# --- comparisons ---------------------------------------------------------------------------------


def _leaves(tree: Any) -> tuple[list[Any], Any]:
    leaves, structure = flatten(tree)
    return leaves, structure


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    factor: float = 100.0,
) -> None:
    """Assert that ``actual`` equals ``expected``: arrays of any backend, or trees of them.

    Parameters
    ----------
    actual, expected : array, scalar or tree of them
        ``expected`` may live on another backend and have more digits.
    rtol, atol : float, optional
        Default: ``factor`` times the machine epsilon of ``actual``; ``atol`` scales with the
        largest entry of ``expected``.
    factor : float
    """
    mine, structure = _leaves(actual)
    theirs, other = _leaves(expected)
    assert structure == other, f"structures differ: {structure} and {other}"
    for a, b in zip(mine, theirs, strict=True):
        x, y = np.asarray(arrays.to_host(a)), np.asarray(arrays.to_host(b))
        assert x.shape == y.shape, f"shapes differ: {x.shape} and {y.shape}"
        unit = float(np.finfo(x.dtype).eps) if x.dtype.kind == "f" else 0.0
        size = float(np.max(np.abs(y))) if y.size else 0.0
        size = size if math.isfinite(size) else 0.0
        np.testing.assert_allclose(
            np.asarray(x, dtype=np.float64),
            np.asarray(y, dtype=np.float64),
            rtol=factor * unit if rtol is None else rtol,
            atol=factor * unit * size if atol is None else atol,
        )


def assert_same_kind(actual: Any, like: Any, *, shape: bool = True) -> None:
    """Assert the namespace, dtype, device and (unless ``shape=False``) shape of ``like``.

    Trees are compared leaf by leaf.
    """
    mine, structure = _leaves(actual)
    theirs, other = _leaves(like)
    assert structure == other, f"structures differ: {structure} and {other}"
    for a, b in zip(mine, theirs, strict=True):
        assert arrays.namespace(a) is arrays.namespace(b), f"{type(a)} is not {type(b)}"
        assert a.dtype == b.dtype, f"dtype {a.dtype} is not {b.dtype}"
        assert arrays.device(a) == arrays.device(b), (
            f"device {arrays.device(a)} is not {arrays.device(b)}"
        )
        if shape:
            assert tuple(a.shape) == tuple(b.shape), f"shape {a.shape} is not {b.shape}"


# --- libraries of others -------------------------------------------------------------------------


def foreign_backend(library: str, dtype: str = "float64") -> arrays.Backend:
    """The backend of PyTorch or JAX, whose float64 is switched on; else skip."""
    found = pytest.importorskip(library)
    if library == "jax":
        found.config.update("jax_enable_x64", True)
    return arrays.backend(library, dtype)


# --- a backend that catches mutation -------------------------------------------------------------


class ReadOnlyBackend(arrays.Backend):
    """NumPy, but every array it makes is a read-only copy."""

    def asarray(self, values: Any, dtype: Any = None) -> Any:
        return _frozen(super().asarray(values, dtype))

    def zeros(self, shape: Any, dtype: Any = None) -> Any:
        return _frozen(super().zeros(shape, dtype))

    def ones(self, shape: Any, dtype: Any = None) -> Any:
        return _frozen(super().ones(shape, dtype))

    def eye(self, n: int, m: int | None = None) -> Any:
        return _frozen(super().eye(n, m))

    def arange(self, *args: Any, dtype: Any = None) -> Any:
        return _frozen(super().arange(*args, dtype=dtype))


def _frozen(array: Any) -> np.ndarray:
    copy = np.array(array)
    copy.flags.writeable = False
    return copy


# --- data ----------------------------------------------------------------------------------------

MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def mnist_files(root: str | os.PathLike[str]) -> list[str]:
    """The MNIST files that ``root`` (or its folder ``mnist``) lacks, raw or gzipped."""
    folders = (Path(root), Path(root) / "mnist")

    def there(name: str) -> bool:
        return any((f / name).is_file() or (f / f"{name}.gz").is_file() for f in folders)

    return [name for name in MNIST_FILES if not there(name)]
