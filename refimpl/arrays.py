"""The backend switch: NumPy on the CPU, CuPy on the GPU, array type in = array type out.

Everything above this file speaks the Python array-API standard through the namespace of the
arrays it is given; this file holds what the standard lacks. It is the only one that names CuPy.
There is no process-global switch: a function's arguments decide where it computes.

>>> xp = namespace(backend("numpy").asarray([3.0, 4.0]))
>>> float(xp.linalg.vector_norm(xp.asarray([3.0, 4.0])))
5.0
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np

from refimpl.errors import BackendError, unknown_name

Array = Any
"""An array of any namespace: the standard has no common base class to name."""

FLOAT_DTYPES = ("float64", "float32")

_NOT_ARRAYS = (bool, int, float, type(None))
_NAMESPACES: dict[type, Any] = {}
_KNOWN_FLOATS: set[Any] = set()


class _NoPlainArrayError(TypeError):
    """A subclass of NumPy's arrays that does not mean the same by an operator."""


def namespace(*arrays: Array) -> Any:
    """The array-API namespace shared by ``arrays``.

    Parameters
    ----------
    *arrays : array or Python scalar
        Scalars and None are ignored; at least one array is needed.

    Returns
    -------
    module
        An array-API namespace (2024.12 or later names).

    Raises
    ------
    TypeError
        If the arrays come from different namespaces, or none is an array.

    Examples
    --------
    >>> import numpy as np
    >>> namespace(np.zeros(2), 1.0).__name__
    'numpy'
    """
    found = None
    for array in arrays:
        if array is None or type(array) in (bool, int, float):
            continue
        xp = _NAMESPACES.get(type(array))
        if xp is None:
            try:  # NumPy's own namespace meets the standard, and costs no wrapper a call
                numpy_array = isinstance(array, (np.ndarray, np.generic))
                if isinstance(array, (np.matrix, np.ma.MaskedArray)):
                    raise _NoPlainArrayError(
                        f"{type(array).__name__} has rules of its own for products and masks: "
                        f"pass a plain array, such as numpy.asarray(x)"
                    )
                xp = np if numpy_array else array_api_compat.array_namespace(array)
            except _NoPlainArrayError:
                raise
            except TypeError:
                raise TypeError(
                    f"expected an array of NumPy, CuPy or another array-API library, "
                    f"got {type(array).__name__}"
                ) from None
            _NAMESPACES[type(array)] = xp
        if found is None:
            found = xp
        elif xp is not found:
            raise TypeError(
                f"arrays of different namespaces do not mix: {found.__name__} and {xp.__name__}; "
                f"move them with backend(...).asarray or to_host first"
            )
    if found is None:
        raise TypeError("no array among the arguments, so no namespace can be chosen")
    return found


def device(array: Array) -> Any:
    """The device of ``array``, for creation calls that must stay beside it."""
    return array_api_compat.device(array)


def check_float(array: Array, name: str = "array") -> None:
    """Raise TypeError unless ``array`` is float64 or float32.

    Examples
    --------
    >>> import numpy as np
    >>> check_float(np.zeros(2, dtype=np.int64), "weights")
    Traceback (most recent call last):
    ...
    TypeError: weights must be float64 or float32, not int64
    """
    dtype = getattr(array, "dtype", None)
    known = (type(dtype), dtype)  # libraries warn when their dtypes are compared with others'
    if known in _KNOWN_FLOATS:
        return
    label = _dtype_name(dtype)
    if label not in FLOAT_DTYPES:
        kind = label if dtype is not None else type(array).__name__
        raise TypeError(f"{name} must be float64 or float32, not {kind}")
    _KNOWN_FLOATS.add(known)


def _dtype_name(dtype: Any) -> str:
    """ "float64" for numpy.dtype('float64'), np.float64, array_api_strict.float64 and the like."""
    if isinstance(dtype, type):
        return dtype.__name__
    return str(dtype).rsplit(".", 1)[-1]


@dataclass(frozen=True)
class Backend:
    """Where new arrays are made: a namespace, a default floating dtype and a device.

    Attributes
    ----------
    name : str
        ``"numpy"``, ``"cupy"``, ``"torch"`` or ``"jax"``.
    dtype_name : str
        ``"float64"`` or ``"float32"``.
    xp : module
        The array-API namespace.
    device : object or None
        The device passed to creation functions.
    """

    name: str
    dtype_name: str
    xp: Any
    device: Any = None

    @property
    def dtype(self) -> Any:
        return getattr(self.xp, self.dtype_name)

    def asarray(self, values: Any, dtype: Any = None) -> Array:
        """``values`` as an array here. Floating input takes the backend's dtype, integers and
        booleans keep theirs, unless ``dtype`` is given. Data of another library are moved."""
        if array_api_compat.is_array_api_obj(values) and _is_on(values, self):
            result = self.xp.asarray(values)
        else:  # cast before the move: the device may lack the dtype of the values
            host = to_host(values)
            if dtype is None and host.dtype.kind == "f":
                host = host.astype(self.dtype_name, copy=False)
            # a copy even where a library would look at the host's memory, or refuse to
            copy = None if self.xp is np else True
            result = self.xp.asarray(host, device=self.device, copy=copy)
        if dtype is None and self.xp.isdtype(result.dtype, "real floating"):
            dtype = self.dtype
        return result if dtype is None else self.xp.astype(result, dtype, copy=False)

    def zeros(self, shape: Any, dtype: Any = None) -> Array:
        return self.xp.zeros(shape, dtype=dtype or self.dtype, device=self.device)

    def ones(self, shape: Any, dtype: Any = None) -> Array:
        return self.xp.ones(shape, dtype=dtype or self.dtype, device=self.device)

    def eye(self, n: int, m: int | None = None) -> Array:
        return self.xp.eye(n, m, dtype=self.dtype, device=self.device)

    def arange(self, *args: Any, dtype: Any = None) -> Array:
        return self.xp.arange(*args, dtype=dtype, device=self.device)

    def describe(self) -> dict[str, Any]:
        """Facts for provenance: backend, dtype, device and, on a GPU, versions and TF32."""
        facts: dict[str, Any] = {"backend": self.name, "dtype": self.dtype_name, "device": "cpu"}
        if self.name == "cupy":
            cupy = importlib.import_module("cupy")
            properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
            facts["device"] = properties["name"].decode()
            facts["cupy"] = cupy.__version__
            facts["cuda_runtime"] = cupy.cuda.runtime.runtimeGetVersion()
            facts["tf32"] = os.environ.get("CUPY_TF32", "0") not in ("", "0")
        return facts


def _is_on(array: Array, target: Backend) -> bool:
    return namespace(array) is target.xp and (
        target.device is None or device(array) == target.device
    )


def backend(name: str = "numpy", dtype: str = "float64") -> Backend:
    """The backend called ``name`` with floating dtype ``dtype``.

    Parameters
    ----------
    name : {"numpy", "cupy", "torch", "jax"}
        PyTorch and JAX make their arrays on the CPU. They serve to check an implementation of
        theirs in its own arrays; runs are made with NumPy or CuPy.
    dtype : {"float64", "float32"}

    Raises
    ------
    TypeError
        For any other dtype.
    BackendError
        For an unknown name, for CuPy where it or its GPU is missing, for PyTorch or JAX where it
        is missing, and for float64 where JAX is not set to have it; the message says what is
        missing and how to get it.

    Examples
    --------
    >>> backend("numpy", "float32").zeros((2,)).dtype
    dtype('float32')
    >>> backend("numpy", "float16")
    Traceback (most recent call last):
    ...
    TypeError: dtype must be 'float64' or 'float32', not 'float16'
    """
    label = _dtype_name(dtype)
    if label not in FLOAT_DTYPES:
        raise TypeError(f"dtype must be 'float64' or 'float32', not {label!r}")
    if name == "numpy":
        return Backend("numpy", label, namespace(np.empty(0)))
    if name == "cupy":
        cupy = _load_cupy()
        return Backend("cupy", label, namespace(cupy.empty(0)))
    if name == "torch":
        torch = _load_foreign("torch", "PyTorch")
        return Backend("torch", label, namespace(torch.empty(0)), torch.device("cpu"))
    if name == "jax":
        return _jax_backend(label)
    raise BackendError(unknown_name("backend", name, ("numpy", "cupy", "torch", "jax")))


def _load_foreign(module: str, title: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise BackendError(
            f"backend {module!r} needs {title}, which cannot be imported ({error}); install it "
            f"with pip install 'refimpl[interop]', or use backend 'numpy'"
        ) from None


def _jax_backend(label: str) -> Backend:
    jax = _load_foreign("jax", "JAX")
    if label == "float64" and not jax.config.jax_enable_x64:
        raise BackendError(
            "backend 'jax' has no float64 unless it is switched on before the first array is made: "
            "jax.config.update('jax_enable_x64', True), or use dtype 'float32'"
        )
    return Backend("jax", label, namespace(jax.numpy.empty(0)), jax.devices("cpu")[0])


def backend_of(array: Array) -> Backend:
    """The backend on which ``array`` lives, for host data that must join it."""
    xp = namespace(array)
    check_float(array)
    label = _dtype_name(array.dtype)
    name = "jax" if array_api_compat.is_jax_namespace(xp) else xp.__name__.rsplit(".", 1)[-1]
    return Backend(name, label, xp, device(array))


def _load_cupy() -> Any:
    """Import CuPy and touch the GPU, so that what is missing is said here and once."""
    advice = "pip install 'refimpl[cuda12]' (or 'refimpl[cuda13]' for CUDA 13)"
    try:
        cupy = importlib.import_module("cupy")
    except ImportError as error:
        raise BackendError(
            f"backend 'cupy' needs the CuPy package, which cannot be imported ({error}); "
            f"install it with {advice}, or use backend 'numpy'"
        ) from None
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:
        raise BackendError(
            f"backend 'cupy' needs an NVIDIA GPU with a working driver; CuPy {cupy.__version__} "
            f"found none ({error}). Check `nvidia-smi`, match the driver with {advice}, "
            f"or use backend 'numpy'"
        ) from None
    if count == 0:
        raise BackendError("backend 'cupy' found no GPU on this machine; use backend 'numpy'")
    return cupy


def synchronize(place: Backend) -> None:
    """Wait until the device has done all that it was asked for; the host always has.

    Examples
    --------
    >>> synchronize(backend("numpy"))
    """
    if place.name == "cupy":
        importlib.import_module("cupy").cuda.get_current_stream().synchronize()


def to_host(array: Array) -> np.ndarray:
    """``array`` as a NumPy array: the one explicit way off a device.

    Examples
    --------
    >>> to_host(backend("numpy").ones(2))
    array([1., 1.])
    """
    if array_api_compat.is_cupy_array(array):
        return array.get()
    if array_api_compat.is_array_api_obj(array) and not array_api_compat.is_numpy_array(array):
        host = np.from_dlpack(array, device="cpu", copy=True)
        return host if host.flags.writeable else host.copy()  # NumPy before 2.3 locks its own copy
    return np.asarray(array)


@contextlib.contextmanager
def linalg_errors() -> Iterator[None]:
    """Make CuPy's linear-algebra failures raise, as NumPy's do; a no-op without CuPy.

    cuSOLVER reports failures through a status that CuPy ignores by default, so that a
    factorisation of a singular matrix returns garbage. Wrap GPU factorisations in this.
    """
    if "cupy" not in sys.modules:
        yield
        return
    with importlib.import_module("cupyx").errstate(linalg="raise"):
        yield


def solve_triangular(a: Array, b: Array, *, lower: bool = True, transpose: bool = False) -> Array:
    """Solve ``a x = b`` (or ``a^T x = b``) for a triangular ``a``.

    Parameters
    ----------
    a : array, shape (n, n)
        Only the triangle named by ``lower`` is read.
    b : array, shape (n,) or (n, k)
    lower, transpose : bool

    Returns
    -------
    array, shape of ``b``

    Raises
    ------
    numpy.linalg.LinAlgError
        If a diagonal entry is zero (NumPy).

    Examples
    --------
    >>> import numpy as np
    >>> solve_triangular(np.array([[2.0, 0.0], [1.0, 1.0]]), np.array([2.0, 3.0]))
    array([1., 2.])
    """
    xp = namespace(a, b)
    if array_api_compat.is_numpy_namespace(xp):
        from scipy.linalg import solve_triangular as solve

        return solve(a, b, lower=lower, trans=1 if transpose else 0, check_finite=False)
    if array_api_compat.is_cupy_namespace(xp):
        solve = importlib.import_module("cupyx.scipy.linalg").solve_triangular
        return solve(a, b, lower=lower, trans=1 if transpose else 0)
    triangle = xp.tril(a) if lower else xp.triu(a)
    triangle = triangle.mT if transpose else triangle
    if b.ndim == 1:
        return xp.linalg.solve(triangle, b[:, None])[:, 0]
    return xp.linalg.solve(triangle, b)


def qr(a: Array) -> tuple[Array, Array]:
    """Reduced QR factorisation with a positive diagonal of R, the same on every backend.

    LAPACK and cuSOLVER choose the signs of the columns differently; this fixes them, which
    makes the factorisation of a full-rank matrix unique.

    Parameters
    ----------
    a : array, shape (n, m) with n >= m

    Returns
    -------
    q : array, shape (n, m), with orthonormal columns
    r : array, shape (m, m), upper triangular with a non-negative diagonal

    Examples
    --------
    >>> import numpy as np
    >>> q, r = qr(np.array([[-3.0], [4.0]]))
    >>> r
    array([[5.]])
    """
    xp = namespace(a)
    with linalg_errors():
        q, r = xp.linalg.qr(a, mode="reduced")
    diagonal = xp.linalg.diagonal(r)
    one = xp.ones_like(diagonal)
    sign = xp.where(diagonal < 0, -one, one)
    return q * sign, r * sign[:, None]


def is_host(x: Array) -> bool:
    """Whether ``x`` is an array of NumPy itself.

    Examples
    --------
    >>> is_host(np.zeros(2)), is_host([0.0])
    (True, False)
    """
    return type(x) is np.ndarray


def reduce(operation: str, x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """Sum, maximum or minimum of ``x`` over ``axis`` (an int, a tuple, or None for all).

    NumPy's functions of these names take longer over their arguments than over a small array,
    the ufuncs beneath do not; a network's backward pass is full of small sums.

    Parameters
    ----------
    operation : {"sum", "max", "min"}
    x : array
    axis : int, tuple of int or None
    keepdims : bool

    Examples
    --------
    >>> import numpy as np
    >>> reduce("sum", np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    array([4., 6.])
    """
    if isinstance(x, np.ndarray):
        return _UFUNCS[operation](x, axis=axis, keepdims=keepdims)
    return getattr(namespace(x), operation)(x, axis=axis, keepdims=keepdims)


_UFUNCS: dict[str, Any] = {"sum": np.add.reduce, "max": np.maximum.reduce, "min": np.minimum.reduce}


def one(like: Array) -> Array:
    """A 0-d 1 of the namespace, dtype and device of ``like``.

    Examples
    --------
    >>> import numpy as np
    >>> one(np.zeros(3, dtype=np.float32))
    np.float32(1.0)
    """
    if isinstance(like, (np.ndarray, np.generic)):
        return like.dtype.type(1)
    return namespace(like).ones((), dtype=like.dtype, device=device(like))


def eps(array: Array) -> float:
    """Machine epsilon of the array's dtype, as a Python float."""
    return float(namespace(array).finfo(array.dtype).eps)


def add_at(shape: tuple[int, ...], key: Any, values: Array) -> Array:
    """Zeros of ``shape`` with ``values`` added at ``key``: the adjoint of ``x[key]``.

    Entries that ``key`` names several times accumulate. Keys that hold arrays need NumPy, CuPy,
    PyTorch or JAX; slices and integers work everywhere.

    Examples
    --------
    >>> import numpy as np
    >>> add_at((3,), np.array([0, 0, 2]), np.array([1.0, 2.0, 3.0]))
    array([3., 0., 3.])
    """
    xp = namespace(values)
    result = xp.zeros(shape, dtype=values.dtype, device=device(values))
    if array_api_compat.is_jax_namespace(xp):  # whose arrays cannot be assigned to
        return result.at[key].add(values)
    parts = key if isinstance(key, tuple) else (key,)
    if all(part is None or part is ... or isinstance(part, (int, slice)) for part in parts):
        plain = tuple(part for part in parts if part is not None)
        result[plain] = xp.reshape(values, result[plain].shape)
    elif array_api_compat.is_numpy_namespace(xp):
        np.add.at(result, key, values)
    elif array_api_compat.is_cupy_namespace(xp):
        importlib.import_module("cupy").add.at(result, key, values)
    elif array_api_compat.is_torch_namespace(xp):
        flat = xp.reshape(xp.arange(result.numel(), device=device(values)), shape)
        places = xp.reshape(flat[key], (-1,))
        result.view(-1).index_add_(0, places, xp.reshape(values, (-1,)))
    else:
        raise NotImplementedError(f"indexing with arrays has no adjoint in {xp.__name__}")
    return result


def place_slices(values: Array, indices: Array, axis: int, size: int) -> Array | None:
    """Zeros of length ``size`` along ``axis`` with the slices of ``values`` at ``indices``.

    Returns None where that is not the adjoint of a selection, because an index is there twice, or
    where looking for one would cost more than a product: on every backend but NumPy's.

    Examples
    --------
    >>> import numpy as np
    >>> place_slices(np.array([[1.0, 2.0]]), np.array([2, 0]), 1, 3)
    array([[2., 0., 1.]])
    >>> place_slices(np.array([[1.0, 2.0]]), np.array([2, 2]), 1, 3) is None
    True
    """
    if not isinstance(values, np.ndarray) or int(np.bincount(indices).max(initial=0)) > 1:
        return None
    shape = list(values.shape)
    shape[axis] = size
    result = np.zeros(shape, dtype=values.dtype)
    np.moveaxis(result, axis, 0)[indices] = np.moveaxis(values, axis, 0)
    return result


def with_diagonal(matrix: Array, diagonal: Array | float) -> Array:
    """``matrix`` with another diagonal, in its own memory where that can be written to.

    For a square matrix that the caller has made and uses no more: on NumPy and CuPy it costs N
    numbers instead of passes over N².

    Parameters
    ----------
    matrix : array, shape (N, N)
    diagonal : float, or array of shape (N,)

    Examples
    --------
    >>> import numpy as np
    >>> with_diagonal(np.ones((2, 2)), 0.0)
    array([[0., 1.],
           [1., 0.]])
    """
    xp = namespace(matrix)
    size = matrix.shape[0]
    in_place = array_api_compat.is_numpy_namespace(xp) or array_api_compat.is_cupy_namespace(xp)
    if in_place and matrix.flags.c_contiguous:
        matrix.reshape(-1)[:: size + 1] = diagonal
        return matrix
    own = xp.eye(size, dtype=matrix.dtype, device=device(matrix)) > 0
    entries = diagonal if isinstance(diagonal, float) else diagonal[:, None]
    return xp.where(own, entries, matrix)


def keep_where(values: Array, mask: Array, /) -> Array:
    """``values`` where the boolean ``mask`` holds, else 0: chosen, so that infinity times 0 is 0.

    Examples
    --------
    >>> import numpy as np
    >>> keep_where(np.array([np.inf, 2.0]), np.array([False, True]))
    array([0., 2.])
    """
    if type(values) is np.ndarray:  # a product with the bits: NumPy's where is ten times as slow
        return (values.view(_BITS[values.itemsize]) * mask).view(values.dtype)
    return namespace(values).where(mask, values, 0.0)


_BITS = {8: np.int64, 4: np.int32}


def known_finite(values: Any, /) -> bool:
    """Whether all is finite and that is seen at once: not of arrays on a device, which would wait.

    Examples
    --------
    >>> import numpy as np
    >>> known_finite(np.array([1.0, 2.0])), known_finite(np.array([1.0, np.inf])), known_finite(2.0)
    (True, False, True)
    """
    if type(values) in (np.ndarray, float, int):
        return bool(np.isfinite(values).all())
    return False


def wrap_indices(indices: Array, size: int) -> Array:
    """Indices that count from the end as ones that count from the start.

    Raises
    ------
    IndexError
        For one beyond the ends. Not on a GPU, where looking would wait for the device.

    Examples
    --------
    >>> import numpy as np
    >>> wrap_indices(np.array([0, -1]), 3)
    array([0, 2])
    """
    xp = namespace(indices)
    if not array_api_compat.is_cupy_namespace(xp):
        if indices.size and xp.min(indices) >= 0 and xp.max(indices) < size:
            return indices
        wrong = (indices < -size) | (indices >= size)
        if bool(xp.any(wrong)):
            first = int(indices[int(xp.argmax(xp.astype(wrong, xp.int64)))])
            raise IndexError(f"index {first} is out of bounds for an axis of length {size}")
    return xp.where(indices < 0, indices + size, indices)


def length(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """Euclidean length over ``axis``: sqrt(sum(x * x)), whatever the scale of ``x``.

    Squares leave the range of the dtype long before lengths do, so they are taken of x over its
    largest entry. On the host that is done only where the plain sum is found out of range.

    Examples
    --------
    >>> import numpy as np
    >>> length(np.array([3e170, 4e170])), length(np.array([3e-170, 4e-170]))
    (np.float64(5e+170), np.float64(5e-170))
    """
    xp = namespace(x)
    if x.ndim == 0:
        return xp.abs(x)
    if isinstance(x, np.ndarray):
        with range_unwatched():
            squares = reduce("sum", x * x, axis, keepdims)
        if x.size == 0 or squares_in_range(squares):
            return np.sqrt(squares)
    size = reduce("max", xp.abs(x), axis, True)
    size = xp.where((size > 0.0) & xp.isfinite(size), size, 1.0)
    scaled = x / size
    return reduce("max", size, axis, keepdims) * xp.sqrt(
        reduce("sum", scaled * scaled, axis, keepdims)
    )


def squares_in_range(squares: Array) -> bool:
    """Whether sums of squares are known to have all their digits; where looking at them would wait
    for a device, they are not.

    Examples
    --------
    >>> import numpy as np
    >>> squares_in_range(np.array([1.0, 4.0])), squares_in_range(np.array([1e-310]))
    (True, False)
    """
    if not isinstance(squares, (np.ndarray, np.generic)):
        return False
    low, high = _SQUARES[squares.dtype]
    if np.size(squares) == 0:
        return True
    return (
        float(np.min(squares)) > low and float(np.max(squares)) < high
    )  # not if one is not a number


def range_unwatched() -> Any:
    """A context in which NumPy does not warn of numbers out of range: they are looked at next."""
    return np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore")


# Sums of squares between these are as accurate as the dtype allows.
_SQUARES = {
    np.dtype(kind): (float(np.finfo(kind).tiny / np.finfo(kind).eps), float(np.finfo(kind).max))
    for kind in FLOAT_DTYPES
}


def label_mask(labels: Array, depth: int, like: Array) -> Array:
    """Rows of booleans, true at each integer label, on the device of ``like``.

    Examples
    --------
    >>> import numpy as np
    >>> label_mask(np.array([1]), 3, np.zeros(1))
    array([[False,  True, False]])
    """
    if isinstance(like, (np.ndarray, np.generic)):
        return labels[..., None] == np.arange(depth)
    columns = namespace(like).arange(depth, dtype=labels.dtype, device=device(like))
    return labels[..., None] == columns


def one_hot(labels: Array, depth: int, like: Array) -> Array:
    """Rows with a 1 at each integer label, of the dtype and device of ``like``.

    Examples
    --------
    >>> import numpy as np
    >>> one_hot(np.array([1, 0]), 2, np.zeros(1))
    array([[0., 1.],
           [1., 0.]])
    """
    return namespace(like).astype(label_mask(labels, depth, like), like.dtype)


def count_nonzero(x: Array) -> Array:
    """How many entries of ``x`` are not 0, a 0-d integer array (NumPy before 2.3 has an int).

    Examples
    --------
    >>> import numpy as np
    >>> count_nonzero(np.array([0.0, 2.0, -1.0])).ndim
    0
    """
    xp = namespace(x)
    found = xp.count_nonzero(x)
    return np.int64(found) if isinstance(found, int) else found


def take_rows(array: Array, indices: Any) -> Array:
    """The rows of ``array`` at positions that are known on the host.

    Parameters
    ----------
    array : array, shape (P, ...)
    indices : list or numpy.ndarray of int, shape (B,)
        On the host; copied to the device of ``array``, for PyTorch looks at no locked memory.

    Returns
    -------
    array, shape (B, ...)

    Examples
    --------
    >>> import numpy as np
    >>> take_rows(np.array([5.0, 6.0, 7.0]), [2, 0])
    array([7., 5.])
    """
    xp = namespace(array)
    copy = None if xp is np else True
    return xp.take(array, xp.asarray(indices, device=device(array), copy=copy), axis=0)


def put_rows(array: Array, indices: Any, rows: Array) -> Array:
    """A copy of ``array`` with ``rows`` at the positions ``indices`` of its first axis.

    Parameters
    ----------
    array : array, shape (P, ...)
    indices : list or numpy.ndarray of int, shape (B,)
        On the host; no position twice.
    rows : array, shape (B, ...)

    Returns
    -------
    array, shape (P, ...)

    Examples
    --------
    >>> import numpy as np
    >>> put_rows(np.zeros(3), np.array([2, 0]), np.array([5.0, 7.0]))
    array([7., 0., 5.])
    """
    xp = namespace(array, rows)
    if array_api_compat.is_numpy_namespace(xp) or array_api_compat.is_cupy_namespace(xp):
        result = array.copy()
        result[xp.asarray(indices)] = rows
        return result
    source = np.zeros(array.shape[0], dtype=np.int64)
    source[indices] = np.arange(len(indices))
    hit = np.zeros(array.shape[0], dtype=bool)
    hit[indices] = True
    there = xp.take(rows, xp.asarray(source, device=device(array)), axis=0)
    mask = xp.asarray(hit, device=device(array))
    return xp.where(xp.reshape(mask, (-1,) + (1,) * (array.ndim - 1)), there, array)


def pack_bits(bits: Array) -> Array:
    """Booleans along the last axis as words of 64 bits, the last one filled up with zeros.

    Parameters
    ----------
    bits : array of bool, shape (..., n)

    Returns
    -------
    array of uint64, shape (..., ceil(n / 64))
        Bit j of a word is the entry 64 w + j on NumPy and CuPy hosts of little byte order; for
        counting any order serves, so long as it is the same for all.

    Examples
    --------
    >>> import numpy as np
    >>> pack_bits(np.array([True, False, True]))
    array([5], dtype=uint64)
    """
    xp = namespace(bits)
    *lead, n = bits.shape
    words = -(-n // 64)
    fill = xp.zeros((*lead, 64 * words - n), dtype=bits.dtype, device=device(bits))
    full = xp.concat([bits, fill], axis=-1)
    if array_api_compat.is_numpy_namespace(xp):
        packed = np.packbits(full, axis=-1, bitorder="little")
        return np.ascontiguousarray(packed).view("<u8").astype(np.uint64, copy=False)
    shifts = xp.arange(64, dtype=xp.uint64, device=device(bits))
    ones = xp.astype(xp.reshape(full, (*lead, words, 64)), xp.uint64)
    return xp.sum(xp.bitwise_left_shift(ones, shifts), axis=-1, dtype=xp.uint64)


def unpack_bits(words: Array, n: int) -> Array:
    """The first ``n`` entries of what :func:`pack_bits` packed, as booleans.

    Examples
    --------
    >>> import numpy as np
    >>> unpack_bits(np.array([5], dtype=np.uint64), 3)
    array([ True, False,  True])
    """
    xp = namespace(words)
    if array_api_compat.is_numpy_namespace(xp):
        little = np.ascontiguousarray(words.astype("<u8", copy=False))
        return np.unpackbits(little.view(np.uint8), axis=-1, count=n, bitorder="little") > 0
    shifts = xp.arange(64, dtype=xp.uint64, device=device(words))
    bits = xp.bitwise_right_shift(words[..., None], shifts) % 2 > 0
    return xp.reshape(bits, (*words.shape[:-1], 64 * words.shape[-1]))[..., :n]


def count_bits(words: Array) -> Array:
    """How many bits of each unsigned 64-bit word are set.

    NumPy and CuPy count in one instruction; elsewhere neighboring fields are added up.

    Examples
    --------
    >>> import numpy as np
    >>> count_bits(np.array([5, 2**64 - 1], dtype=np.uint64))
    array([ 2, 64], dtype=uint8)
    """
    xp = namespace(words)
    if array_api_compat.is_numpy_namespace(xp):
        return np.bitwise_count(words)
    if array_api_compat.is_cupy_namespace(xp):
        native = getattr(importlib.import_module("cupy"), "bitwise_count", None)
        if native is not None:
            return native(words)

    def constant(value: int) -> Array:
        return xp.asarray(value, dtype=xp.uint64, device=device(words))

    def shifted(x: Array, by: int) -> Array:
        return xp.bitwise_right_shift(x, constant(by))

    pairs, fours = constant(0x5555555555555555), constant(0x3333333333333333)
    x = words - (shifted(words, 1) & pairs)
    x = (x & fours) + (shifted(x, 2) & fours)
    x = (x + shifted(x, 4)) & constant(0x0F0F0F0F0F0F0F0F)
    for by in (8, 16, 32):
        x = x + shifted(x, by)
    return xp.astype(x & constant(0x7F), xp.uint8)
