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

import itertools
import sys
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from types import SimpleNamespace
from typing import Any, NamedTuple

from refimpl.arrays import (
    Array,
    backend,
    check_float,
    known_finite,
    namespace,
    one,
    range_unwatched,
)
from refimpl.autodiff.trees import Tree, map_tree

op: Any = SimpleNamespace()
"""The operations that a backward pass needs; operations.py, which stands on this file, fills it."""

_numbers = itertools.count()


class Tensor:
    """A traced value: the array, and the operation and arguments that made it.

    Supports ``+ - * / ** @``, indexing, comparisons (which give plain arrays) and the attributes
    ``shape``, ``ndim``, ``dtype``, ``size`` and ``mT``. Everything else is a function of
    :mod:`refimpl.autodiff`. NumPy and CuPy leave ``array * tensor`` to the tensor; an array of a
    library that does not must stand on the right, or go through ``autodiff.multiply``.
    """

    __array_priority__ = 1000
    __array_ufunc__ = None  # NumPy arrays then leave `array + tensor` to the tensor
    __slots__ = ("number", "record", "traces", "value")

    def __init__(self, value: Array, traces: frozenset[int], record: Any = None) -> None:
        self.value = value
        self.traces = traces  # the numbers of the traces it depends on
        self.record = record  # None for an input
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

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            "a traced value cannot be put into an array of NumPy, which would cut the gradient: "
            "make the array of traced values with refimpl.autodiff.stack, concat or where, or read "
            "the numbers with value(x)"
        )

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        raise TypeError(
            f"numpy.{function.__name__} knows no traced values: use refimpl.autodiff"
            f"{_offered(function.__name__)}"
        )

    def __setitem__(self, key: Any, entry: Any) -> None:
        raise TypeError(
            "a traced value cannot be assigned to: make a new one with refimpl.autodiff.where, "
            "stack or concat"
        )

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"a traced value has no attribute {name!r}: use refimpl.autodiff{_offered(name)}"
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


def _offered(name: str) -> str:
    """``.sum`` for what there is a differentiable operation of, nothing else."""
    face = sys.modules[__name__.rpartition(".")[0]]  # the package, which stands on this file
    return f".{name}" if name in face.__all__ else ""


# What a Tensor remembers of its making: the operation, its arguments as given, and as plain arrays,
# its options, the Tensors among the arguments with their positions, and what the operation saved.
_Record = tuple[
    "Primitive", Sequence[Any], Sequence[Any], dict[str, Any], list[tuple[int, Tensor]], Any
]


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
    elementwise : bool
        Every entry of the result depends on the entries at its own place alone. Where the cotangent
        is 0 because something else was selected, the rules then see a harmless point, and the 0
        stays one however steep the function is there.
    tame : bool
        Elementwise, and its rules are finite wherever the arguments and the result are: a cotangent
        of 0 stays one there without a harmless point.
    selects : bool
        Its rules give cotangents that are 0 where an entry was not chosen.
    saves : bool
        ``forward`` returns ``(result, saved)``. The rules get ``saved`` as a keyword when the pass
        is not itself differentiated, and None when it is: what is saved has no derivative.
    name : str, optional
        Default: the name of ``forward``.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        *,
        variadic: bool = False,
        elementwise: bool = False,
        tame: bool = False,
        selects: bool = False,
        saves: bool = False,
        name: str = "",
    ) -> None:
        self.forward = forward
        self.variadic = variadic
        self.elementwise = elementwise or tame
        self.tame = tame
        self.selects = selects
        self.saves = saves
        self.rewrite: Callable[..., Any] | None = None
        self.derivatives()
        self.__name__ = name or forward.__name__
        self.__doc__ = forward.__doc__
        self.__module__ = forward.__module__
        self.__wrapped__ = forward

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs and Tensor in map(type, kwargs.values()):
            raise NotImplementedError(
                f"refimpl.autodiff.{self.__name__} has no derivative rule for its options "
                f"({', '.join(kwargs)}), and one of them is traced"
            )
        if Tensor not in map(type, args):
            result = self.forward(*args, **kwargs)
            return result[0] if self.saves else result
        if self.rewrite is not None:
            simpler = self.rewrite(*args)
            if simpler is not None:
                return simpler
        parents = [link for link in enumerate(args) if type(link[1]) is Tensor]
        plain, traces = list(args), parents[0][1].traces
        for position, parent in parents:
            plain[position] = parent.value
            if parent.traces is not traces:
                traces = traces | parent.traces
        result = self.forward(*plain, **kwargs)
        value, saved = result if self.saves else (result, None)
        return Tensor(value, traces, (self, args, plain, kwargs, parents, saved))

    def derivatives(
        self, *rules: Callable[..., Any] | None, shared: Callable[[Any, Any], Any] | None = None
    ) -> None:
        """Enter the rules of arguments 0, 1, ...; None, or nothing, marks a missing one.

        ``shared(g, ans)``, if it is given, is applied to the cotangent before all rules: the
        factor that they have in common.
        """
        self.shared = shared
        count = self.forward.__code__.co_posonlyargcount
        self.rules = rules + (None,) * (count - len(rules))

    def rewritten(self, rewrite: Callable[..., Any]) -> None:
        """Let ``rewrite(*args)`` replace a traced call: it gives the result, or None to decline."""
        self.rewrite = rewrite

    def missing(self, argnum: int) -> NotImplementedError:
        """What to raise for an argument without a rule: names the function and the argument."""
        name = self.forward.__code__.co_varnames[argnum]
        return NotImplementedError(
            f"refimpl.autodiff.{self.__name__} has no derivative rule for its argument "
            f"{argnum} ({name!r})"
        )


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


def _as_dtype(x: Array, dtype: Any, /) -> Array:
    return namespace(x).astype(x, dtype)


_cast = Primitive(_as_dtype, name="_cast")  # a gradient has its argument's dtype
_cast.derivatives(lambda g, ans, x, dtype: _cast(g, x.dtype), None)


class _Trace(NamedTuple):
    """One differentiation in progress: its number, and the tree of its inputs and their list.

    A Tensor knows the traces that it depends on. An enclosing differentiation began earlier, so
    its number is lower.
    """

    number: int
    tree: Tree
    inputs: list[Tensor]

    def encloses(self, output: Any) -> bool:
        """Whether ``output`` depends on the inputs of this trace."""
        return type(output) is Tensor and self.number in output.traces

    def is_nested(self, output: Any) -> bool:
        """Whether ``output`` depends on the inputs of an enclosing differentiation, so that the
        backward pass must itself be recorded."""
        return type(output) is Tensor and min(output.traces) < self.number


def _enter(tree: Tree) -> _Trace:
    """Begin a trace: the arrays of ``tree`` become its inputs.

    An array that is traced already stays linked to its outer self.
    """
    number = next(_numbers)
    traces = frozenset((number,))
    inputs: list[Tensor] = []

    def enter(x: Any) -> Tensor:
        if type(x) is Tensor:
            leaf = Tensor(
                x.value, x.traces | traces, (_ALIAS, (x,), (x.value,), {}, [(0, x)], None)
            )
        else:
            if type(x) in (int, float):
                x = backend().asarray(float(x))
            check_float(x, "a differentiated argument")
            leaf = Tensor(x, traces)
        inputs.append(leaf)
        return leaf

    traced = map_tree(enter, tree)
    if not inputs:
        raise ValueError("nothing to differentiate: the argument holds no array")
    return _Trace(number, traced, inputs)


def _harmless(primitive: Primitive, g: Any, ans: Any, args: Any, kwargs: Any) -> list[Any]:
    """Result and arguments with 1/2, where every rule is finite, in place of what ``g`` = 0 makes
    irrelevant; in the shape of ``g``.

    Where ``g`` is traced its 0 may be one that moves: then a place stays as it is unless the
    function is singular there, for the cotangent's own derivative meets the rule's value.
    """
    if primitive.tame and type(g) is not Tensor and all(map(known_finite, (ans, *args))):
        return [ans, *args]
    alive = value(g) != 0.0
    if type(g) is Tensor and not bool(namespace(alive).all(alive)):
        alive = alive | _is_smooth(primitive, value(g), args, kwargs)
    return [
        op.where(alive, each, 0.5) if getattr(each, "shape", None) is not None else each
        for each in (ans, *args)
    ]


def _is_smooth(primitive: Primitive, like: Any, args: Any, kwargs: Any) -> Any:
    """Where an elementwise operation has finite first and second derivatives, in the shape of
    ``like``."""
    xp = namespace(like)
    ones = xp.ones_like(like)
    held = [value(each) for each in args]
    places = [i for i, each in enumerate(held) if getattr(each, "shape", None) is not None]
    points = [xp.broadcast_to(held[i], like.shape) + 0.0 * ones for i in places]

    def slopes(traced: list[Any]) -> Any:
        *xs, cotangent = traced
        full = list(held)
        for i, x in zip(places, xs, strict=True):
            full[i] = x
        ans = primitive(*full, **kwargs)
        wanted = [rule for i, rule in enumerate(primitive.rules) if i in places and rule]
        return sum(op.sum(rule(cotangent, ans, *full, **kwargs)) for rule in wanted)

    with range_unwatched():  # by the points: second derivatives; by the cotangent: first ones
        found = grad(slopes)([*points, ones])
    finite = xp.isfinite(ones)
    for part in found:
        finite = finite & xp.isfinite(part)
    return finite


def _fold(g: Any, shape: tuple[int, ...]) -> Any:
    return op.unbroadcast(g, shape)


def _backward(output: Any, cotangent: Any, trace: _Trace) -> Tree:
    """The cotangents of the inputs of ``trace``, given the cotangent of ``output``.

    Operations are visited from the newest to the oldest: when the turn of one comes, all that
    depends on it has been visited, and its cotangent is complete.
    """
    number, traced, inputs = trace
    cotangents: dict[int, Any] = dict.fromkeys([leaf.number for leaf in inputs])
    selected: set[int] = set()  # nodes whose cotangent may be 0 where something was not chosen
    pending: list[tuple[int, Tensor]] = []
    if trace.encloses(output):
        if output.number not in cotangents:
            pending.append((-output.number, output))
        cotangents[output.number] = cotangent
    recorded = trace.is_nested(output)
    if recorded and pending and type(cotangent) is not Tensor:
        # The rules now meet Tensors, and not every library leaves `array * tensor` to the tensor
        # as NumPy does; so the cotangent is one too: a constant of the enclosing traces.
        cotangent = Tensor(
            cotangent, output.traces - {number}, (_ALIAS, (cotangent,), (cotangent,), {}, (), None)
        )
        cotangents[output.number] = cotangent
    while pending:
        _, node = heappop(pending)
        g = cotangents.pop(node.number)
        primitive, args, plain, kwargs, parents, saved = node.record
        ans: Any = node.value
        if recorded:
            ans, saved = node, None
        else:
            args = plain
        if primitive.saves:
            kwargs = {**kwargs, "saved": saved}
        if primitive.shared is not None:
            g = primitive.shared(g, ans)
        chosen = node.number in selected
        guarded = chosen and primitive.elementwise
        if guarded:
            ans, *args = _harmless(primitive, g, ans, args, kwargs)
        for argnum, parent in parents:
            if number not in parent.traces:
                continue
            if chosen or primitive.selects:
                selected.add(parent.number)
            if primitive.variadic:
                part = primitive.rules[0](g, ans, *args, argnum=argnum, **kwargs)
            else:
                rule = primitive.rules[argnum]
                if rule is None:
                    raise primitive.missing(argnum)
                part = rule(g, ans, *args, **kwargs)
                if guarded:
                    part = _fold(part, parent.shape)
                    if primitive.tame and type(part) is not Tensor:
                        part = part + 0.0  # a zero has the same sign whichever way it was found
            if parent.number not in cotangents:
                cotangents[parent.number] = part
                heappush(pending, (-parent.number, parent))
            else:
                old = cotangents[parent.number]
                cotangents[parent.number] = part if old is None else old + part

    def collect(leaf: Tensor) -> Any:
        found = cotangents[leaf.number]
        if found is None:
            return namespace(leaf.value).zeros_like(leaf.value)
        dtype = leaf.value.dtype
        return found if found.dtype is dtype or found.dtype == dtype else _cast(found, dtype)

    return map_tree(collect, traced)


def value_and_grad(
    function: Callable[..., Any], argnum: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Tree]]:
    """The function that returns ``function``'s value and its gradient in one pass.

    Parameters
    ----------
    function : callable
        Returns a scalar (0-d array), or ``(scalar, aux)`` with ``has_aux``.
    argnum : int or tuple of int
        Which positional argument to differentiate: an array or a tree of arrays. Of several, the
        gradient is a tuple. Keyword arguments are constants.
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

    chosen = argnum if isinstance(argnum, tuple) else (argnum,)

    def evaluate(*args: Any, **kwargs: Any) -> tuple[Any, Tree]:
        several = tuple(args[place] for place in chosen)
        trace = _enter(several if isinstance(argnum, tuple) else several[0])
        filled = list(args)
        for place, tree in zip(
            chosen, trace.tree if isinstance(argnum, tuple) else (trace.tree,), strict=True
        ):
            filled[place] = tree
        result = function(*filled, **kwargs)
        output, aux = result if has_aux else (result, None)
        plain = value(output)
        shape = getattr(plain, "shape", ())
        if shape != ():
            raise ValueError(f"the gradient needs a scalar value, got one of shape {shape}")
        gradient = _backward(output, one(trace.inputs[0].value), trace)
        if not trace.is_nested(output):
            output = plain
        return ((output, map_tree(value, aux)), gradient) if has_aux else (output, gradient)

    return evaluate


def grad(function: Callable[..., Any], argnum: int | tuple[int, ...] = 0) -> Callable[..., Tree]:
    """The gradient of a scalar function; see :func:`value_and_grad`.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl import autodiff as ad
    >>> grad(lambda w: ad.sum(ad.exp(w["a"])))({"a": np.zeros(2)})
    {'a': array([1., 1.])}
    """
    both = value_and_grad(function, argnum)
    return lambda *args, **kwargs: both(*args, **kwargs)[1]


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
    trace = _enter(xs)
    output = function(*trace.tree)

    def pullback(cotangent: Any) -> Any:
        shape, wanted = tuple(cotangent.shape), tuple(output.shape)
        if shape != wanted:
            raise ValueError(f"cotangent of shape {shape} for a value of shape {wanted}")
        parts = _backward(output, cotangent, trace)
        return parts[0] if len(xs) == 1 else parts

    return (output if trace.is_nested(output) else value(output)), pullback
