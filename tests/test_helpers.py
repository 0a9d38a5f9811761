"""The shared comparisons must be able to fail, and the backends must be what they claim."""

import array_api_strict
import numpy as np
import pytest
from helpers import assert_close, assert_same_kind

from refimpl.arrays import backend, device, to_host


def test_backend_makes_its_own_kind(xb):
    for array in (xb.asarray([1.0, 2.0]), xb.zeros((2,)), xb.ones((2,)), xb.eye(2)[0, :]):
        assert array.dtype == xb.dtype
        assert array.shape == (2,)
        if xb.device is not None:
            assert device(array) == xb.device


def test_read_only_arrays_refuse_writes(xb, request):
    array = xb.asarray(np.zeros(2))
    if "readonly" in request.node.name:
        with pytest.raises(ValueError, match="read-only"):
            array += 1.0
    elif "jax" in request.node.name:
        with pytest.raises(TypeError, match="immutable"):
            array[0] = 1.0
    else:
        array[0] = 1.0


def test_second_device_refuses_silent_conversion():
    array = array_api_strict.ones(2, device=array_api_strict.Device("device1"))
    with pytest.raises((RuntimeError, TypeError, ValueError)):  # which one depends on its version
        np.asarray(array)
    assert to_host(array).tolist() == [1.0, 1.0]


def test_assert_close_sees_values_shapes_and_structures():
    assert_close({"a": np.ones(2)}, {"a": np.ones(2)})
    with pytest.raises(AssertionError):
        assert_close(np.ones(2), np.ones(2) + 1e-12)
    with pytest.raises(AssertionError, match="shapes differ"):
        assert_close(np.ones(2), np.ones((2, 1)))
    with pytest.raises(AssertionError, match="structures differ"):
        assert_close([np.ones(2)], (np.ones(2),))
    with pytest.raises(AssertionError):
        assert_close(np.asarray(np.nan), np.asarray(1.0))


@pytest.mark.parametrize(
    "other",
    [
        np.ones(2, dtype=np.float32),
        np.ones((2, 1)),
        array_api_strict.ones(2),
    ],
)
def test_assert_same_kind_sees_dtype_shape_and_namespace(other):
    assert_same_kind(backend().ones(2), np.zeros(2))
    with pytest.raises(AssertionError):
        assert_same_kind(backend().ones(2), other)


def test_assert_same_kind_sees_the_device():
    first = array_api_strict.ones(2, device=array_api_strict.Device("device1"))
    second = array_api_strict.ones(2, device=array_api_strict.Device("device2"))
    with pytest.raises(AssertionError, match="device"):
        assert_same_kind(first, second)
