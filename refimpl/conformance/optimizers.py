"""Running an optimizer under its contract, with given gradients and given noise.

The contract::

    state = optimizer.init(params)                                  # may be left out: None
    params, state = optimizer.step(params, state, gradient, noise)

``params`` is a list of arrays. ``gradient`` is a list like it, the gradient at ``params``; called
with other parameters, ``gradient(moved)`` is the gradient there, of the same batch. ``noise`` holds
standard normal draws: a list like ``params``, or a tuple of such lists where a step draws several
times.

>>> import numpy as np
>>> from refimpl.algorithms.sgd import SGD
>>> case = Case("one", {"start": [np.ones(2)], "gradient": lambda params, batch: params,
...                     "batches": [None] * 2, "noise": [()] * 2})
>>> trajectory(Reference(SGD(learning_rate=0.5)), case, TapeArrays(), "float64")
{('one', 'parameter 0, step 1'): array([0.5, 0.5]), ('one', 'parameter 0, step 2'): array([0.25, 0.25])}
"""  # noqa: E501

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from refimpl import autodiff as ad
from refimpl.conformance.foreign import Arrays, BrokenError, TapeArrays, guarded
from refimpl.conformance.functions import Observation
from refimpl.conformance.records import Case
from refimpl.random import Replay

Spread = Callable[[Sequence[Any], Sequence[Any]], list[Any]]

__all__ = ["Gradient", "Reference", "TapeArrays", "draws_of", "optimizer_of", "trajectory"]


class Gradient(list):
    """The gradient at the parameters, a list; called, the gradient at other parameters.

    Parameters
    ----------
    here : iterable of array
    elsewhere : callable
        ``elsewhere(params)`` is a list.

    Examples
    --------
    >>> gradient = Gradient([1.0], lambda params: [2.0 * params[0]])
    >>> gradient[0], gradient([5.0])
    (1.0, [10.0])
    """

    def __init__(self, here: Iterable[Any], elsewhere: Callable[[list[Any]], list[Any]]) -> None:
        super().__init__(here)
        self.elsewhere = elsewhere

    def __call__(self, params: Any) -> list[Any]:
        return self.elsewhere(list(params))


class Reference:
    """An algorithm of the package under the contract.

    Parameters
    ----------
    algorithm : Algorithm
    spread : callable, optional
        ``spread(draws, params)``: the draws of one step, a list of lists, in the order and shape in
        which the algorithm asks for them; default one leaf after another.
    """

    def __init__(self, algorithm: Any, spread: Spread | None = None) -> None:
        self.algorithm, self.spread = algorithm, spread

    def init(self, params: Any) -> Any:
        """The algorithm's state."""
        return self.algorithm.init(list(params))

    def step(self, params: Any, state: Any, gradient: Any, noise: Any) -> tuple[list[Any], Any]:
        """One step; the parameters are those of the state."""
        draws = draws_of(noise)
        queue = (
            [leaf for draw in draws for leaf in draw]
            if self.spread is None
            else self.spread(draws, params)
        )
        state, _ = self.algorithm.step(state, _Given(gradient), None, Replay(queue))
        return list(state.params), state


class _Given:
    """An objective of which the gradient is given; its value is not known and counts as zero."""

    def __init__(self, gradient: Gradient) -> None:
        self.gradient = gradient

    def value_and_gradient(self, params: Any, batch: Any) -> tuple[Any, list[Any]]:
        return np.zeros(()), [np.asarray(g) for g in self.gradient(params)]

    def __call__(self, params: Any, batch: Any) -> Any:
        """Zero, whose derivatives are those that are given."""

        def forward(*leaves: Any) -> Any:
            return np.zeros(())

        def rule(g: Any, ans: Any, *leaves: Any, argnum: int) -> Any:
            return g * self.gradient([ad.value(leaf) for leaf in leaves])[argnum]

        primitive = ad.Primitive(forward, variadic=True, name="given_loss")
        primitive.derivatives(rule)
        return primitive(*params)


def draws_of(noise: Any) -> list[Any]:
    """The draws of a step, a list of lists like the parameters."""
    return list(noise) if isinstance(noise, tuple) else [noise]


class _Step:
    """A bare function as an optimizer without memory before its first step."""

    def __init__(self, step: Callable[..., Any]) -> None:
        self.step = step

    def init(self, params: Any) -> None:
        return None


def optimizer_of(implementation: Any) -> Any:
    """Whatever was given as an object with ``init`` and ``step``.

    Raises
    ------
    BrokenError
        If it has no ``step`` and is no function.
    """
    if inspect.isclass(implementation):
        implementation = guarded("making the optimizer", implementation)
    if hasattr(implementation, "step"):
        return implementation if hasattr(implementation, "init") else _Step(implementation.step)
    if callable(implementation):
        return _Step(implementation)
    raise BrokenError("the optimizer", "it has no step(params, state, gradient, noise)")


def trajectory(
    implementation: Any, case: Case, arrays: Arrays, dtype: str, steps: int | None = None
) -> Observation:
    """The parameters after every step.

    Parameters
    ----------
    implementation : object
        With ``init`` and ``step``; see the module.
    case : Case
        With the arguments ``start``, ``gradient(params, batch)``, ``batches`` and ``noise``.
    arrays : Arrays
    dtype : str
    steps : int, optional
        Fewer than there are batches.

    Raises
    ------
    BrokenError
        If a step raises or its result does not fit the contract; what was seen until then is its
        attribute ``seen``.
    """
    found: Observation = {}
    try:
        _follow(optimizer_of(implementation), case, arrays, dtype, steps, found)
    except BrokenError as error:
        error.seen = found  # type: ignore[attr-defined]
        raise
    return found


def _follow(
    optimizer: Any,
    case: Case,
    arrays: Arrays,
    dtype: str,
    steps: int | None,
    found: Observation,
) -> None:
    start = case.arguments["start"]
    shapes = [leaf.shape for leaf in start]

    def send(leaves: Iterable[Any]) -> list[Any]:
        return [arrays.send(leaf, dtype) for leaf in leaves]

    def here(leaves: Iterable[Any]) -> list[np.ndarray]:
        return [np.asarray(arrays.receive(leaf), dtype="float64") for leaf in leaves]

    params: Any = send(start)
    state = guarded("init", optimizer.init, params)
    plain: Any = send(start)
    for number, batch in enumerate(case.arguments["batches"][:steps], 1):
        where = f"step {number}"

        def slopes(at: Iterable[Any], batch: Any = batch) -> list[Any]:
            with np.errstate(over="ignore", invalid="ignore"):  # theirs may run away
                return send(case.arguments["gradient"](here(at), batch))

        given = case.arguments["noise"][number - 1]
        noise: Any = tuple(send(draw) for draw in given)
        gradient = Gradient(slopes(plain), slopes)
        if len(noise) == 1:
            noise = noise[0]
        result = guarded(where, optimizer.step, params, state, gradient, noise)
        if not isinstance(result, tuple) or len(result) != 2:
            raise BrokenError(where, "step must return (params, state)")
        params, state = result
        params = list(params.values()) if isinstance(params, dict) else list(params)
        got = [guarded(where, arrays.receive, leaf) for leaf in params]
        if [leaf.shape for leaf in got] != shapes:
            shown = ", ".join(str(leaf.shape) for leaf in got)
            raise BrokenError(where, f"parameters of shapes {shown} came back")
        for index, leaf in enumerate(got):
            found[case.name, f"parameter {index}, step {number}"] = leaf
        plain = params
