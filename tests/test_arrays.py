"""The backend switch and what it adds to the array-API standard."""

import builtins
import importlib
import sys

import array_api_strict
import numpy as np
import pytest
import scipy.linalg
from helpers import assert_close, assert_same_kind
from hypothesis import given
from hypothesis import strategies as st

from refimpl import Rng, arrays
from refimpl.errors import BackendError
from refimpl.testing import assert_orthonormal, matrix_of_spectrum


def strict(name="device1"):
    return array_api_strict.Device(name)


# --- namespaces and dtypes -----------------------------------------------------------------------


def test_namespace_of_arrays_scalars_and_none(xb):
    assert arrays.namespace(xb.ones((2,))) is xb.xp
    assert arrays.namespace(None, 1.0, xb.ones((2,)), True, 3) is xb.xp
    assert arrays.namespace(xb.xp.sum(xb.ones((2,)))) is xb.xp


def test_numpy_scalars_have_a_namespace():
    """np.float64 is a Python float too, and comes out of every reduction."""
    assert arrays.namespace(np.float64(1.0)) is np
    assert arrays.namespace(np.float32(1.0), np.zeros(2)) is np


def test_namespaces_do_not_mix():
    with pytest.raises(TypeError, match="different namespaces do not mix: numpy and array_api"):
        arrays.namespace(np.ones(2), array_api_strict.ones(2))


@pytest.mark.parametrize("thing", ["text", [1.0], {"a": 1}])
def test_what_is_no_array_is_named(thing):
    with pytest.raises(TypeError, match=f"got {type(thing).__name__}"):
        arrays.namespace(thing)


def test_no_array_at_all():
    with pytest.raises(TypeError, match="no array among the arguments"):
        arrays.namespace(1.0, None)


@pytest.mark.parametrize("dtype", ["float16", "longdouble", "complex128", "int64", "bool"])
def test_other_dtypes_are_refused(dtype):
    name = str(np.dtype(dtype))
    with pytest.raises(TypeError, match=f"'float32', not '{name}'"):
        arrays.backend("numpy", name)
    with pytest.raises(TypeError, match=f"weights must be float64 or float32, not {name}"):
        arrays.check_float(np.ones(2, dtype=dtype), "weights")
    with pytest.raises(TypeError, match=name):
        arrays.backend_of(np.ones(2, dtype=dtype))


def test_check_float_accepts_both_floats(xb):
    arrays.check_float(xb.ones((2,)))
    with pytest.raises(TypeError, match="must be float64 or float32, not int"):
        arrays.check_float(3)


def test_eps(xb):
    assert arrays.eps(xb.ones(())) == float(np.finfo(xb.dtype_name).eps)


# --- backends ------------------------------------------------------------------------------------


def test_backend_numpy_is_the_default():
    assert arrays.backend() == arrays.backend("numpy", "float64")
    assert arrays.backend("numpy", np.float32).dtype_name == "float32"


def test_unknown_backend_is_named():
    with pytest.raises(
        BackendError, match="unknown backend 'tensorflow': choose one of numpy, cupy, torch"
    ):
        arrays.backend("tensorflow")


def test_cupy_without_the_package_says_what_to_install(monkeypatch):
    real = importlib.import_module

    def refuse(name, *args):
        if name == "cupy":
            raise ImportError("No module named 'cupy'")
        return real(name, *args)

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(BackendError, match="needs the CuPy package") as caught:
        arrays.backend("cupy")
    text = str(caught.value)
    assert "pip install 'refimpl[cuda12]'" in text and "backend 'numpy'" in text


def test_cupy_without_a_gpu_says_so(monkeypatch):
    class Runtime:
        @staticmethod
        def getDeviceCount():
            raise RuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")

    class Cupy:
        __version__ = "13.6.0"

        class cuda:  # noqa: N801
            runtime = Runtime

    monkeypatch.setitem(sys.modules, "cupy", Cupy)
    with pytest.raises(BackendError, match="needs an NVIDIA GPU with a working driver") as caught:
        arrays.backend("cupy")
    assert "cudaErrorNoDevice" in str(caught.value) and "nvidia-smi" in str(caught.value)


def test_asarray_keeps_integers_and_casts_floats(xb):
    assert xb.asarray([1, 2]).dtype == xb.xp.asarray([1, 2]).dtype
    assert xb.asarray([True, False]).dtype == xb.xp.bool
    assert xb.asarray(np.ones(2, dtype=np.float32)).dtype == xb.dtype
    assert xb.asarray(np.ones(2)).dtype == xb.dtype
    assert xb.asarray([1, 2], dtype=xb.dtype).dtype == xb.dtype
    assert xb.asarray(2.5).shape == ()


def test_asarray_moves_from_another_library(xb):
    for dtype in (array_api_strict.float64, array_api_strict.int64, array_api_strict.bool):
        source = array_api_strict.asarray([1, 0], dtype=dtype, device=strict())
        moved = xb.asarray(source)
        assert arrays.namespace(moved) is xb.xp
        assert arrays.to_host(moved).tolist() == [1, 0]


def test_creation_uses_dtype_and_device(xb):
    like = xb.asarray([0.0])
    for made in (xb.zeros((1,)), xb.ones((1,)), xb.eye(1)[0, :]):
        assert_same_kind(made, like)
    assert_close(xb.eye(2, 3), np.eye(2, 3))
    assert arrays.to_host(xb.arange(1, 7, 2)).tolist() == [1, 3, 5]


def test_backend_of_puts_data_beside_an_array(xb):
    array = xb.ones((2,))
    assert_same_kind(arrays.backend_of(array).asarray([3.0, 4.0]), array)


def test_describe_says_where_numbers_come_from():
    facts = arrays.backend("numpy", "float32").describe()
    assert facts == {"backend": "numpy", "dtype": "float32", "device": "cpu"}


@pytest.mark.parametrize("device", ["CPU_DEVICE", "device1", "device2"])
def test_to_host_brings_every_device_home(device):
    values = np.array([[1.5, -2.0], [0.0, 3.0]])
    array = array_api_strict.asarray(values, device=strict(device))
    host = arrays.to_host(array)
    assert type(host) is np.ndarray
    assert_close(host, values, rtol=0.0, atol=0.0)
    host[0, 0] = 9.0
    assert float(array[0, 0]) == 1.5


def test_to_host_of_plain_things():
    assert type(arrays.to_host(np.float64(2.0))) is np.ndarray
    assert arrays.to_host([1.0, 2.0]).tolist() == [1.0, 2.0]


# --- linear algebra ------------------------------------------------------------------------------


@given(
    n=st.integers(1, 6),
    columns=st.one_of(st.none(), st.integers(1, 3)),
    lower=st.booleans(),
    transpose=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_solve_triangular(xb, n, columns, lower, transpose, seed):
    """Against a general solver on the named triangle; the other triangle must not be read."""
    full = Rng(seed).normal((n, n)) + 3.0 * n * np.eye(n)
    b = Rng(seed, ("b",)).normal((n,) if columns is None else (n, columns))
    triangle = np.tril(full) if lower else np.triu(full)
    expected = np.linalg.solve(triangle.T if transpose else triangle, b)
    found = arrays.solve_triangular(
        xb.asarray(full), xb.asarray(b), lower=lower, transpose=transpose
    )
    assert_same_kind(found, xb.asarray(b))
    assert_close(found, expected)


def test_solve_triangular_refuses_a_zero_on_the_diagonal():
    with pytest.raises(np.linalg.LinAlgError):
        arrays.solve_triangular(np.array([[1.0, 0.0], [1.0, 0.0]]), np.ones(2))


def test_solve_triangular_does_not_mix_backends():
    with pytest.raises(TypeError, match="do not mix"):
        arrays.solve_triangular(np.eye(2), array_api_strict.ones(2))


@given(
    n=st.integers(1, 7),
    extra=st.integers(0, 3),
    log_condition=st.floats(0.0, 3.0),
    seed=st.integers(0, 2**32),
)
def test_qr_is_the_unique_one_with_positive_diagonal(xb, n, extra, log_condition, seed):
    """For a drawn spectrum: A = QR, Q^T Q = 1, and R is the Cholesky factor of A^T A."""
    spectrum = 10.0 ** -np.linspace(0.0, log_condition, n)
    a = matrix_of_spectrum(spectrum, (n + extra, n), seed)
    q, r = arrays.qr(xb.asarray(a))
    assert_same_kind(q, xb.asarray(a))
    unit = 50 * n * arrays.eps(q)
    host_q, host_r = arrays.to_host(q), arrays.to_host(r)
    assert_close(host_q @ host_r, a, rtol=0.0, atol=unit)
    assert_orthonormal(q, tolerance=unit)
    assert np.all(np.diag(host_r) > 0.0)
    assert np.all(np.tril(host_r, -1) == 0.0)
    if xb.dtype_name == "float64":  # squaring the condition number leaves float32 no digits
        expected = scipy.linalg.cholesky(a.T @ a)
        assert_close(host_r, expected, rtol=0.0, atol=1e-8)


def test_linalg_errors_changes_nothing_without_cupy():
    with arrays.linalg_errors():
        assert float(np.linalg.det(np.eye(2))) == 1.0
    with pytest.raises(np.linalg.LinAlgError), arrays.linalg_errors():
        np.linalg.inv(np.zeros((2, 2)))


def test_linalg_errors_switches_cupys_checks_on(monkeypatch):
    seen = []

    class ErrState:
        def __enter__(self):
            seen.append("on")

        def __exit__(self, *details):
            seen.append("off")

    class Cupyx:
        @staticmethod
        def errstate(*, linalg):
            assert linalg == "raise"
            return ErrState()

    monkeypatch.setitem(sys.modules, "cupy", object())
    monkeypatch.setitem(sys.modules, "cupyx", Cupyx)
    with pytest.raises(ZeroDivisionError), arrays.linalg_errors():
        raise ZeroDivisionError
    assert seen == ["on", "off"]


# --- helpers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["sum", "max", "min"])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reduce(xb, operation, axis, keepdims):
    x = Rng(1).normal((3, 4))
    found = arrays.reduce(operation, xb.asarray(x), axis, keepdims)
    assert_same_kind(found, xb.asarray(x), shape=False)
    assert_close(found, getattr(np, operation)(x, axis=axis, keepdims=keepdims))


def test_reduce_of_zero_dimensions(xb):
    assert float(arrays.reduce("sum", xb.asarray(2.5))) == 2.5


@given(
    rows=st.integers(1, 4),
    picks=st.lists(st.integers(0, 3), max_size=8),
    seed=st.integers(0, 2**32),
)
def test_add_at_accumulates_repeated_entries(rows, picks, seed):
    picks = [p % rows for p in picks]
    values = Rng(seed).normal((len(picks), 2))
    expected = [[0.0, 0.0] for _ in range(rows)]
    for p, value in zip(picks, values, strict=True):
        for j in range(2):
            expected[p][j] += value[j]
    found = arrays.add_at((rows, 2), np.array(picks, dtype=int), values)
    assert_close(found, np.array(expected), rtol=0.0, atol=1e-13)


@pytest.mark.parametrize(
    "key",
    [(1, ...), (slice(1, None), ...), (slice(None), 2), (..., None, 0), (None, 1, ...), (-1, 2)],
)
def test_add_at_slices_works_everywhere(xb, key):
    """<add_at(v), x> = <v, x[key]> for every x: it is the adjoint of indexing."""
    x = Rng(3).normal((3, 4))
    values = Rng(4).normal(np.shape(x[key]))
    found = arrays.add_at((3, 4), key, xb.asarray(values))
    assert_same_kind(found, xb.zeros((3, 4)))
    assert_close(np.sum(arrays.to_host(found) * x), np.sum(values * x[key]), rtol=1e-5)


def test_add_at_arrays_needs_numpy_or_cupy():
    keys = array_api_strict.asarray([0, 0])
    with pytest.raises(NotImplementedError, match="array_api_strict"):
        arrays.add_at((2,), keys, array_api_strict.ones(2))


def test_one_hot_and_mask(xb):
    labels = xb.asarray([2, 0])
    rows = arrays.one_hot(labels, 3, xb.ones((1,)))
    assert_same_kind(rows, xb.zeros((2, 3)))
    assert arrays.to_host(rows).tolist() == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    masked = arrays.keep_where(xb.asarray([1.5, 2.5]), xb.asarray([True, False]))
    assert_same_kind(masked, xb.zeros((2,)))
    assert arrays.to_host(masked).tolist() == [1.5, 0.0]


@pytest.mark.parametrize("shape", [(4,), (4, 2)])
def test_put_rows_replaces_and_leaves_the_rest(xb, shape):
    before = np.arange(float(np.prod(shape))).reshape(shape)
    rows = -1.0 - before[:2]
    old = xb.asarray(before)
    new = arrays.put_rows(old, np.array([3, 1]), xb.asarray(rows))
    assert_same_kind(new, old)
    expected = before.copy()
    expected[[3, 1]] = rows
    assert np.array_equal(arrays.to_host(new), expected)
    assert np.array_equal(arrays.to_host(old), before)


def test_take_rows_takes_locked_positions(xb):
    values = xb.asarray([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    places = np.array([2, 0])
    places.flags.writeable = False
    found = arrays.take_rows(values, places)
    assert_same_kind(found, values[:2, ...])
    assert arrays.to_host(found).tolist() == [[5.0, 6.0], [1.0, 2.0]]


def test_one_is_beside_its_model(xb):
    assert_same_kind(arrays.one(xb.zeros((3,))), xb.xp.sum(xb.zeros((3,))))
    assert float(arrays.one(xb.zeros(()))) == 1.0


def test_nothing_imports_cupy_on_its_own(monkeypatch):
    """Everything above runs without an attempt to import CuPy."""
    real = builtins.__import__

    def watch(name, *args, **kwargs):
        assert name.partition(".")[0] not in ("cupy", "cupyx")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", watch)
    x = arrays.backend().asarray([[2.0, 0.0], [1.0, 3.0]])
    arrays.solve_triangular(x, x)
    arrays.qr(x)
    arrays.to_host(x)


@pytest.mark.parametrize("kind", [np.ma.MaskedArray, np.matrix])
def test_arrays_with_rules_of_their_own_are_refused(kind):
    array = np.ones((1, 1)).view(kind)
    for _ in range(2):  # also when the type has been seen before
        with pytest.raises(TypeError, match="plain array"):
            arrays.namespace(array)


@pytest.mark.parametrize("n", [1, 63, 64, 65, 200])
def test_bits_in_words(n):
    bits = np.random.default_rng(n).random((3, 2, n)) < 0.5
    words = arrays.pack_bits(bits)
    assert words.dtype == np.uint64 and words.shape == (3, 2, -(-n // 64))
    assert np.array_equal(arrays.unpack_bits(words, n), bits)
    assert np.array_equal(arrays.count_bits(words).sum(axis=-1), bits.sum(axis=-1))
    other = arrays.pack_bits(array_api_strict.asarray(bits))
    assert np.array_equal(arrays.to_host(other), words)
    assert np.array_equal(arrays.to_host(arrays.unpack_bits(other, n)), bits)
    assert np.array_equal(arrays.to_host(arrays.count_bits(other)), arrays.count_bits(words))
