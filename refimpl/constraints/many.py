"""Constraints of many chains at once: every array has a leading axis of chains.

The formulas are those of the constraints themselves. What differs is how failures are answered:
a projection without a solution in one chain says so in a mask, and the others go on. On circles the
rotation always exists, and SHAKE where h |t| ≤ r; the others have files of their own.

>>> import numpy as np
>>> many = over_chains(Circle(1.0, "shake"))
>>> q = many.extend(np.zeros((2, 1)))
>>> p = np.array([[[0.5], [0.0]], [[5.0], [0.0]]])
>>> many.move(q, p, 1.0).solved
array([ True, False])
"""

from __future__ import annotations

from dataclasses import dataclass

from refimpl.arrays import Array, device, namespace
from refimpl.constraints.base import Constraint, unviolated
from refimpl.constraints.circle import Circle
from refimpl.constraints.many_base import ManyChains, Moves, choose, largest_of_each
from refimpl.constraints.many_orthogonal import ManyOrthogonal
from refimpl.constraints.many_user import ManyUser
from refimpl.constraints.orthogonal import Orthogonal
from refimpl.constraints.unconstrained import Unconstrained
from refimpl.constraints.user import UserConstraint


def over_chains(constraint: Constraint) -> ManyChains:
    """The constraint with an axis of chains in front.

    Raises
    ------
    SettingError
        If a user's constraint has no ``rows``, or is an inequality.
    """
    if isinstance(constraint, Circle):
        return ManyCircles(constraint)
    if isinstance(constraint, Orthogonal):
        return ManyOrthogonal(constraint)
    if isinstance(constraint, UserConstraint):
        return ManyUser(constraint)
    assert isinstance(constraint, Unconstrained)
    return ManyFree()


@dataclass(frozen=True)
class ManyFree:
    """The whole space in every chain."""

    reversible: bool = True

    def extend(self, parameters: Array) -> Array:
        """The parameters themselves."""
        return parameters

    def parameters(self, q: Array) -> Array:
        """The configurations themselves."""
        return q

    def extend_gradient(self, gradient: Array, q: Array) -> Array:
        """The gradients themselves."""
        return gradient

    def residual(self, q: Array) -> Array:
        """Zeros; NaN in chains that are not finite."""
        return unviolated(largest_of_each(q))

    def tangency(self, q: Array, p: Array) -> Array:
        """Zeros; NaN in chains whose vectors are not finite."""
        return unviolated(largest_of_each(p))

    def project_tangent(self, q: Array, u: Array) -> Array:
        """The vectors themselves."""
        return u

    def move(self, q: Array, p: Array, step_size: float) -> Moves:
        """q + h p."""
        xp = namespace(q)
        everywhere = xp.ones(q.shape[:1], dtype=xp.bool, device=device(q))
        return Moves(q + step_size * p, p, everywhere, 0)


@dataclass(frozen=True)
class ManyCircles:
    """Circles θ² + ξ² = r² in every chain; configurations (chains, 2, ...)."""

    one: Circle

    @property
    def reversible(self) -> bool:
        """Both drifts turn an angle by an odd function of the velocity, which they keep."""
        return True

    def extend(self, parameters: Array) -> Array:
        """θ with ξ = +√(r² − θ²)."""
        return _behind(self.one.extend(parameters))

    def parameters(self, q: Array) -> Array:
        """θ."""
        return q[:, 0, ...]

    def extend_gradient(self, gradient: Array, q: Array) -> Array:
        """(∇V, 0)."""
        xp = namespace(gradient)
        return xp.stack([gradient, xp.zeros_like(gradient)], axis=1)

    def residual(self, q: Array) -> Array:
        """Of (θ² + ξ² − r²)/r²."""
        return largest_of_each(self.one.residual(_front(q)))

    def tangency(self, q: Array, p: Array) -> Array:
        """Of (θ p + ξ s)/r."""
        return largest_of_each(self.one.tangency(_front(q), _front(p)))

    def project_tangent(self, q: Array, u: Array) -> Array:
        """t (ξ, −θ)/r."""
        return _behind(self.one.project_tangent(_front(q), _front(u)))

    def move(self, q: Array, p: Array, step_size: float) -> Moves:
        """The rotation by h t/r, or with SHAKE by arcsin(h t/r)."""
        xp = namespace(q)
        front, r = _front(q), self.one.radius
        if self.one.motion == "rotation":
            end = self.one.move(front, _front(p), step_size)
            everywhere = xp.ones(q.shape[:1], dtype=xp.bool, device=device(q))
            return Moves(_behind(end.position), _behind(end.momentum), everywhere, 0)
        sine = (step_size / r) * self.one.tangential(front, _front(p))
        solved = largest_of_each(sine) <= 1.0
        angle = xp.asin(xp.clip(choose(solved, sine, xp.zeros_like(sine)), -1.0, 1.0))
        speed = (r * angle) * xp.stack([front[1, ...], -front[0, ...]]) / r
        end = Circle(r).move(front, speed, 1.0)
        position = choose(solved, _behind(end.position), q)
        return Moves(position, (position - q) / step_size, solved, 0)


def _front(q: Array) -> Array:
    return namespace(q).moveaxis(q, 1, 0)


def _behind(q: Array) -> Array:
    return namespace(q).moveaxis(q, 0, 1)
