"""Sets of tasks: each has points to adapt on and points to judge the adaptation by.

The tasks are a leading axis, so that a batch of tasks is one array and adapting to all of them
is one batched computation.

>>> import numpy as np
>>> from refimpl.random import Rng
>>> data = TaskSet("toy", np.zeros((4, 6, 2)), np.zeros((4, 6, 1)), support=2)
>>> episode = data.draw(np.array([3, 0]), Rng(0))
>>> episode.support.inputs.shape, episode.query.targets.shape
((2, 2, 2), (2, 4, 1))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from refimpl.arrays import Array, Backend, check_float, device, namespace
from refimpl.datasets.base import Batch, check_count
from refimpl.random import Rng


class Episode(NamedTuple):
    """Points to adapt on and points to judge the adaptation by, of the same T tasks.

    Attributes
    ----------
    support, query : Batch
        Inputs (T, k, n) and targets (T, k) or (T, k, K); no indices.
    tasks : object, optional
        What is known of the tasks themselves, such as their amplitudes and phases.

    Examples
    --------
    >>> Episode(Batch(np.zeros((4, 5, 1)), np.zeros((4, 5, 1))), None).support.inputs.shape
    (4, 5, 1)
    """

    support: Batch
    query: Batch
    tasks: Any = None


@dataclass(frozen=True, eq=False)
class TaskSet:
    """T tasks with P points each.

    Parameters
    ----------
    name : str
    inputs : array, shape (T, P, n), float64 or float32
    targets : array
        Labels (T, P) of int64, or (T, P, K) of the inputs' dtype.
    support : int
        How many points of a task are to adapt on; the others are its queries.
    classes : int or None
        Labels of a task, K. Point i must then have label i mod K, so that every division of the
        points is balanced; ``support`` and P are multiples of K. None for regression.
    description : str, optional
    truth : mapping of str to array, optional
        What the tasks of a synthetic set have in common.

    Raises
    ------
    ValueError
        If shapes, devices or the order of the labels do not fit.
    TypeError
        If the inputs are not floating, or arrays of different namespaces are mixed.

    Examples
    --------
    >>> data = TaskSet("toy", np.zeros((1, 4, 1)), np.array([[0, 1, 0, 1]]), support=2, classes=2)
    >>> len(data), data.batch().query.targets
    (1, array([[0, 1]]))
    """

    name: str
    inputs: Array
    targets: Array
    support: int
    classes: int | None = None
    description: str = ""
    truth: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        xp = namespace(self.inputs, self.targets)
        check_float(self.inputs, "inputs")
        shape, wanted = tuple(self.inputs.shape), 3 if self.classes is None else 2
        if len(shape) != 3:
            raise ValueError(f"inputs must have shape (T, P, n), not {shape}")
        if self.targets.ndim != wanted or tuple(self.targets.shape[:2]) != shape[:2]:
            raise ValueError(
                f"targets of shape {tuple(self.targets.shape)} do not belong to inputs of shape "
                f"{shape}: labels are (T, P), targets of a regression (T, P, K)"
            )
        if device(self.inputs) != device(self.targets):
            raise ValueError("inputs and targets must live on the same device")
        check_count("support", self.support, 1)
        ways = self.classes or 1
        if self.support >= shape[1] or self.support % ways or shape[1] % ways:
            raise ValueError(
                f"{self.support} points to adapt on and {shape[1]} in all do not divide: both "
                f"are multiples of the {ways} classes, and a query must be left"
            )
        if self.classes is not None and len(self):
            cycle = xp.arange(shape[1], device=device(self.targets)) % ways
            if not bool(xp.all(self.targets == cycle[None, :])):
                raise ValueError(f"point i of a task must have the label i mod {ways}")

    def __len__(self) -> int:
        return self.inputs.shape[0]

    @property
    def features(self) -> int:
        """Number n of input features."""
        return self.inputs.shape[2]

    @property
    def outputs(self) -> int:
        """Outputs a model of a task needs."""
        return self.targets.shape[2] if self.classes is None else self.classes

    def batch(self, indices: Sequence[int] | np.ndarray | None = None) -> Episode:
        """The tasks at ``indices``, or all: the first ``support`` points of each to adapt on."""
        chosen = self if indices is None else self.take(indices)
        return _divide(chosen.inputs, chosen.targets, self.support)

    def draw(self, indices: Sequence[int] | np.ndarray, rng: Rng) -> Episode:
        """The tasks at ``indices``, their points divided at random, class by class.

        Parameters
        ----------
        indices : sequence of int, shape (B,)
            Host positions in [0, T).
        rng : Rng

        Returns
        -------
        Episode
        """
        host = _positions(indices, len(self))
        points, ways = self.inputs.shape[1], self.classes or 1
        order = np.argsort(rng.uniform((host.size, points // ways, ways)), axis=1)
        order = (order * ways + np.arange(ways)).reshape(host.size, points)
        flat = (host[:, None] * points + order).ravel()
        parts = []
        for array in (self.inputs, self.targets):
            xp, more = namespace(array), tuple(array.shape[2:])
            rows = xp.reshape(array, (-1, *more))
            taken = xp.take(rows, xp.asarray(flat, device=device(array)), axis=0)
            parts.append(xp.reshape(taken, (host.size, points, *more)))
        inputs, targets = parts
        return _divide(inputs, targets, self.support)

    def take(self, indices: Sequence[int] | np.ndarray) -> TaskSet:
        """The set of the tasks at ``indices``, in that order.

        Raises
        ------
        IndexError
            If a position lies outside the set.
        """
        host = _positions(indices, len(self))
        xp = namespace(self.inputs)
        there = xp.asarray(host, device=device(self.inputs))
        inputs = xp.take(self.inputs, there, axis=0)
        return replace(self, inputs=inputs, targets=xp.take(self.targets, there, axis=0))

    def to(self, backend: Backend) -> TaskSet:
        """The same tasks on ``backend``, floating values in its dtype."""
        inputs, targets = backend.asarray(self.inputs), backend.asarray(self.targets)
        return replace(self, inputs=inputs, targets=targets)


class TaskSplit(NamedTuple):
    """Three disjoint parts of one family of tasks; see :class:`~refimpl.datasets.base.Split`."""

    train: TaskSet
    validation: TaskSet
    test: TaskSet

    def to(self, backend: Backend) -> TaskSplit:
        """All three parts on ``backend``."""
        return TaskSplit(*(part.to(backend) for part in self))


def _positions(indices: Sequence[int] | np.ndarray, size: int) -> np.ndarray:
    host = np.asarray(indices, dtype=np.int64)
    if host.ndim != 1:
        raise ValueError(f"indices must have one dimension, not shape {host.shape}")
    if host.size and (int(host.min()) < 0 or int(host.max()) >= size):
        raise IndexError(f"indices reach from {host.min()} to {host.max()}, outside [0, {size})")
    return host


def _divide(inputs: Array, targets: Array, support: int) -> Episode:
    first, rest = slice(0, support), slice(support, None)
    return Episode(
        Batch(inputs[:, first, ...], targets[:, first, ...]),
        Batch(inputs[:, rest, ...], targets[:, rest, ...]),
    )
