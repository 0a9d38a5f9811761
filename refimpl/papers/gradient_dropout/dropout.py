"""Gradient dropout: multiplicative noise on a gradient, fresh for every entry and every step.

Algorithm
---------
1. p ← the rate of this epoch (constant, or rising linearly from 0)
2. n ← an array like the gradient with independent entries of mean 1 and variance p / (1 − p):
   Bernoulli, m / (1 − p) with m = 1 with probability 1 − p and else 0; or Gaussian,
   N(1, s²) with s² = p / (1 − p)
3. g ← n ⊙ g

In the inner loop of model-agnostic meta-learning (:mod:`refimpl.papers.gradient_dropout.maml`) the
gradient has the tasks as a leading axis, so that every scalar parameter, inner step and task has a
draw of its own. It acts while meta-training only: adapting to a test task draws nothing.

Source: H.-Y. Tseng, Y.-W. Chen, Y.-H. Tsai, S. Liu, Y.-Y. Lin and M.-H. Yang, "Regularizing
meta-learning via gradient dropout", ACCV 2020 (recalled, the body of the paper was not at hand);
what is not in the abstract follows the behaviour of the authors' released code.

====== ===============================
paper  code
====== ===============================
p      ``rate``, ``rate_at(epoch)``
s      ``deviation_at(epoch)``
n      ``multipliers(gradient, ...)``
====== ===============================

Deviations
----------
* In the released code the rate of an epoch is set by a call that may be forgotten; here it is
  computed from the step.
* A linear schedule stays at ``rate`` after its last epoch, where the formula would go on rising
  and pass 1.
* ``gaussian_schedule``: released, a linear schedule ramps the standard deviation of Gaussian noise
  and not p; "rate" ramps p.
* ``deviation`` gives s itself, which is what the rate meant in the first released version.
* Outside meta-learning it is a wrapper as any other: noise on the loss's gradient, none on the
  penalties'.

>>> import numpy as np
>>> from refimpl import Rng
>>> noise = GradientDropout(rate=0.5).multipliers({"w": np.ones(64)}, 0, Rng(0))
>>> sorted(set(noise["w"].tolist()))
[0.0, 2.0]
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Tree, required_rng, tree_namespace
from refimpl.algorithms.composition import Gradients
from refimpl.arrays import Array, device, namespace
from refimpl.checks import count, fraction, non_negative, one_of, plain_numbers
from refimpl.errors import SettingError
from refimpl.random import Rng

Noise = Literal["bernoulli", "gaussian"]
Schedule = Literal["constant", "linear"]
GaussianSchedule = Literal["std", "rate"]


@dataclass(frozen=True, kw_only=True)
class GradientDropout:
    """Multiplicative noise of mean 1 on the gradient, a wrapper.

    Parameters
    ----------
    rate : float
        p, in [0, 1); with 0 nothing is drawn and the gradient passes as it is.
    noise : {"bernoulli", "gaussian"}
    deviation : float, optional
        s of Gaussian noise, given directly instead of through ``rate``.
    schedule : {"constant", "linear"}
        Linear: p grows in proportion to the epoch, from 0 in epoch 0 to ``rate`` in epoch
        ``stop`` − 1, where it stays.
    stop : int
        Epochs of the schedule.
    steps_per_epoch : int
        Steps of an epoch of the schedule.
    gaussian_schedule : {"std", "rate"}
        What grows linearly under Gaussian noise: s, or p.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range, or a linear schedule has one epoch.

    Examples
    --------
    >>> GradientDropout(rate=1.0)
    Traceback (most recent call last):
    ...
    ValueError: rate must lie in [0, 1), not 1.0
    """

    rate: float = field(default=0.1, metadata={"help": "share of entries dropped, in [0, 1)"})
    noise: Noise = field(default="bernoulli", metadata={"help": "family of the noise"})
    deviation: float | None = field(
        default=None, metadata={"help": "of Gaussian noise, instead of the rate"}
    )
    schedule: Schedule = field(default="constant", metadata={"help": "of the rate over epochs"})
    stop: int = field(default=400, metadata={"help": "epochs of a linear schedule"})
    steps_per_epoch: int = field(default=25, metadata={"help": "steps of an epoch of the schedule"})
    gaussian_schedule: GaussianSchedule = field(
        default="std", metadata={"help": "what a linear schedule of Gaussian noise ramps"}
    )

    def __post_init__(self) -> None:
        plain_numbers(self)
        fraction("rate", self.rate)
        one_of("noise", self.noise, get_args(Noise))
        one_of("schedule", self.schedule, get_args(Schedule))
        one_of("gaussian_schedule", self.gaussian_schedule, get_args(GaussianSchedule))
        count("stop", self.stop)
        count("steps_per_epoch", self.steps_per_epoch)
        if self.schedule == "linear" and self.stop == 1:
            raise ValueError("a linear schedule needs two epochs or more: stop must exceed 1")
        if self.deviation is None:
            return
        non_negative("deviation", self.deviation)
        if self.noise != "gaussian":
            raise SettingError("deviation is that of Gaussian noise: set noise to 'gaussian' too")
        if self.schedule == "linear" and self.gaussian_schedule == "rate":
            raise SettingError("a schedule of the rate needs a rate, not a deviation")

    def _ramp(self, epoch: int) -> float:
        return 1.0 if self.schedule == "constant" else min(1.0, epoch / (self.stop - 1))

    def rate_at(self, epoch: int) -> float:
        """p in this epoch, counted from 0: the share of entries that Bernoulli noise drops."""
        return self.rate * self._ramp(epoch)

    def deviation_at(self, epoch: int) -> float:
        """s in this epoch: the standard deviation of the noise."""
        if self.noise == "gaussian" and self.gaussian_schedule == "std":
            whole = _deviation(self.rate) if self.deviation is None else self.deviation
            return whole * self._ramp(epoch)
        return _deviation(self.rate_at(epoch)) if self.deviation is None else self.deviation

    def multipliers(self, gradient: Tree, step: int, rng: Rng | None) -> Tree | None:
        """Fresh noise n shaped like ``gradient``, leaf after leaf from one stream.

        Parameters
        ----------
        gradient : tree of array
        step : int
            Counted from 0; decides the epoch of the schedule.
        rng : Rng or None
            Needed unless the noise of this epoch is none.

        Returns
        -------
        tree or None
            None stands for ones: nothing was drawn.
        """
        epoch = step // self.steps_per_epoch
        deviation = self.deviation_at(epoch)
        if deviation == 0.0:
            return None
        stream = required_rng(rng)
        if self.noise == "gaussian":
            return ad.map_tree(lambda g: 1.0 + deviation * stream.normal(g.shape, like=g), gradient)
        rate = self.rate_at(epoch)
        return ad.map_tree(lambda g: _bernoulli(g, rate, stream), gradient)

    def init(self, params: Tree) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def gradient(
        self,
        loss: Any,
        penalty: Any,
        params: Tree,
        aux: tuple[()],
        step: int,
        rng: Rng | None = None,
    ) -> tuple[Gradients, tuple[()]]:
        """The loss's gradient times the noise, and the penalties' gradient as it is."""
        value, gradient = loss(params)
        extra, more = penalty(params)
        noise = self.multipliers(gradient, step, rng)
        if noise is not None:
            gradient = ad.map_tree(lambda n, g: n * g, noise, gradient)
        variance = noise_variance(noise, gradient)
        if more is not None:
            gradient = ad.map_tree(lambda g, m: g + m, gradient, more)
        return Gradients(value, extra, gradient, {"noise_variance": variance}), aux


def noise_variance(noise: Tree | None, like: Tree) -> Array:
    """Mean of (n − 1)² over all entries, 0-d; zero where nothing was drawn.

    Its expectation is p / (1 − p).

    Examples
    --------
    >>> import numpy as np
    >>> float(noise_variance([np.array([0.0, 2.0, 2.0])], None))
    1.0
    """
    if noise is None:
        leaf = ad.flatten(like)[0][0]
        return namespace(leaf).zeros((), dtype=leaf.dtype, device=device(leaf))
    xp = tree_namespace(noise)
    leaves = ad.flatten(noise)[0]
    total = xp.sum((leaves[0] - 1.0) ** 2)
    for leaf in leaves[1:]:
        total = total + xp.sum((leaf - 1.0) ** 2)
    return total / sum(math.prod(leaf.shape) for leaf in leaves)


def _deviation(rate: float) -> float:
    return math.sqrt(rate / (1.0 - rate))


def _bernoulli(like: Array, rate: float, rng: Rng) -> Array:
    kept = rng.uniform(like.shape, like=like) > rate
    return namespace(like).astype(kept, like.dtype) * (1.0 / (1.0 - rate))
