"""Where the algorithms are tested: every dtype, and devices on which NumPy cannot help."""

import array_api_strict
import pytest

from refimpl.arrays import Backend, backend, namespace

STRICT = namespace(array_api_strict.asarray(0.0))
PLACES = {
    "numpy-float64": backend("numpy", "float64"),
    "numpy-float32": backend("numpy", "float32"),
    "strict-float64": Backend(
        "array_api_strict", "float64", STRICT, array_api_strict.Device("device1")
    ),
    "strict-no-float64": Backend(
        "array_api_strict", "float32", STRICT, array_api_strict.Device("no_float64")
    ),
}


@pytest.fixture(params=list(PLACES))
def place(request):
    return PLACES[request.param]
