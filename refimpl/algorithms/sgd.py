"""Stochastic gradient descent.

Algorithm
---------
1. g ← ∇L(w; batch)
2. w ← w − α g

Source: H. Robbins and S. Monro, "A stochastic approximation method", Annals of Mathematical
Statistics 22 (1951), equation (6), with the sign of descent.

====== =================
paper  code
====== =================
α, a_n ``learning_rate``
w      ``state.params``
====== =================

Deviations
----------
The step is constant, as in practice, where Robbins and Monro need Σa = ∞ and Σa² < ∞; a decaying
step is a new dataclass per epoch (``schedule`` of the training loop).

>>> import numpy as np
>>> algorithm = SGD(learning_rate=0.25)
>>> state = algorithm.init({"weight": np.asarray([2.0])})
>>> state, info = algorithm.step(state, lambda p, batch: (p["weight"] ** 2)[0], None)
>>> state.params["weight"], float(info.loss)
(array([1.]), 4.0)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from refimpl.algorithms.base import (
    Info,
    Objective,
    State,
    Tree,
    plain_step,
    start,
)
from refimpl.checks import plain_numbers, positive
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class SGD:
    """Stochastic gradient descent with a constant step.

    Parameters
    ----------
    learning_rate : float
        α, positive.

    Raises
    ------
    TypeError, ValueError
        If the learning rate is not a positive finite number.

    Examples
    --------
    >>> SGD(learning_rate=0.0)
    Traceback (most recent call last):
    ...
    ValueError: learning_rate must be positive and finite, not 0.0
    """

    learning_rate: float = field(default=0.1, metadata={"help": "step size, positive"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("learning_rate", self.learning_rate)

    def init(self, params: Tree) -> State:
        """The state before the first step."""
        return start(self, params)

    def buffers(self, params: Tree) -> Tree:
        """Nothing: the update has no memory."""
        return None

    def direction(self, buffers: Tree, gradient: Tree, step: int) -> tuple[Tree, Tree]:
        """The gradient itself."""
        return gradient, buffers

    def step(
        self, state: State, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[State, Info]:
        """One step; ``rng`` is not used."""
        return plain_step(self, state, objective, batch)
