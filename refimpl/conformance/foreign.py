"""Calling what somebody else wrote: their arrays, their derivatives, their failures.

Arrays go out as NumPy's, PyTorch's or JAX's and come back as NumPy's. PyTorch and JAX are imported
only where they are used.

>>> import numpy as np
>>> there = arrays_for("auto", lambda w: w)
>>> there.name, there.send(np.ones(2), "float32").dtype
('numpy', dtype('float32'))
"""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.errors import BackendError, SettingError, unknown_name

LIBRARIES = ("numpy", "torch", "jax")


class Arrays:
    """The arrays of one library; these are NumPy's."""

    name = "numpy"
    automatic = False
    """Whether derivatives come from the library."""

    def send(self, array: Any, dtype: str) -> Any:
        """A fresh array with these values; whole numbers keep their type."""
        array = np.asarray(array)
        return np.array(array, dtype=dtype if array.dtype.kind == "f" else array.dtype)

    def receive(self, value: Any) -> np.ndarray:
        """What came back, as an array of the host in its own precision."""
        return np.array(value)

    def gradients(
        self, function: Callable[..., Any], arguments: Mapping[str, Any], names: Sequence[str]
    ) -> dict[str, Any] | None:
        """The derivatives in these arguments; None where theirs offers none.

        Of an array the derivatives are those of its sum with the weights of :func:`cotangent`. An
        implementation in NumPy offers them by an attribute ``value_and_gradient``, which is called
        with the arguments (and the cotangent, where the value is no scalar) and returns the value
        and the gradients of all differentiated arguments in their order, a single one without a
        tuple.
        """
        own = getattr(function, "value_and_gradient", None)
        if own is None:
            return None
        found = own(*arguments.values())[1]
        if len(names) == 1 and not isinstance(found, tuple):
            found = (found,)
        return dict(zip(names, found, strict=True))


class TorchArrays(Arrays):
    """PyTorch's."""

    name = "torch"
    automatic = True

    def __init__(self) -> None:
        self.torch = _module("torch")

    def send(self, array: Any, dtype: str) -> Any:
        return self.torch.tensor(super().send(array, dtype))

    def receive(self, value: Any) -> np.ndarray:
        if isinstance(value, self.torch.Tensor):
            return np.array(value.detach().cpu().numpy())
        return np.array(value)

    def gradients(
        self, function: Callable[..., Any], arguments: Mapping[str, Any], names: Sequence[str]
    ) -> dict[str, Any] | None:
        own = super().gradients(function, arguments, names)
        if own is not None:
            return own
        leaves = {name: arguments[name].detach().clone().requires_grad_(True) for name in names}
        value = function(*{**arguments, **leaves}.values())
        zeros = {name: self.torch.zeros_like(leaf) for name, leaf in leaves.items()}
        if not isinstance(value, self.torch.Tensor) or not value.requires_grad:
            return zeros
        weights = self.torch.tensor(cotangent(tuple(value.shape)), dtype=value.dtype)
        total = (weights * value).sum()
        found = self.torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
        return {name: zeros[name] if g is None else g for name, g in zip(names, found, strict=True)}


class JaxArrays(Arrays):
    """JAX's."""

    name = "jax"
    automatic = True

    def __init__(self) -> None:
        self.jax = _module("jax")

    def send(self, array: Any, dtype: str) -> Any:
        return self.jax.numpy.asarray(super().send(array, dtype))

    def gradients(
        self, function: Callable[..., Any], arguments: Mapping[str, Any], names: Sequence[str]
    ) -> dict[str, Any] | None:
        own = super().gradients(function, arguments, names)
        if own is not None:
            return own
        places = tuple(list(arguments).index(name) for name in names)
        xp = self.jax.numpy

        def scalar(*values: Any) -> Any:
            value = function(*values)
            return xp.sum(xp.asarray(cotangent(tuple(value.shape)), dtype=value.dtype) * value)

        found = self.jax.grad(scalar, places)(*arguments.values())
        return dict(zip(names, found, strict=True))


class TapeArrays(Arrays):
    """Ours: NumPy's in float64 with the values that theirs gets, differentiated by the tape."""

    name = "reference"
    automatic = True

    def send(self, array: Any, dtype: str) -> Any:
        rounded = super().send(array, dtype)
        return rounded.astype("float64") if rounded.dtype.kind == "f" else rounded

    def gradients(
        self, function: Callable[..., Any], arguments: Mapping[str, Any], names: Sequence[str]
    ) -> dict[str, Any] | None:
        places = tuple(list(arguments).index(name) for name in names)

        def scalar(*values: Any) -> Any:
            result = function(*values)
            return ad.sum(result * cotangent(tuple(result.shape)))

        found = ad.grad(scalar, places)(*arguments.values())
        return dict(zip(names, found, strict=True))


def cotangent(shape: tuple[int, ...]) -> np.ndarray:
    """Weights by which an array is summed before it is differentiated; 1 for a scalar.

    >>> cotangent((2,)).round(3)
    array([ 1.54 , -0.416])
    """
    size = math.prod(shape)
    weights = np.cos(1.0 + np.arange(size)) + (np.arange(size) == 0)
    return np.reshape(weights, shape) if shape else np.ones(())


_KINDS = {"numpy": Arrays, "torch": TorchArrays, "jax": JaxArrays}


def arrays_for(library: str, implementation: Any) -> Arrays:
    """The arrays that an implementation takes.

    Parameters
    ----------
    library : {"auto", "numpy", "torch", "jax"}
        "auto" looks at what the module of the implementation has imported.
    implementation : object

    Raises
    ------
    SettingError
        For another name.
    BackendError
        If the library is not installed.
    """
    if library == "auto":
        library = _library_of(implementation)
    if library not in _KINDS:
        raise SettingError(unknown_name("array library", library, ("auto", *LIBRARIES)))
    return _KINDS[library]()


def _library_of(implementation: Any) -> str:
    declared = getattr(implementation, "arrays", None)
    if isinstance(declared, str):
        return declared
    kind = implementation if inspect.isclass(implementation) else type(implementation)
    for base in kind.__mro__:
        if base.__module__.split(".")[0] in ("torch", "jax", "jaxlib"):
            return "jax" if base.__module__.startswith("jax") else "torch"
    function = inspect.unwrap(implementation) if callable(implementation) else implementation
    scope = getattr(function, "__globals__", None)
    if scope is None:
        module = inspect.getmodule(kind)
        scope = {} if module is None else vars(module)
    if inspect.ismodule(implementation):
        scope = vars(implementation)
    code = getattr(function, "__code__", None)
    names = set(scope) if code is None else _names(code)
    used = {value.__name__ for name, value in scope.items()
            if name in names and inspect.ismodule(value)}  # fmt: skip
    closed = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    used |= {value.__name__ for value in closed if inspect.ismodule(value)}
    for name in ("torch", "jax"):
        if any(module.split(".")[0] == name for module in used):
            return name
    return "numpy"


def _names(code: Any) -> set[str]:
    """The names that a function reads, with those of the functions inside."""
    found = {*code.co_names, *code.co_freevars}
    for constant in code.co_consts:
        if inspect.iscode(constant):
            found |= _names(constant)
    return found


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise BackendError(f"arrays of {name} are asked for, and {name} is not installed") from None


class BrokenError(Exception):
    """An implementation raised, or gave back something else than its contract says.

    Parameters
    ----------
    where : str
        What was asked for.
    reason : str
    """

    def __init__(self, where: str, reason: str) -> None:
        self.where, self.reason = where, reason
        super().__init__(f"{where}: {reason}")


def guarded(where: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What ``function`` returns; whatever it raises becomes :class:`BrokenError`."""
    try:
        with np.errstate(all="ignore"):  # what is not finite shows in the comparison
            return function(*args, **kwargs)
    except Exception as error:
        text = str(error).strip().splitlines()
        raise BrokenError(where, f"{type(error).__name__}: {text[0] if text else ''}") from error
