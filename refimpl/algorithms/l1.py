"""L1 penalty: by sub-gradient, or by soft thresholding.

Algorithm
---------
1. sub-gradient: g ← g + λ sign(w) on the weights, sign(0) = 0
2. proximal, after the step: w ← S(w, α λ) on the weights, S(x, t) = sign(x) max(|x| − t, 0)

Sources: R. Tibshirani, "Regression shrinkage and selection via the lasso", J. R. Stat. Soc. B 58
(1996), the penalty; I. Daubechies, M. Defrise and C. De Mol, "An iterative thresholding algorithm
for linear inverse problems with a sparsity constraint", Comm. Pure Appl. Math. 57 (2004),
equation (1.4), the proximal form.

===== ============================
paper code
===== ============================
λ     ``strength``
α     ``learning_rate`` of the update
S     :func:`soft_threshold`
w     ``state.params``
===== ============================

Deviations
----------
* Only weight matrices are penalized by default; ``include="all"`` adds the biases.
* The threshold is α λ for every base update. It is the proximal map in the Euclidean metric;
  with adam it is not the one in Adam's own metric, so that its fixed points are not exactly
  those of the penalized loss.

>>> import numpy as np
>>> from refimpl.algorithms.composition import Composition
>>> from refimpl.algorithms.sgd import SGD
>>> algorithm = Composition(SGD(learning_rate=1.0), L1(strength=0.5))
>>> state = algorithm.init({"weight": np.asarray([[1.25, -0.25]])})
>>> state, info = algorithm.step(state, lambda p, batch: 0.0 * p["weight"][0, 0], None)
>>> state.params["weight"], float(info.penalty), float(info.zeros)
(array([[0.75, 0.  ]]), 0.75, 0.5)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    Include,
    Tree,
    is_regularized,
    regularized_leaves,
    tree_namespace,
)
from refimpl.arrays import Array, namespace
from refimpl.checks import non_negative, one_of, plain_numbers
from refimpl.random import Rng

Method = Literal["proximal", "subgradient"]


@dataclass(frozen=True, kw_only=True)
class L1:
    """λ ‖w‖₁ on the weights, a penalty; reports ``zeros``, the share of exact zeros after a step.

    Parameters
    ----------
    strength : float
        λ, non-negative.
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
    method: Method = field(
        default="proximal", metadata={"help": "soft thresholding, or the sign in the gradient"}
    )
    include: Include = field(
        default="weights", metadata={"help": "penalise weight matrices only, or all parameters"}
    )

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
        one_of("method", self.method, get_args(Method))
        one_of("include", self.include, get_args(Include))

    @property
    def in_gradient(self) -> bool:
        """Whether the penalty acts through the gradient alone."""
        return self.method == "subgradient"

    def init(self, params: Tree) -> tuple[()]:
        """Nothing to remember; raises SettingError if no parameter is penalized."""
        regularized_leaves(params, self.include, "the L1 penalty")
        return ()

    def value_and_gradient(
        self, params: Tree, batch: Any, objective: Any, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, Tree | None, tuple[()]]:
        """λ ‖w‖₁, 0-d, and λ sign(w) (None for the proximal form)."""
        leaves = self._leaves(params)
        xp = tree_namespace(params)
        total = xp.sum(xp.abs(leaves[0]))
        for leaf in leaves[1:]:
            total = total + xp.sum(xp.abs(leaf))
        gradient = ad.map_tree(self._sign, params) if self.in_gradient else None
        return self.strength * total, gradient, ()

    def proximal(self, params: Tree, rate: float) -> Tree:
        """The thresholded weights, for the proximal form."""
        if self.in_gradient:
            return params
        return ad.map_tree(
            lambda w: (
                soft_threshold(w, rate * self.strength) if is_regularized(w, self.include) else w
            ),
            params,
        )

    def diagnostics_after(self, params: Tree) -> dict[str, Array]:
        """``zeros``: the share of the penalized weights that is exactly zero."""
        xp = tree_namespace(params)
        leaves = self._leaves(params)
        zeros = [xp.sum(xp.astype(leaf == 0, leaf.dtype)) for leaf in leaves]
        return {"zeros": sum(zeros[1:], zeros[0]) / sum(math.prod(leaf.shape) for leaf in leaves)}

    def _leaves(self, params: Tree) -> list[Array]:
        return [leaf for leaf in ad.flatten(params)[0] if is_regularized(leaf, self.include)]

    def _sign(self, weight: Array) -> Array:
        xp = namespace(weight)
        if not is_regularized(weight, self.include):
            return xp.zeros_like(weight)
        return self.strength * xp.sign(weight)


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
