"""Fixtures that every test may use: array backends, Hypothesis profiles, data.

A test that takes ``xb`` runs once per backend. Make every input with it (``xb.asarray(...)``), and
compare with :func:`helpers.assert_close` and :func:`helpers.assert_same_kind`.
"""

# ruff: noqa: E402  (the threads are set before NumPy is imported)

import importlib.util
import os
import tempfile

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
# What a user has fetched must not decide a test, nor what `refimpl list` remembers.
if "PYTEST_XDIST_WORKER" not in os.environ:  # workers inherit the folder
    _caches = tempfile.TemporaryDirectory(prefix="refimpl-tests-", ignore_cleanup_errors=True)
    os.environ["XDG_CACHE_HOME"] = _caches.name
os.environ["XDG_DATA_HOME"] = os.path.join(tempfile.gettempdir(), "refimpl-tests-without-data")

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import array_api_strict
import pytest
from hypothesis import HealthCheck, Phase, settings

from refimpl import arrays
from refimpl.errors import BackendError

pytest.register_assert_rewrite("helpers")

from helpers import ReadOnlyBackend, foreign_backend, mnist_files

# --- Hypothesis ----------------------------------------------------------------------------------

_common = {
    "deadline": None,
    "print_blob": True,
    # the backend fixture hands out constants, so sharing it between examples is sound
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}
settings.register_profile("dev", max_examples=10, **_common)
settings.register_profile("ci", max_examples=20, derandomize=True, **_common)
settings.register_profile("nightly", max_examples=500, **_common)
settings.register_profile(
    "faults", max_examples=10, phases=[Phase.explicit, Phase.generate], **_common
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))

# --- benchmarks ----------------------------------------------------------------------------------

_BENCHMARKS = Path(__file__).parent / "benchmarks"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave benchmarks out unless they are switched on or named: they measure, and take long."""
    if not collection_path.is_relative_to(_BENCHMARKS):
        return None
    named = any("benchmarks" in argument for argument in config.args)
    wanted = config.getoption("benchmark_enable") or config.getoption("benchmark_only")
    return None if named or wanted else True


# --- array backends ------------------------------------------------------------------------------


def _strict_devices() -> Sequence[Any]:
    return array_api_strict.__array_namespace_info__().devices()


def _strict(device: str, dtype: str) -> arrays.Backend:
    place = array_api_strict.Device(device)
    return arrays.Backend("array_api_strict", dtype, array_api_strict, place)


def _make_backend(name: str) -> arrays.Backend:
    if name == "numpy-float64":
        return arrays.backend("numpy", "float64")
    if name == "numpy-float32":
        return arrays.backend("numpy", "float32")
    if name == "numpy-readonly":
        plain = arrays.backend("numpy", "float64")
        return ReadOnlyBackend(plain.name, plain.dtype_name, plain.xp, plain.device)
    if name == "strict-device1":
        return _strict("device1", "float64")
    if name == "strict-no-float64":
        if not any("no_float64" in str(device) for device in _strict_devices()):
            pytest.skip("this array-api-strict has no device without float64")
        return _strict("no_float64", "float32")
    library, dtype = name.split("-")
    if library != "cupy":
        return foreign_backend(library, dtype)
    try:
        return arrays.backend(library, dtype)
    except BackendError as error:
        pytest.skip(str(error))


_CPU_BACKENDS = (
    "numpy-float64",
    "numpy-float32",
    "numpy-readonly",
    "strict-device1",
    "strict-no-float64",
)

# Left out, not skipped one by one, where the extra `interop` is not installed.
_FOREIGN = [
    pytest.param(f"{library}-{dtype}", marks=pytest.mark.interop)
    for library in ("torch", "jax")
    for dtype in ("float64", "float32")
    if importlib.util.find_spec(library) is not None
]


@pytest.fixture(
    params=[*_CPU_BACKENDS, pytest.param("cupy-float64", marks=pytest.mark.gpu), *_FOREIGN]
)
def xb(request: pytest.FixtureRequest) -> arrays.Backend:
    """A backend: ``.xp``, ``.dtype``, ``.device``, ``.asarray``, ``.zeros``, ``.ones``, ``.eye``.

    "numpy-readonly" makes arrays that raise when they are written to, which catches mutation;
    "strict-device1" lives on a second device, which catches a silent conversion to NumPy as a GPU
    would; "strict-no-float64" lacks float64, as some accelerators do.
    """
    return _make_backend(request.param)


# JAX compiles every operation for every shape: what must agree is run, the rest is slow.
_JAX_RUNS = {
    "test_backends_agree": ("float64",),
    "test_dtype_and_device_are_kept": ("float32",),
}
_JAX_FILES = ("constraints", "interop", "models/test_losses.py", "test_arrays.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what JAX need not show in every run."""
    for item in items:
        fixture = getattr(getattr(item, "callspec", None), "params", {}).get("xb", "")
        if not str(fixture).startswith("jax"):
            continue
        name, place = getattr(item, "originalname", ""), str(item.path.as_posix())
        dtypes = _JAX_RUNS.get(name, ())
        if any(f"tests/{part}" in place for part in _JAX_FILES):
            dtypes = ("float64",)
        if str(fixture).removeprefix("jax-") not in dtypes:
            item.add_marker(pytest.mark.slow)


# --- data ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def mnist_dir() -> str:
    """The folder named by REFIMPL_DATA, if it holds the four MNIST files; else skip."""
    root = os.environ.get("REFIMPL_DATA")
    if not root:
        pytest.skip("REFIMPL_DATA is not set, so there are no MNIST files to read")
    missing = mnist_files(root)
    if missing:
        pytest.skip(f"REFIMPL_DATA={root} lacks the MNIST files {', '.join(missing)}")
    return root
