"""No constraint: the parameters move freely.

>>> import numpy as np
>>> free = Unconstrained()
>>> free.move(np.zeros(2), np.ones(2), 0.5).position
array([0.5, 0.5])
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from refimpl.arrays import Array, namespace
from refimpl.constraints.base import Moved, Solved, largest, unviolated, zero_like
from refimpl.random import Rng


@dataclass(frozen=True)
class Unconstrained:
    """The whole space: no slack, every vector is tangent, every point is feasible."""

    def extend(self, parameters: Array) -> Array:
        """The parameters themselves."""
        return parameters

    def parameters(self, q: Array) -> Array:
        """The configuration itself."""
        return q

    def extend_gradient(self, gradient: Array, q: Array) -> Array:
        """The gradient itself."""
        return gradient

    def residual(self, q: Array) -> Array:
        """Zero; NaN where q is not finite."""
        return unviolated(largest(q))

    def tangency(self, q: Array, p: Array) -> Array:
        """Zero; NaN where p is not finite."""
        return unviolated(largest(p))

    def project_tangent(self, q: Array, u: Array) -> Array:
        """The vector itself."""
        return u

    def project(self, q0: Array, target: Array) -> Solved:
        """The target itself."""
        zero = zero_like(target)
        return Solved(target, 0, zero, zero)

    def nearest(self, target: Array) -> Solved:
        """The target itself."""
        zero = zero_like(target)
        return Solved(target, 0, zero, zero)

    def move(self, q: Array, p: Array, step_size: float, tangent: bool = True) -> Moved:
        """q + h p."""
        zero = zero_like(q)
        return Moved(q + step_size * p, p, 0, zero, zero)

    def random_point(self, rng: Rng, like: Array) -> Array:
        """Standard normal entries: there is no uniform law."""
        return rng.normal(like.shape, like=like)

    def dimension(self, q: Array) -> int:
        """The number of entries."""
        namespace(q)
        return math.prod(q.shape)
