"""L1 penalty: by sub-gradient, or by soft thresholding.

Algorithm
---------
1. g ← ∇L(w; batch)
2. sub-gradient: g ← g + λ sign(w) on the weights, sign(0) = 0
3. d ← direction of the base update for g;  w ← w − α d
4. proximal: w ← S(w, α λ) on the weights, S(x, t) = sign(x) max(|x| − t, 0)

Sources: R. Tibshirani, "Regression shrinkage and selection via the lasso", J. R. Stat. Soc. B 58
(1996), the penalty; I. Daubechies, M. Defrise and C. De Mol, "An iterative thresholding algorithm
for linear inverse problems with a sparsity constraint", Comm. Pure Appl. Math. 57 (2004),
equation (1.4), the proximal form.

===== ============================
paper code
===== ============================
λ     ``strength``
α     ``learning_rate``
S     :func:`soft_threshold`
w     ``state.params``
===== ============================

Deviations
----------
* Only weight matrices are penalised by default; ``include="all"`` adds the biases.
* The threshold is α λ for every base update. It is the proximal map in the Euclidean metric;
  with adam it is not the one in Adam's own metric, so that its fixed points are not exactly
  those of the penalised loss.

>>> import numpy as np
>>> algorithm = L1(strength=0.5, learning_rate=1.0)
>>> state = algorithm.init({"weight": np.asarray([[1.25, -0.25]])})
>>> state, info = algorithm.step(state, lambda p, batch: 0.0 * p["weight"][0, 0], None)
>>> state.params["weight"], float(info.penalty), float(info.zeros)
(array([[0.75, 0.  ]]), 0.75, 0.5)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

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
from refimpl.arrays import Array, namespace
from refimpl.checks import non_negative, one_of
from refimpl.random import Rng

Method = Literal["proximal", "subgradient"]


class L1Info(NamedTuple):
    """Diagnostics of a step with an L1 penalty.

    Attributes
    ----------
    loss : 0-d array
        The loss of the batch, without the penalty, before the step.
    penalty : 0-d array
        λ ‖w‖₁ before the step.
    zeros : 0-d array
        The fraction of the penalised weights that is exactly zero after the step.
    """

    loss: Array
    penalty: Array
    zeros: Array


@dataclass(frozen=True)
class L1:
    """L1 penalty around a first-order update.

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
    method : {"proximal", "subgradient"}
        Threshold after the step (reaches exact zeros), or add λ sign(w) to the gradient (which
        oscillates around zero with an amplitude of about α λ).
    include : {"weights", "all"}
        Penalise weight matrices only, or all parameters.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> L1(method="lasso")
    Traceback (most recent call last):
    ...
    ValueError: method must be one of proximal, subgradient, not 'lasso'
    """

    strength: float = field(default=1e-4, metadata={"help": "weight of the penalty, >= 0"})
    learning_rate: float = field(default=0.1, metadata={"help": "step size, positive"})
    base: BaseName = field(default="sgd", metadata={"help": BASE_HELP})
    momentum: float = field(default=0.9, metadata={"help": MOMENTUM_HELP})
    method: Method = field(
        default="proximal", metadata={"help": "soft thresholding, or the sign in the gradient"}
    )
    include: Include = field(
        default="weights", metadata={"help": "penalise weight matrices only, or all parameters"}
    )

    def __post_init__(self) -> None:
        non_negative("strength", self.strength)
        first_order(self.base, self.learning_rate, self.momentum)
        one_of("method", self.method, get_args(Method))
        one_of("include", self.include, get_args(Include))

    @property
    def update(self) -> FirstOrder:
        """The first-order update that takes the step."""
        return first_order(self.base, self.learning_rate, self.momentum)

    def init(self, params: Tree) -> State:
        """The state before the first step: that of the base update."""
        return start(self.update, params)

    def step(
        self, state: State, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[State, L1Info]:
        """One step; ``rng`` is not used."""
        xp = tree_namespace(state.params)
        loss, gradient = loss_and_gradient(objective, state.params, batch)
        penalty = self.strength * self._total(xp, xp.abs, state.params)
        if self.method == "subgradient":
            gradient = ad.map_tree(self._add_sign, gradient, state.params)
        state = descend(self.update, state, gradient)
        if self.method == "proximal":
            state = state._replace(params=ad.map_tree(self._shrink, state.params))
        zeros = self._total(xp, lambda w: xp.astype(w == 0, w.dtype), state.params)
        return state, L1Info(loss, penalty, zeros / max(self._size(state.params), 1))

    def _add_sign(self, gradient: Array, weight: Array) -> Array:
        if not is_regularised(weight, self.include):
            return gradient
        return gradient + self.strength * namespace(weight).sign(weight)

    def _shrink(self, weight: Array) -> Array:
        if not is_regularised(weight, self.include):
            return weight
        return soft_threshold(weight, self.learning_rate * self.strength)

    def _total(self, xp: Any, function: Any, params: Tree) -> Array:
        leaves, _ = ad.flatten(params)
        total = xp.zeros_like(xp.sum(leaves[0]))
        for leaf in leaves:
            if is_regularised(leaf, self.include):
                total = total + xp.sum(function(leaf))
        return total

    def _size(self, params: Tree) -> int:
        leaves, _ = ad.flatten(params)
        return sum(leaf.size for leaf in leaves if is_regularised(leaf, self.include))


def soft_threshold(x: Array, threshold: float) -> Array:
    """sign(x) max(|x| − threshold, 0): the proximal map of ``threshold`` times |x|.

    Parameters
    ----------
    x : array
    threshold : float
        Non-negative; zero returns ``x`` exactly.

    Returns
    -------
    array, shape of ``x``

    Examples
    --------
    >>> import numpy as np
    >>> soft_threshold(np.asarray([2.0, -0.5, -3.0]), 1.0)
    array([ 1.,  0., -2.])
    """
    xp = namespace(x)
    # x minus its own clipped value: exact zeros inside, and no product with the sign outside.
    return x - xp.clip(x, -threshold, threshold)
