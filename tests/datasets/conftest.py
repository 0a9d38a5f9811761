"""Backends on which every data set is made, and the real MNIST files where they are present."""

import os
from pathlib import Path

import array_api_strict
import pytest

from refimpl.arrays import Backend, backend


@pytest.fixture(params=["numpy-float64", "numpy-float32", "strict-float64", "strict-float32"])
def place(request):
    """A backend; array-api-strict on its second device stands in for a GPU."""
    library, dtype = request.param.split("-")
    if library == "numpy":
        return backend("numpy", dtype)
    return Backend("array_api_strict", dtype, array_api_strict, array_api_strict.Device("device1"))


@pytest.fixture(scope="session")
def mnist_dir():
    """The data folder with the real MNIST files."""
    root = os.environ.get("REFIMPL_DATA")
    if not root:
        pytest.skip("REFIMPL_DATA is not set, so the MNIST files cannot be found")
    if not (Path(root) / "mnist" / "train-images-idx3-ubyte.gz").is_file():
        pytest.skip(f"no MNIST files in {root}")
    return Path(root)
