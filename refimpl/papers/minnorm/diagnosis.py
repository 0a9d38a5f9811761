"""What the end of a Minnorm run should satisfy, and which examples were hard to fit."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace
from refimpl.papers.minnorm.lagrangian import lagrangian_gradient
from refimpl.papers.minnorm.minnorm import Minnorm, MinnormState


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


def diagnose(algorithm: Minnorm, state: MinnormState, objective: Any, training: Any) -> Diagnosis:
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
    constraint = algorithm.constraint_on(objective)
    outputs, pullback = ad.vjp(lambda p: objective.outputs(p, training), state.params)
    xp = namespace(outputs)
    violation = constraint.violation(outputs, training.targets)
    values = state.multipliers
    signal = constraint.signal(outputs, training.targets, values)
    leaves, pulled = (ad.flatten(tree)[0] for tree in (state.params, pullback(signal)))
    _, squares, residual = lagrangian_gradient(
        leaves,
        pulled,
        decays=[algorithm.decays(leaf) for leaf in leaves],
        plain_norm=algorithm.norm == "plain",
    )
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
        memory=3 * math.prod(values.shape),
    )


def difficulty(algorithm: Minnorm, state: MinnormState) -> Array:
    """How hard each example is to fit: the sensitivity of the least norm to its constraint.

    Parameters
    ----------
    algorithm : Minnorm
    state : MinnormState

    Returns
    -------
    array, shape (P,)
        sum_k α_k for inequalities, ||λ|| for equalities.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl.datasets import Batch
    >>> from refimpl.models import DeepLinear, Objective
    >>> algorithm = Minnorm(constraint="margin")
    >>> data = Batch(np.asarray([[1.0], [2.0]]), np.asarray([1.0, 1.0]))
    >>> objective = Objective(DeepLinear((1, 1)), "logistic")
    >>> state = algorithm.init([np.asarray([[0.0]])], data, objective)
    >>> difficulty(algorithm, state._replace(multipliers=np.asarray([0.5, 0.0])))
    array([0.5, 0. ])
    """
    xp = namespace(state.multipliers)
    values = state.multipliers
    if algorithm.constraint == "equality":
        return xp.abs(values) if values.ndim == 1 else xp.linalg.vector_norm(values, axis=1)
    return values if values.ndim == 1 else xp.sum(values, axis=1)
