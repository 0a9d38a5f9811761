"""What can be known before a Minnorm run, and what its end should satisfy.

Limits of the linear models (derived). With η = η_w, λ-step l = η_λ, h = 1 + ρ σ² for a singular
value σ of the inputs, a mode of shallow regression is stable just where

* simultaneous: l σ² < h and 4 − 2 η h + η l σ² > 0;
* alternating: η h < 2 and 4 − 2 η h − η l σ² > 0,

and 0 < η < 2 for what the inputs do not span. A chain of D weights with product s, fed by inputs
of power q = sum x², is stable near its balanced solution, with c = D s^(2−2/D), r = q ρ, l = q η_λ
and h = 2 − D + r c, just where 0 < η < 1 and

* simultaneous: l c < h and 4 − 2 η h + η l c > 0;
* alternating: h > 0, η h < 2 and 4 − 2 η h − η l c > 0.

For margins the limits are those of all constraints active at once: sufficient, and not always
necessary.

>>> shallow_limit(eta=0.2, multiplier_rate=1.0, damping=0.0, order="alternating", gain=18.5)
('4 - 2 eta_w h - eta_w eta_lam sigma^2 > 0', -0.10000000000000009, 0.0)
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.algorithms.minnorm_constraints import Constraint
from refimpl.arrays import Array, device, eps, namespace
from refimpl.errors import InfeasibleError, StepSizeError
from refimpl.models import MLP, DeepLinear, LinearChain

_ODD = ("identity", "relu", "leaky_relu", "tanh")

Breach = tuple[str, float, float]
"""An inequality that does not hold, its left-hand side and its right-hand side."""


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


class Diagnosis(NamedTuple):
    """What a run left behind, over the whole training set.

    Attributes
    ----------
    violation : float
        Largest |y − f|, or largest positive part.
    kkt_residual : float
        max_l ||W_l − Q_l|| / ||W_l|| with the multipliers themselves.
    complementarity : float
        max α |v|; 0 for equalities.
    layer_norms : list of float
    multiplier_norm : float
    active : int
    identity : float
        sum λ·y (equality), or margin times sum α: equals every ||W_l||² at the solution of a
        bias-free homogeneous network; NaN for the loss-valued constraint.
    near_tie : float
        Smallest slack −v > 0 among multipliers that are not zero; infinite if there is none.
    shedding_steps : float
        Steps until all those multipliers are shed at the present slack.
    memory : int
        Numbers kept per run beside the weights: multipliers, their snapshot and growth.
    """

    violation: float
    kkt_residual: float
    complementarity: float
    layer_norms: list[float]
    multiplier_norm: float
    active: int
    identity: float
    near_tie: float
    shedding_steps: float
    memory: int


def diagnose(algorithm: Any, state: Any, objective: Any, training: Any) -> Diagnosis:
    """The optimality conditions at a state, exactly and over the whole training set.

    Parameters
    ----------
    algorithm : Minnorm
    state : MinnormState
    objective : Objective
    training : Batch
        The whole set, in the order of the multipliers.

    Returns
    -------
    Diagnosis

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl.algorithms.minnorm import Minnorm
    >>> from refimpl.datasets import Batch
    >>> from refimpl.models import DeepLinear, Objective
    >>> data = Batch(np.asarray([[2.0]]), np.asarray([[4.0]]))
    >>> objective = Objective(DeepLinear((1, 1)), "mean_squared_error")
    >>> algorithm = Minnorm(constraint="equality")
    >>> state = algorithm.init([np.asarray([[2.0]])], data, objective)
    >>> state = state._replace(multipliers=np.asarray([[1.0]]))
    >>> found = diagnose(algorithm, state, objective, data)
    >>> found.violation, found.kkt_residual, found.identity
    (0.0, 0.0, 4.0)
    """
    constraint: Constraint = algorithm.constraint_on(objective)
    outputs, pullback = ad.vjp(lambda p: objective.outputs(p, training), state.params)
    xp = namespace(outputs)
    violation = constraint.violation(outputs, training.targets)
    values = state.multipliers
    signal = constraint.signal(outputs, training.targets, values)
    leaves, pulled = (ad.flatten(tree)[0] for tree in (state.params, pullback(signal)))
    _, squares, residual = algorithm._gradient(leaves, pulled)
    if constraint.inequality:
        slack = xp.where((values > 0) & (violation < 0), -violation, xp.full_like(values, math.inf))
        near_tie = float(xp.min(slack))
        steps = float(xp.max(values / (algorithm.multiplier_rate * slack)))
        broken = max(0.0, float(xp.max(violation)))
        complementarity = float(xp.max(values * xp.abs(violation)))
        identity = algorithm.margin * float(xp.sum(values))
    else:
        near_tie, steps, complementarity = math.inf, 0.0, 0.0
        broken = float(xp.max(xp.abs(violation)))
        identity = float(xp.sum(values * (violation + outputs)))
    if algorithm.constraint == "loss":
        identity = math.nan
    return Diagnosis(
        violation=broken,
        kkt_residual=float(residual),
        complementarity=complementarity,
        layer_norms=[math.sqrt(float(squares[i])) for i in range(squares.shape[0])],
        multiplier_norm=float(xp.sqrt(xp.sum(values * values))),
        active=int(xp.sum(xp.astype(values != 0, xp.int64))),
        identity=identity,
        near_tie=near_tie,
        shedding_steps=steps,
        memory=3 * values.size,
    )
