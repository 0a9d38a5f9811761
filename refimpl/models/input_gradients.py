"""Gradients in the inputs, one for each example, and how they move with the parameters.

Two ways to the same numbers. The functions here go through the tape: they take any model and are
differentiable again in the parameters. :mod:`refimpl.models.linear_pieces` has the closed forms
of networks that are linear in pieces, which need no second differentiation.

The outputs of an example must depend on its own inputs alone, so that the gradient of a sum over
examples holds the gradient of each.

>>> import numpy as np
>>> from refimpl.models import MLP
>>> model = MLP((2, 1), bias=False)
>>> params = [{"weight": np.array([[3.0, 4.0]])}]
>>> input_gradients(model, params, np.zeros((2, 2)), np.array([[1.0], [-1.0]]))
array([[ 3.,  4.],
       [-3., -4.]])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, device, namespace

Model = Callable[[Any, Array], Array]


def input_gradients(model: Model, params: Any, inputs: Array, covectors: Array) -> Array:
    """The gradient of <r_i, f(x_i)> in x_i, for every example i.

    Parameters
    ----------
    model : callable
        ``model(params, inputs)`` gives outputs (P, K).
    params : tree
        Traced or not: the result is differentiable in it.
    inputs : array, shape (P, n)
    covectors : array, shape (P, K)
        r_i, a row for each example; one-hot rows give the gradient of one output.

    Returns
    -------
    array, shape (P, n)

    Raises
    ------
    ValueError
        If the covectors do not have the shape of the outputs.
    """
    return ad.vjp(lambda x: model(params, x), inputs)[1](covectors)


def output_gradients(model: Model, params: Any, inputs: Array) -> Array:
    """The gradient of every output in the inputs of its example.

    Returns
    -------
    array, shape (P, K, n)
        Differentiable in ``params``. K backward passes after one forward pass.

    Examples
    --------
    >>> import numpy as np
    >>> output_gradients(lambda w, x: x @ w, np.array([[1.0, 2.0]]), np.zeros((3, 1))).shape
    (3, 2, 1)
    """
    outputs, pullback = ad.vjp(lambda x: model(params, x), inputs)
    plain = ad.value(outputs)
    xp = namespace(plain)
    examples, classes = plain.shape
    unit = xp.eye(classes, dtype=plain.dtype, device=device(plain))
    rows = [xp.broadcast_to(unit[k, :][None, :], (examples, classes)) for k in range(classes)]
    return ad.stack([pullback(row) for row in rows], axis=1)


def loss_gradients(objective: Any, params: Any, batch: Any) -> Array:
    """The gradient of each example's own loss in its inputs.

    Parameters
    ----------
    objective : Objective
        Its loss must offer ``reduction="none"``.
    params : tree
        The result is differentiable in it.
    batch : Batch

    Returns
    -------
    array, shape (P, n)
        Row i is the gradient of l(f(x_i), y_i): not divided by the size of the batch.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl.datasets import Batch
    >>> from refimpl.models import Objective
    >>> objective = Objective(lambda w, x: x @ w, "mean_squared_error")
    >>> loss_gradients(objective, np.array([2.0]), Batch(np.ones((3, 1)), np.zeros(3)))
    array([[4.],
           [4.],
           [4.]])
    """

    def total(inputs: Array) -> Array:
        outputs = objective.model(params, inputs)
        return ad.sum(objective.loss(outputs, batch.targets, reduction="none"))

    return ad.grad(total)(batch.inputs)
