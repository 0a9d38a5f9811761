"""Reverse-mode differentiation over a tape.

A :class:`Tensor` is a value and the record of the operation that made it. Tensors are numbered
as they are made, so the numbers are the tape: sorting by them is a topological order, and an
operation can only depend on lower numbers. Values are always plain arrays.

Gradients of gradients need no second mechanism. The rules of the derivative table are written in
the same operations, so a backward pass whose arguments are Tensors is itself recorded. Whether it
has to be is read off the tape: only when the traced function also reached a Tensor that belongs to
an outer differentiation.

>>> import numpy as np
>>> grad(lambda x: x**3)(np.asarray(2.0))
np.float64(12.0)
>>> grad(grad(lambda x: x**3))(np.asarray(2.0))
np.float64(12.0)
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from typing import Any

from refimpl.arrays import Array, backend, check_float, namespace
from refimpl.autodiff.trees import Tree, dot, flatten, map_tree, unflatten

_numbers = itertools.count()


class Tensor:
    """A traced value: the array, and the operation and arguments that made it.

    Supports ``+ - * / ** @``, indexing, comparisons (which give plain arrays) and the attributes
    ``shape``, ``ndim``, ``dtype``, ``size`` and ``mT``. Everything else is a function of
    :mod:`refimpl.autodiff`.
    """

    __array_priority__ = 1000
    __array_ufunc__ = None  # NumPy arrays then leave `array + tensor` to the tensor
    __slots__ = ("args", "kwargs", "number", "parents", "primitive", "saved", "value")

    def __init__(
        self,
        value: Array,
        primitive: Primitive | None = None,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.value = value
        self.primitive = primitive
        self.args = args
        self.kwargs = kwargs or {}
        self.parents = [(i, a) for i, a in enumerate(args) if type(a) is Tensor]
        self.saved: Any = None
        self.number = next(_numbers)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def size(self) -> int:
        return self.value.size

    def __repr__(self) -> str:
        return f"Tensor({self.value!r})"

    def __len__(self) -> int:
        return self.value.shape[0]

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        raise TypeError(
            "float() of a traced value would cut the gradient; use refimpl.autodiff.value(x) "
            "to read the number"
        )

    __hash__ = object.__hash__

    def __lt__(self, other: Any) -> Array:
        return self.value < value(other)

    def __le__(self, other: Any) -> Array:
        return self.value <= value(other)

    def __gt__(self, other: Any) -> Array:
        return self.value > value(other)

    def __ge__(self, other: Any) -> Array:
        return self.value >= value(other)

    def __eq__(self, other: Any) -> Array:
        return self.value == value(other)

    def __ne__(self, other: Any) -> Array:
        return self.value != value(other)

    # The arithmetic operators are attached by operations.py, where their derivatives are.
    __add__: Any
    __radd__: Any
    __sub__: Any
    __rsub__: Any
    __mul__: Any
    __rmul__: Any
    __truediv__: Any
    __rtruediv__: Any
    __pow__: Any
    __rpow__: Any
    __matmul__: Any
    __rmatmul__: Any
    __neg__: Any
    __getitem__: Any
    mT: Any  # noqa: N815 (the standard's name)


class Primitive:
    """An operation with a derivative table: one rule per positional argument.

    A rule has the signature ``rule(g, ans, *args, **kwargs)`` and returns the cotangent of its
    argument, given the cotangent ``g`` of the result ``ans``. It must be written in differentiable
    operations.

    Parameters
    ----------
    forward : callable
        The formula on plain arrays.
    variadic : bool
        All arguments share one rule, which takes the argument's position as ``argnum``.
    saves : bool
        ``forward`` returns ``(result, saved)``. The rules get ``saved`` as a keyword when the pass
        is not itself differentiated, and None when it is: what is saved has no derivative.
    """

    def __init__(
        self, forward: Callable[..., Any], *, variadic: bool = False, saves: bool = False
    ) -> None:
        self.forward = forward
        self.variadic = variadic
        self.saves = saves
        self.rules: tuple[Callable[..., Any] | None, ...] = ()
        self.__name__ = forward.__name__
        self.__doc__ = forward.__doc__
        self.__module__ = forward.__module__
        self.__wrapped__ = forward

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for argument in args:
            if type(argument) is Tensor:
                break
        else:
            result = self.forward(*args, **kwargs)
            return result[0] if self.saves else result
        result = self.forward(*[a.value if type(a) is Tensor else a for a in args], **kwargs)
        if not self.saves:
            return Tensor(result, self, args, kwargs)
        tensor = Tensor(result[0], self, args, kwargs)
        tensor.saved = result[1]
        return tensor

    def derivatives(self, *rules: Callable[..., Any] | None) -> None:
        """Enter the rules of arguments 0, 1, ...; None marks a missing one."""
        self.rules = rules

    def rule(self, argnum: int) -> Callable[..., Any]:
        """The rule of one argument.

        Raises
        ------
        NotImplementedError
            If the table has none; names the function and the argument.
        """
        if self.variadic:
            return self.rules[0]  # type: ignore[return-value]
        found = self.rules[argnum] if argnum < len(self.rules) else None
        if found is None:
            names = list(inspect.signature(self.forward).parameters)
            raise NotImplementedError(
                f"refimpl.autodiff.{self.__name__} has no derivative rule for its argument "
                f"{argnum} ({names[argnum]!r})"
            )
        return found


def value(x: Any) -> Any:
    """The plain array under ``x``, traced or not.

    Examples
    --------
    >>> value(3.0)
    3.0
    """
    return x.value if type(x) is Tensor else x


def _alias(x: Array) -> Array:
    return x


_ALIAS = Primitive(_alias)
_ALIAS.derivatives(lambda g, ans, x: g)


def _leaf(x: Any) -> Tensor:
    """A fresh input of a trace; one that is traced already stays linked to its outer self."""
    if type(x) is Tensor:
        return Tensor(x.value, _ALIAS, (x,), {})
    if isinstance(x, (int, float)) and not hasattr(x, "dtype"):
        x = backend().asarray(float(x))
    check_float(x, "a differentiated argument")
    return Tensor(x)


def _read_tape(output: Any, leaves: list[Tensor]) -> tuple[dict[int, Tensor], bool]:
    """The operations between ``leaves`` and ``output``, by number, and whether an outer
    differentiation is reached, so that what is computed now must itself be recorded."""
    start = leaves[0].number
    ends = {leaf.number for leaf in leaves}
    recorded = any(leaf.primitive is not None for leaf in leaves)
    tape: dict[int, Tensor] = {}
    pending = [output] if type(output) is Tensor else []
    while pending:
        node = pending.pop()
        number = node.number
        if number in tape:
            continue
        if number < start:
            recorded = True
            continue
        tape[number] = node
        if number not in ends:
            pending += [parent for _, parent in node.parents]
    return tape, recorded


def _backward(
    output: Any, cotangent: Any, leaves: list[Tensor], tape: dict[int, Tensor], recorded: bool
) -> list[Any]:
    """Cotangents of ``leaves`` given the cotangent of ``output``."""
    active = {leaf.number for leaf in leaves}
    order = []
    for number in sorted(tape):
        if number not in active:
            for _, parent in tape[number].parents:
                if parent.number in active:
                    active.add(number)
                    order.append(number)
                    break

    cotangents = {output.number: cotangent} if tape else {}
    for number in reversed(order):
        g = cotangents.pop(number, None)
        if g is None:
            continue
        node = tape[number]
        args, ans, kwargs = node.args, node, node.kwargs
        if not recorded:
            args = tuple([a.value if type(a) is Tensor else a for a in args])
            ans = node.value
        primitive: Any = node.primitive
        if primitive.saves:
            kwargs = {**kwargs, "saved": None if recorded else node.saved}
        for argnum, parent in node.parents:
            if parent.number in active:
                if primitive.variadic:
                    kwargs = {**kwargs, "argnum": argnum}
                part = primitive.rule(argnum)(g, ans, *args, **kwargs)
                old = cotangents.get(parent.number)
                cotangents[parent.number] = part if old is None else old + part
    return [
        cotangents[leaf.number]
        if leaf.number in cotangents
        else namespace(leaf.value).zeros_like(leaf.value)
        for leaf in leaves
    ]


def _trace(function: Callable[..., Any], argnum: int, args: tuple[Any, ...], has_aux: bool):
    leaves, structure = flatten(args[argnum])
    if not leaves:
        raise ValueError("nothing to differentiate: the argument holds no array")
    inputs = [_leaf(leaf) for leaf in leaves]
    result = function(*args[:argnum], unflatten(structure, inputs), *args[argnum + 1 :])
    output, aux = result if has_aux else (result, None)
    return output, aux, inputs, structure


def value_and_grad(
    function: Callable[..., Any], argnum: int = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Tree]]:
    """The function that returns ``function``'s value and its gradient in one pass.

    Parameters
    ----------
    function : callable
        Returns a scalar (0-d array), or ``(scalar, aux)`` with ``has_aux``.
    argnum : int
        Which positional argument to differentiate: an array or a tree of arrays.
    has_aux : bool
        Whether ``function`` returns something beside the scalar, passed through untouched (as
        plain arrays).

    Returns
    -------
    callable
        Gives ``(value, gradient)``, or ``((value, aux), gradient)`` with ``has_aux``.

    Raises
    ------
    ValueError
        If the function's value is not a scalar.
    NotImplementedError
        If an operation on the way has no rule for the argument that needs it.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import autodiff as ad
    >>> value, gradient = value_and_grad(lambda w: ad.sum(w * w))(np.array([1.0, 2.0]))
    >>> float(value), gradient
    (5.0, array([2., 4.]))
    """

    def evaluate(*args: Any) -> tuple[Any, Tree]:
        output, aux, inputs, structure = _trace(function, argnum, args, has_aux)
        plain = value(output)
        shape = getattr(plain, "shape", ())
        if tuple(shape) != ():
            raise ValueError(f"the gradient needs a scalar value, got one of shape {shape}")
        tape, recorded = _read_tape(output, inputs)
        one = namespace(inputs[0].value).ones_like(plain) if tape else None
        gradients = unflatten(structure, _backward(output, one, inputs, tape, recorded))
        outer = output if recorded else plain
        return ((outer, map_tree(value, aux)), gradients) if has_aux else (outer, gradients)

    return evaluate


def grad(function: Callable[..., Any], argnum: int = 0) -> Callable[..., Tree]:
    """The gradient of a scalar function; see :func:`value_and_grad`.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import autodiff as ad
    >>> grad(lambda w: ad.sum(ad.exp(w["a"])))({"a": np.zeros(2)})
    {'a': array([1., 1.])}
    """
    both = value_and_grad(function, argnum)
    return lambda *args: both(*args)[1]


def vjp(function: Callable[..., Any], *xs: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The value of ``function(*xs)`` and its pullback.

    Parameters
    ----------
    function : callable
        Returns one array.
    *xs : arrays or trees

    Returns
    -------
    value : array
    pullback : callable
        Maps a cotangent of the value's shape to the cotangents of ``xs``: one tree if there is one
        argument, else a tuple.

    Examples
    --------
    >>> import numpy as np
    >>> value, pullback = vjp(lambda x: x * x, np.array([1.0, 3.0]))
    >>> pullback(np.array([1.0, 10.0]))
    array([ 2., 60.])
    """
    leaves, structure = flatten(xs)
    inputs = [_leaf(leaf) for leaf in leaves]
    output = function(*unflatten(structure, inputs))
    tape, recorded = _read_tape(output, inputs)

    def pullback(cotangent: Any) -> Any:
        shape = tuple(value(output).shape)
        if tuple(value(cotangent).shape) != shape:
            raise ValueError(
                f"cotangent of shape {tuple(value(cotangent).shape)} for a value of shape {shape}"
            )
        parts = unflatten(structure, _backward(output, cotangent, inputs, tape, recorded))
        return parts[0] if len(xs) == 1 else parts

    return (output if recorded else value(output)), pullback


def jvp(function: Callable[..., Any], x: Tree, tangent: Tree) -> tuple[Any, Any]:
    """The value of ``function(x)`` and its derivative along ``tangent``.

    The pullback is linear in its cotangent u; the derivative of <pullback(u), tangent> in u is the
    push-forward, whatever u is. So reverse mode gives it with no rules of its own.

    Examples
    --------
    >>> import numpy as np
    >>> jvp(lambda x: x * x, np.array([1.0, 3.0]), np.array([1.0, 1.0]))[1]
    array([2., 6.])
    """
    result, pullback = vjp(function, x)
    plain = value(result)
    zero = namespace(plain).zeros_like(plain)
    return result, grad(lambda u: dot(pullback(u), tangent))(zero)


def hvp(function: Callable[..., Any], x: Tree, direction: Tree) -> Tree:
    """Hessian of the scalar ``function`` at ``x`` times ``direction``, a tree like ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import autodiff as ad
    >>> hvp(lambda x: ad.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    return grad(lambda z: dot(grad(function)(z), direction))(x)
