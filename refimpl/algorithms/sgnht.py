"""Stochastic gradient Nosé-Hoover thermostat: a friction that learns how noisy the gradients are.

Algorithm
---------
1. p ← p − h ξ p − h ∇L(θ; batch) + √(2 A h) η,  η ~ N(0, 1) in every entry
2. θ ← θ + h p
3. ξ ← ξ + h (|p|²/n − τ),  n the number of parameters

Source: N. Ding, Y. Fang, R. Babbush, C. Chen, R. D. Skeel and H. Neven, "Bayesian sampling using
stochastic gradient thermostats", NIPS 2014, algorithm 2.

========== ====================================================
paper      code
========== ====================================================
h          ``step_size``
A          ``noise``
1          ``temperature`` (τ)
θ, p, ξ    ``state.params``, ``state.momentum``, ``state.friction``
Ũ          the objective L: the target density is ∝ exp(−L/τ)
========== ====================================================

In equilibrium E |p|²/n = τ exactly, at every step size and for any noise of the gradient, since ξ
would not stay otherwise. For many parameters ξ hardly fluctuates; on a Gaussian target of
precision k the position's variance is then (τ/k) (1 − h ξ̄ / 2), where
ξ̄ (1 − h ξ̄ / 2 − h² k / 4) τ = A + h V / 2, V the variance of the gradient's noise.

Deviations
----------
* A temperature, and unit masses. τ = 0 with A = 0 draws nothing; the friction then only grows.
* ξ begins at A/τ, the friction that an exact gradient needs in continuous time, instead of at A:
  both are the same at τ = 1. At τ = 0 it begins at A.
* The momentum starts at zero, or at N(0, τ) if ``init`` is given an rng.

>>> import numpy as np
>>> from refimpl import Rng
>>> algorithm = SGNHT(step_size=0.5, noise=0.0, temperature=0.0)
>>> state = algorithm.init({"weight": np.asarray([2.0])})
>>> for _ in range(2):
...     state, _ = algorithm.step(state, lambda p, batch: p["weight"][0], None)
>>> float(state.params["weight"][0]), float(state.friction)
(1.265625, 0.59423828125)
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
    loss_and_gradient,
    normal_like,
    required_rng,
    zeros_like,
)
from refimpl.arrays import Array, namespace
from refimpl.checks import non_negative, plain_numbers, positive
from refimpl.random import Rng


class SGNHTState(NamedTuple):
    """State: the parameters θ, the step, the momentum p and the friction ξ, a 0-d array."""

    params: Tree
    step: int
    momentum: Tree
    friction: Array


class SGNHTInfo(NamedTuple):
    """Diagnostics: the loss where the gradient was taken, |p|²/n and ξ after the step."""

    loss: Array
    kinetic_temperature: Array
    friction: Array


@dataclass(frozen=True, kw_only=True)
class SGNHT:
    """Stochastic gradient Nosé-Hoover thermostat.

    Parameters
    ----------
    step_size : float
        h, positive.
    noise : float
        A, non-negative: the noise that is added beside that of the gradient.
    temperature : float
        τ, non-negative.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> SGNHT(noise=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: noise must be non-negative and finite, not -1.0
    """

    step_size: float = field(default=0.1, metadata={"help": "step size h, positive"})
    noise: float = field(default=1e-5, metadata={"help": "added noise A, >= 0"})
    temperature: float = field(default=1e-5, metadata={"help": "temperature, >= 0"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("step_size", self.step_size)
        non_negative("noise", self.noise)
        non_negative("temperature", self.temperature)

    def init(self, params: Tree, rng: Rng | None = None) -> SGNHTState:
        """The state before the first step; ``rng`` draws the momentum from N(0, τ)."""
        check_params(params)
        momentum = zeros_like(params)
        if rng is not None and self.temperature > 0.0:
            scale = math.sqrt(self.temperature)
            momentum = ad.map_tree(lambda xi: scale * xi, normal_like(params, rng))
        begin = self.noise / self.temperature if self.temperature > 0.0 else self.noise
        zero = _squares(zeros_like(params))
        return SGNHTState(params, 0, momentum, zero + begin)

    def step(
        self, state: SGNHTState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[SGNHTState, SGNHTInfo]:
        """One step; the noise is ``rng.normal`` leaf by leaf.

        Raises
        ------
        TypeError
            If ``rng`` is None and A is positive.
        """
        h, kept = self.step_size, 1.0 - self.step_size * state.friction
        loss, gradient = loss_and_gradient(objective, state.params, batch)
        p = ad.map_tree(lambda r, g: kept * r - h * g, state.momentum, gradient)
        if self.noise > 0.0:
            scale = math.sqrt(2.0 * self.noise * h)
            p = ad.map_tree(lambda r, xi: r + scale * xi, p, normal_like(p, required_rng(rng)))
        params = ad.map_tree(lambda w, r: w + h * r, state.params, p)
        size = sum(math.prod(leaf.shape) for leaf in ad.flatten(p)[0])
        kinetic = _squares(p) / size
        friction = state.friction + h * (kinetic - self.temperature)
        return (
            SGNHTState(params, state.step + 1, p, friction),
            SGNHTInfo(loss, kinetic, friction),
        )


def _squares(tree: Tree) -> Array:
    leaves = ad.flatten(tree)[0]
    xp = namespace(*leaves)
    return xp.sum(xp.stack([xp.sum(leaf * leaf) for leaf in leaves]))
