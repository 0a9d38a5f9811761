"""The methods that many comparisons have: tuned descent, weight decay, and parts put together.

>>> composed(0.1).algorithm
Momentum(learning_rate=0.1, momentum=0.9, nesterov=True)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from refimpl.algorithms.composition import Composition
from refimpl.algorithms.l2 import L2
from refimpl.algorithms.momentum import Momentum
from refimpl.experiments.comparison import Arm
from refimpl.experiments.declared import Method

RATES = (0.003, 0.01, 0.03, 0.1)
DECAYS = (1e-4, 1e-3, 1e-2, 1e-1)


def composed(
    rate: float,
    *,
    penalties: Sequence[Any] = (),
    wrappers: Sequence[Any] = (),
    projections: Sequence[Any] = (),
    objective: Any = None,
) -> Arm:
    """Nesterov's momentum of 0.9 at this rate with these parts, on the problem's objective.

    Parameters
    ----------
    rate : float
    penalties, wrappers, projections
        Of :class:`refimpl.algorithms.composition.Composition`.
    objective : callable, optional
        In place of the problem's.
    """
    update = Momentum(learning_rate=rate, momentum=0.9, nesterov=True)
    if not penalties and not wrappers and not projections and objective is None:
        return Arm("", update)
    return Arm("", Composition(update, penalties, wrappers, projections), objective)


def _plain(size: Any, rate: float, value: float) -> Arm:
    return composed(value)


def _decay(size: Any, rate: float, value: float) -> Arm:
    return composed(rate, penalties=[L2(strength=value)])


def descent(grid: tuple[float, ...] = RATES) -> Method:
    """Descent without a regularizer, whose choice is the learning rate of all others."""
    return Method(
        name="plain", arm=_plain, grid=grid, varies="learning rate", baseline=True, tunes_rate=True
    )


def weight_decay(grid: tuple[float, ...] = DECAYS) -> Method:
    """The usual regularizer."""
    return Method(name="weight decay", arm=_decay, grid=grid, baseline=True)
