"""The yardstick: a training step written by hand, in place, into buffers allocated once.

Softmax cross-entropy of a ReLU network, and SGD or Adam, in the arithmetic of the package's own
step. Nothing is checked, general or kept: what a step costs where only its mathematics is paid
for.

>>> params = [{"weight": np.ones((2, 3)), "bias": np.zeros(2)}]
>>> step = hand_written(params, np.ones((4, 3)), np.array([0, 1, 0, 1]), "sgd")
>>> float(step().round(6))
0.693147
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], Any]


def hand_written(
    params: list[dict[str, Any]], inputs: Any, labels: Any, kind: str = "", rate: float = 1e-4
) -> Step:
    """A function that takes one step and returns the loss.

    Parameters
    ----------
    params : list of {"weight": (out, in), "bias": (out,)}
        Copied.
    inputs : numpy.ndarray, shape (P, n)
    labels : numpy.ndarray of int, shape (P,)
    kind : {"", "sgd", "adam"}
        Nothing: value and gradient alone.
    rate : float
        Step size.
    """
    weights = [layer["weight"].copy() for layer in params]
    biases = [layer["bias"].copy() for layer in params]
    gradients = [np.empty_like(leaf) for leaf in (*weights, *biases)]
    evaluate = _pass(weights, biases, inputs, labels, gradients)
    update = {"": None, "sgd": _descent, "adam": _adam}[kind]
    if update is None:
        return evaluate
    move = update([*weights, *biases], gradients, inputs.dtype.type, rate)

    def step() -> Any:
        loss = evaluate()
        move()
        return loss

    return step


def _pass(
    weights: list[Any], biases: list[Any], inputs: Any, labels: Any, grads: list[Any]
) -> Step:
    depth, size, dtype = len(weights), inputs.shape[0], inputs.dtype
    hidden = [inputs, *(np.empty((size, w.shape[0]), dtype) for w in weights)]
    back: list[Any] = [None, *(np.empty((size, w.shape[0]), dtype) for w in weights)]
    masks: list[Any] = [None, *(np.empty((size, w.shape[0]), bool) for w in weights)]
    rows, scale = np.arange(size), dtype.type(1 / size)
    hot = np.zeros((size, weights[-1].shape[0]), dtype)
    hot[rows, labels] = 1
    largest, total = np.empty((size, 1), dtype), np.empty((size, 1), dtype)

    def evaluate() -> Any:
        for l in range(depth):  # noqa: E741
            np.matmul(hidden[l], weights[l].T, out=hidden[l + 1])
            hidden[l + 1] += biases[l]
            if l < depth - 1:
                np.maximum(hidden[l + 1], 0, out=hidden[l + 1])
        logits, slope = hidden[depth], back[depth]
        np.max(logits, axis=1, keepdims=True, out=largest)
        np.subtract(logits, largest, out=logits)
        np.exp(logits, out=slope)
        np.sum(slope, axis=1, keepdims=True, out=total)
        loss = (np.log(total).sum() - logits[rows, labels].sum()) * scale
        slope /= total
        slope -= hot
        slope *= scale
        for l in range(depth - 1, -1, -1):  # noqa: E741
            np.matmul(back[l + 1].T, hidden[l], out=grads[l])
            np.sum(back[l + 1], axis=0, out=grads[depth + l])
            if l:
                np.matmul(back[l + 1], weights[l], out=back[l])
                np.greater(hidden[l], 0, out=masks[l])
                np.multiply(back[l], masks[l], out=back[l])
        return loss

    return evaluate


def _descent(leaves: list[Any], gradients: list[Any], number: Any, rate: float) -> Step:
    def move() -> None:
        for w, g in zip(leaves, gradients, strict=True):
            g *= number(rate)
            w -= g

    return move


def _adam(leaves: list[Any], gradients: list[Any], number: Any, rate: float) -> Step:
    first, second, scratch = ([np.zeros_like(x) for x in leaves] for _ in range(3))
    beta1, beta2, taken = number(0.9), number(0.999), [0]

    def move() -> None:
        taken[0] += 1
        c1, c2 = 1 - 0.9 ** taken[0], number((1 - 0.999 ** taken[0]) ** 0.5)
        for w, g, m, v, t in zip(leaves, gradients, first, second, scratch, strict=True):
            m *= beta1
            np.multiply(g, number(0.1), out=t)
            m += t
            np.multiply(g, g, out=g)
            g *= number(0.001)
            v *= beta2
            v += g
            np.sqrt(v, out=t)
            t /= c2
            t += number(1e-8)
            np.divide(m, t, out=t)
            t *= number(rate / c1)
            w -= t

    return move


def products(params: list[dict[str, Any]], inputs: Any) -> Step:
    """A function that makes the matrix products of a step, and nothing else."""
    weights = [layer["weight"] for layer in params]
    hidden = [inputs, *(np.ones((inputs.shape[0], w.shape[0]), inputs.dtype) for w in weights)]
    grads = [np.empty_like(w) for w in weights]

    def multiply() -> None:
        for l, w in enumerate(weights):  # noqa: E741
            np.matmul(hidden[l], w.T, out=hidden[l + 1])
        for l in range(len(weights) - 1, -1, -1):  # noqa: E741
            np.matmul(hidden[l + 1].T, hidden[l], out=grads[l])
            if l:
                np.matmul(hidden[l + 1], weights[l], out=hidden[l])

    return multiply
