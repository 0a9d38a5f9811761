"""What is refused before a Minnorm run, because it is known to fail: data that no weights fit, and
steps beyond a linear model's limits.

The limits are derived. With η = η_w, λ-step l = η_λ, h = 1 + ρ σ² for a singular
value σ of the inputs, a mode of shallow regression is stable just where

* simultaneous: l σ² < h and 4 − 2 η h + η l σ² > 0;
* alternating: η h < 2 and 4 − 2 η h − η l σ² > 0,

and 0 < η < 2 for what the inputs do not span. A chain of D weights with product s, fed by inputs
of power q = sum x², is stable near its balanced solution, with c = D s^(2−2/D), r = q ρ, l = q η_λ
and h = 2 − D + r c, just where 0 < η < 1 and

* simultaneous: l c < h and 4 − 2 η h + η l c > 0;
* alternating: h > 0, η h < 2 and 4 − 2 η h − η l c > 0.

For margins the limits are those of all constraints active at once: sufficient, and not always
necessary. What the end of a run should satisfy is in :mod:`refimpl.papers.minnorm.diagnosis`.

>>> shallow_limit(eta=0.2, multiplier_rate=1.0, damping=0.0, order="alternating", gain=18.5)
('4 - 2 eta_w h - eta_w eta_lam sigma^2 > 0', -0.10000000000000009, 0.0)
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from refimpl.arrays import Array, device, eps, namespace
from refimpl.errors import InfeasibleError, StepSizeError
from refimpl.models import MLP, DeepLinear, LinearChain

_ODD = ("identity", "relu", "leaky_relu", "tanh")

Breach = tuple[str, float, float]
"""An inequality that does not hold, its left-hand side and its right-hand side."""


class Steps(NamedTuple):
    """What decides whether a linear model is stable: η_w, η_λ, ρ and the order of the updates."""

    eta: float
    multiplier_rate: float
    damping: float
    order: str


def shallow_limit(
    *, eta: float, multiplier_rate: float, damping: float, order: str, gain: float
) -> Breach | None:
    """The first inequality of the shallow step limits that fails, or None.

    Parameters
    ----------
    eta, multiplier_rate, damping : float
        η_w, η_λ and ρ.
    order : {"simultaneous", "alternating"}
    gain : float
        σ² of the stiffest mode; smaller ones are stable when this one is and η_w < 2.

    Returns
    -------
    (inequality, left, right) or None

    Examples
    --------
    >>> shallow_limit(eta=0.2, multiplier_rate=1.0, damping=0.0, order="alternating", gain=17.5)
    >>> shallow_limit(eta=0.2, multiplier_rate=1.0, damping=0.0, order="simultaneous", gain=1.5)
    ('eta_lam sigma^2 < h', 1.5, 1.0)
    """
    h = 1.0 + damping * gain
    if not eta < 2.0:
        return "eta_w < 2", eta, 2.0
    return _pair_limit(eta, multiplier_rate * gain, h, order, "sigma^2")


def chain_limit(
    *,
    eta: float,
    multiplier_rate: float,
    damping: float,
    order: str,
    depth: int,
    slope: float,
    gain: float = 1.0,
) -> Breach | None:
    """The first inequality of the chain's local limits that fails, or None.

    Parameters
    ----------
    eta, multiplier_rate, damping, order
        As in :func:`shallow_limit`.
    depth : int
        D, at least 2.
    slope : float
        s, positive.
    gain : float
        q, the sum of the squared inputs.

    Examples
    --------
    >>> chain_limit(eta=0.01, multiplier_rate=0.01, damping=0.1, order="alternating",
    ...             depth=3, slope=2.0)
    ('rho c > D - 2', 0.7559526299369239, 1.0)
    """
    c = depth * slope ** (2.0 - 2.0 / depth)
    r, step = gain * damping, gain * multiplier_rate
    h = 2.0 - depth + r * c
    if not eta < 1.0:
        return "eta_w < 1", eta, 1.0
    if not r * c > depth - 2:
        return "rho c > D - 2", r * c, float(depth - 2)
    return _pair_limit(eta, step * c, h, order, "c")


def critical_damping(
    depth: int,
    slope: float,
    *,
    gain: float = 1.0,
    multiplier_rate: float = 0.0,
    order: str = "alternating",
) -> float:
    """ρ above which the balanced chain is locally stable, for steps η_w small enough.

    Parameters
    ----------
    depth : int
    slope, gain : float
        s and q.
    multiplier_rate : float
        η_λ, which counts in the simultaneous order; 0 is the flow.

    Examples
    --------
    >>> round(critical_damping(3, 2.0), 5), round(critical_damping(4, 2.0), 5)
    (0.13228, 0.17678)
    """
    critical = (depth - 2) / (depth * slope ** (2.0 - 2.0 / depth)) / gain
    return critical + (multiplier_rate if order == "simultaneous" else 0.0)


def _pair_limit(eta: float, drive: float, h: float, order: str, name: str) -> Breach | None:
    if order == "simultaneous":
        if not drive < h:
            return f"eta_lam {name} < h", drive, h
        left = 4.0 - 2.0 * eta * h + eta * drive
        return None if left > 0 else (f"4 - 2 eta_w h + eta_w eta_lam {name} > 0", left, 0.0)
    if not eta * h < 2.0:
        return "eta_w h < 2", eta * h, 2.0
    left = 4.0 - 2.0 * eta * h - eta * drive
    return None if left > 0 else (f"4 - 2 eta_w h - eta_w eta_lam {name} > 0", left, 0.0)


def largest_gain(inputs: Array) -> float:
    """The square of the largest singular value of ``inputs``, shape (P, n).

    Examples
    --------
    >>> import numpy as np
    >>> largest_gain(np.asarray([[3.0, 0.0], [0.0, 2.0]]))
    9.0
    """
    xp = namespace(inputs)
    tall = inputs.shape[0] > inputs.shape[1]
    gram = inputs.mT @ inputs if tall else inputs @ inputs.mT
    return float(xp.linalg.eigvalsh(gram)[-1])


def is_linear(model: Any, params: Any) -> bool:
    """Whether ``model`` is known to be linear in its inputs, without biases."""
    if isinstance(model, (DeepLinear, LinearChain)):
        return True
    if not isinstance(model, MLP) or (model.depth > 1 and model.activation != "identity"):
        return False
    return all("bias" not in layer for layer in params)


def refuse_data(constraint: str, model: Any, params: Any, training: Any) -> None:
    """Raise InfeasibleError for equal inputs with two targets, and for inputs that give 0 for ever.

    Parameters
    ----------
    constraint : str
        Its name.
    model, params
        The network.
    training : Batch
        All examples.
    """
    refuse_contradictions(training)
    _refuse_zero_inputs(model, params, training, constraint)


def refuse_linear(constraint: str, steps: Steps, model: Any, training: Any) -> None:
    """Raise what is known of a linear model: steps beyond a limit, a system without solution.

    Parameters
    ----------
    constraint : str
        Its name.
    steps : Steps
        Of plain descent on squared norms.
    model : DeepLinear, LinearChain or MLP
        Linear in its inputs (:func:`is_linear`).
    training : Batch

    Raises
    ------
    StepSizeError
        With ``value`` and ``limit``, the sides of the inequality that does not hold.
    InfeasibleError
        As :func:`refuse_inconsistent`.
    """
    xp = namespace(training.inputs)
    inputs = xp.reshape(training.inputs, (training.inputs.shape[0], -1))
    if model.depth == 1 and constraint in ("equality", "margin", "one_vs_rest"):
        _refuse_breach(shallow_limit(gain=largest_gain(inputs), **steps._asdict()))
    elif isinstance(model, LinearChain) and constraint == "equality":
        power = float(xp.sum(training.inputs * training.inputs))
        slope = float(xp.sum(training.inputs * training.targets)) / power
        if slope > 0:
            limit = chain_limit(depth=model.depth, slope=slope, gain=power, **steps._asdict())
            _refuse_breach(limit)
    elif model.depth > 1:
        if steps.damping == 0.0:
            _refuse_breach(("damping > 0 in a linear model of depth 2 or more", 0.0, 0.0))
        if steps.eta >= 1.0:
            _refuse_breach(("eta_w < 1", steps.eta, 1.0))
    if constraint == "equality" and xp.isdtype(training.targets.dtype, "real floating"):
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
