"""One step after another, as fast as the algorithm allows and with the numbers of its own step.

An algorithm's ``step`` is the reference: a pure function from state to state, with gradients from
the tape. Between two steps of a run nobody holds the state but the run itself, and the pass over
the network is the same list of calls every time. So here

* value and gradient are replayed (:class:`refimpl.autodiff.Replayed`) where the objective says that
  it depends on parameters and batch alone;
* SGD, momentum and Adam write the new parameters over the old ones, in one pass over the vectors
  that hold all parameters (:class:`refimpl.recording.Update`);
* an algorithm that keeps numbers of every example replaces those of the batch in two arrays that
  take turns (:class:`refimpl.recording.TurningRows`). It has a method ``step_with_rows(state,
  objective, batch, put)``, and no state but the next may hold what ``put`` returned.

All do the calls that the reference does, recorded from it, and give the same bits. What cannot be
recorded is done as the reference does it.

>>> import numpy as np
>>> from refimpl.algorithms.sgd import SGD
>>> steps = stepper(SGD(learning_rate=0.5), lambda p, batch: (p["w"] ** 2)[0], {"w": np.ones(1)})
>>> info = steps.step(None)
>>> float(info.loss), steps.state.params, steps.taken
(1.0, {'w': array([0.])}, 1)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    Algorithm,
    Info,
    Objective,
    State,
    Tree,
    descend,
    is_stateful,
    loss_and_gradient,
)
from refimpl.random import Rng
from refimpl.recording import CannotRecordError, Flat, TurningRows, Update, is_plain

IN_PLACE = (
    "refimpl.algorithms.sgd.SGD",
    "refimpl.algorithms.momentum.Momentum",
    "refimpl.algorithms.adam.Adam",
)
"""Whose whole step is one gradient and one direction, by the shared ``plain_step``.

By name, so that what trains by one of them does not depend on the files of the others.
"""

PATIENCE = 2
"""Steps of the reference before the rule of an algorithm is recorded, which costs a few."""


def stepper(
    algorithm: Algorithm,
    objective: Objective,
    params: Tree,
    *,
    replay: bool | None = None,
    init_kwargs: Mapping[str, Any] | None = None,
) -> Stepper:
    """The steps that :func:`refimpl.training.train` takes, one by one.

    Parameters
    ----------
    algorithm : Algorithm
    objective : callable
    params : tree
        Where training starts; never mutated.
    replay : bool, optional
        See :func:`refimpl.training.train`.
    init_kwargs : mapping, optional
        Further arguments of ``algorithm.init``; the objective is given where it is required.

    Examples
    --------
    >>> from refimpl import SGD, Rng
    >>> from refimpl.datasets import Batch
    >>> from refimpl.models import MLP, Objective
    >>> model, rng = MLP((4, 8, 2)), Rng(0)
    >>> batch = Batch(rng.normal((5, 4)), rng.integers(0, 2, (5,)))
    >>> steps = stepper(SGD(), Objective(model), model.init(rng))
    >>> for k in range(3):
    ...     info = steps.step(batch, rng.child("step", k))
    >>> steps.taken
    3
    """
    given = dict(init_kwargs or {})
    if "objective" in getattr(algorithm, "requires", ()):
        given.setdefault("objective", objective)
    return Stepper(algorithm, objective, algorithm.init(params, **given), replay=replay)


class Stepper:
    """An algorithm at work: its state, and how the next one is made.

    Parameters
    ----------
    algorithm : Algorithm
        May be replaced by one of other hyper-parameters between two steps.
    objective : callable
    state : State
    replay : bool, optional
    """

    def __init__(
        self, algorithm: Algorithm, objective: Objective, state: Any, *, replay: bool | None = None
    ) -> None:
        self._in_place = replay is not False and _named(algorithm) in IN_PLACE
        self._turns = replay is not False
        replays = ad.is_replayable(objective) if replay is None else replay
        owned = is_stateful(objective) or hasattr(objective, "value_and_gradient")
        self._objective = _Replaying(objective) if replays and not owned else objective
        self._algorithm = algorithm
        self.state = state

    @property
    def algorithm(self) -> Algorithm:
        return self._algorithm

    @algorithm.setter
    def algorithm(self, algorithm: Algorithm) -> None:
        if algorithm is not self._algorithm:
            self.state = self.state
            self._algorithm = algorithm
            self._in_place = self._in_place and _named(algorithm) in IN_PLACE

    @property
    def state(self) -> Any:
        """The state between two steps: the caller's own, which no later step overwrites."""
        self._put = TurningRows()
        return self._state if self._flat is None else self._flat.state()

    @state.setter
    def state(self, state: Any) -> None:
        self._flat: _InPlace | None = None
        self._state, self._next, self._steady = state, None, 0
        self._put = TurningRows()

    @property
    def taken(self) -> int:
        """The number of steps taken."""
        return self._state.step if self._flat is None else self._flat.update.step

    def step(self, batch: Any, rng: Rng | None = None) -> Any:
        """Take a step; its info."""
        info = self.prepare(batch, rng)
        self.commit()
        return info

    def prepare(self, batch: Any, rng: Rng | None = None) -> Any:
        """Compute a step and its info, but leave the state as it is until :meth:`commit`."""
        if self._steady == PATIENCE and self._in_place:
            self._flat = _in_place(self._algorithm, self._objective, self._state)
            self._state = self._state if self._flat is None else None
        self._steady += 1
        if self._flat is not None:
            return self._flat.prepare(batch)
        with_rows = getattr(self._algorithm, "step_with_rows", None)
        if with_rows is None or not self._turns:
            found = self._algorithm.step(self._state, self._objective, batch, rng)
        else:
            found = with_rows(self._state, self._objective, batch, self._put)
        self._next, info = found
        return info

    def commit(self) -> None:
        """Make the step that was prepared last: all of it, or, where an error or a signal comes
        between, nothing."""
        if self._flat is not None:
            self._flat.update.run()
        else:
            self._state, self._next = self._next, None


class _Replaying:
    """An objective whose value and gradient are replayed; all else is the objective's own."""

    def __init__(self, objective: Any) -> None:
        self._objective = objective
        self.value_and_gradient = ad.Replayed(objective)

    def __call__(self, params: Tree, batch: Any) -> Any:
        return self._objective(params, batch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objective, name)


class _InPlace:
    """A first-order update on flat storage."""

    def __init__(self, algorithm: Any, objective: Any, state: State) -> None:
        leaves, self._structure = ad.flatten(state.params)
        buffers, self._kept = ad.flatten(state.buffers)
        count = len(leaves)
        trees = [buffers[k : k + count] for k in range(0, len(buffers), count)]
        replayed = getattr(objective, "value_and_gradient", None)
        replayed = replayed if isinstance(replayed, ad.Replayed) else None
        self._replayed = replayed
        self.params = Flat(leaves)
        self.gradient = (
            Flat(leaves) if self._replayed is None else self._replayed.gradient(state.params)
        )
        self.buffers = [Flat(tree) for tree in trees]
        self._algorithm, self._objective = algorithm, objective
        self.update = Update(
            self._rule,
            [self.params, *self.buffers, self.gradient],
            results=1 + len(trees),
            step=state.step,
        )
        self.tree = ad.unflatten(self._structure, self.params.leaves)

    def _rule(self, groups: list[list[Any]], step: Any) -> list[list[Any]]:
        """The reference's own descent, as a function of lists of arrays."""
        params, *buffers, gradient = groups
        before = State(
            ad.unflatten(self._structure, params),
            step,
            ad.unflatten(self._kept, [leaf for tree in buffers for leaf in tree]),
        )
        after = descend(self._algorithm, before, ad.unflatten(self._structure, gradient))
        kept, count = ad.flatten(after.buffers)[0], len(params)
        trees = [kept[k : k + count] for k in range(0, len(kept), count)]
        return [ad.flatten(after.params)[0], *trees]

    def prepare(self, batch: Any) -> Info:
        if self._replayed is None:
            loss, gradient = loss_and_gradient(self._objective, self.tree, batch)
        else:
            loss, gradient = self._replayed.evaluate(self.tree, batch), None
            if loss is None:
                loss, gradient = self._replayed.tape(self.tree, batch)
        if gradient is not None:
            self.gradient.fill(ad.flatten(gradient)[0])
        return Info(loss)

    def state(self) -> State:
        buffers = [leaf for tree in self.buffers for leaf in tree.copied()]
        return State(
            ad.unflatten(self._structure, self.params.copied()),
            self.update.step,
            ad.unflatten(self._kept, buffers),
        )


def _named(algorithm: Any) -> str:
    kind = type(algorithm)
    return f"{kind.__module__}.{kind.__qualname__}"


def _in_place(algorithm: Any, objective: Any, state: State) -> _InPlace | None:
    """The update on flat storage, or None where it cannot be put there."""
    leaves, buffers = ad.flatten(state.params)[0], ad.flatten(state.buffers)[0]
    if not leaves or not all(map(is_plain, [*leaves, *buffers])) or len(buffers) % len(leaves):
        return None
    shapes = [(leaf.shape, leaf.dtype) for leaf in leaves]
    found = [(leaf.shape, leaf.dtype) for leaf in buffers]
    if len({dtype for _, dtype in shapes}) > 1 or found != shapes * (len(found) // len(shapes)):
        return None
    if not all(leaf.flags.c_contiguous for leaf in leaves):  # products of other orders round anew
        return None
    try:
        return _InPlace(algorithm, objective, state)
    except CannotRecordError:
        return None
