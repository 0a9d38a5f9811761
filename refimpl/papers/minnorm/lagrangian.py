"""The gradient of Minnorm's Lagrangian, its norms, and the running sum that removes batch noise.

>>> import numpy as np
>>> float(norm(np.asarray([[3.0, 0.0], [0.0, 4.0]])))
5.0
"""

from __future__ import annotations

from typing import Any

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree
from refimpl.arrays import Array, device, namespace, reduce


def lagrangian_gradient(
    weights: list[Array], pulled: list[Array], *, decays: list[bool], plain_norm: bool
) -> tuple[list[Array], Array, Array]:
    """The gradient of the Lagrangian in the weights.

    Parameters
    ----------
    weights, pulled : list of array
        W_l and Q_l.
    decays : list of bool
        Whether each is a layer; one without decay is a bias.
    plain_norm : bool
        Whether sum ||W_l|| is minimised, and not 1/2 sum ||W_l||².

    Returns
    -------
    gradient : list of array
        W_l − Q_l, or −Q_l where there is no decay; arrays of their own.
    squares : array, shape (D,)
        ||W_l||² of the layers.
    residual : 0-d array
        max_l ||W_l − Q_l|| / ||W_l||, biases against the norm of all layers.
    """
    xp = namespace(*weights)
    gradient, squares, residuals, free = [], [], [], []
    for weight, q, layer in zip(weights, pulled, decays, strict=True):
        if layer:
            size = square(weight)
            pull = weight / safe(xp.sqrt(size)) if plain_norm else weight
            difference = pull - q
            squares.append(size)
            residuals.append(square(difference))
        else:
            difference = -q
            free.append(square(q))
        gradient.append(difference)
    count = len(squares)
    every = xp.stack(squares + residuals + free)
    sizes = xp.sqrt(every)
    relative = sizes[count : 2 * count]
    if not plain_norm:  # at most 1e8, the value at W = 0, where the ratio is none
        relative = relative / safe(xp.maximum(sizes[:count], 1e-8 * relative))
    residual = reduce("max", relative)
    if free:
        scale = safe(xp.sqrt(reduce("sum", every[:count])))
        residual = xp.maximum(residual, reduce("max", sizes[2 * count :]) / scale)
    return gradient, every[:count], residual


def shortfall(violation: Array, weights: Array, inequality: bool) -> tuple[Array, Array]:
    """How much the constraints are broken, and the slack that carries weight.

    Parameters
    ----------
    violation : array
    weights : array, shape of ``violation``
        The multipliers g that are fed back.
    inequality : bool

    Returns
    -------
    violation, complementarity : 0-d array
        max |v| and 0, or for inequalities max(0, v) and max g |v| / max g.
    """
    xp = namespace(violation)
    if not inequality:
        broken = reduce("max", xp.abs(violation))
        return broken, xp.zeros_like(broken)
    broken = xp.maximum(reduce("max", violation), 0.0)
    return broken, reduce("max", weights * xp.abs(violation)) / safe(reduce("max", weights))


def square(values: Array) -> Array:
    """The sum of squares."""
    flat = namespace(values).reshape(values, (-1,))
    return flat @ flat


def norm(values: Array) -> Array:
    """The root of the sum of squares."""
    return namespace(values).sqrt(square(values))


def safe(norm: Array) -> Array:
    """``norm``, or a number that float32 still holds where it is zero."""
    return namespace(norm).maximum(norm, 1e-37)


def moment(signal: Array, batch: Any) -> Array:
    """V: sum over examples of signal times input: (K, n), or (1,) for a scalar chain."""
    xp = namespace(signal)
    if batch.inputs.ndim == 1:
        return xp.reshape(xp.sum(signal * batch.inputs), (1,))
    columns = xp.reshape(signal, (signal.shape[0], -1))
    return columns.mT @ batch.inputs


def pull_moment(objective: Any, params: Tree, batch: Any, moment: Array) -> Tree:
    """The gradient of sum_mu s_mu . f(x_mu) for a linear f, which is the trace of f(V)."""
    xp = namespace(moment)
    outputs, pullback = ad.vjp(
        lambda p: objective.outputs(p, batch._replace(inputs=moment, indices=None)), params
    )
    rows = outputs.shape[0]
    unit = xp.eye(rows, dtype=moment.dtype, device=device(moment))
    return pullback(xp.reshape(unit, tuple(outputs.shape)))
