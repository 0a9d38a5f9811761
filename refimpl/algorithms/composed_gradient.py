"""The gradient of a composition: loss, penalties and wrappers, and what they remember.

A wrapper sees two functions of the parameters, ``loss`` and ``penalty``, and returns the gradient
that the update gets. Here the two are made, wrappers are put around each other, and the memories of
a stateful objective and of the penalties are carried.

>>> import numpy as np
>>> g = np.asarray([1.0])
>>> added(g, None) is g, added(g, np.asarray([2.0]))
(True, array([3.]))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.algorithms.base import Objective, Tree, is_stateful, loss_and_gradient
from refimpl.arrays import Array, device, namespace
from refimpl.random import Rng

Evaluate = Callable[[Tree], tuple[Array, Tree]]
"""Value and gradient at some parameters; the gradient is None where there is nothing to add."""


class Gradients(NamedTuple):
    """What a wrapper hands to the update.

    Attributes
    ----------
    loss, penalty : 0-d array
        Their values at the parameters before the step.
    gradient : tree
        What the update gets.
    diagnostics : dict of str to 0-d array
    """

    loss: Array
    penalty: Array
    gradient: Tree
    diagnostics: dict[str, Any]


class Memory(NamedTuple):
    """What the objective and the parts remember from step to step; ``()`` for nothing."""

    objective: Tree
    penalties: tuple[Any, ...]
    wrappers: tuple[Any, ...]
    projections: tuple[Any, ...]


def added(gradient: Tree, more: Tree | None) -> Tree:
    """The sum of two gradients, the second of which may be None."""
    return gradient if more is None else ad.map_tree(lambda g, e: g + e, gradient, more)


def plain(loss: Evaluate, penalty: Evaluate, params: Tree) -> Gradients:
    """What is used without a wrapper: both gradients at the parameters, added."""
    value, gradient = loss(params)
    extra, more = penalty(params)
    return Gradients(value, extra, added(gradient, more), {})


class _Evaluations:
    """The functions of one step, and the memories that they leave."""

    def __init__(
        self,
        parts: Any,
        memory: Memory,
        objective: Objective,
        batch: Any,
        params: Tree,
        rng: Rng | None,
    ) -> None:
        self.parts, self.memory, self.objective = parts, memory, objective
        self.batch, self.params, self.rng = batch, params, rng
        self.left = memory  # with what the first evaluations, at ``params`` if any, leave behind
        self.kept: set[str] = set()

    def loss(self, params: Tree) -> tuple[Array, Tree]:
        if not is_stateful(self.objective):
            return loss_and_gradient(self.objective, params, self.batch)
        left: list[Tree] = []

        def function(p: Tree) -> Array:
            value, aux = self.objective.value(  # type: ignore[attr-defined]
                p, self.batch, self.memory.objective
            )
            left.append(ad.map_tree(ad.value, aux))
            return value

        value, gradient = ad.value_and_grad(function)(params)
        here = params is self.params
        if "objective" not in self.kept and (here or "elsewhere" not in self.kept):
            self.left = self.left._replace(objective=left[-1])
            self.kept.add("objective" if here else "elsewhere")
        return value, gradient

    def penalty(self, params: Tree) -> tuple[Array, Tree | None]:
        total, gradient = _zero(params), None
        left = []
        for number, part in enumerate(self.parts.penalties):
            rng = self.rng if number == 0 or self.rng is None else self.rng.child("part", number)
            aux = self.memory.penalties[number]
            value, more, aux = penalty_gradient(part, params, self.batch, self.objective, aux, rng)
            total = total + value if number else value
            if more is not None:
                gradient = more if gradient is None else added(gradient, more)
            left.append(aux)
        if params is self.params and "penalties" not in self.kept:
            self.left = self.left._replace(penalties=tuple(left))
            self.kept.add("penalties")
        return total, gradient


def penalty_gradient(
    part: Any, params: Tree, batch: Any, objective: Objective, aux: Tree, rng: Rng | None
) -> tuple[Array, Tree | None, Tree]:
    """Value, gradient and new memory of one penalty: in closed form if it has one, else taped."""
    if hasattr(part, "value_and_gradient"):
        return part.value_and_gradient(params, batch, objective, aux, rng)
    left: list[Tree] = []

    def function(p: Tree) -> Array:
        value, new = part.value(p, batch, objective, aux, rng)
        left.append(ad.map_tree(ad.value, new))
        return value

    value, gradient = ad.value_and_grad(function)(params)
    return value, gradient, left[-1]


def evaluate(
    parts: Any, state: Any, objective: Objective, batch: Any, rng: Rng | None
) -> tuple[Gradients, Memory]:
    """The gradient of a composition at ``state.params``, its diagnostics, and the new memory.

    Parameters
    ----------
    parts : Composition
        Of which ``penalties``, ``wrappers`` and ``reports`` are read.
    state : CompositionState
    objective, batch, rng
        Of the step.
    """
    here = _Evaluations(parts, state.memory, objective, batch, state.params, rng)
    gradients, wrapped = _wrapped(
        parts.wrappers,
        state.memory.wrappers,
        here.loss,
        here.penalty,
        state.params,
        state.step,
        rng,
    )
    found = _reported(parts, state.params, objective, batch, here.left) if parts.reports else {}
    found.update(gradients.diagnostics)
    return gradients._replace(diagnostics=found), here.left._replace(wrappers=wrapped)


def _reported(
    parts: Any, params: Tree, objective: Objective, batch: Any, memory: Memory
) -> dict[str, Any]:
    """What the objective and the penalties say of the parameters before the step."""
    found: dict[str, Any] = {}
    if hasattr(objective, "diagnostics"):
        found.update(objective.diagnostics(params, batch, memory.objective))
    for number, part in enumerate(parts.penalties):
        if hasattr(part, "diagnostics"):
            aux = memory.penalties[number]
            for name, value in part.diagnostics(params, batch, objective, aux).items():
                found[f"{name}_{number + 1}" if name in found else name] = value
    return found


def _wrapped(
    wrappers: Sequence[Any],
    memories: Sequence[Any],
    loss: Evaluate,
    penalty: Evaluate,
    params: Tree,
    step: int,
    rng: Rng | None,
) -> tuple[Gradients, tuple[Any, ...]]:
    """The last wrapper around the loss as the earlier ones change it."""
    if not wrappers:
        return plain(loss, penalty, params), ()
    *inner, last = wrappers
    left: list[tuple[Any, ...]] = []
    found: dict[str, Any] = {}

    def changed(at: Tree) -> tuple[Array, Tree]:
        gradients, kept = _wrapped(inner, memories[:-1], loss, _nothing, at, step, rng)
        if not left:
            left.append(kept)
            found.update(gradients.diagnostics)
        return gradients.loss, gradients.gradient

    gradients, aux = last.gradient(
        changed if inner else loss, penalty, params, memories[-1], step, rng
    )
    kept = left[0] if left else tuple(memories[:-1])
    return gradients._replace(diagnostics={**found, **gradients.diagnostics}), (*kept, aux)


def _nothing(params: Tree) -> tuple[Array, None]:
    return _zero(params), None


def _zero(params: Tree) -> Array:
    leaf = ad.flatten(params)[0][0]
    return namespace(leaf).zeros((), dtype=leaf.dtype, device=device(leaf))


class Target:
    """The objective that a sampler sees: its gradient is that of the composition.

    Parameters
    ----------
    parts : Composition
        Whose penalties and wrappers remember nothing.
    objective : callable
    step : int
    rng : Rng or None
        Of the step, for parts that draw.
    """

    def __init__(self, parts: Any, objective: Objective, step: int, rng: Rng | None) -> None:
        self.parts, self.objective, self.step, self.rng = parts, objective, step, rng
        self.penalty: Any = None  # of the first gradient of the step

    def __call__(self, params: Tree, batch: Any) -> Array:
        return self.objective(params, batch)

    def value_and_gradient(self, params: Tree, batch: Any) -> tuple[Array, Tree]:
        """The loss without penalties, and the gradient that the composition makes of both."""
        empty = tuple(() for _ in self.parts.penalties)
        memory = Memory((), empty, tuple(() for _ in self.parts.wrappers), ())
        here = _Evaluations(self.parts, memory, self.objective, batch, params, self.rng)
        gradients, _ = _wrapped(
            self.parts.wrappers,
            memory.wrappers,
            here.loss,
            here.penalty,
            params,
            self.step,
            self.rng,
        )
        if self.penalty is None:
            self.penalty = gradients.penalty
        return gradients.loss, gradients.gradient
