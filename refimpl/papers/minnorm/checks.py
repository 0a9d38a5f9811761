"""What is refused before a Minnorm run, because it is known to fail.

Steps beyond a linear model's limits (:mod:`refimpl.papers.minnorm.limits`), and data that no
weights fit. What the end of a run should satisfy is in
:mod:`refimpl.papers.minnorm.diagnosis`.
"""

from __future__ import annotations

import math
from typing import Any

from refimpl.arrays import Array, device, eps, namespace
from refimpl.errors import InfeasibleError, StepSizeError
from refimpl.models import MLP, DeepLinear, LinearChain
from refimpl.papers.minnorm.diagnosis import Diagnosis, diagnose
from refimpl.papers.minnorm.limits import (
    Breach,
    chain_limit,
    critical_damping,
    largest_gain,
    shallow_limit,
)

__all__ = [
    "Breach",
    "Diagnosis",
    "chain_limit",
    "critical_damping",
    "diagnose",
    "is_linear",
    "largest_gain",
    "outputs_of",
    "refuse",
    "refuse_contradictions",
    "refuse_inconsistent",
    "shallow_limit",
]

_ODD = ("identity", "relu", "leaky_relu", "tanh")


def outputs_of(objective: Any, params: Any, batch: Any) -> Array:
    """The outputs on ``batch``, or a TypeError that says what the objective must be."""
    if not hasattr(objective, "outputs") or not hasattr(objective, "loss"):
        raise TypeError(
            "Minnorm constrains the outputs of a network, so it needs an Objective with .model, "
            f".loss and .outputs, not {type(objective).__name__}"
        )
    return objective.outputs(params, batch)


def is_linear(model: Any, params: Any) -> bool:
    """Whether ``model`` is known to be linear in its inputs, without biases."""
    if isinstance(model, (DeepLinear, LinearChain)):
        return True
    if not isinstance(model, MLP) or (model.depth > 1 and model.activation != "identity"):
        return False
    return all("bias" not in layer for layer in params)


def refuse(algorithm: Any, model: Any, params: Any, training: Any, outputs: Array) -> None:
    """Raise what :meth:`Minnorm.init` documents, for what is known to fail."""
    xp = namespace(outputs)
    refuse_contradictions(training)
    _refuse_zero_inputs(model, params, training, algorithm.constraint)
    if not is_linear(model, params) or algorithm.base != "sgd" or algorithm.norm != "squared":
        return
    depth = model.depth
    steps = {
        "eta": algorithm.learning_rate,
        "multiplier_rate": algorithm.multiplier_rate,
        "damping": algorithm.damping,
        "order": algorithm.order,
    }
    inputs = xp.reshape(training.inputs, (training.inputs.shape[0], -1))
    if depth == 1 and algorithm.constraint in ("equality", "margin", "one_vs_rest"):
        _refuse_breach(shallow_limit(gain=largest_gain(inputs), **steps))
    elif isinstance(model, LinearChain) and algorithm.constraint == "equality":
        power = float(xp.sum(training.inputs * training.inputs))
        slope = float(xp.sum(training.inputs * training.targets)) / power
        if slope > 0:
            _refuse_breach(chain_limit(depth=depth, slope=slope, gain=power, **steps))
    elif depth > 1:
        if algorithm.damping == 0.0:
            _refuse_breach(("damping > 0 in a linear model of depth 2 or more", 0.0, 0.0))
        if algorithm.learning_rate >= 1.0:
            _refuse_breach(("eta_w < 1", algorithm.learning_rate, 1.0))
    if algorithm.constraint == "equality" and xp.isdtype(training.targets.dtype, "real floating"):
        refuse_inconsistent(inputs, training.targets)


def _refuse_breach(breach: Breach | None) -> None:
    if breach is not None:
        inequality, left, right = breach
        raise StepSizeError(
            f"unstable before it starts: the linear model needs {inequality}, but the left side "
            f"is {left:.6g} and the right side {right:.6g}; choose smaller steps, more damping "
            f"or, to run it all the same, refuse=False",
            value=left,
            limit=right,
        )


def refuse_inconsistent(inputs: Array, targets: Array) -> None:
    """Raise InfeasibleError unless inputs W^T = targets has a solution.

    Parameters
    ----------
    inputs : array, shape (P, n)
    targets : array, shape (P,) or (P, K)

    Raises
    ------
    InfeasibleError
        With ``residual``, the norm of (I − X X⁺) Y, and ``examples``, the positions of its
        largest rows.

    Examples
    --------
    >>> import numpy as np
    >>> refuse_inconsistent(np.asarray([[1.0], [2.0]]), np.asarray([1.0, 1.0]))
    Traceback (most recent call last):
    ...
    refimpl.errors.InfeasibleError: no weights fit these targets: they leave the span of the
    inputs (residual=0.447214, relative=0.316228, examples=[0, 1])
    """
    xp = namespace(inputs)
    columns = xp.reshape(targets, (targets.shape[0], -1))
    # Through the smaller Gram matrix; its eigenvalues below n eps of the largest are no span.
    tall = inputs.shape[0] > inputs.shape[1]
    gram = inputs.mT @ inputs if tall else inputs @ inputs.mT
    values, vectors = xp.linalg.eigh(gram)
    size = max(inputs.shape)
    spanned = values > size * eps(inputs) * values[-1]
    inverse = xp.where(spanned, 1.0 / xp.where(spanned, values, xp.ones_like(values)), 0.0 * values)
    if tall:
        fit = inputs @ (vectors @ (inverse[:, None] * (vectors.mT @ (inputs.mT @ columns))))
    else:
        fit = vectors @ (xp.astype(spanned, inputs.dtype)[:, None] * (vectors.mT @ columns))
    residual = columns - fit
    rows = xp.linalg.vector_norm(residual, axis=1)
    total = float(xp.linalg.vector_norm(rows))
    norm = float(xp.linalg.vector_norm(columns))
    if total > math.sqrt(size * eps(inputs)) * norm:
        order = xp.argsort(-rows, stable=True)
        raise InfeasibleError(
            "no weights fit these targets: they leave the span of the inputs",
            residual=total,
            relative=total / norm,
            examples=[int(order[i]) for i in range(min(5, rows.shape[0]))],
        )


def refuse_contradictions(training: Any) -> None:
    """Raise InfeasibleError if two equal inputs have different targets: no network fits both.

    Raises
    ------
    InfeasibleError
        With ``examples``, the positions of the first such pair, and ``count``, of how many.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl.datasets import Batch
    >>> refuse_contradictions(Batch(np.ones((2, 3)), np.asarray([0, 1])))
    Traceback (most recent call last):
    ...
    refimpl.errors.InfeasibleError: equal inputs have different targets (examples=[0, 1], count=1)
    """
    xp = namespace(training.inputs)
    rows = xp.reshape(training.inputs, (training.inputs.shape[0], -1))
    targets = xp.reshape(training.targets, (rows.shape[0], -1))
    # Equal rows have equal keys, so that sorting by any one key makes them neighbours.
    column = xp.arange(1, rows.shape[1] + 1, dtype=rows.dtype, device=device(rows))
    key = xp.sum(rows * xp.sin(column), axis=1)
    order = xp.argsort(key, stable=True)
    rows = xp.take(rows, order, axis=0)
    targets = xp.take(targets, order, axis=0)
    same = xp.all(rows[1:, :] == rows[:-1, :], axis=1)
    differ = xp.any(targets[1:, :] != targets[:-1, :], axis=1)
    wrong = same & differ
    if bool(xp.any(wrong)):
        first = int(xp.argmax(xp.astype(wrong, xp.int64)))
        raise InfeasibleError(
            "equal inputs have different targets",
            examples=sorted([int(order[first]), int(order[first + 1])]),
            count=int(xp.sum(xp.astype(wrong, xp.int64))),
        )


def _refuse_zero_inputs(model: Any, params: Any, training: Any, constraint: str) -> None:
    """A network without biases gives 0 at 0, whatever its weights."""
    homogeneous = is_linear(model, params) or (
        isinstance(model, MLP)
        and model.activation in _ODD
        and all("bias" not in layer for layer in params)
    )
    if not homogeneous or constraint == "loss":
        return
    xp = namespace(training.inputs)
    rows = xp.reshape(training.inputs, (training.inputs.shape[0], -1))
    bad = xp.all(rows == 0, axis=1)
    if constraint == "equality" and xp.isdtype(training.targets.dtype, "real floating"):
        wanted = xp.reshape(training.targets, (rows.shape[0], -1))
        bad = bad & xp.any(wanted != 0, axis=1)
    if bool(xp.any(bad)):
        raise InfeasibleError(
            "inputs of zero norm: a network without biases cannot fit them; "
            "remove the examples or give the network biases",
            examples=[int(xp.argmax(xp.astype(bad, xp.int64)))],
            count=int(xp.sum(xp.astype(bad, xp.int64))),
        )
