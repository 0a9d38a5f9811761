"""Weight decay: the L2 penalty in the gradient, or decoupled from it.

Algorithm
---------
1. g ← ∇L(w; batch)
2. coupled (L2): g ← g + λ w on the weights
3. d ← direction of the base update for g
4. coupled: w ← w − α d;  decoupled: w ← (1 − α λ) w − α d on the weights

Sources: A. Krogh and J. A. Hertz, "A simple weight decay can improve generalization", NIPS 1991,
equations (2)-(3); I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR
2019, Algorithms 1 (SGDW) and 2 (AdamW).

===== ============================
paper code
===== ============================
λ     ``strength``
α, η  ``learning_rate``
w, θ  ``state.params``
===== ============================

Deviations
----------
* The penalty is ½ λ ‖w‖², whose gradient is λ w.
* Only weight matrices decay by default; ``include="all"`` adds the biases.
* Loshchilov and Hutter multiply the decay by a schedule η and not by α; here, as in the usual
  libraries, it is α λ.

>>> import numpy as np
>>> algorithm = WeightDecay(strength=0.5, learning_rate=0.5)
>>> state = algorithm.init({"weight": np.asarray([[4.0]]), "bias": np.asarray([4.0])})
>>> state, info = algorithm.step(state, lambda p, batch: 0.0 * p["bias"][0], None)
>>> state.params, float(info.penalty)
({'weight': array([[3.]]), 'bias': array([4.])}, 4.0)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    FirstOrder,
    Include,
    Objective,
    State,
    Tree,
    descend,
    is_regularised,
    loss_and_gradient,
    start,
    tree_namespace,
)
from refimpl.algorithms.updates import BASE_HELP, MOMENTUM_HELP, BaseName, first_order
from refimpl.arrays import Array
from refimpl.checks import flag, non_negative, one_of
from refimpl.random import Rng


class PenaltyInfo(NamedTuple):
    """Diagnostics of a step with a penalty: both are taken before the step.

    Attributes
    ----------
    loss : 0-d array
        The loss of the batch, without the penalty.
    penalty : 0-d array
        The penalty, with its strength.
    """

    loss: Array
    penalty: Array


@dataclass(frozen=True)
class WeightDecay:
    """Weight decay around a first-order update.

    Parameters
    ----------
    strength : float
        λ, non-negative.
    learning_rate : float
        α of the base update, positive.
    base : {"sgd", "momentum", "nesterov", "adam"}
        The first-order update.
    momentum : float
        μ of the base update, in [0, 1).
    decoupled : bool
        Shrink the weights beside the base update instead of adding λ w to its gradient.
    include : {"weights", "all"}
        Decay weight matrices only, or all parameters.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range, or if decoupled decay overshoots
        zero (α λ > 1).

    Examples
    --------
    >>> WeightDecay(strength=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: strength must be non-negative and finite, not -1.0
    """

    strength: float = field(default=1e-4, metadata={"help": "weight of the penalty, >= 0"})
    learning_rate: float = field(default=0.1, metadata={"help": "step size, positive"})
    base: BaseName = field(default="sgd", metadata={"help": BASE_HELP})
    momentum: float = field(default=0.9, metadata={"help": MOMENTUM_HELP})
    decoupled: bool = field(default=False, metadata={"help": "decay outside the gradient"})
    include: Include = field(
        default="weights", metadata={"help": "decay weight matrices only, or all parameters"}
    )

    def __post_init__(self) -> None:
        non_negative("strength", self.strength)
        first_order(self.base, self.learning_rate, self.momentum)
        flag("decoupled", self.decoupled)
        one_of("include", self.include, get_args(Include))
        if self.decoupled and self.learning_rate * self.strength > 1.0:
            raise ValueError(
                f"learning_rate * strength must be at most 1 for decoupled decay, "
                f"not {self.learning_rate} * {self.strength}"
            )

    @property
    def update(self) -> FirstOrder:
        """The first-order update that takes the step."""
        return first_order(self.base, self.learning_rate, self.momentum)

    def init(self, params: Tree) -> State:
        """The state before the first step: that of the base update."""
        return start(self.update, params)

    def step(
        self, state: State, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[State, PenaltyInfo]:
        """One step; ``rng`` is not used."""
        loss, gradient = loss_and_gradient(objective, state.params, batch)
        info = PenaltyInfo(loss, self._penalty(state.params))
        decay = ad.map_tree(self._rate, state.params)
        if self.decoupled:
            shrink = ad.map_tree(lambda rate: 1.0 - self.learning_rate * rate, decay)
            return descend(self.update, state, gradient, shrink), info
        gradient = ad.map_tree(
            lambda g, w, rate: g + rate * w if rate else g, gradient, state.params, decay
        )
        return descend(self.update, state, gradient), info

    def _rate(self, leaf: Array) -> float:
        return self.strength if is_regularised(leaf, self.include) else 0.0

    def _penalty(self, params: Tree) -> Array:
        xp = tree_namespace(params)
        leaves, _ = ad.flatten(params)
        total = xp.zeros_like(xp.sum(leaves[0]))
        for leaf in leaves:
            if is_regularised(leaf, self.include):
                total = total + (0.5 * self.strength) * xp.sum(leaf * leaf)
        return total
