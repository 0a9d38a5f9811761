"""What every algorithm is, and what the first-order ones share.

An algorithm is a frozen dataclass of hyper-parameters with two pure methods::

    state = algorithm.init(params)
    state, info = algorithm.step(state, objective, batch, rng)

A *first-order update* is an algorithm that turns one gradient into one direction. It splits its
step into ``buffers(params)`` and ``direction(buffers, gradient, step)``, so that a wrapper
(weight decay, L1, early stopping, a gate on the gradient) can feed it a modified gradient::

    loss, gradient = loss_and_gradient(objective, state.params, batch)
    state = descend(update, state, modify(gradient))

>>> from refimpl.algorithms.sgd import SGD
>>> import numpy as np
>>> update = SGD(learning_rate=0.5)
>>> state = start(update, {"weight": np.asarray([4.0])})
>>> descend(update, state, {"weight": np.asarray([2.0])}).params
{'weight': array([3.])}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol

from refimpl import autodiff as ad
from refimpl.arrays import Array, check_float, namespace
from refimpl.errors import SettingError
from refimpl.random import Rng

Tree = Any
"""A nested container (dict, list, tuple, NamedTuple) of arrays."""

Objective = Callable[[Tree, Any], Any]
"""The loss: ``objective(params, batch)`` returns a scalar."""

Include = Literal["weights", "all"]
"""What a penalty acts on: the weight matrices (two axes or more), or every parameter."""


class Algorithm(Protocol):
    """The interface of every algorithm.

    ``init`` may take further keyword arguments; a class that wants one of those that the training
    loop knows (``validation``, a batch; ``steps_per_epoch``, an integer) names it in a class
    attribute ``requires``. The state is a NamedTuple with
    at least ``params`` and the Python integer ``step``; the structure of its tree, the shapes
    and the dtypes stay the same for ever, which is what makes checkpoints possible. The info is
    a NamedTuple with at least ``loss``. An algorithm that ends a run says so by an info field
    ``stopped``, a Python bool; one whose answer is not ``state.params`` has a method
    ``solution(state)``.
    """

    def init(self, params: Tree) -> Any:
        """The state before the first step."""

    def step(
        self, state: Any, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[Any, Any]:
        """One step: the next state and the diagnostics of this one. Mutates nothing."""


class FirstOrder(Algorithm, Protocol):
    """An algorithm whose step is ``params - learning_rate * direction(gradient)``."""

    @property
    def learning_rate(self) -> float:
        """The step size."""

    def buffers(self, params: Tree) -> Tree:
        """What the update remembers, before the first gradient."""

    def direction(self, buffers: Tree, gradient: Tree, step: int) -> tuple[Tree, Tree]:
        """The direction to subtract and the new buffers, after ``step`` earlier gradients."""


class State(NamedTuple):
    """State of a first-order update."""

    params: Tree
    step: int
    buffers: Tree


class Info(NamedTuple):
    """Diagnostics of a first-order step: the loss where the gradient was taken."""

    loss: Array


def start(update: FirstOrder, params: Tree) -> State:
    """The state of a first-order update before its first step.

    Raises
    ------
    TypeError
        If a parameter is not a float64 or float32 array, or if namespaces are mixed.
    """
    check_params(params)
    return State(params, 0, update.buffers(params))


def descend(update: FirstOrder, state: State, gradient: Tree, shrink: Tree | None = None) -> State:
    """Feed ``gradient`` to a first-order update.

    Parameters
    ----------
    update : FirstOrder
    state : State
    gradient : tree like ``state.params``
        The loss's gradient, or whatever a wrapper made of it.
    shrink : tree of float, optional
        Factors by which the old parameters are multiplied (decoupled weight decay).

    Returns
    -------
    State
        With ``params = shrink * params - learning_rate * direction``.
    """
    direction, buffers = update.direction(state.buffers, gradient, state.step)
    rate = update.learning_rate
    kept = state.params if shrink is None else ad.map_tree(_multiply, state.params, shrink)
    params = ad.map_tree(lambda w, d: w - rate * d, kept, direction)
    return State(params, state.step + 1, buffers)


def _multiply(array: Array, factor: float) -> Array:
    return factor * array


def plain_step(
    update: FirstOrder, state: State, objective: Objective, batch: Any
) -> tuple[State, Info]:
    """One step of a first-order update with the gradient of ``objective`` itself."""
    loss, gradient = loss_and_gradient(objective, state.params, batch)
    return descend(update, state, gradient), Info(loss)


def loss_and_gradient(objective: Objective, params: Tree, batch: Any) -> tuple[Array, Tree]:
    """The loss, a 0-d array, and its gradient, a tree like ``params``.

    An objective that knows its own gradient has a method ``value_and_gradient(params, batch)``.

    Raises
    ------
    SettingError
        If the objective has a memory, which its caller would not keep.
    """
    if is_stateful(objective):
        raise SettingError(
            f"{type(objective).__name__} has a memory from step to step: put the update into a "
            "Composition, which keeps it"
        )
    own = getattr(objective, "value_and_gradient", None)
    if own is not None:
        return own(params, batch)
    return ad.value_and_grad(objective)(params, batch)


def is_stateful(objective: Any) -> bool:
    """Whether an objective has a memory: ``init(params)`` and ``value(params, batch, aux)``."""
    return hasattr(objective, "init") and hasattr(objective, "value")


def zeros_like(params: Tree) -> Tree:
    """A tree of zeros beside ``params``."""
    xp = tree_namespace(params)
    return ad.map_tree(xp.zeros_like, params)


def normal_like(params: Tree, rng: Rng) -> Tree:
    """Standard normal draws shaped like ``params``, leaf after leaf from one stream."""
    return ad.map_tree(lambda leaf: rng.normal(leaf.shape, like=leaf), params)


def tree_namespace(params: Tree) -> Any:
    """The array-API namespace of a tree's leaves."""
    return namespace(*ad.flatten(params)[0])


def check_params(params: Tree) -> None:
    """Raise TypeError unless every leaf is a float array and all share one namespace.

    A tensor of PyTorch that records a graph is refused too: every step would lengthen it.
    """
    leaves, _ = ad.flatten(params)
    for index, leaf in enumerate(leaves):
        check_float(leaf, f"parameter {index}")
        if getattr(leaf, "requires_grad", False):
            raise TypeError(
                f"parameter {index} records a graph of PyTorch (requires_grad): pass its "
                f".detach(), or refimpl.interop.from_state_dict(module.state_dict())"
            )
    namespace(*leaves)


def is_regularized(leaf: Array, include: Include) -> bool:
    """Whether a penalty acts on this leaf: biases, with one axis, are left free by default."""
    return include == "all" or leaf.ndim >= 2


def regularized_leaves(params: Tree, include: Include, what: str) -> list[Array]:
    """The leaves that a penalty acts on.

    Raises
    ------
    SettingError
        If there are none, with the shapes that were looked at: a penalty on nothing would pass
        for one that has no effect.

    Examples
    --------
    >>> import numpy as np
    >>> regularized_leaves([np.zeros(3)], "weights", "weight decay")
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: weight decay acts on no parameter: of the shapes (3,) none has \
two axes; set include='all'
    """
    leaves, _ = ad.flatten(params)
    chosen = [leaf for leaf in leaves if is_regularized(leaf, include)]
    if not chosen:
        shapes = ", ".join(str(tuple(leaf.shape)) for leaf in leaves)
        raise SettingError(
            f"{what} acts on no parameter: of the shapes {shapes or '(none)'} none has two axes; "
            f"set include='all'"
        )
    return chosen


def solution(algorithm: Algorithm, state: Any) -> Tree:
    """The parameters to use: ``algorithm.solution(state)`` if it has one, else ``state.params``."""
    choose = getattr(algorithm, "solution", None)
    return state.params if choose is None else choose(state)


def required_rng(rng: Rng | None) -> Rng:
    """``rng``, or a TypeError that says why one is needed."""
    if rng is None:
        raise TypeError("this step draws noise and needs an rng, for example Rng(0)")
    return rng
