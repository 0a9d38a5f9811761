"""Adam: steps scaled by running moments of the gradient.

Algorithm
---------
1. g ← ∇L(w; batch),  t ← t + 1
2. m ← β₁ m + (1 − β₁) g
3. v ← β₂ v + (1 − β₂) g²
4. m̂ ← m / (1 − β₁ᵗ),  v̂ ← v / (1 − β₂ᵗ)
5. w ← w − α m̂ / (√v̂ + ε)

Source: D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015,
Algorithm 1.

===== =========================
paper code
===== =========================
α     ``learning_rate``
β₁    ``beta1``
β₂    ``beta2``
ε     ``epsilon``
m     ``state.buffers.first``
v     ``state.buffers.second``
t     ``state.step``
θ, w  ``state.params``
===== =========================

Deviations
----------
None. AdamW (I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019) is
:class:`refimpl.algorithms.l2.L2` around this update.

>>> import numpy as np
>>> algorithm = Adam(learning_rate=0.5, epsilon=1e-12)
>>> state = algorithm.init({"weight": np.asarray([1.0, 1.0])})
>>> state, info = algorithm.step(state, lambda p, batch: 3.0 * p["weight"][0], None)
>>> np.round(state.params["weight"], 6)
array([0.5, 1. ])
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    Info,
    Objective,
    State,
    Tree,
    plain_step,
    start,
    tree_namespace,
    zeros_like,
)
from refimpl.checks import fraction, plain_numbers, positive
from refimpl.random import Rng


class Moments(NamedTuple):
    """Running means of the gradient and of its square, without bias correction."""

    first: Tree
    second: Tree


@dataclass(frozen=True, kw_only=True)
class Adam:
    """Adam.

    Parameters
    ----------
    learning_rate : float
        α, positive.
    beta1, beta2 : float
        Decay of the first and the second moment, in [0, 1).
    epsilon : float
        Added to the root of the second moment, positive.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> Adam(beta2=1.5)
    Traceback (most recent call last):
    ...
    ValueError: beta2 must lie in [0, 1), not 1.5
    """

    learning_rate: float = field(default=0.001, metadata={"help": "step size, positive"})
    beta1: float = field(default=0.9, metadata={"help": "decay of the first moment, in [0, 1)"})
    beta2: float = field(default=0.999, metadata={"help": "decay of the second moment, in [0, 1)"})
    epsilon: float = field(default=1e-8, metadata={"help": "floor of the scale, positive"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("learning_rate", self.learning_rate)
        fraction("beta1", self.beta1)
        fraction("beta2", self.beta2)
        positive("epsilon", self.epsilon)

    def init(self, params: Tree) -> State:
        """The state before the first step: zero moments."""
        return start(self, params)

    def buffers(self, params: Tree) -> Moments:
        """Zero moments, two trees like ``params``."""
        return Moments(zeros_like(params), zeros_like(params))

    def direction(self, buffers: Moments, gradient: Tree, step: int) -> tuple[Tree, Moments]:
        """The corrected first moment over the root of the second, and the new moments."""
        xp = tree_namespace(gradient)
        b1, b2, epsilon = self.beta1, self.beta2, self.epsilon
        first = ad.map_tree(lambda m, g: b1 * m + (1.0 - b1) * g, buffers.first, gradient)
        second = ad.map_tree(lambda v, g: b2 * v + (1.0 - b2) * (g * g), buffers.second, gradient)
        t = step + 1
        c1, c2 = 1.0 - b1**t, 1.0 - b2**t
        scaled = ad.map_tree(lambda m, v: (m / c1) / (xp.sqrt(v / c2) + epsilon), first, second)
        return scaled, Moments(first, second)

    def step(
        self, state: State, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[State, Info]:
        """One step; ``rng`` is not used."""
        return plain_step(self, state, objective, batch)
