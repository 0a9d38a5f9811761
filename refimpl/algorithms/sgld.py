"""Stochastic gradient Langevin dynamics: unadjusted overdamped Langevin.

Algorithm
---------
1. g ← ∇L(w; batch)
2. w ← w − h g + √(2 h τ) ξ,  ξ ~ N(0, 1) in every entry

Source: M. Welling and Y. W. Teh, "Bayesian learning via stochastic gradient Langevin dynamics",
ICML 2011, equation (4).

============= ====================================================
paper         code
============= ====================================================
ε_t / 2       ``learning_rate`` (h)
1             ``temperature`` (τ)
θ             ``state.params``
η_t           √(2 h τ) ξ
-log p        the objective L: the target density is ∝ exp(−L/τ)
============= ====================================================

With a loss averaged over N examples, the posterior under a flat prior is τ = 1/N.

Deviations
----------
* A temperature, so that τ = 0 is SGD exactly (no number is drawn) and τ = 1 the paper.
* Constant h, as the paper's discussion allows in practice: the chain samples a law that is biased
  by O(h). On a Gaussian target of precision k its variance is τ / (k (1 − h k / 2)) exactly.
* The prior is part of the objective.

>>> import numpy as np
>>> from refimpl import Rng
>>> algorithm = SGLD(learning_rate=0.5, temperature=1.0)
>>> state = algorithm.init({"weight": np.asarray([2.0])})
>>> state, _ = algorithm.step(state, lambda p, batch: p["weight"][0], None, Rng(0))
>>> bool(state.params["weight"] == 1.5 + Rng(0).normal((1,)))
True
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from refimpl import autodiff as ad
from refimpl.algorithms.base import (
    Info,
    Objective,
    State,
    Tree,
    check_params,
    loss_and_gradient,
    normal_like,
    required_rng,
)
from refimpl.checks import non_negative, plain_numbers, positive
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class SGLD:
    """Stochastic gradient Langevin dynamics.

    Parameters
    ----------
    learning_rate : float
        h, positive.
    temperature : float
        τ, non-negative; zero is SGD.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> SGLD(temperature=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: temperature must be non-negative and finite, not -1.0
    """

    learning_rate: float = field(default=0.1, metadata={"help": "step size h, positive"})
    temperature: float = field(default=1e-5, metadata={"help": "temperature, >= 0; 0 is SGD"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("learning_rate", self.learning_rate)
        non_negative("temperature", self.temperature)

    def init(self, params: Tree) -> State:
        """The state before the first step."""
        check_params(params)
        return State(params, 0, None)

    def step(
        self, state: State, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[State, Info]:
        """One step; the noise is ``rng.normal`` leaf by leaf.

        Raises
        ------
        TypeError
            If ``rng`` is None and the temperature is positive.
        """
        h = self.learning_rate
        loss, gradient = loss_and_gradient(objective, state.params, batch)
        params = ad.map_tree(lambda w, g: w - h * g, state.params, gradient)
        if self.temperature > 0.0:
            scale = math.sqrt(2.0 * h * self.temperature)
            noise = normal_like(params, required_rng(rng))
            params = ad.map_tree(lambda w, xi: w + scale * xi, params, noise)
        return State(params, state.step + 1, None), Info(loss)
