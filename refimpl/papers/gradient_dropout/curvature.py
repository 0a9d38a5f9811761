"""Gradient and Hessian-vector products of a ReLU network in closed form, for a stack of tasks.

Algorithm
---------
With h_0 = x, z_l = W_l h_{l−1} + b_l, h_l = D_l z_l where D_l is the 0/1 gate of z_l > 0 (D_L = I),
a direction (V_l, c_l) of the parameters, and derivatives along it written R:

1. R_0 ← 0;  R_l ← D_l (V_l h_{l−1} + W_l R_{l−1} + c_l)
2. g, G ← first and second derivative of the loss in z_L, the second applied to R_L:
   cross-entropy, g = p − y and G = (diag p − p p')R_L; half the squared error, g = z_L − y, G = R_L
3. for l = L, ..., 1:
   g ← D_l g, G ← D_l G;
   (Hv)_{W_l} ← G h_{l−1}' + g R_{l−1}', (Hv)_{b_l} ← G;
   g, G ← W_l' g, W_l' G + V_l' g

Source: B. A. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994);
this form is derived here. H is the Hessian almost everywhere: a gate at exactly 0 is 0, so kinks
carry no curvature.

>>> import numpy as np
>>> from refimpl import Rng
>>> from refimpl.datasets import Batch
>>> from refimpl.models import MLP, Objective
>>> objective = Objective(MLP((2, 3, 1)), "mean_squared_error")
>>> params = objective.model.init(Rng(0))
>>> batch = Batch(np.ones((4, 2)), np.zeros((4, 1)))
>>> losses, gradient, product = gradient_and_product(objective, params, batch)
>>> [layer["weight"].shape for layer in product(params)]
[(3, 2), (1, 3)]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refimpl.algorithms.base import Tree
from refimpl.arrays import Array, keep_where, namespace, one_hot
from refimpl.models import MLP, Objective, losses

Product = Callable[[Tree], Tree]
"""H v for a direction v, both trees like the parameters."""


def applies(objective: Any) -> bool:
    """Whether the closed form covers an objective: a ReLU network under one of the two losses."""
    return (
        isinstance(objective, Objective)
        and isinstance(objective.model, MLP)
        and objective.model.activation == "relu"
        and objective.loss in (losses.mean_squared_error, losses.softmax_cross_entropy)
    )


def gradient_and_product(
    objective: Objective, params: Tree, batch: Any
) -> tuple[Array, Tree, Product]:
    """The losses, the gradient of their sum, and the product with its Hessian.

    Parameters
    ----------
    objective : Objective
        One that :func:`applies` accepts.
    params : list of dict
        Layers with weights (..., m, n) and, perhaps, biases (..., m).
    batch : Batch
        Inputs (..., P, n) and targets, with the leading axes of the parameters.

    Returns
    -------
    losses : array, shape (...)
        Over the examples of each task, as the objective reduces them.
    gradient : list of dict
    product : callable
        ``product(direction)``, a tree like ``params``; for a stack each task's own Hessian acts on
        its own part.
    """
    signals, gates = _forward(params, batch.inputs)
    logits, xp = signals[-1], namespace(batch.inputs)
    scale = 1.0 / logits.shape[-2] if objective.reduction == "mean" else 1.0
    classify = objective.loss is losses.softmax_cross_entropy
    if classify:
        targets = batch.targets
        if len(targets.shape) < len(logits.shape):
            targets = one_hot(targets, logits.shape[-1], logits)
        shifted = logits - xp.max(logits, axis=-1, keepdims=True)
        weights = xp.exp(shifted)
        total = xp.sum(weights, axis=-1, keepdims=True)
        probabilities = weights / total
        mass = xp.sum(targets, axis=-1, keepdims=True)
        each = xp.sum(targets * (xp.log(total) - shifted), axis=-1)
        start = scale * (mass * probabilities - targets)
    else:
        error = logits - batch.targets
        each = 0.5 * xp.sum(error * error, axis=-1)
        start = scale * error
    gradient, backs = _backward(params, signals, gates, start)

    def product(direction: Tree) -> Tree:
        pushed = _pushed(params, direction, signals, gates)
        last = pushed[-1]
        if classify:
            inner = xp.sum(probabilities * last, axis=-1, keepdims=True)
            last = mass * probabilities * (last - inner)
        return _second(params, direction, signals, gates, backs, pushed, scale * last)

    return xp.sum(each, axis=-1) * scale, gradient, product


def _affine(signal: Array, layer: Any) -> Array:
    result = signal @ layer["weight"].mT
    return result + layer["bias"][..., None, :] if "bias" in layer else result


def _forward(params: Tree, inputs: Array) -> tuple[list[Array], list[Array | None]]:
    """h_0, ..., h_L, and the gates of every layer, None for the last."""
    xp = namespace(inputs)
    signals, gates = [inputs], []
    for index, layer in enumerate(params):
        signal = _affine(signals[-1], layer)
        gate = None
        if index < len(params) - 1:
            gate = signal > 0
            signal = xp.maximum(signal, 0.0)
        signals.append(signal)
        gates.append(gate)
    return signals, gates


def _gated(signal: Array, gate: Array | None) -> Array:
    return signal if gate is None else keep_where(signal, gate)


def _layer(like: Any, weight: Array, bias: Array) -> dict[str, Array]:
    xp = namespace(weight)
    return (
        {"weight": weight, "bias": xp.sum(bias, axis=-2)} if "bias" in like else {"weight": weight}
    )


def _backward(
    params: Tree, signals: list[Array], gates: list[Any], start: Array
) -> tuple[Tree, list[Array]]:
    """The gradient, and g of every layer after its gate."""
    gradient: list[Any] = [None] * len(params)
    backs: list[Any] = [None] * len(params)
    g = start
    for index in range(len(params) - 1, -1, -1):
        g = _gated(g, gates[index])
        backs[index] = g
        gradient[index] = _layer(params[index], g.mT @ signals[index], g)
        if index:
            g = g @ params[index]["weight"]
    return gradient, backs


def _pushed(params: Tree, direction: Tree, signals: list[Array], gates: list[Any]) -> list[Any]:
    """R_0, ..., R_L; R_0 = 0 is None."""
    pushed: list[Any] = [None]
    for layer, part, signal, gate in zip(params, direction, signals[:-1], gates, strict=True):
        moved = _affine(signal, part)
        if pushed[-1] is not None:
            moved = moved + pushed[-1] @ layer["weight"].mT
        pushed.append(_gated(moved, gate))
    return pushed


def _second(
    params: Tree,
    direction: Tree,
    signals: list[Array],
    gates: list[Any],
    backs: list[Array],
    pushed: list[Any],
    start: Array,
) -> Tree:
    """The backward pass of G."""
    result: list[Any] = [None] * len(params)
    second = start
    for index in range(len(params) - 1, -1, -1):
        second, g = _gated(second, gates[index]), backs[index]
        weight = second.mT @ signals[index]
        if pushed[index] is not None:
            weight = weight + g.mT @ pushed[index]
        result[index] = _layer(params[index], weight, second)
        if index:
            second = second @ params[index]["weight"] + g @ direction[index]["weight"]
    return result
