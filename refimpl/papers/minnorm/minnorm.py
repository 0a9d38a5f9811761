"""Minnorm training: the least norm of the weights that fits the data, by Lagrange multipliers.

The program is min 1/2 sum_l ||W_l||² subject to a constraint on every example; its Lagrangian is
descended in the weights and ascended in the multipliers, which therefore integrate the error.

Algorithm
---------
1. v ← violation of each constraint of the batch at W; equality: v = e = y − f
2. g ← λ + ρ v; inequalities: g ← max(0, λ + ρ v)
3. Q_l ← (P/B) Σ_batch (∂f/∂W_l)ᵀ s(g): back-propagation of the signal s(g) in place of the error
   (the table of :mod:`refimpl.papers.minnorm.constraints`)
4. W_l ← W_l + η_w (Q_l − W_l), or the base update with the gradient W_l − Q_l
5. λ ← λ + η_λ v (inequalities: max(0, λ + η_λ v)) for the batch, with v of 1 ("simultaneous") or
   taken again at the new W ("alternating")

Source: Y. Bansal, M. Advani, D. Cox and A. Saxe, "Minnorm training: an algorithm for training
over-parameterized deep neural networks", arXiv 1806.00730 (2018), abstract. The abstract fixes
the program (least sum over layers of the norm, data fitted exactly), the multipliers as
integrators of error and the wrapper around back-propagation. Everything else below is derived
from these; it is not taken from the body of the paper.

========== ===========================================================
symbol     code
========== ===========================================================
W_l        ``state.params``, the leaves that decay ("layers")
λ, α       ``state.multipliers``; α where constraints are inequalities
η_w        ``learning_rate`` (dt/τ_w), of step t: η_w/(1 + decay·t)
η_λ        ``multiplier_rate`` (dt/τ_λ)
ρ          ``damping``, the gain of the augmented Lagrangian
ε          ``loss_level``
P, B       examples in the training set and in the batch
========== ===========================================================

Deviations
----------
* Choices the abstract leaves open, fixed here: the norms are squared (``norm="plain"`` has their
  plain sum, with decay W/||W||, which is less stable); data terms are sums over examples; λ
  starts at 0; only the batch's multipliers move; leaves with one axis are biases and are free of
  decay unless ``include="all"``.
* ρ > 0 is not optional in depth: without it a balanced chain of depth 2 oscillates for ever and
  a deeper one is unstable. Linear models of depth two or more are refused without it.
* The exact laws (null space of the first layer, balance, step limits) hold for the base update
  "sgd"; momentum and Adam keep the fixed points and break the laws.
* On minibatches the weights' gradient does not vanish at the solution and constant steps leave a
  noise of order sqrt(η_w); ``decay`` shrinks it and, in linear networks, ``accumulate`` removes
  it: V = Σ s(λ) xᵀ over the whole set is kept up to date and replaces the batch's sum of s(λ).
* The solution is the interpolant of least norm, which under label noise is not the best
  predictor. P (times K) multipliers are kept.

>>> import numpy as np
>>> from refimpl.datasets import Batch
>>> from refimpl.models import DeepLinear, Objective
>>> data = Batch(np.asarray([[1.0, 1.0]]), np.asarray([[2.0]]))
>>> objective = Objective(DeepLinear((2, 1)), "mean_squared_error")
>>> algorithm = Minnorm(constraint="equality", learning_rate=0.5, multiplier_rate=0.4, damping=0.0)
>>> state = algorithm.init([np.asarray([[3.0, 0.0]])], training=data, objective=objective)
>>> for _ in range(600):
...     state, info = algorithm.step(state, objective, data)
>>> np.round(state.params[0], 6), np.round(state.multipliers, 6)
(array([[1., 1.]]), array([[1.]]))
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from refimpl import autodiff as ad
from refimpl.algorithms.base import State, Tree, check_params, descend
from refimpl.algorithms.updates import first_order
from refimpl.arrays import Array, device, namespace, put_rows, reduce
from refimpl.errors import TargetError
from refimpl.papers.minnorm import checks
from refimpl.papers.minnorm.constraints import measure
from refimpl.papers.minnorm.diagnosis import difficulty
from refimpl.papers.minnorm.lagrangian import (
    lagrangian_gradient,
    moment,
    norm,
    pull_moment,
    safe,
)
from refimpl.papers.minnorm.progress import look
from refimpl.papers.minnorm.settings import MinnormSettings
from refimpl.papers.minnorm.state import MinnormInfo, MinnormState
from refimpl.random import Rng

__all__ = ["Minnorm", "MinnormInfo", "MinnormState", "difficulty"]


@dataclass(frozen=True)
class Minnorm(MinnormSettings):
    """Minnorm training around a first-order update.

    Parameters
    ----------
    constraint, learning_rate, multiplier_rate, damping, order, base, momentum, ...
        Those of :class:`refimpl.papers.minnorm.settings.MinnormSettings`, which says what
        each one is and raises TypeError or ValueError for what is out of range.

    Examples
    --------
    >>> Minnorm(constraint="loss", loss_level=0.0)
    Traceback (most recent call last):
    ...
    ValueError: loss_level must be positive and finite, not 0.0
    """

    def init(self, params: Tree, training: Any, objective: Any) -> MinnormState:
        """The state before the first step: all multipliers zero.

        Parameters
        ----------
        params : tree
        training : Batch
            All P examples, in the order that the batches' indices mean.
        objective : Objective
            A model and a loss; the loss is reported and, with the loss-valued constraint, held.

        Raises
        ------
        TypeError
            If params are not floating, or the objective is not one of models.
        TargetError
            If targets do not fit the constraint and the outputs: shape, range or sign. It is a
            ValueError too.
        StepSizeError
            With ``refuse``: a step size or a damping beyond the limit of a linear model.
        InfeasibleError
            With ``refuse``: inputs that occur with two targets, inputs of zero norm in a model
            without biases, or a linear system without solution.
        """
        check_params(params)
        constraint = self.constraint_on(objective)
        outputs = checks.outputs_of(objective, params, training)
        try:
            constraint.check(outputs, training.targets)
        except ValueError as error:
            raise TargetError(f"constraint {self.constraint!r}: {error}") from None
        if self.accumulate and not checks.is_linear(objective.model, params):
            raise ValueError("accumulate is for linear models without biases")
        if self.refuse:
            checks.refuse(self, objective.model, params, training, outputs)

        violation = constraint.violation(outputs, training.targets)
        xp = namespace(outputs)
        zero = xp.zeros_like(violation)
        accumulator = None
        if self.accumulate:
            accumulator = moment(constraint.signal(outputs, training.targets, zero), training)
        squares = [float(xp.sum(leaf * leaf)) for leaf in self.layers(params)]
        return MinnormState(
            params=params,
            step=0,
            buffers=self.update.buffers(params),
            multipliers=zero,
            accumulator=accumulator,
            active=xp.count_nonzero(zero),
            snapshot=zero,
            growth=zero,
            mark=0,
            span=self.check_every,
            worst=xp.zeros((3,), dtype=zero.dtype, device=device(zero)),
            first_norm=math.sqrt(sum(squares)),
            first_violation=float(xp.max(xp.abs(violation))),
            seen=0,
            waited=0,
            stalled=False,
        )

    def step(
        self, state: MinnormState, objective: Any, batch: Any, rng: Rng | None = None
    ) -> tuple[MinnormState, MinnormInfo]:
        """One step; ``rng`` is not used.

        Raises
        ------
        DivergenceError
            At a look, if a violation or a residual is not finite, or has grown beyond 1e8 times
            its start; carries ``step``.
        CollapseError
            At a look, if the weights decay to zero while the multipliers grow.
        InfeasibleError
            At a look, when the multipliers have grown linearly for ``patience`` time constants
            and the violation stayed; carries ``violation``, ``growth_rate`` (norm a step) and
            ``examples``, the positions whose multipliers grow fastest.
        """
        xp = namespace(state.multipliers)
        constraint = self.constraint_on(objective)
        old = _rows(state.multipliers, batch.indices)
        share = state.multipliers.shape[0] / old.shape[0]

        outputs, pullback = ad.vjp(lambda params: objective.outputs(params, batch), state.params)
        targets = constraint.encode(outputs, batch.targets)
        violation, signal_of, losses = measure(constraint, outputs, targets)
        weights = old if self.damping == 0.0 else constraint.weight(old + self.damping * violation)
        signal = signal_of(weights)
        kept = None
        if state.accumulator is None:
            pulled = pullback(signal if share == 1.0 else share * signal)
        else:
            kept = signal_of(old)
            pulled = ad.map_tree(
                lambda a, b: a + b,
                pullback(share * (signal - kept)),
                pull_moment(objective, state.params, batch, state.accumulator),
            )

        leaves, structure = ad.flatten(state.params)
        gradient, squares, residual = lagrangian_gradient(self, leaves, ad.flatten(pulled)[0])
        moved = self._descend(state, leaves, structure, gradient)

        if self.order == "alternating":
            after = objective.outputs(moved.params, batch)
            increment = constraint.violation(after, targets)
        else:
            increment = violation
        new = constraint.weight(old + self.multiplier_rate * increment)
        accumulator = state.accumulator
        if kept is not None:
            change = signal_of(new) - kept
            accumulator = accumulator + moment(change, batch)

        if constraint.inequality:
            broken = xp.maximum(reduce("max", violation), 0.0)
            slack = reduce("max", weights * xp.abs(violation)) / safe(reduce("max", weights))
        else:
            broken = reduce("max", xp.abs(violation))
            slack = xp.zeros_like(broken)
        largest = xp.stack([broken, residual, slack])
        active = state.active + (xp.count_nonzero(new) - xp.count_nonzero(old))
        state = MinnormState(
            params=moved.params,
            step=moved.step,
            buffers=moved.buffers,
            multipliers=_put(state.multipliers, batch.indices, new),
            accumulator=accumulator,
            active=active,
            snapshot=state.snapshot,
            growth=state.growth,
            mark=state.mark,
            span=state.span,
            worst=largest if share == 1.0 else xp.maximum(state.worst, largest),
            first_norm=state.first_norm,
            first_violation=state.first_violation,
            seen=state.seen + old.shape[0],
            waited=state.waited + 1,
            stalled=state.stalled,
        )
        stopped = False
        if state.waited >= self.check_every and state.seen >= state.multipliers.shape[0]:
            state, stopped = look(self, state, constraint.inequality)
        info = MinnormInfo(
            loss=_loss(objective, outputs, batch.targets, losses),
            violation=broken,
            kkt_residual=residual,
            complementarity=slack,
            active=active,
            multiplier_norm=norm(old),
            total_norm=reduce("sum", squares),
            layer_norms=xp.sqrt(squares),
            stalled=state.stalled,
            stopped=stopped,
        )
        return state, info

    def _descend(
        self, state: MinnormState, leaves: list[Array], structure: Any, gradient: list[Array]
    ) -> State:
        """One step of the base update at this step's rate; ``gradient`` is used up."""
        rate = self.learning_rate / (1.0 + self.decay * state.step)
        if self.base != "sgd":
            first = State(state.params, state.step, state.buffers)
            update = first_order(self.base, rate, self.momentum)
            return descend(update, first, ad.unflatten(structure, gradient))
        moved = []
        for weight, new in zip(leaves, gradient, strict=True):
            new *= -rate  # the gradient was made for this step, so it may become the result
            new += weight
            moved.append(new)
        return State(ad.unflatten(structure, moved), state.step + 1, state.buffers)


def _rows(values: Array, indices: Any) -> Array:
    if indices is None:
        return values
    xp = namespace(values)
    return xp.take(values, xp.asarray(indices, device=device(values)), axis=0)


def _put(values: Array, indices: Any, rows: Array) -> Array:
    return rows if indices is None else put_rows(values, indices, rows)


def _loss(objective: Any, outputs: Array, targets: Array, losses: Array | None) -> Array:
    """The objective on ``outputs``, from the ``losses`` of the examples where they are known."""
    if losses is None:
        return objective.loss(outputs, targets, reduction=objective.reduction)
    total = reduce("sum", losses)
    return total / losses.shape[0] if objective.reduction == "mean" else total
