"""The L2 penalty as a part of a composition: in the gradient, or decoupled from it.

Algorithm
---------
1. coupled: g ← g + λ w on the weights
2. decoupled: w ← (1 − α λ) w − α d, the old weights shrink and the gradient stays as it is

Sources: A. Krogh and J. A. Hertz, "A simple weight decay can improve generalization", NIPS 1991,
equations (2)-(3); I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR
2019, Algorithms 1 (SGDW) and 2 (AdamW).

===== ==================================================
paper code
===== ==================================================
λ     ``strength``
α, η  ``learning_rate`` of the update
===== ==================================================

Deviations
----------
* The penalty is ½ λ ‖w‖², whose gradient is λ w.
* Only weight matrices decay by default; ``include="all"`` adds the biases.
* Loshchilov and Hutter multiply the decay by a schedule η and not by α; here, as in the usual
  libraries, it is α λ.

>>> import numpy as np
>>> part = L2(strength=0.5)
>>> value, gradient, _ = part.value_and_gradient({"w": np.asarray([[4.0]])}, None, None, ())
>>> float(value), gradient
(4.0, {'w': array([[2.]])})
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    Include,
    Tree,
    is_regularized,
    regularized_leaves,
    tree_namespace,
)
from refimpl.arrays import Array
from refimpl.checks import flag, non_negative, one_of, plain_numbers
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class L2:
    """½ λ ‖w‖² on the weights, a penalty.

    Parameters
    ----------
    strength : float
        λ, non-negative.
    decoupled : bool
        Shrink the weights beside the update instead of adding λ w to its gradient.
    include : {"weights", "all"}
        Decay weight matrices only, or all parameters.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> L2(strength=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: strength must be non-negative and finite, not -1.0
    """

    strength: float = field(default=1e-4, metadata={"help": "weight of the penalty, >= 0"})
    decoupled: bool = field(default=False, metadata={"help": "decay outside the gradient"})
    include: Include = field(
        default="weights", metadata={"help": "decay weight matrices only, or all parameters"}
    )

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
        flag("decoupled", self.decoupled)
        one_of("include", self.include, get_args(Include))

    @property
    def in_gradient(self) -> bool:
        """Whether the penalty acts through the gradient alone."""
        return not self.decoupled

    def check_update(self, update: Any) -> None:
        """Raise ValueError where decoupled decay would overshoot zero (α λ > 1)."""
        if self.decoupled and update.learning_rate * self.strength > 1.0:
            raise ValueError(
                f"learning_rate * strength must be at most 1 for decoupled decay, "
                f"not {update.learning_rate} * {self.strength}"
            )

    def init(self, params: Tree) -> tuple[()]:
        """Nothing to remember; raises SettingError if no parameter would decay."""
        regularized_leaves(params, self.include, "weight decay")
        return ()

    def value_and_gradient(
        self, params: Tree, batch: Any, objective: Any, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, Tree | None, tuple[()]]:
        """½ λ ‖w‖², 0-d, and λ w (None where the decay is decoupled)."""
        xp = tree_namespace(params)
        leaves, structure = ad.flatten(params)
        total = xp.zeros_like(xp.sum(leaves[0]))
        gradient = []
        for leaf in leaves:
            if is_regularized(leaf, self.include):
                total = total + (0.5 * self.strength) * xp.sum(leaf * leaf)
                gradient.append(self.strength * leaf)
            else:
                gradient.append(xp.zeros_like(leaf))
        return total, None if self.decoupled else ad.unflatten(structure, gradient), ()

    def shrink(self, params: Tree, rate: float) -> Tree | None:
        """The factors 1 − α λ on the old weights, for decoupled decay."""
        if not self.decoupled:
            return None
        return ad.map_tree(
            lambda w: 1.0 - rate * self.strength if is_regularized(w, self.include) else 1.0, params
        )
