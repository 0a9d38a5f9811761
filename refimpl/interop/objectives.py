"""A loss whose gradient somebody else computes, as an objective of this package.

Algorithms ask an objective for its value and gradient in one call, and differentiate nothing
themselves; so any updates, penalties on the parameters, wrappers, projections and samplers take
one. What looks inside it (penalties on slopes in the input, constraints on the outputs) or takes
its second derivatives is refused by type.

>>> import numpy as np
>>> from refimpl import L2, SGD, Composition
>>> objective = from_value_and_grad(lambda w, batch: (np.sum(np.cosh(w)), np.sinh(w)))
>>> algorithm = Composition(SGD(learning_rate=0.5), penalties=[L2(strength=0.1)])
>>> state = algorithm.init(np.array([[1.0, -1.0]]))
>>> for _ in range(200):
...     state, info = algorithm.step(state, objective, None)
>>> bool(np.max(np.abs(state.params)) < 1e-8)
True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl import arrays as backends
from refimpl import autodiff as ad
from refimpl.arrays import Array, Backend, backend_of, check_float, namespace
from refimpl.autodiff import Primitive
from refimpl.errors import ForeignError, MissingPartError, SecondDerivativeError

Tree = Any

_PARTS = ("model", "loss", "outputs", "each", "reduction")


def from_value_and_grad(
    function: Callable[[Tree, Any], tuple[Any, Tree]], *, arrays: str | None = None
) -> ForeignObjective:
    """The objective of a function that returns a loss and its gradient.

    Parameters
    ----------
    function : callable
        ``function(params, batch) -> (value, gradient)``: a scalar, and a tree like ``params``.
        ``jax.value_and_grad(f)`` is one. It must be pure: the algorithms call it at other
        parameters than their own, and any number of times.
    arrays : {"numpy", "torch", "jax", "cupy"}, optional
        The library whose arrays ``function`` takes and returns. Parameters and batch are moved
        there and the gradient back. Default: nothing is moved, so the function gets what the
        algorithm has.

    Returns
    -------
    ForeignObjective

    Raises
    ------
    BackendError
        If the library is unknown or not installed.

    Examples
    --------
    >>> import numpy as np
    >>> objective = from_value_and_grad(lambda w, batch: (w @ w, 2.0 * w))
    >>> objective.value_and_gradient(np.array([3.0, 4.0]), None)
    (array(25.), array([6., 8.]))
    """
    if not callable(function):
        raise TypeError(f"function must be callable, not {type(function).__name__}")
    if arrays is not None:
        backends.backend(arrays, "float32")
    return ForeignObjective(function, arrays)


class ForeignObjective:
    """The objective that :func:`from_value_and_grad` makes.

    Called under the tape it is one operation, whose derivative is the foreign gradient; the
    gradient itself is a constant there.

    Attributes
    ----------
    function : callable
    arrays : str or None
        As given.

    Raises
    ------
    MissingPartError
        Where a method asks for ``model``, ``loss`` or ``outputs``, which a gradient does not show.
    SecondDerivativeError
        Where a method differentiates the gradient.
    ForeignError
        Where the function's answer has another structure, shape or dtype than the parameters.

    Examples
    --------
    >>> import numpy as np
    >>> objective = from_value_and_grad(lambda w, batch: (w @ w, 2.0 * w))
    >>> ad.grad(lambda w: 3.0 * objective(w, None))(np.array([1.0, 2.0]))
    array([ 6., 12.])
    >>> ad.hvp(lambda w: objective(w, None), np.ones(1), np.ones(1))
    Traceback (most recent call last):
    ...
    refimpl.errors.SecondDerivativeError: the gradient of this objective comes from elsewhere and \
has no derivative here: write the loss in operations of refimpl.autodiff for methods that need \
second derivatives
    >>> objective.outputs
    Traceback (most recent call last):
    ...
    refimpl.errors.MissingPartError: this objective is a value and a gradient from elsewhere and \
has no 'outputs': use refimpl.models.Objective for methods that look at the outputs
    """

    def __init__(self, function: Callable[..., Any], arrays: str | None) -> None:
        self.function, self.arrays = function, arrays

    def __getattr__(self, name: str) -> Any:
        if name in _PARTS:
            raise MissingPartError(
                f"this objective is a value and a gradient from elsewhere and has no {name!r}: use "
                f"refimpl.models.Objective for methods that look at the outputs"
            )
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __call__(self, params: Tree, batch: Any) -> Any:
        """The loss, 0-d; differentiable once in ``params`` by the tape."""
        leaves, structure = ad.flatten(params)

        def call(*plain: Array) -> tuple[Array, list[Array]]:
            value, gradient = self.value_and_gradient(ad.unflatten(structure, list(plain)), batch)
            return value, ad.flatten(gradient)[0]

        return foreign_value(*leaves, call=call)

    def value_and_gradient(self, params: Tree, batch: Any) -> tuple[Array, Tree]:
        """The loss, a 0-d array beside the parameters, and its gradient, a tree like them."""
        leaves, _ = ad.flatten(params)
        if not leaves:
            raise ForeignError("the parameters hold no array")
        home = backend_of(leaves[0])
        if self.arrays is None:
            value, gradient = self.function(params, batch)
        else:
            away = backends.backend(self.arrays, home.dtype_name)
            value, gradient = self.function(_moved(params, away), _moved(batch, away))
        return _scalar(value, home), _checked(gradient, params, move=self.arrays is not None)


def _moved(tree: Tree, place: Backend) -> Tree:
    """The arrays of a tree on another backend; what is no array stays."""

    def move(leaf: Any) -> Any:
        return place.asarray(leaf) if hasattr(leaf, "shape") and hasattr(leaf, "dtype") else leaf

    return ad.map_tree(move, tree)


def _scalar(value: Any, home: Backend) -> Array:
    shape = tuple(getattr(value, "shape", ()))
    if shape != ():
        raise ForeignError("the loss must be a scalar", shape=shape)
    if hasattr(value, "detach"):
        value = value.detach()
    return home.asarray(value)


def _checked(gradient: Tree, params: Tree, *, move: bool) -> Tree:
    """The gradient in the order of the parameters, each leaf of its parameter's kind."""

    def check(leaf: Array, slope: Any) -> Array:
        if move:
            label = str(getattr(slope, "dtype", type(slope).__name__)).rsplit(".", 1)[-1]
            mine = backend_of(leaf)
            if label != mine.dtype_name:
                raise ForeignError(
                    "the gradient has another dtype than its parameter",
                    gradient=label,
                    parameter=mine.dtype_name,
                )
            slope = mine.asarray(slope)
        if not hasattr(slope, "dtype"):
            raise ForeignError(f"the gradient must hold arrays, not {type(slope).__name__}")
        if tuple(slope.shape) != tuple(leaf.shape):
            raise ForeignError(
                "the gradient has another shape than its parameter",
                gradient=tuple(slope.shape),
                parameter=tuple(leaf.shape),
            )
        namespace(leaf, slope)
        check_float(slope, "the gradient")
        if slope.dtype != leaf.dtype:
            raise ForeignError(
                "the gradient has another dtype than its parameter",
                gradient=str(slope.dtype),
                parameter=str(leaf.dtype),
            )
        return slope

    try:
        return ad.map_tree(check, params, gradient)
    except ForeignError:
        raise
    except ValueError as error:
        raise ForeignError(f"the gradient is no tree like the parameters: {error}") from None


def _foreign_value(*leaves: Array, call: Callable[..., Any]) -> tuple[Array, list[Array]]:
    """A loss of several arrays, and its gradient in each: ``call(*leaves)`` gives both."""
    return call(*leaves)


def _foreign_rule(
    g: Any, ans: Any, *leaves: Any, argnum: int, call: Any, saved: list[Array] | None
) -> Any:
    if saved is None:
        raise SecondDerivativeError(
            "the gradient of this objective comes from elsewhere and has no derivative here: write "
            "the loss in operations of refimpl.autodiff for methods that need second derivatives"
        )
    return g * saved[argnum]


foreign_value = Primitive(_foreign_value, variadic=True, saves=True, name="foreign_value")
foreign_value.derivatives(_foreign_rule)
