"""Elementwise, shape and reduction operations: the forward formula and, beside it, the rules.

Each function takes plain arrays or traced Tensors and returns the same kind. ``g`` is the cotangent
of the result ``ans``; each rule gives the cotangent of one argument and is written in the functions
of this file, which makes it differentiable again.

Conventions at kinks: the derivative of relu, abs and norm at 0 is 0; ties in maximum, minimum, max
and min share the cotangent equally; clip passes the cotangent on at its bounds. The square of a
norm is traced as the sum of squares that it is, and has its second derivative at 0 too.

Selection selects: what ``where``, an extremum, a clip or an index left out has no part in value or
gradient, be it infinite. So masks choose and never multiply (0 times infinity), and a cotangent
that is 0 by selection stays 0 through the elementwise functions behind it.
"""

from __future__ import annotations

import builtins
import math
from numbers import Integral, Real
from typing import Any

from refimpl.arrays import (
    add_at,
    device,
    keep_where,
    length,
    namespace,
    one_hot,
    place_slices,
    reduce,
    wrap_indices,
)
from refimpl.autodiff import tape
from refimpl.autodiff.tape import Primitive, Tensor, value

# --- helpers -------------------------------------------------------------------------------------


def _shape(x: Any) -> tuple[int, ...]:
    return tuple(getattr(x, "shape", ()))


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    return tuple(a % ndim for a in axes)


def _kept(x: Any, axis: Any) -> tuple[int, ...]:
    """The shape of ``x`` with the reduced axes kept as 1."""
    shape = _shape(x)
    gone = _axes(axis, len(shape))
    return tuple(1 if i in gone else n for i, n in enumerate(shape))


def _unbroadcast(g: Any, like: Any) -> Any:
    """Sum ``g`` over the axes along which ``like`` was broadcast."""
    return unbroadcast(g, _shape(like))


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum ``g`` over the axes along which an array of ``shape`` was broadcast to that of ``g``."""
    if _shape(g) == shape:
        return g
    lead = len(_shape(g)) - len(shape)
    if lead:
        g = sum(g, axis=tuple(range(lead)))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and _shape(g)[i] != 1)
    return sum(g, axis=axes, keepdims=True) if axes else g


def _elementwise(forward: Any) -> Primitive:
    return Primitive(forward, elementwise=True)


def _tame(forward: Any) -> Primitive:
    return Primitive(forward, tame=True)


def _selecting(forward: Any) -> Primitive:
    return Primitive(forward, selects=True)


# --- arithmetic ----------------------------------------------------------------------------------


@Primitive
def add(x, y, /):
    """x + y, with broadcasting."""
    return x + y


add.derivatives(
    lambda g, ans, x, y: _unbroadcast(g, x),
    lambda g, ans, x, y: _unbroadcast(g, y),
)


@Primitive
def subtract(x, y, /):
    """x - y, with broadcasting."""
    return x - y


subtract.derivatives(
    lambda g, ans, x, y: _unbroadcast(g, x),
    lambda g, ans, x, y: _unbroadcast(-g, y),
)


@_tame
def multiply(x, y, /):
    """x * y, with broadcasting."""
    return x * y


multiply.derivatives(
    lambda g, ans, x, y: _unbroadcast(g * y, x),
    lambda g, ans, x, y: _unbroadcast(g * x, y),
)


@_tame
def divide(x, y, /):
    """x / y, with broadcasting."""
    return x / y


divide.derivatives(
    lambda g, ans, x, y: _unbroadcast(g / y, x),
    lambda g, ans, x, y: _unbroadcast(-g * ans / y, y),
)


@Primitive
def negative(x, /):
    """-x."""
    return -x


negative.derivatives(lambda g, ans, x: -g)


@_elementwise
def power(x, exponent, /):
    """x ** exponent. The derivative in an array exponent needs x >= 0."""
    return x**exponent if isinstance(x, (int, float)) else x ** _plain_number(exponent)


def _plain_number(x):
    """A number of NumPy as Python's, which does not widen float32; all else as it is."""
    if type(x) not in (int, float) and isinstance(x, Real):
        return int(x) if isinstance(x, Integral) else float(x)
    return x


def _square_of_norm(x):
    """The sum of squares where ``x`` is a traced norm: its own second derivative at 0 is lost."""
    if type(x) is Tensor and x.record is not None and x.record[0] is norm:
        _, args, _, options, _, _ = x.record
        return sum(args[0] * args[0], **_norm_options(args, options))
    return None


def _norm_options(args, options):
    return {**dict(zip(("axis", "keepdims"), args[1:], strict=False)), **options}


power.rewritten(lambda x, y: _square_of_norm(x) if isinstance(y, Real) and y == 2 else None)
multiply.rewritten(lambda x, y: _square_of_norm(x) if x is y else None)


def _power_base(g, ans, x, exponent):
    if isinstance(exponent, Real):
        if exponent == 0:
            return g * 0.0
        if exponent == 1:
            return g
        return _unbroadcast(g * exponent * x ** (exponent - 1), x)
    constant = value(exponent) == 0  # x ** -1 has no part in the derivative of 1
    lower = where(constant, 0.0, exponent - 1)
    return _unbroadcast(where(constant, 0.0, g * exponent * x**lower), x)


def _power_exponent(g, ans, x, exponent):
    if isinstance(x, Real):
        return _unbroadcast(g * ans * (math.log(x) if x != 0 else 0.0), exponent)
    gone = (value(x) == 0) & (value(ans) == 0)  # 0 ** y is 0 for all y > 0, and flat
    return _unbroadcast(where(gone, 0.0, g * ans * log(where(gone, 1.0, x))), exponent)


power.derivatives(_power_base, _power_exponent)


@Primitive
def matmul(x, y, /):
    """Matrix product with the standard's broadcasting; vectors allowed on either side."""
    if type(x) is not type(y):
        namespace(x, y)  # some libraries take each other's arrays without a word
    return x @ y


def _matmul_left(g, ans, x, y):
    if len(_shape(x)) == 1 and len(_shape(y)) == 1:
        return g * y
    if len(_shape(x)) == 1:
        return _unbroadcast(matmul(y, expand_dims(g, -1))[..., 0], x)
    if len(_shape(y)) == 1:
        return _unbroadcast(expand_dims(g, -1) * y, x)
    return _unbroadcast(matmul(g, matrix_transpose(y)), x)


def _matmul_right(g, ans, x, y):
    if len(_shape(x)) == 1 and len(_shape(y)) == 1:
        return g * x
    if len(_shape(x)) == 1:
        return _unbroadcast(expand_dims(x, -1) * expand_dims(g, -2), y)
    if len(_shape(y)) == 1:
        return _unbroadcast(matmul(matrix_transpose(x), expand_dims(g, -1))[..., 0], y)
    return _unbroadcast(matmul(matrix_transpose(x), g), y)


matmul.derivatives(_matmul_left, _matmul_right)


@Primitive
def gram(x, /):
    """x x^T, the inner products of the rows of a matrix; leading axes make a stack.

    The rule is one product with the symmetric part of the cotangent; matmul, which does not know
    that its arguments are one, makes two.
    """
    return x @ x.mT


gram.derivatives(lambda g, ans, x: matmul(g + g.mT, x))


# --- elementwise functions -----------------------------------------------------------------------


@_tame
def exp(x, /):
    """Exponential."""
    return namespace(x).exp(x)


exp.derivatives(lambda g, ans, x: g * ans)


@_elementwise
def expm1(x, /):
    """exp(x) - 1, exact near 0."""
    return namespace(x).expm1(x)


# exp, not ans + 1, which is 0 far to the left
expm1.derivatives(lambda g, ans, x: g * exp(x))


@_elementwise
def log(x, /):
    """Natural logarithm."""
    return namespace(x).log(x)


log.derivatives(lambda g, ans, x: g / x)


@_elementwise
def log1p(x, /):
    """log(1 + x), exact near 0."""
    return namespace(x).log1p(x)


log1p.derivatives(lambda g, ans, x: g / (1.0 + x))


@_elementwise
def sqrt(x, /):
    """Square root."""
    return namespace(x).sqrt(x)


sqrt.derivatives(lambda g, ans, x: 0.5 * g / ans)


@_tame
def square(x, /):
    """x * x."""
    return x * x


square.derivatives(lambda g, ans, x: 2.0 * g * x)
square.rewritten(lambda x: _square_of_norm(x))


@_elementwise
def sin(x, /):
    """Sine."""
    return namespace(x).sin(x)


@_elementwise
def cos(x, /):
    """Cosine."""
    return namespace(x).cos(x)


sin.derivatives(lambda g, ans, x: g * cos(x))
cos.derivatives(lambda g, ans, x: -g * sin(x))


@_elementwise
def arccos(x, /):
    """Inverse cosine; the derivative is unbounded at -1 and 1."""
    return namespace(x).acos(x)


@_elementwise
def arcsin(x, /):
    """Inverse sine; the derivative is unbounded at -1 and 1."""
    return namespace(x).asin(x)


@_elementwise
def arctan(x, /):
    """Inverse tangent."""
    return namespace(x).atan(x)


# (1 - x)(1 + x) keeps its digits near the ends, where 1 - x*x cancels
arccos.derivatives(lambda g, ans, x: -g / sqrt((1.0 - x) * (1.0 + x)))
arcsin.derivatives(lambda g, ans, x: g / sqrt((1.0 - x) * (1.0 + x)))
arctan.derivatives(lambda g, ans, x: g / (1.0 + x * x))


@_tame
def tanh(x, /):
    """Hyperbolic tangent."""
    return namespace(x).tanh(x)


@_elementwise
def _sech_squared(x, /):
    """1 - tanh(x)^2, with its digits in the tails."""
    xp = namespace(x)
    tail = xp.exp(-2.0 * xp.abs(x))
    return 4.0 * tail / ((1.0 + tail) * (1.0 + tail))


tanh.derivatives(lambda g, ans, x: g * _sech_squared(x))
_sech_squared.derivatives(lambda g, ans, x: -2.0 * g * ans * tanh(x))


@_tame
def sigmoid(x, /):
    """1 / (1 + exp(-x)), without overflow, and with the digits of its tail exp(x)."""
    xp = namespace(x)
    tail = xp.exp(-xp.abs(x))  # at most 1
    return xp.maximum(tail, xp.astype(x >= 0, x.dtype)) / (1.0 + tail)


sigmoid.derivatives(lambda g, ans, x: g * ans * sigmoid(-x))


@_tame
def softplus(x, /):
    """log(1 + exp(x)), without overflow."""
    xp = namespace(x)
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))


softplus.derivatives(lambda g, ans, x: g * sigmoid(x))


@_selecting
def relu(x, /):
    """max(x, 0); the derivative at 0 is 0."""
    return namespace(x).maximum(x, 0.0)


def _as_mask(condition, like):
    """A boolean array as 0 and 1 in the dtype of ``like``."""
    like = value(like)
    return namespace(like).astype(condition, like.dtype)


masked = Primitive(keep_where, selects=True, name="masked")
masked.derivatives(lambda h, ans, g, mask: masked(h, mask), None)

relu.derivatives(lambda g, ans, x: masked(g, ans > 0))


@Primitive
def leaky_relu(x, /, *, slope=0.01):
    """x for x > 0, else slope * x."""
    return namespace(x).where(x > 0, x, slope * x)


leaky_relu.derivatives(
    lambda g, ans, x, slope=0.01: g * (slope + (1.0 - slope) * _as_mask(value(x) > 0, x))
)


@_selecting
def abs(x, /):
    """Absolute value; the derivative at 0 is 0."""
    return namespace(x).abs(x)


abs.derivatives(lambda g, ans, x: masked(g * namespace(value(x)).sign(value(x)), value(x) != 0))


@Primitive
def sign(x, /):
    """Sign, with sign(0) = 0. Its derivative is not defined here: see sign_straight_through."""
    return namespace(x).sign(x)


@_selecting
def sign_straight_through(x, /, *, window=1.0):
    """Sign with sign(0) = 1, whose rule passes the cotangent where abs(x) <= window.

    ``window=None`` passes it everywhere (Bengio et al. 2013; with the window, Hubara et al. 2016).
    """
    xp = namespace(x)
    return 2.0 * xp.astype(x >= 0, x.dtype) - 1.0


def _straight_through(g, ans, x, window=1.0):
    if window is None:
        return g
    plain = value(x)
    return masked(g, namespace(plain).abs(plain) <= window)


sign_straight_through.derivatives(_straight_through)


def stop_gradient(x, /):
    """x as a constant, for every differentiation in progress."""
    return value(x)


@_selecting
def clip(x, low, high, /):
    """x limited to [low, high] (either may be None); differentiable in x only."""
    xp = namespace(x)
    return xp.clip(x, low, high)


def _clip_rule(g, ans, x, low, high):
    plain = value(x)
    inside = plain == plain
    if low is not None:
        inside = inside & (plain >= low)
    if high is not None:
        inside = inside & (plain <= high)
    return masked(g, inside)


clip.derivatives(_clip_rule)


@_selecting
def where(condition, x, y, /):
    """x where the boolean ``condition`` holds, else y."""
    return namespace(condition, x, y).where(condition, x, y)


def _where_rule(g, condition, like, keep):
    return _unbroadcast(masked(g, condition if keep else ~condition), like)


where.derivatives(
    None,
    lambda g, ans, condition, x, y: _where_rule(g, value(condition), x, True),
    lambda g, ans, condition, x, y: _where_rule(g, value(condition), y, False),
)


@_selecting
def maximum(x, y, /):
    """The larger of x and y; a tie shares the cotangent."""
    return namespace(x, y).maximum(x, y)


@_selecting
def minimum(x, y, /):
    """The smaller of x and y; a tie shares the cotangent."""
    return namespace(x, y).minimum(x, y)


def _choice_rule(g, ans, mine, other):
    chosen, x, y = value(ans), value(mine), value(other)
    share = 1.0 / (1.0 + _as_mask(x == y, g))
    return _unbroadcast(masked(g * share, x == chosen), mine)


for _primitive in (maximum, minimum):
    _primitive.derivatives(
        lambda g, ans, x, y: _choice_rule(g, ans, x, y),
        lambda g, ans, x, y: _choice_rule(g, ans, y, x),
    )


# --- shape ---------------------------------------------------------------------------------------


@Primitive
def reshape(x, shape, /):
    """x with another shape; one length may be -1."""
    return namespace(x).reshape(x, shape)


reshape.derivatives(lambda g, ans, x, shape: reshape(g, _shape(x)))


def expand_dims(x, axis, /):
    """x with a new axis of length 1."""
    shape = list(_shape(x))
    shape.insert(axis % (len(shape) + 1), 1)
    return reshape(x, tuple(shape))


@Primitive
def matrix_transpose(x, /):
    """The last two axes swapped."""
    return x.mT


matrix_transpose.derivatives(lambda g, ans, x: matrix_transpose(g))
transpose = matrix_transpose


@Primitive
def permute_dims(x, axes, /):
    """The axes in another order."""
    return namespace(x).permute_dims(x, axes)


def _permute_rule(g, ans, x, axes):
    inverse = [0] * len(axes)
    for position, axis in enumerate(axes):
        inverse[axis] = position
    return permute_dims(g, tuple(inverse))


permute_dims.derivatives(_permute_rule)


@Primitive
def broadcast_to(x, shape, /):
    """x repeated along new axes and axes of length 1."""
    return namespace(x).broadcast_to(x, shape)


broadcast_to.derivatives(lambda g, ans, x, shape: _unbroadcast(g, x))


@_selecting
def getitem(x, key, /):
    """x[key]: integers, slices, ellipsis, None, boolean masks, integer arrays (NumPy, CuPy)."""
    return x[key]


@Primitive
def _put(values, key, shape, /):
    return add_at(shape, key, values)


getitem.derivatives(lambda g, ans, x, key: _put(g, key, _shape(x)))
_put.derivatives(lambda g, ans, values, key, shape: getitem(g, key))


@_selecting
def take(x, indices, /, *, axis=0):
    """The slices of x at integer ``indices`` (1-d) along ``axis``; negative ones count back.

    Raises IndexError beyond the ends (on a GPU, where that would cost a synchronisation, not).
    """
    return namespace(x).take(x, wrap_indices(indices, x.shape[axis]), axis=axis)


@Primitive
def _spread(g, indices, /, *, axis, length):
    xp = namespace(g)
    indices = wrap_indices(indices, length)
    placed = place_slices(g, indices, axis, length)
    if placed is not None:
        return placed
    if g.ndim == 1:
        return one_hot(indices, length, g).mT @ g
    moved = xp.moveaxis(g, axis, 0)
    flat = xp.reshape(moved, (moved.shape[0], -1))
    summed = one_hot(indices, length, g).mT @ flat
    return xp.moveaxis(xp.reshape(summed, (length, *moved.shape[1:])), 0, axis)


take.derivatives(
    lambda g, ans, x, indices, axis=0: _spread(g, indices, axis=axis, length=_shape(x)[axis])
)
_spread.derivatives(lambda h, ans, g, indices, axis, length: take(h, indices, axis=axis))


def gather(x, indices, /):
    """x[p, indices[p]] for every row p: one entry a row. Indices are those of :func:`take`.

    Examples
    --------
    >>> import numpy as np
    >>> gather(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1, 0]))
    array([2., 3.])
    """
    classes = _shape(x)[-1]
    chosen = one_hot(wrap_indices(indices, classes), classes, value(x)) > 0
    return sum(where(chosen, x, 0.0), axis=-1)


def _concat(*arrays, axis):
    return namespace(*arrays).concat(arrays, axis=axis)


def _concat_rule(g, ans, *arrays, argnum, axis):
    axis %= len(_shape(ans))
    lengths = [_shape(array)[axis] for array in arrays]
    start = builtins.sum(lengths[:argnum])
    return g[(slice(None),) * axis + (slice(start, start + lengths[argnum]), ...)]


_join = Primitive(_concat, variadic=True)
_join.derivatives(_concat_rule)


def concat(arrays, axis=0):
    """Arrays joined along an existing axis."""
    return _join(*arrays, axis=axis)


def stack(arrays, axis=0):
    """Arrays joined along a new axis."""
    return concat([expand_dims(array, axis) for array in arrays], axis=axis)


# --- reductions ----------------------------------------------------------------------------------


@Primitive
def sum(x, /, axis=None, keepdims=False):
    """Sum over ``axis`` (an int, a tuple, or None for all)."""
    return reduce("sum", x, axis, keepdims)


def _spread_back(g, x, axis, keepdims):
    """A reduction's cotangent, with the reduced axes back."""
    return g if keepdims else reshape(g, _kept(x, axis))


def _sum_rule(g, ans, x, axis=None, keepdims=False):
    return broadcast_to(_spread_back(g, x, axis, keepdims), _shape(x))


sum.derivatives(_sum_rule)


def mean(x, /, axis=None, keepdims=False):
    """Mean over ``axis``."""
    shape = _shape(x)
    count = math.prod(shape[a] for a in _axes(axis, len(shape)))
    return sum(x, axis=axis, keepdims=keepdims) / count


@_selecting
def max(x, /, axis=None, keepdims=False):
    """Maximum over ``axis``; ties share the cotangent."""
    return reduce("max", x, axis, keepdims)


@_selecting
def min(x, /, axis=None, keepdims=False):
    """Minimum over ``axis``; ties share the cotangent."""
    return reduce("min", x, axis, keepdims)


def _extremum_rule(g, ans, x, axis=None, keepdims=False):
    plain = value(x)
    xp = namespace(plain)
    best = xp.reshape(value(ans), _kept(x, axis))
    chosen = plain == best
    ties = reduce("sum", _as_mask(chosen, plain), axis, True)
    shared = _spread_back(g, x, axis, keepdims) / ties
    return masked(broadcast_to(shared, _shape(x)), chosen)


max.derivatives(_extremum_rule)
min.derivatives(_extremum_rule)


@Primitive
def logsumexp(x, /, axis=None, keepdims=False):
    """log(sum(exp(x))) over ``axis``, without overflow."""
    xp = namespace(x)
    top = reduce("max", x, axis, True)
    base = xp.where(xp.isfinite(top), top, 0.0)  # infinity less itself is not a number
    shifted = xp.log(reduce("sum", xp.exp(x - base), axis, True)) + base
    if keepdims:
        return shifted
    gone = _axes(axis, x.ndim)
    return xp.reshape(shifted, tuple(n for i, n in enumerate(x.shape) if i not in gone))


def _logsumexp_rule(g, ans, x, axis=None, keepdims=False):
    back = _spread_back(g, x, axis, keepdims)
    return back * exp(x - _spread_back(ans, x, axis, keepdims))


logsumexp.derivatives(_logsumexp_rule)


def log_softmax(x, /, axis=-1):
    """x - logsumexp(x) along ``axis``."""
    return x - logsumexp(x, axis=axis, keepdims=True)


@Primitive
def softmax(x, /, axis=-1):
    """exp(x) normalised to sum 1 along ``axis``."""
    xp = namespace(x)
    weights = xp.exp(x - reduce("max", x, axis, True))
    return weights / reduce("sum", weights, axis, True)


def _softmax_rule(g, ans, x, axis=-1):
    return ans * (g - sum(g * ans, axis=axis, keepdims=True))


softmax.derivatives(_softmax_rule)


@Primitive
def norm(x, /, axis=None, keepdims=False):
    """Euclidean (Frobenius) norm over ``axis``; the derivative at 0 is 0."""
    return length(x, axis, keepdims)


def _norm_rule(g, ans, x, axis=None, keepdims=False):
    size = _spread_back(ans, x, axis, keepdims)
    unit = x / where(value(size) == 0, 1.0, size)
    return _spread_back(g, x, axis, keepdims) * unit


norm.derivatives(_norm_rule)


def trace(x, /):
    """Sum of the diagonal of a square matrix."""
    plain = value(x)
    xp = namespace(plain)
    diagonal = xp.eye(plain.shape[0], dtype=plain.dtype, device=device(plain)) > 0
    return sum(where(diagonal, x, 0.0))


# --- operators -----------------------------------------------------------------------------------


def _attach_operators() -> None:
    binary: dict[str, Any] = {
        "add": add,
        "sub": subtract,
        "mul": multiply,
        "truediv": divide,
        "pow": power,
        "matmul": matmul,
    }
    for name, primitive in binary.items():

        def forward(self: Tensor, other: Any, primitive: Primitive = primitive) -> Any:
            return primitive(self, other)

        def reflected(self: Tensor, other: Any, primitive: Primitive = primitive) -> Any:
            return primitive(other, self)

        setattr(Tensor, f"__{name}__", forward)
        setattr(Tensor, f"__r{name}__", reflected)
    Tensor.__neg__ = lambda self: negative(self)
    Tensor.__getitem__ = lambda self, key: getitem(self, key)
    Tensor.mT = property(lambda self: matrix_transpose(self))


_attach_operators()
tape.op.where, tape.op.sum, tape.op.unbroadcast = where, sum, unbroadcast
