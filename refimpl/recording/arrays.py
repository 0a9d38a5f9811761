"""Arrays that remember the calls that made them, so that the calls can be made again.

A :class:`Recorded` array stands for an array whose numbers will be others the next time. It has a
shape, a dtype and the functions of an array-API namespace, each of which is carried out once, to
learn the shape, dtype and memory order of its result, and written down. What would need the
numbers themselves (a branch, ``float``, an index, an array of NumPy) raises
:class:`CannotRecordError`, and so does an array that is neither an input nor made of inputs: it
could be another the next time.

>>> x = Recorded.input(np.asarray([3.0, 4.0]))
>>> y = x * x + 1.0
>>> y.shape, y.function.__name__, y.args[1]
((2,), 'add', 1.0)
>>> bool(y[0] > 2.0)
Traceback (most recent call last):
...
refimpl.recording.arrays.CannotRecordError: a recording cannot read numbers
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

_numbers = itertools.count()


class CannotRecordError(Exception):
    """What was asked of a recorded array depends on more than its shape and dtype."""


class View(NamedTuple):
    """Another look at the memory of an array, wherever that memory is."""

    look: Callable[..., Any]
    options: tuple[Any, ...]

    def __call__(self, x: Any) -> Any:
        return self.look(x, *self.options)


class Number:
    """A Python number that is another each time, such as the number of a step.

    >>> t = Number(3)
    >>> (1.0 - 0.5**t).value
    0.875
    """

    __slots__ = ("args", "function", "number", "value")

    def __init__(self, value: Any, function: Any = None, args: tuple[Any, ...] = ()) -> None:
        self.value, self.function, self.args = value, function, args
        self.number = next(_numbers)

    @classmethod
    def made(cls, function: Callable[..., Any], *args: Any) -> Any:
        if not all(isinstance(arg, (int, float, Number)) for arg in args):
            return NotImplemented
        plain = [arg.value if type(arg) is Number else arg for arg in args]
        return cls(function(*plain), function, args)

    def __neg__(self) -> Any:
        return Number.made(operator.neg, self)

    def __bool__(self) -> bool:
        raise CannotRecordError("a recording cannot read numbers")

    __float__ = __int__ = __index__ = __bool__
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, other: bool(self)
    __hash__ = object.__hash__


class Recorded:
    """An array in a recording.

    Attributes
    ----------
    example : numpy.ndarray
        The array as it was in the call that was recorded.
    function, args : callable and tuple, or None and ()
        What made it; None for an input and a constant.
    root : Recorded
        The array whose memory it shows: itself unless it is a view.
    constant : bool
        Made of numbers that are written in the code: the same each time.
    """

    __array_ufunc__ = (
        None  # an array of NumPy leaves `array + recorded` to this class, which raises
    )
    __slots__ = ("_shown", "args", "constant", "example", "function", "number")

    device = "cpu"
    functions: Any = None  # the namespace, which functions.py, that stands on this file, fills in

    def __init__(
        self,
        example: Any,
        function: Any = None,
        args: tuple[Any, ...] = (),
        root: Recorded | None = None,
        constant: bool = False,
    ) -> None:
        self.example, self.function, self.args = example, function, args
        self._shown, self.constant = root, constant
        self.number = next(_numbers)

    @classmethod
    def input(cls, array: np.ndarray) -> Recorded:
        """An array that is given anew each time."""
        return cls(array)

    @classmethod
    def fixed(cls, array: Any) -> Recorded:
        """An array that is the same each time."""
        return cls(np.asarray(array), constant=True)

    @property
    def root(self) -> Recorded:
        return self if self._shown is None else self._shown

    @property
    def shape(self) -> tuple[int, ...]:
        return self.example.shape

    @property
    def ndim(self) -> int:
        return self.example.ndim

    @property
    def dtype(self) -> Any:
        return self.example.dtype

    @property
    def size(self) -> int:
        return self.example.size

    @property
    def mT(self) -> Recorded:
        return look(self, np.matrix_transpose)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Recorded:
        parts = key if isinstance(key, tuple) else (key,)
        if not all(p is None or p is ... or type(p) in (int, slice) for p in parts):
            raise CannotRecordError("a recording cannot read indices")
        return look(self, operator.getitem, key)

    def __neg__(self) -> Recorded:
        return call(np.negative, self)

    def __invert__(self) -> Recorded:
        return call(np.invert, self)

    def __pow__(self, exponent: Any) -> Any:
        return NotImplemented if _stands_above(exponent) else call(_power, self, exponent)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return self.functions

    def _read(self, *args: Any, **kwargs: Any) -> Any:
        raise CannotRecordError("a recording cannot read numbers")

    __bool__ = __float__ = __int__ = __index__ = __iter__ = __setitem__ = _read
    __array__ = __array_function__ = _read
    __hash__ = object.__hash__


_OPERATORS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "matmul": np.matmul,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}
_ORDER = ("lt", "le", "gt", "ge", "eq", "ne")


def _attach_operators() -> None:
    for name, ufunc in _OPERATORS.items():

        def forward(self: Any, other: Any, ufunc: Any = ufunc) -> Any:
            return NotImplemented if _stands_above(other) else call(ufunc, self, other)

        def reflected(self: Any, other: Any, ufunc: Any = ufunc) -> Any:
            return NotImplemented if _stands_above(other) else call(ufunc, other, self)

        setattr(Recorded, f"__{name}__", forward)
        if name not in _ORDER:
            setattr(Recorded, f"__r{name}__", reflected)
    for name in ("add", "sub", "mul", "truediv", "pow"):
        function = getattr(operator, name)
        setattr(Number, f"__{name}__", lambda self, x, f=function: Number.made(f, self, x))
        setattr(Number, f"__r{name}__", lambda self, x, f=function: Number.made(f, x, self))


def _stands_above(other: Any) -> bool:
    """Whether the operator is for the other to carry out, as for an array that is traced."""
    kind = type(other)
    return kind is not Recorded and getattr(kind, "__array_ufunc__", False) is None


def call(function: Any, *args: Any) -> Recorded:
    """The recorded result of a function of arrays and Python numbers.

    Raises
    ------
    CannotRecordError
        If an argument is anything else.
    """
    plain = []
    for arg in args:
        if type(arg) is Recorded:
            plain.append(arg.example)
        elif type(arg) is Number:
            plain.append(arg.value)
        elif type(arg) in (bool, int, float):
            plain.append(arg)
        else:
            raise CannotRecordError(f"{type(arg).__name__} is no part of the recording")
    result = function(*plain)
    if any(type(arg) is Number or (type(arg) is Recorded and not arg.constant) for arg in args):
        return Recorded(np.asarray(result), function, args)
    return Recorded.fixed(result)


def look(x: Recorded, function: Callable[..., Any], *options: Any) -> Recorded:
    """The recorded view that ``function`` gives of ``x``, or its copy where it is none."""
    view = View(function, options)
    result = view(x.example)
    if min(np.asarray(result).strides, default=0) < 0:
        raise CannotRecordError("a view that runs backwards: older NumPy sums it in another order")
    if x.constant:
        return Recorded.fixed(result)
    shared = isinstance(result, np.ndarray) and np.may_share_memory(result, x.example)
    return Recorded(np.asarray(result), view, (x,), x.root if shared else None)


def _power(x: Any, exponent: Any) -> Any:
    return (x[()] if x.ndim == 0 else x) ** exponent  # a number's power is not an array's


_attach_operators()
