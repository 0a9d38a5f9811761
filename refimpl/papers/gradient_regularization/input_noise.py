"""Training with noise on the inputs: the neighbor of Tikhonov regularization.

Algorithm
---------
1. x_i ← x_i + σ ξ_i, ξ_i standard normal, new in every step
2. the step is taken on the noisy batch

For the squared loss ½r² the mean over the noise is ½r² + (σ²/2)(|∇f|² + r Δf) + O(σ⁴): Tikhonov
regularization with λ = σ² (with the factor ½) plus a curvature term, which vanishes in the mean
only where the residual does. For a linear model it is ridge regression with λ = σ², exactly.

Source: C. M. Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural
Computation 7 (1995), recalled; the expansion is derived.

====== =============
symbol code
====== =============
σ      ``deviation``
====== =============

Deviations
----------
None: it is a neighbor that the paper's penalties are held against, not a part of the paper.

>>> import numpy as np
>>> from refimpl.datasets import Batch
>>> from refimpl.random import Replay
>>> batch = Batch(np.zeros((1, 2)), np.zeros(1))
>>> part = InputNoise(deviation=0.5)
>>> part.prepare(batch, None, None, (), 0, Replay([[[1.0, -2.0]]])).inputs
array([[ 0.5, -1. ]])
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from refimpl.algorithms.base import Objective, Tree, required_rng
from refimpl.algorithms.composed_gradient import Evaluate, Gradients, plain
from refimpl.checks import non_negative, plain_numbers
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class InputNoise:
    """The inputs are disturbed before every step, a wrapper.

    Parameters
    ----------
    deviation : float
        σ, in the units of the inputs; 0 is plain training, bit for bit.

    Raises
    ------
    TypeError, ValueError
        If it is no non-negative number.

    Examples
    --------
    >>> InputNoise(deviation=-1.0)
    Traceback (most recent call last):
    ...
    ValueError: deviation must be non-negative and finite, not -1.0
    """

    deviation: float = field(default=0.4, metadata={"help": "standard deviation of the noise"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("deviation", self.deviation)

    def init(self, params: Tree) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def prepare(
        self,
        batch: Any,
        params: Tree,
        objective: Objective | None,
        aux: Any,
        step: int,
        rng: Rng | None = None,
    ) -> Any:
        """The noisy batch."""
        if self.deviation == 0.0:
            return batch
        noise = required_rng(rng).child("noise").normal(batch.inputs.shape, like=batch.inputs)
        return batch._replace(inputs=batch.inputs + self.deviation * noise)

    def gradient(
        self,
        loss: Evaluate,
        penalty: Evaluate,
        params: Tree,
        aux: Any,
        step: int,
        rng: Rng | None = None,
    ) -> tuple[Gradients, Any]:
        """Both gradients at the parameters, added."""
        return plain(loss, penalty, params), aux
