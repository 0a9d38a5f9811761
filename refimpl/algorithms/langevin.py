"""Underdamped Langevin dynamics by splitting, unconstrained.

The dynamics dq = p dt, dp = −∇L(q) dt − γ p dt + √(2 γ τ) dB, with unit masses, samples
exp(−(L(q) + |p|²/2)/τ). It splits into three parts that are each solved exactly:

Algorithm
---------
For the letters of the splitting from left to right, each with the share s of the step that makes
its shares sum to one (B, A, O, A, B have s = ½, ½, 1, ½, ½):

* A: q ← q + s h p
* B: p ← p − s h ∇L(q; batch)
* O: p ← c p + d ξ,  c = exp(−γ s h),  d = √(τ (1 − c²)),  ξ ~ N(0, 1)

Source: B. Leimkuhler and C. Matthews, "Rational construction of stochastic numerical methods for
molecular sampling", Appl. Math. Res. eXpress 2013, equations (5)-(9), and the same authors'
*Molecular Dynamics* (Springer 2015), section 7.3.

======== ======================
paper    code
======== ======================
h, δt    ``step_size``
γ        ``friction``
τ, 1/β   ``temperature``
q        ``state.params``
p        ``state.momentum``
======== ======================

On a Gaussian target of precision k the stationary position variance is exactly τ/k for BAOAB at
every stable step, and τ / (k (1 − h² k / 4)) for OBABO. With τ = 0, OBA is heavy-ball momentum
with learning rate h² and μ = exp(−γ h); the velocity is p = −h v.

Deviations
----------
* Unit masses.
* One gradient per step: BAOAB and OBABO end where the next step begins, so the last gradient is
  kept in the state and used again there. With minibatches the first half kick of a step
  therefore uses the batch of the step before, as if both halves were one kick.
* The momentum starts at zero, or at N(0, τ) if ``init`` is given an rng.

>>> import numpy as np
>>> algorithm = Langevin(step_size=0.1, friction=0.0, temperature=0.0, splitting="BAOAB")
>>> state = algorithm.init({"weight": np.asarray([1.0])})
>>> for _ in range(31):
...     state, _ = algorithm.step(state, lambda p, batch: 0.5 * (p["weight"] ** 2)[0], None)
>>> bool(abs(state.params["weight"][0] - np.cos(3.1)) < 1e-3)
True
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

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
from refimpl.checks import non_negative, one_of, plain_numbers, positive
from refimpl.random import Rng

Splitting = Literal["BAOAB", "OBABO", "OABAO", "OBA"]


class LangevinState(NamedTuple):
    """State of underdamped Langevin dynamics.

    Attributes
    ----------
    params : tree
        The positions q.
    step : int
    momentum : tree like ``params``
    gradient : tree like ``params``, or None
        The gradient at ``params`` for the next step's first kick; None for the splittings that
        do not use it again. Zero, and not used, before the first step.
    """

    params: Tree
    step: int
    momentum: Tree
    gradient: Tree


@dataclass(frozen=True, kw_only=True)
class Langevin:
    """Underdamped Langevin dynamics.

    Parameters
    ----------
    step_size : float
        h, positive.
    friction : float
        γ, non-negative; zero is Hamiltonian dynamics.
    temperature : float
        τ, non-negative; zero draws no noise.
    splitting : {"BAOAB", "OBABO", "OABAO", "OBA"}
        Order of the parts in time.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.

    Examples
    --------
    >>> Langevin(splitting="BAB")
    Traceback (most recent call last):
    ...
    ValueError: splitting must be one of BAOAB, OBABO, OABAO, OBA, not 'BAB'
    """

    step_size: float = field(default=0.1, metadata={"help": "step size h, positive"})
    friction: float = field(default=1.0, metadata={"help": "friction gamma, >= 0"})
    temperature: float = field(default=1e-5, metadata={"help": "temperature, >= 0"})
    splitting: Splitting = field(default="BAOAB", metadata={"help": "order of the parts in time"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("step_size", self.step_size)
        non_negative("friction", self.friction)
        non_negative("temperature", self.temperature)
        one_of("splitting", self.splitting, get_args(Splitting))

    @property
    def _keeps_gradient(self) -> bool:
        """Whether the step ends with a gradient taken at its last position."""
        return self.splitting.rindex("B") > self.splitting.rindex("A")

    def init(self, params: Tree, rng: Rng | None = None) -> LangevinState:
        """The state before the first step; ``rng`` draws the momentum from N(0, τ)."""
        check_params(params)
        momentum = zeros_like(params)
        if rng is not None and self.temperature > 0.0:
            scale = math.sqrt(self.temperature)
            momentum = ad.map_tree(lambda xi: scale * xi, normal_like(params, rng))
        gradient = zeros_like(params) if self._keeps_gradient else None
        return LangevinState(params, 0, momentum, gradient)

    def step(
        self, state: LangevinState, objective: Objective, batch: Any, rng: Rng | None = None
    ) -> tuple[LangevinState, Info]:
        """One step; the noise of every O is ``rng.normal`` leaf by leaf.

        Raises
        ------
        TypeError
            If ``rng`` is None and noise is needed (γ τ > 0).
        """
        q, p = state.params, state.momentum
        gradient = state.gradient if state.step > 0 else None
        loss = None
        for part in self.splitting:
            s = self.step_size / self.splitting.count(part)
            if part == "A":
                q = _add(q, s, p)
                gradient = None
            elif part == "B":
                if gradient is None:
                    loss, gradient = loss_and_gradient(objective, q, batch)
                p = _add(p, -s, gradient)
            else:
                p = self._exchange_heat(p, s, rng)
        kept = gradient if self._keeps_gradient else None
        return LangevinState(q, state.step + 1, p, kept), Info(loss)

    def _exchange_heat(self, p: Tree, s: float, rng: Rng | None) -> Tree:
        """The exact solution of dp = −γ p dt + √(2 γ τ) dB after time ``s``."""
        c = math.exp(-self.friction * s)
        d = math.sqrt(self.temperature * -math.expm1(-2.0 * self.friction * s))
        if d == 0.0:
            return ad.map_tree(lambda leaf: c * leaf, p)
        noise = normal_like(p, required_rng(rng))
        return ad.map_tree(lambda leaf, xi: c * leaf + d * xi, p, noise)


def _add(x: Tree, scale: float, y: Tree) -> Tree:
    return ad.map_tree(lambda a, b: a + scale * b, x, y)
