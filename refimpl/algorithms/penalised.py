"""A penalty on the weight matrices around a first-order update: what its variants share.

The penalty is a scalar function of the parameters, differentiated by autodiff apart from the
loss, and its gradient joins the loss's before the base update turns it into a direction.

>>> import numpy as np
>>> from refimpl import autodiff as ad
>>> from refimpl.algorithms.base import start
>>> from refimpl.algorithms.updates import first_order
>>> update = first_order("sgd", 0.5)
>>> state = start(update, {"weight": np.asarray([[4.0]])})
>>> state, _, penalty = penalised_step(
...     update, state, lambda p, batch: 0.0 * p["weight"][0, 0], None,
...     lambda p: ad.sum(p["weight"] ** 2), 0.25,
... )
>>> state.params["weight"], float(penalty)
(array([[3.]]), 16.0)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    FirstOrder,
    Objective,
    State,
    Tree,
    descend,
    loss_and_gradient,
    tree_namespace,
)
from refimpl.arrays import Array


def weight_matrices(params: Tree) -> list[Array]:
    """The parameters with two axes or more as matrices (neurons, inputs): row = neuron.

    Convolution kernels (out, ...) are flattened to (out, everything else). Biases, with one
    axis, are left out. Differentiable.

    Examples
    --------
    >>> import numpy as np
    >>> layers = [{"weight": np.zeros((4, 3, 2)), "bias": np.zeros(4)}]
    >>> [matrix.shape for matrix in weight_matrices(layers)]
    [(4, 6)]
    """
    leaves, _ = ad.flatten(params)
    return [
        leaf if leaf.ndim == 2 else ad.reshape(leaf, (leaf.shape[0], -1))
        for leaf in leaves
        if leaf.ndim >= 2
    ]


def penalised_step(
    update: FirstOrder,
    state: State,
    objective: Objective,
    batch: Any,
    penalty: Callable[[Tree], Array],
    strength: float,
) -> tuple[State, Array, Array]:
    """One step of ``update`` on ``objective + strength * penalty``.

    Parameters
    ----------
    update : FirstOrder
    state : State
    objective : callable
    batch : Any
    penalty : callable
        ``penalty(params)`` is a 0-d array, differentiable.
    strength : float
        With 0 the penalty is measured and adds nothing, not even an infinite gradient.

    Returns
    -------
    state : State
    loss : 0-d array
        The loss of the batch, without the penalty, before the step.
    penalty : 0-d array
        The penalty before the step, without ``strength``.
    """
    loss, gradient = loss_and_gradient(objective, state.params, batch)
    if strength == 0.0:
        return descend(update, state, gradient), loss, ad.value(penalty(state.params))
    value, extra = ad.value_and_grad(penalty)(state.params)
    gradient = ad.map_tree(lambda g, e: g + strength * e, gradient, extra)
    return descend(update, state, gradient), loss, value


def total(terms: list[Array], params: Tree) -> Array:
    """The sum of ``terms``; a zero of the parameters' kind if there are none."""
    if not terms:
        leaves, _ = ad.flatten(params)
        xp = tree_namespace(ad.map_tree(ad.value, params))
        return xp.zeros_like(xp.sum(ad.value(leaves[0])))
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result
