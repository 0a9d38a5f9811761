"""The orthogonality optimizer as released: a negative control with one switch per fault.

With every switch off this is o-CoLA-ud in the order O B A, in the variables of a momentum
optimizer: buffer b = P/h, learning rate α = h², μ = exp(−γ h). It exists to be compared with; to
train, use :mod:`refimpl.papers.constrained_langevin.o_cola_ud`.

Algorithm
---------
In the tall form of every weight (Wᵀ for a wide one), Π_W P = P − ½ W (WᵀP + PᵀW); for a free
weight Π is the identity. The buffer of each starts at −0.01 Π ∇V. Then:

1. O: b ← Π_W(μ b + d R),  d = √(τ (1 − μ²)/α)
2. B: b ← Π_W(b − ∇V(W; batch))
3. A: W̄ ← W + α b;  Q₀ = W̄,  Q ← Q − ½ W (QᵀQ − I);  W' ← Q
4. b ← Π_{W'}(b + (W' − W̄)/α)

The switches:

* ``stale_normal``: for wide weights, the last projection multiplies by the old W. The buffer
  leaves the tangent space by O(α²) until the next O.
* ``reshaped_start``: every orthogonal weight is made anew, also one that is orthonormal already,
  from the Q factor of its tall form (of Wᵀ for a square one) with the signs that LAPACK gives it.
  For a wide weight Q was reshaped, not transposed, so that its rows are not orthonormal; that heals
  itself in two steps. Off, weights that are not orthonormal start from the Q factor whose R has a
  positive diagonal.
* ``fixed_iterations``: ten iterations in line 3 without a test of the residual, which is rounding
  for small steps only.
* ``unscaled_noise``: d = √(τ (1 − μ²)), without the division by α that temperature τ asks for
  (the released constructor takes d as a number and leaves the scale to the user).

Source: the released code of B. Leimkuhler, T. Vlaar, T. Pouchon and A. Storkey, "Better Training
using Weight-Constrained Stochastic Dynamics", ICML 2021 (repository ConstrainedNNtraining). Whether
the published figures were made with it is not known; its scripts inject no noise.

===== ===============================
paper code
===== ===============================
α     ``learning_rate``
μ     ``momentum``
τ     ``temperature``
W     ``state.params``
b     ``state.buffers``
===== ===============================

Deviations
----------
Line 3 runs in the small matrix of the multiplier; the iterates are the same.

>>> import numpy as np
>>> released = ReleasedOCoLAud(free_first=False, reshaped_start=False)
>>> state = released.init([np.eye(2, 5)])
>>> state, info = released.step(state, lambda w, batch: w[0][0, 1] + w[0][1, 4], None)
>>> float(info.residual) < 1e-12
True
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    Objective,
    Tree,
    check_params,
    required_rng,
)
from refimpl.arrays import Array, linalg_errors, namespace, qr
from refimpl.checks import flag, fraction, non_negative, plain_numbers, positive
from refimpl.constraints import Blocks, Orthogonal, largest, orthogonal_blocks, worst
from refimpl.papers.constrained_langevin.common import checked_gradient
from refimpl.random import Rng


class ReleasedOrthogonalState(NamedTuple):
    """Weights and the momentum buffers of their tall forms."""

    params: Tree
    step: int
    buffers: list[Array]


class ReleasedOrthogonalInfo(NamedTuple):
    """Diagnostics after a step: largest entries of WᵀW − I and of Wᵀb + bᵀW (tall forms)."""

    loss: Array
    residual: Array
    tangency: Array


@dataclass(frozen=True, kw_only=True)
class ReleasedOCoLAud:
    """o-CoLA-ud as released, with a switch for every fault.

    Parameters
    ----------
    learning_rate : float
        α, positive.
    momentum : float
        μ, in [0, 1).
    temperature : float
        τ, non-negative.
    free_first : bool
        Leave the first layer free.
    stale_normal, reshaped_start, fixed_iterations, unscaled_noise : bool
        See the module; True is the released behavior.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> ReleasedOCoLAud(momentum=1.0)
    Traceback (most recent call last):
    ...
    ValueError: momentum must lie in [0, 1), not 1.0
    """

    learning_rate: float = field(default=0.1, metadata={"help": "step size, positive"})
    momentum: float = field(default=0.9, metadata={"help": "momentum, in [0, 1)"})
    temperature: float = field(default=0.0, metadata={"help": "temperature, >= 0; 0: no noise"})
    free_first: bool = field(default=True, metadata={"help": "leave the first layer free"})
    stale_normal: bool = field(default=True, metadata={"help": "fault: old W in a projection"})
    reshaped_start: bool = field(default=True, metadata={"help": "fault: start off the manifold"})
    fixed_iterations: bool = field(
        default=True,
        metadata={"help": "fault: no residual test, which a reshaped start fails"},
    )
    unscaled_noise: bool = field(default=True, metadata={"help": "fault: noise not scaled"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("learning_rate", self.learning_rate)
        fraction("momentum", self.momentum)
        non_negative("temperature", self.temperature)
        flags = ("free_first", "stale_normal", "reshaped_start", "fixed_iterations")
        for name in (*flags, "unscaled_noise"):
            flag(name, getattr(self, name))

    def blocks(self, params: Tree) -> Blocks:
        """Which layers are orthogonal."""
        if self.fixed_iterations:
            return orthogonal_blocks(params, self.free_first, unchecked=True, max_iterations=10)
        return orthogonal_blocks(params, self.free_first)

    def init(self, params: Tree) -> ReleasedOrthogonalState:
        """Orthonormal layers (up to ``reshaped_start``); the first step fills the buffers."""
        check_params(params)
        blocks = self.blocks(params)
        leaves, structure = ad.flatten(params)
        made = []
        for constraint, leaf in zip(blocks.constraints, leaves, strict=True):
            if isinstance(constraint, Orthogonal):
                if self.reshaped_start:
                    leaf = _released_start(leaf)
                elif not constraint.accepts(leaf):
                    leaf = constraint.parameters(qr(constraint.tall(leaf))[0])
            made.append(leaf)
        params = ad.unflatten(structure, made)
        tall = [_tall(c, leaf) for c, leaf in zip(blocks.constraints, made, strict=True)]
        return ReleasedOrthogonalState(params, 0, [0.0 * w for w in tall])

    def step(
        self,
        state: ReleasedOrthogonalState,
        objective: Objective,
        batch: Any,
        rng: Rng | None = None,
    ) -> tuple[ReleasedOrthogonalState, ReleasedOrthogonalInfo]:
        """One step.

        Raises
        ------
        DivergenceError
            If the gradient is not finite.
        """
        blocks = self.blocks(state.params)
        loss, gradient = checked_gradient(objective, state.params, batch, state.step)
        alpha, mu = self.learning_rate, self.momentum
        d = math.sqrt(self.temperature * (1.0 - mu * mu))
        d = d if self.unscaled_noise else d / math.sqrt(alpha)
        positions, buffers = [], []
        parts = zip(
            blocks.constraints,
            ad.flatten(state.params)[0],
            ad.flatten(gradient)[0],
            state.buffers,
            strict=True,
        )
        for constraint, weight, slope, b in parts:
            w, g = _tall(constraint, weight), _tall(constraint, slope)
            if state.step == 0:
                b = -0.01 * constraint.project_tangent(w, g)
            b = mu * b
            if d > 0.0:
                b = b + d * required_rng(rng).normal(b.shape, like=b)
            b = constraint.project_tangent(w, b - g)
            end = constraint.move(w, b, alpha)
            b = b + (end.position - (w + alpha * b)) / alpha
            outer = w if self.stale_normal and getattr(constraint, "wide", False) else end.position
            if isinstance(constraint, Orthogonal):
                b = b - outer @ (0.5 * constraint.tangency(end.position, b))
            positions.append(end.position)
            buffers.append(b)
        params = blocks.params(state.params, positions)
        info = ReleasedOrthogonalInfo(
            loss,
            worst(blocks.each(lambda c, w: largest(c.residual(w)), positions)),
            worst(blocks.each(lambda c, w, b: largest(c.tangency(w, b)), positions, buffers)),
        )
        return ReleasedOrthogonalState(params, state.step + 1, buffers), info


def _released_start(weight: Array) -> Array:
    """The Q factor of a tall weight; that of the transpose, reshaped, of a wide or square one."""
    xp = namespace(weight)
    flat = xp.reshape(weight, (weight.shape[0], -1))
    rows, columns = flat.shape
    with linalg_errors():
        factor, _ = xp.linalg.qr(flat if rows > columns else flat.mT, mode="reduced")
    return xp.reshape(factor, weight.shape)


def _tall(constraint: Any, leaf: Array) -> Array:
    return constraint.tall(leaf) if isinstance(constraint, Orthogonal) else leaf


def released_learning_rates(
    run: int, epochs: int, *, carried_over: bool = True, rate: float = 0.1
) -> list[float]:
    """The learning rates of the first ``epochs`` epochs of one run of the released image script.

    It warms up by a third of the rate per epoch in epochs 0 to 2 and decays by ten at epochs 51
    and 101. With ``carried_over`` the warm-up variable is not reset between runs, so that later
    runs train at larger rates.

    Parameters
    ----------
    run : int
        From 1 on.
    epochs : int
    carried_over : bool
    rate : float

    Examples
    --------
    >>> [round(x, 4) for x in released_learning_rates(1, 5)]
    [0.0333, 0.0667, 0.1, 0.1, 0.1]
    >>> [round(x, 4) for x in released_learning_rates(2, 4)]
    [0.1, 0.1333, 0.1667, 0.1667]
    """
    third = rate / 3.0
    # The variable has been raised twice in every run before this one.
    offset = 2.0 * third * (run - 1) if carried_over else 0.0
    peak = offset + rate
    rates = []
    for epoch in range(epochs):
        if epoch < 51:
            rates.append(min(offset + third * (epoch + 1), peak))
        else:
            rates.append(0.1 * rate if epoch < 101 else 0.01 * rate)
    return rates
