"""Runs of the package's own algorithms, for comparison with steps that are written out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refimpl.algorithms.composition import alone
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.sgd import SGD
from refimpl.arrays import Backend, to_host
from refimpl.arrays import backend as make_backend
from refimpl.datasets import Batch
from refimpl.papers.minnorm.minnorm import Minnorm
from refimpl.random import Rng

ORDERS = ("simultaneous", "alternating")
BOTH, FIRST = ORDERS, ORDERS[:1]

Paths = tuple[list[Any], list[np.ndarray]]
"""Arrays at the end of the package's own run, and of the written one."""


@dataclass(frozen=True)
class Setting:
    """What a case is given: the number of steps, where, its random stream, the order."""

    steps: int
    backend: Backend
    rng: Rng
    order: str

    @property
    def alternating(self) -> bool:
        return self.order == "alternating"


Case = Callable[[Setting], Paths]


def minnorm(order: str, **hyper: Any) -> Any:
    """Minnorm that judges nothing and never stops."""
    still: dict[str, Any] = {"tolerance": 0.0, "kkt_tolerance": 0.0, "patience": 0.0}
    return Minnorm(refuse=False, **{"order": order, **still, **hyper})


def states(
    place: Backend,
    objective: Any,
    params: Any,
    batch: tuple[np.ndarray, np.ndarray],
    *,
    order: str,
    multipliers: np.ndarray | None = None,
    **hyper: Any,
) -> Iterator[Any]:
    """The states after each step of Minnorm on the whole set, without end."""
    algorithm = minnorm(order, **hyper)
    data = Batch(place.asarray(batch[0]), place.asarray(batch[1]), None)
    state = algorithm.init(_placed(params, place), training=data, objective=objective)
    if multipliers is not None:
        state = state._replace(multipliers=place.asarray(multipliers))
    while True:
        state, _ = algorithm.step(state, objective, data)
        yield state


def trace(
    setting: Setting,
    objective: Any,
    params: Any,
    inputs: np.ndarray,
    targets: np.ndarray,
    **hyper: Any,
) -> list[Any]:
    """Parameters, in the order of a list, and multipliers after the steps of Minnorm."""
    run = states(
        setting.backend, objective, params, (inputs, targets), order=setting.order, **hyper
    )
    last = next(itertools.islice(run, setting.steps - 1, None))
    return [*_leaves(last.params), last.multipliers]


def ended(
    steps: int, objective: Any, params: Any, batch: tuple[np.ndarray, np.ndarray], **hyper: Any
) -> list[np.ndarray]:
    """Parameters and multipliers after so many steps of Minnorm, in float64 on the host."""
    run = states(make_backend(), objective, params, batch, **hyper)
    last = next(itertools.islice(run, steps - 1, None))
    return [*_leaves(last.params), last.multipliers]


def descended(
    setting: Setting,
    objective: Any,
    params: Any,
    batch: tuple[np.ndarray, np.ndarray] | None,
    rate: float,
    decay: float = 0.0,
    steps: int | None = None,
) -> list[Any]:
    """Parameters after steps of gradient descent, with weight decay where it is not 0."""
    algorithm: Any = SGD(learning_rate=rate)
    if decay:
        algorithm = alone(L2, strength=decay, include="all", learning_rate=rate)
    place = setting.backend
    data = None if batch is None else Batch(place.asarray(batch[0]), place.asarray(batch[1]), None)
    state = algorithm.init(_placed(params, place))
    for _ in range(setting.steps if steps is None else steps):
        state, _ = algorithm.step(state, objective, data)
    return _leaves(state.params)


def increment(
    setting: Setting,
    objective: Any,
    params: Sequence[np.ndarray],
    multipliers: np.ndarray,
    batch: tuple[np.ndarray, np.ndarray],
    times: tuple[float, float] = (1.0, 1.0),
    **hyper: Any,
) -> tuple[list[np.ndarray], np.ndarray]:
    """(d weights / dt, d multipliers / dt): what one simultaneous step adds, over its length.

    The step of a flow of time constants tau is dt / tau, so that this is the flow itself.
    """
    length, place = 0.5, setting.backend
    rates = {"learning_rate": length / times[0], "multiplier_rate": length / times[1]}
    algorithm = minnorm("simultaneous", constraint="equality", **rates, **hyper)
    data = Batch(place.asarray(batch[0]), place.asarray(batch[1]), None)
    state = algorithm.init(_placed(params, place), training=data, objective=objective)
    state = state._replace(multipliers=place.asarray(multipliers))
    moved, _ = algorithm.step(state, objective, data)
    weights = [(to_host(new) - old) / length for new, old in zip(moved.params, params, strict=True)]
    return weights, (to_host(moved.multipliers) - multipliers) / length


def _placed(params: Any, place: Backend) -> Any:
    if isinstance(params, dict):
        return {name: _placed(value, place) for name, value in params.items()}
    if isinstance(params, (list, tuple)):
        return [_placed(value, place) for value in params]
    return place.asarray(params)


def _leaves(params: Any) -> list[Any]:
    if isinstance(params, dict):
        return [leaf for name in params for leaf in _leaves(params[name])]
    if isinstance(params, (list, tuple)):
        return [leaf for value in params for leaf in _leaves(value)]
    return [params]
