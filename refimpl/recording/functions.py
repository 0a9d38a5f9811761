"""The array-API functions of recorded arrays: each is carried out once and written down.

>>> x = Recorded.input(np.asarray([[3.0, 4.0]]))
>>> total = x.__array_namespace__().sum(x * x, axis=-1)
>>> total.shape, total.function
((1,), Reduction(ufunc=<ufunc 'add'>, axis=-1, keepdims=False))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from refimpl.recording.arrays import CannotRecordError, Recorded, call, look


class Reduction(NamedTuple):
    """A reduction by a ufunc, as a function of the array alone."""

    ufunc: Any
    axis: Any
    keepdims: bool

    def __call__(self, x: Any) -> Any:
        return self.ufunc.reduce(x, axis=self.axis, keepdims=self.keepdims)


def _select(mask: Any, x: Any, y: Any) -> Any:
    return np.where(mask, x, y)


_BITS = {8: np.int64, 4: np.int32}
_ELEMENTWISE = (
    "add", "subtract", "multiply", "divide", "negative", "abs", "sqrt", "square", "sign",
    "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "tanh", "acos", "asin", "atan", "sinh",
    "cosh", "maximum", "minimum", "logical_and", "logical_or", "logical_not", "less", "less_equal",
    "greater", "greater_equal", "equal", "not_equal", "matmul", "floor", "reciprocal",
)  # fmt: skip
_REDUCTIONS = {"sum": np.add, "max": np.maximum, "min": np.minimum, "prod": np.multiply}
_NAMES = (
    "float32", "float64", "int32", "int64", "bool", "inf", "nan", "pi", "isdtype", "finfo",
)  # fmt: skip


class _Namespace:
    """The functions of recorded arrays.

    What the code above asks only where it could not look at an array of NumPy (``isfinite``, to
    scale before it squares) is left out: it would compute by another way than it does there.
    """

    __name__ = "recorded"

    def __init__(self) -> None:
        for name in _NAMES:
            setattr(self, name, getattr(np, name))
        for name in _ELEMENTWISE:
            ufunc = getattr(np, name)
            setattr(self, name, lambda *args, ufunc=ufunc: call(ufunc, *args))
        for name, ufunc in _REDUCTIONS.items():
            setattr(self, name, _reducing(ufunc))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise CannotRecordError(f"{name} is not recorded")

    def where(self, mask: Any, x: Any, y: Any) -> Recorded:
        """x where the mask holds, else y; +0 as y by a product with the bits, as on the host."""
        keeps = type(y) is float and str(y) == "0.0" and type(x) is Recorded
        if keeps and x.example.dtype.kind == "f":
            kind, bits = x.dtype, _BITS[x.example.itemsize]
            chosen = call(np.multiply, look(x, np.ndarray.view, bits), mask)
            return look(chosen, np.ndarray.view, kind)
        return call(_select, mask, x, y)

    def astype(self, x: Recorded, dtype: Any, *, copy: bool = True, device: Any = None) -> Recorded:
        if x.dtype == dtype:
            return x
        return call(_Cast(np.dtype(dtype)), x)

    def reshape(self, x: Recorded, shape: Any) -> Recorded:
        return look(x, np.reshape, shape)

    def permute_dims(self, x: Recorded, axes: Any) -> Recorded:
        return look(x, np.permute_dims, axes)

    def broadcast_to(self, x: Recorded, shape: Any) -> Recorded:
        return look(x, np.broadcast_to, shape)

    def moveaxis(self, x: Recorded, source: Any, destination: Any) -> Recorded:
        return look(x, np.moveaxis, source, destination)

    def concat(self, arrays: Any, *, axis: int = 0) -> Recorded:
        return call(_Joined(axis), *arrays)

    def zeros(self, shape: Any, *, dtype: Any = None, device: Any = None) -> Recorded:
        return Recorded.fixed(np.zeros(shape, dtype))

    def ones(self, shape: Any, *, dtype: Any = None, device: Any = None) -> Recorded:
        return Recorded.fixed(np.ones(shape, dtype))

    def eye(self, n: int, m: int | None = None, *, dtype: Any = None, device: Any = None) -> Any:
        return Recorded.fixed(np.eye(n, m, dtype=dtype))

    def arange(self, *args: Any, dtype: Any = None, device: Any = None) -> Recorded:
        return Recorded.fixed(np.arange(*args, dtype=dtype))

    def zeros_like(self, x: Recorded) -> Recorded:
        return Recorded.fixed(np.zeros_like(x.example))

    def ones_like(self, x: Recorded) -> Recorded:
        return Recorded.fixed(np.ones_like(x.example))


class _Cast(NamedTuple):
    dtype: Any

    def __call__(self, x: Any) -> Any:
        return x.astype(self.dtype)


class _Joined(NamedTuple):
    axis: int

    def __call__(self, *arrays: Any) -> Any:
        return np.concat(arrays, axis=self.axis)


def _reducing(ufunc: Any) -> Callable[..., Recorded]:
    def reduce(x: Recorded, *, axis: Any = None, keepdims: bool = False) -> Recorded:
        return call(Reduction(ufunc, axis, keepdims), x)

    return reduce


Recorded.functions = _Namespace()
