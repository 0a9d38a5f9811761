"""Warm-up: the step size that a wanted rate of acceptance has, by dual averaging.

Algorithm
---------
With the acceptance a_t of step t, its wanted value δ, and μ = log(10 ε₀):

1. H̄ ← (1 − 1/(t + t₀)) H̄ + (δ − a_t)/(t + t₀)
2. log ε ← μ − √t H̄/γ
3. log ε̄ ← t^−κ log ε + (1 − t^−κ) log ε̄

ε is used during the warm-up and ε̄ afterwards: a step size that goes on learning from the chain
would change its law.

Source: M. D. Hoffman and A. Gelman, "The No-U-Turn sampler", JMLR 15 (2014), section 3.2, with its
γ = 0.05, t₀ = 10 and κ = 0.75; the acceptance is the mean over all chains.

>>> rule = DualAveraging(target=0.8)
>>> state = rule.init(1.0)
>>> for _ in range(200):
...     state = rule.update(state, acceptance=2.0 / (1.0 + 2.0 * state.step_size**2))
>>> round(rule.final(state), 1)  # the solution of 2 / (1 + 2 ε²) = 0.8
0.9
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from refimpl.checks import positive, real_between


class WarmupState(NamedTuple):
    """Where the warm-up stands: t, ε, H̄, log ε̄ and μ."""

    steps: int
    step_size: float
    error: float
    averaged: float
    center: float


@dataclass(frozen=True, kw_only=True)
class DualAveraging:
    """Dual averaging of the logarithm of a step size.

    Parameters
    ----------
    target : float
        δ, the acceptance that is wanted, between 0.05 and 0.99.
    shrinkage, delay, forgetting : float
        γ, t₀ and κ.

    Examples
    --------
    >>> DualAveraging(target=1.0)
    Traceback (most recent call last):
    ...
    ValueError: target must lie in [0.05, 0.99], not 1.0
    """

    target: float = 0.8
    shrinkage: float = 0.05
    delay: float = 10.0
    forgetting: float = 0.75

    def __post_init__(self) -> None:
        real_between("target", self.target, 0.05, 0.99)
        positive("shrinkage", self.shrinkage)
        positive("delay", self.delay)
        real_between("forgetting", self.forgetting, 0.5, 1.0)

    def init(self, step_size: float) -> WarmupState:
        """Before the first step, of size ε₀."""
        positive("step_size", step_size)
        return WarmupState(0, step_size, 0.0, math.log(step_size), math.log(10.0 * step_size))

    def update(self, state: WarmupState, acceptance: float) -> WarmupState:
        """After a step that was accepted with this probability."""
        count = state.steps + 1
        share = 1.0 / (count + self.delay)
        error = (1.0 - share) * state.error + share * (self.target - acceptance)
        logarithm = state.center - math.sqrt(count) / self.shrinkage * error
        weight = count**-self.forgetting
        averaged = weight * logarithm + (1.0 - weight) * state.averaged
        return WarmupState(count, math.exp(logarithm), error, averaged, state.center)

    def final(self, state: WarmupState) -> float:
        """ε̄, the step size to go on with."""
        return math.exp(state.averaged)
