"""Any update under any penalties, wrappers and projections: parts that are put together.

Algorithm
---------
1. g, R ← gradients of the loss and of the sum of the penalties, at w or where a wrapper says
2. d ← direction of the update for g + R, or for what the wrapper made of the two
3. w ← c w − α d, with c = 1 unless a decoupled decay shrinks the old weights
4. w ← proximal maps and projections of w, in their order

Source: the parts name theirs; putting them together is the usual modular form of first-order
methods (proximal gradient descent for line 4: Parikh and Boyd, "Proximal algorithms", Foundations
and Trends in Optimization 1 (2014), section 4.2).

===== ==========================================================
paper code
===== ==========================================================
w     ``state.params``
α, d  ``update.learning_rate``, ``update.direction``
g, R  ``loss(params)``, ``penalty(params)`` as a wrapper sees them
c     ``shrink`` of a part
===== ==========================================================

What a part is
--------------
*update*
    ``learning_rate``, ``buffers(params)``, ``direction(buffers, gradient, step)``; or a whole
    sampler or integrator, which then finds the gradient of the composition where it would find
    that of the loss. Parts with a memory of their own are refused there.
*penalty*
    ``init(params) -> aux``, which raises where it would act on nothing, and
    ``value(params, batch, objective, aux, rng) -> (value, aux)``, with its strength and
    differentiable; where there is a closed form also
    ``value_and_gradient(params, batch, objective, aux, rng) -> (value, gradient, aux)``, whose
    gradient may be None where the penalty acts in another way: by ``proximal(params, rate)`` after
    the step, or by ``shrink(params, rate)``, a tree of factors on the old weights. It may report
    ``diagnostics(params, batch, objective, aux) -> dict`` of scalars before the step, with the new
    memory, and ``diagnostics_after(params) -> dict`` after it.
*wrapper*
    ``init(params, **required) -> aux`` and
    ``gradient(loss, penalty, params, aux, step, rng) -> (Gradients, aux)``. Where there are
    several, the first stands next to the loss and the last sees the penalties. It may look at
    the parameters after a step (``after(params, objective, aux, step) -> (aux, diagnostics)``) and
    choose the answer (``solution(params, aux)``). One that changes the batch instead, for all of
    the step, does so in ``prepare(batch, params, objective, aux, step, rng) -> batch``.
*projection*
    ``init(params) -> aux`` and ``project(params, aux, step, rng) -> (params, aux)``, which acts
    after the step.

Each may name in ``requires`` what its ``init`` wants besides the parameters (``objective``,
``validation``, ``steps_per_epoch``).

Deviations
----------
* A stateful objective (``init(params) -> aux``, ``value(params, batch, aux) -> (loss, aux)``) is
  evaluated as often as the wrappers ask; what it remembers is the memory of its first evaluation
  at the parameters themselves (where there is none, of its first), so that a batch is counted
  once. It may report ``diagnostics(params, batch, aux) -> dict`` of scalars, with what it
  remembers after the step, and write what it remembers into the parameters, after the projections
  (``absorb(params, aux) -> params``), as the running statistics of a normalization need it.
* Penalties are taken at the parameters, not at a wrapper's perturbed point, unless the wrapper
  says otherwise.

>>> import numpy as np
>>> from refimpl.algorithms.l2 import L2
>>> from refimpl.algorithms.sgd import SGD
>>> algorithm = Composition(SGD(learning_rate=0.5), penalties=[L2(strength=0.5)])
>>> state = algorithm.init({"weight": np.asarray([[4.0]])})
>>> state, info = algorithm.step(state, lambda p, batch: 0.0 * p["weight"][0, 0], None)
>>> state.params, float(info.penalty)
({'weight': array([[3.]])}, 4.0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, NamedTuple

from refimpl import autodiff as ad
from refimpl.algorithms import composed_gradient
from refimpl.algorithms.base import (
    Objective,
    State,
    Tree,
    check_params,
    descend,
    is_stateful,
)
from refimpl.algorithms.composed_gradient import Gradients, Memory
from refimpl.algorithms.updates import UpdateSettings
from refimpl.arrays import Array
from refimpl.checks import plain_numbers
from refimpl.errors import SettingError
from refimpl.random import Rng

__all__ = [
    "Composition",
    "CompositionInfo",
    "CompositionState",
    "Gradients",
    "alone",
    "place_of",
    "quiet",
]


class CompositionState(NamedTuple):
    """State of a composition.

    Attributes
    ----------
    params : tree
    step : int
    buffers : tree
        Of the update; the whole state of a sampler or integrator.
    memory : Memory
        Of the objective and of the parts.
    """

    params: Tree
    step: int
    buffers: Tree
    memory: Memory


class CompositionInfo(NamedTuple):
    """Diagnostics of a step of a composition; those of the parts can be read as attributes.

    Attributes
    ----------
    loss, penalty : 0-d array
        Of the batch and of all penalties with their strengths, before the step.
    diagnostics : dict of str to 0-d array
        What the parts report; a name that two parts use carries the part's number after the
        first.
    """

    loss: Array
    penalty: Array
    diagnostics: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.diagnostics[name]
        except KeyError:
            raise AttributeError(
                f"no diagnostic {name!r}: there are {', '.join(self.diagnostics) or 'none'}"
            ) from None


@dataclass(frozen=True)
class Composition:
    """An update under penalties, wrappers and projections.

    Parameters
    ----------
    update : FirstOrder, or another Algorithm
        What takes the step: SGD, momentum, Adam; or a sampler or constrained integrator.
    penalties, wrappers, projections : sequences of parts
        See the module; single parts may be given without a sequence.

    Raises
    ------
    SettingError
        If a part is not what its place asks for, or the update cannot be composed; the message
        says what was expected.

    Examples
    --------
    >>> from refimpl.algorithms.adam import Adam
    >>> Composition(Adam(), penalties=[Adam()])
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: Adam is no penalty: it has no method value or no init
    """

    update: Any
    penalties: Sequence[Any] = ()
    wrappers: Sequence[Any] = ()
    projections: Sequence[Any] = ()
    requires: tuple[str, ...] = field(init=False, repr=False, compare=False)
    reports: ClassVar[bool] = True

    def __post_init__(self) -> None:
        plain_numbers(self)
        for place, kind, methods in (
            ("penalties", "penalty", ("value", "value_and_gradient")),
            ("wrappers", "wrapper", ("gradient",)),
            ("projections", "projection", ("project",)),
        ):
            given = getattr(self, place)
            parts = tuple(given) if isinstance(given, (list, tuple)) else (given,)
            for part in parts:
                _check_part(part, kind, methods)
            object.__setattr__(self, place, parts)
        _check_update(self.update, self.parts)
        wanted = [*getattr(self.update, "requires", ())]
        for part in self.parts:
            wanted += getattr(part, "requires", ())
        object.__setattr__(self, "requires", (*dict.fromkeys(wanted), "objective"))

    @property
    def parts(self) -> tuple[Any, ...]:
        """Penalties, wrappers and projections, in this order."""
        return (*self.penalties, *self.wrappers, *self.projections)

    @property
    def learning_rate(self) -> float:
        """That of the update."""
        return self.update.learning_rate

    def init(
        self, params: Tree, *, objective: Objective | None = None, **extra: Any
    ) -> CompositionState:
        """The state before the first step.

        Parameters
        ----------
        params : tree
        objective : callable, optional
            Needed where the objective is stateful.
        **extra
            What the update and the parts require.

        Raises
        ------
        TypeError
            If a parameter is not a float array.
        SettingError
            If a part acts on nothing.
        """
        check_params(params)
        remembers = objective is not None and is_stateful(objective)
        offered = {"objective": objective, **extra}

        def begun(parts: Sequence[Any]) -> tuple[Any, ...]:
            return tuple(part.init(params, **_wanted(part, offered)) for part in parts)

        memory = Memory(
            objective.init(params) if remembers else (),  # type: ignore[union-attr]
            begun(self.penalties),
            begun(self.wrappers),
            begun(self.projections),
        )
        if _is_first_order(self.update):
            return CompositionState(params, 0, self.update.buffers(params), memory)
        _check_memoryless(self, memory)
        inner = self.update.init(params, **_wanted(self.update, offered))
        return CompositionState(inner.params, 0, inner, memory)

    def step(
        self, state: CompositionState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[CompositionState, CompositionInfo]:
        """One step; ``rng`` serves the parts that draw."""
        batch = self._prepared(state, objective, batch, rng)
        if not _is_first_order(self.update):
            return self._sampled(state, objective, batch, rng)
        gradients, memory = composed_gradient.evaluate(self, state, objective, batch, rng)
        inner = State(state.params, state.step, state.buffers)
        moved = descend(self.update, inner, gradients.gradient, self._shrink(state.params))
        params, memory = self._project(moved.params, memory, state.step, rng)
        if hasattr(objective, "absorb"):
            params = objective.absorb(params, memory.objective)
        memory, watched = self._after(params, objective, memory, moved.step)
        info = CompositionInfo(
            gradients.loss, gradients.penalty, {**gradients.diagnostics, **watched}
        )
        return CompositionState(params, moved.step, moved.buffers, memory), info

    def solution(self, state: CompositionState) -> Tree:
        """The answer: that of the last wrapper that chooses one, else of the update."""
        for wrapper, aux in zip(self.wrappers[::-1], state.memory.wrappers[::-1], strict=True):
            if hasattr(wrapper, "solution"):
                return wrapper.solution(state.params, aux)
        if hasattr(self.update, "solution"):
            return self.update.solution(state.buffers)
        return state.params

    def _prepared(
        self, state: CompositionState, objective: Objective, batch: Any, rng: Rng | None
    ) -> Any:
        for number, part in enumerate(self.wrappers):
            if hasattr(part, "prepare"):
                stream = rng if number == 0 or rng is None else rng.child("prepare", number)
                aux = state.memory.wrappers[number]
                batch = part.prepare(batch, state.params, objective, aux, state.step, stream)
        return batch

    def _sampled(
        self, state: CompositionState, objective: Objective, batch: Any, rng: Rng | None
    ) -> tuple[CompositionState, CompositionInfo]:
        target = composed_gradient.Target(self, objective, state.step, rng)
        inner, info = self.update.step(state.buffers, target, batch, rng)
        found = {name: value for name, value in info._asdict().items() if name != "loss"}
        after = CompositionState(inner.params, inner.step, inner, state.memory)
        return after, CompositionInfo(info.loss, target.penalty, found)

    def _shrink(self, params: Tree) -> Tree | None:
        factors = None
        for part in self.penalties:
            if hasattr(part, "shrink"):
                new = part.shrink(params, self.update.learning_rate)
                if new is not None:
                    factors = new if factors is None else ad.map_tree(_product, factors, new)
        return factors

    def _project(
        self, params: Tree, memory: Memory, step: int, rng: Rng | None
    ) -> tuple[Tree, Memory]:
        for part in self.penalties:
            if hasattr(part, "proximal"):
                params = part.proximal(params, self.update.learning_rate)
        kept = []
        for part, aux in zip(self.projections, memory.projections, strict=True):
            params, aux = part.project(params, aux, step, rng)
            kept.append(aux)
        return params, memory._replace(projections=tuple(kept))

    def _after(
        self, params: Tree, objective: Objective, memory: Memory, step: int
    ) -> tuple[Memory, Mapping[str, Any]]:
        kept, found = [], {}
        for part in self.penalties if self.reports else ():
            if hasattr(part, "diagnostics_after"):
                found.update(part.diagnostics_after(params))
        for part, aux in zip(self.wrappers, memory.wrappers, strict=True):
            if hasattr(part, "after"):
                aux, more = part.after(params, objective, aux, step)
                found.update(more)
            kept.append(aux)
        return memory._replace(wrappers=tuple(kept)), found


class _Quiet(Composition):
    """A composition whose penalties and objective are not asked for diagnostics."""

    reports: ClassVar[bool] = False


def quiet(algorithm: Any) -> Any:
    """The same steps without diagnostics of penalties and objective, for runs whose history nobody
    reads: some cost as much as the gradient. Other algorithms are returned as they are.

    Examples
    --------
    >>> from refimpl.algorithms.sgd import SGD
    >>> quiet(SGD()), quiet(Composition(SGD())).reports
    (SGD(learning_rate=0.1), False)
    """
    if type(algorithm) is not Composition:
        return algorithm
    return _Quiet(algorithm.update, algorithm.penalties, algorithm.wrappers, algorithm.projections)


def alone(part: Any, **settings: Any) -> Composition:
    """One part around an update chosen by name: what the registered name of the part stands for.

    Parameters
    ----------
    part : class
        Of a penalty, wrapper or projection.
    **settings
        Fields of the part, and ``learning_rate``, ``base`` and ``momentum`` of
        :class:`refimpl.algorithms.updates.UpdateSettings` where the part has no field of that name.

    Examples
    --------
    >>> from refimpl.algorithms.l2 import L2
    >>> alone(L2, strength=0.1, base="momentum", learning_rate=0.5).update
    Momentum(learning_rate=0.5, momentum=0.9, nesterov=False)
    """
    own = {item.name for item in fields(part)}
    below = UpdateSettings(**{name: v for name, v in settings.items() if name not in own})
    made = part(**{name: value for name, value in settings.items() if name in own})
    return Composition(below.make(), **{place_of(part): [made]})


def place_of(part: Any) -> str:
    """Where a part belongs: "penalties", "wrappers" or "projections"."""
    if hasattr(part, "gradient"):
        return "wrappers"
    return "projections" if hasattr(part, "project") else "penalties"


def _product(left: float, right: float) -> float:
    return left * right


def _wanted(part: Any, extra: Mapping[str, Any]) -> dict[str, Any]:
    return {name: extra[name] for name in getattr(part, "requires", ()) if name in extra}


def _is_first_order(update: Any) -> bool:
    return hasattr(update, "direction") and hasattr(update, "buffers")


def _check_part(part: Any, kind: str, methods: tuple[str, ...]) -> None:
    if isinstance(part, type):
        raise SettingError(f"a {kind} is an object, not a class: {part.__name__}()")
    if not any(hasattr(part, name) for name in methods) or not hasattr(part, "init"):
        raise SettingError(
            f"{type(part).__name__} is no {kind}: it has no method {methods[0]} or no init"
        )


def _check_update(update: Any, parts: Sequence[Any]) -> None:
    name = type(update).__name__
    if not _is_first_order(update) and not (hasattr(update, "init") and hasattr(update, "step")):
        raise SettingError(f"{name} is no update: it has neither direction nor step")
    for part in parts:
        if _is_first_order(update) and hasattr(part, "check_update"):
            part.check_update(update)
    reason = getattr(update, "composes", True)
    if parts and reason is not True:
        raise SettingError(f"{name} takes no penalties, wrappers or projections: {reason}")


def _check_memoryless(composition: Composition, memory: Memory) -> None:
    """A sampler takes several gradients a step and looks at no part between them."""
    name = type(composition.update).__name__
    places = (*memory.penalties, *memory.wrappers, *memory.projections)
    for part, aux in zip(composition.parts, places, strict=True):
        acts_after = any(hasattr(part, m) for m in ("project", "after", "proximal", "shrink"))
        if acts_after and not getattr(part, "in_gradient", not acts_after):
            raise SettingError(
                f"{type(part).__name__} acts after the step, which {name} takes in several parts: "
                f"use it with a first-order update"
            )
        if aux != ():
            raise SettingError(
                f"{type(part).__name__} remembers something from step to step, and {name} takes "
                f"several gradients a step: use it with a first-order update"
            )
    if memory.objective != ():
        raise SettingError(f"{name} takes several gradients a step, so its objective has no memory")
