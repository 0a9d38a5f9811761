"""Stochastic gradient Hamiltonian Monte Carlo: underdamped Langevin with noisy gradients.

Algorithm
---------
1. r ← r − h ∇L(θ; batch) − h C r + √(2 h (C τ − B̂)) ξ,  ξ ~ N(0, 1) in every entry
2. θ ← θ + h r

Source: T. Chen, E. B. Fox and C. Guestrin, "Stochastic gradient Hamiltonian Monte Carlo", ICML
2014, algorithm 2.

========== ====================================================
paper      code
========== ====================================================
ε_t        ``step_size`` (h)
C          ``friction``
B̂          ``noise_estimate``
1          ``temperature`` (τ)
θ, r       ``state.params``, ``state.momentum``
Ũ          the objective L: the target density is ∝ exp(−L/τ)
========== ====================================================

A gradient with independent noise of variance V in every entry heats by h² V a step, as B = h V / 2
would; with B̂ = h V / 2 it is taken out. On a Gaussian target of precision k, the position's
variance is then (τ/k) / (1 − (h² k / 4) / (1 − h C / 2)) exactly, where h C + h² k / 2 < 2.

Deviations
----------
* The paper's two lines in the other order: the chain of positions is the same but for its start,
  which moves from rest.
* A temperature, and unit masses. τ = 0 is momentum descent and draws nothing; it needs B̂ = 0.
* The momentum starts at zero, or at N(0, τ) if ``init`` is given an rng, and is not drawn anew from
  time to time.
* The estimate B̂ is a number, not a matrix, and the caller's.

>>> import numpy as np
>>> from refimpl import Rng
>>> algorithm = SGHMC(step_size=0.5, friction=1.0, temperature=0.0)
>>> state = algorithm.init({"weight": np.asarray([2.0])})
>>> for _ in range(2):
...     state, _ = algorithm.step(state, lambda p, batch: p["weight"][0], None)
>>> float(state.params["weight"][0]), float(state.momentum["weight"][0])
(1.375, -0.75)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    Info,
    Objective,
    Tree,
    check_params,
    loss_and_gradient,
    normal_like,
    required_rng,
    zeros_like,
)
from refimpl.checks import non_negative, plain_numbers, positive
from refimpl.errors import SettingError
from refimpl.random import Rng


class SGHMCState(NamedTuple):
    """State: the parameters θ, the step, and the momentum r, a tree like the parameters."""

    params: Tree
    step: int
    momentum: Tree


@dataclass(frozen=True, kw_only=True)
class SGHMC:
    """Stochastic gradient Hamiltonian Monte Carlo.

    Parameters
    ----------
    step_size : float
        h, positive.
    friction : float
        C, non-negative.
    temperature : float
        τ, non-negative.
    noise_estimate : float
        B̂, non-negative and at most C τ: what the noise of the gradient is taken to add.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.
    SettingError
        If B̂ exceeds C τ, so that no noise is left to add.

    Examples
    --------
    >>> SGHMC(friction=1.0, temperature=0.1, noise_estimate=0.2)
    Traceback (most recent call last):
    ...
    refimpl.errors.SettingError: noise_estimate is more than friction times temperature: raise the \
friction or lower the step size (noise_estimate=0.2, largest=0.1)
    """

    step_size: float = field(default=0.1, metadata={"help": "step size h, positive"})
    friction: float = field(default=1.0, metadata={"help": "friction C, >= 0"})
    temperature: float = field(default=1e-5, metadata={"help": "temperature, >= 0; 0: no noise"})
    noise_estimate: float = field(
        default=0.0, metadata={"help": "the gradient noise's share, >= 0 and <= C * temperature"}
    )

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("step_size", self.step_size)
        non_negative("friction", self.friction)
        non_negative("temperature", self.temperature)
        non_negative("noise_estimate", self.noise_estimate)
        if self.noise_estimate > self.friction * self.temperature:
            raise SettingError(
                "noise_estimate is more than friction times temperature: raise the friction or "
                "lower the step size",
                noise_estimate=self.noise_estimate,
                largest=self.friction * self.temperature,
            )

    def init(self, params: Tree, rng: Rng | None = None) -> SGHMCState:
        """The state before the first step; ``rng`` draws the momentum from N(0, τ)."""
        check_params(params)
        if rng is None or self.temperature == 0.0:
            return SGHMCState(params, 0, zeros_like(params))
        scale = math.sqrt(self.temperature)
        return SGHMCState(params, 0, ad.map_tree(lambda xi: scale * xi, normal_like(params, rng)))

    def step(
        self, state: SGHMCState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[SGHMCState, Info]:
        """One step; the noise is ``rng.normal`` leaf by leaf.

        Raises
        ------
        TypeError
            If ``rng`` is None and there is noise to draw.
        """
        h, kept = self.step_size, 1.0 - self.step_size * self.friction
        loss, gradient = loss_and_gradient(objective, state.params, batch)
        momentum = ad.map_tree(lambda r, g: kept * r - h * g, state.momentum, gradient)
        heat = self.friction * self.temperature - self.noise_estimate
        if heat > 0.0:
            scale = math.sqrt(2.0 * h * heat)
            noise = normal_like(momentum, required_rng(rng))
            momentum = ad.map_tree(lambda r, xi: r + scale * xi, momentum, noise)
        params = ad.map_tree(lambda w, r: w + h * r, state.params, momentum)
        return SGHMCState(params, state.step + 1, momentum), Info(loss)
