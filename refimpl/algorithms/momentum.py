"""Heavy-ball momentum and Nesterov's accelerated gradient.

Algorithm
---------
1. g ← ∇L(w; batch)
2. v ← μ v + g,  v = 0 at the start
3. heavy ball: d ← v;  Nesterov: d ← g + μ v
4. w ← w − α d

Sources: B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", USSR
Comput. Math. Math. Phys. 4 (1964), equation (9); Y. Nesterov, "A method of solving a convex
programming problem with convergence rate O(1/k²)", Soviet Math. Dokl. 27 (1983); the form with
the gradient at the current point is that of I. Sutskever et al., "On the importance of
initialization and momentum in deep learning", ICML 2013, equations (3)-(4), after the change of
variables that is usual in deep-learning libraries.

===== ================================================
paper code
===== ================================================
α     ``learning_rate``
μ, β  ``momentum``
v     ``state.buffers``
w     ``state.params`` (Nesterov: the look-ahead point)
===== ================================================

Deviations
----------
* The learning rate stands outside the buffer (Polyak: inside). For a constant rate the iterates
  agree; when the rate changes, here the velocity changes at once with it.
* Nesterov's method evaluates the gradient at y = w + μ(w − w_old). The iterate here is that y.
* Constant μ: Nesterov's own sequence of μ is a schedule of dataclasses.

>>> import numpy as np
>>> algorithm = Momentum(learning_rate=0.1, momentum=0.5)
>>> state = algorithm.init({"weight": np.asarray([1.0])})
>>> for _ in range(2):
...     state, info = algorithm.step(state, lambda p, batch: p["weight"][0], None)
>>> state.params["weight"], state.buffers["weight"]
(array([0.75]), array([1.5]))
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    Info,
    Objective,
    State,
    Tree,
    plain_step,
    start,
    zeros_like,
)
from refimpl.checks import flag, fraction, plain_numbers, positive
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class Momentum:
    """Gradient descent with momentum.

    Parameters
    ----------
    learning_rate : float
        α, positive.
    momentum : float
        μ, in [0, 1); zero is plain gradient descent.
    nesterov : bool
        Look ahead along the velocity.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> Momentum(momentum=1.0)
    Traceback (most recent call last):
    ...
    ValueError: momentum must lie in [0, 1), not 1.0
    """

    learning_rate: float = field(default=0.05, metadata={"help": "step size, positive"})
    momentum: float = field(default=0.9, metadata={"help": "decay of the velocity, in [0, 1)"})
    nesterov: bool = field(default=False, metadata={"help": "look ahead along the velocity"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("learning_rate", self.learning_rate)
        fraction("momentum", self.momentum)
        flag("nesterov", self.nesterov)

    def init(self, params: Tree) -> State:
        """The state before the first step: zero velocity."""
        return start(self, params)

    def buffers(self, params: Tree) -> Tree:
        """The velocity v, zero, a tree like ``params``."""
        return zeros_like(params)

    def direction(self, buffers: Tree, gradient: Tree, step: int) -> tuple[Tree, Tree]:
        """The velocity (heavy ball) or the look-ahead (Nesterov), and the new velocity."""
        mu = self.momentum
        velocity = ad.map_tree(lambda v, g: mu * v + g, buffers, gradient)
        if not self.nesterov:
            return velocity, velocity
        return ad.map_tree(lambda v, g: g + mu * v, velocity, gradient), velocity

    def step(
        self, state: State, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[State, Info]:
        """One step; ``rng`` is not used."""
        return plain_step(self, state, objective, batch)
