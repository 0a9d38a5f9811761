"""Bounded weights, |θ| ≤ r, as circles θ² + ξ² = r² with a slack ξ for every weight.

The configuration is q = (θ, ξ) along a new first axis of length 2. With θ = r sin φ and
ξ = r cos φ the circle is the angle φ:

* tangent part of u = (u_θ, u_ξ):  t = (u_θ ξ − u_ξ θ)/r,  Π u = t (ξ, −θ)/r
* normal part:  n = (u_θ θ + u_ξ ξ)/r
* drift by the rotation φ ← φ + h t/r, or by SHAKE φ ← φ + arcsin(h t/r), which needs h |t| ≤ r
* nearest point of q + u:  φ ← φ + arctan(t / (r + n))

The uniform law of the angle is the arcsine law of the weight: a flat prior on the circles puts
its mass near ±r, with density 1/(π √(r² − θ²)).

>>> import numpy as np
>>> circle = Circle(radius=0.5)
>>> q = circle.extend(np.array([0.3, -0.4]))
>>> np.round(q[1], 12)
array([0.4, 0.3])
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from refimpl.arrays import Array, length, namespace
from refimpl.checks import plain_numbers
from refimpl.constraints.base import Moved, Solved, largest, zero_like
from refimpl.constraints.circle_points import nearest, rotated, slack_of, turned
from refimpl.errors import InfeasibleError
from refimpl.random import Rng


@dataclass(frozen=True)
class Circle:
    """θ² + ξ² = r² for every weight of an array.

    Parameters
    ----------
    radius : float
        r, positive.
    motion : {"rotation", "shake"}
        The drift: the exact rotation, or a straight step and the projection along the old
        normal.

    Raises
    ------
    ValueError
        If the radius is not positive and finite.

    Examples
    --------
    >>> Circle(radius=0.0)
    Traceback (most recent call last):
    ...
    ValueError: the radius of a circle constraint must be positive and finite, not 0.0
    """

    radius: float
    motion: Literal["rotation", "shake"] = "rotation"

    def __post_init__(self) -> None:
        plain_numbers(self)
        check_radius(self.radius)
        if self.motion not in ("rotation", "shake"):
            raise ValueError(f"motion must be 'rotation' or 'shake', not {self.motion!r}")

    def extend(self, parameters: Array) -> Array:
        """θ with ξ = +√(r² − θ²), shape (2, ...).

        Raises
        ------
        InfeasibleError
            If a weight lies outside its circle: carries the largest weight, the radius and the
            number of weights outside.
        """
        check_inside(parameters, self.radius)
        return namespace(parameters).stack([parameters, slack_of(parameters, self.radius)])

    def parameters(self, q: Array) -> Array:
        """θ."""
        return q[0, ...]

    def extend_gradient(self, gradient: Array, q: Array) -> Array:
        """(∇V, 0): the loss does not depend on the slack."""
        xp = namespace(gradient)
        return xp.stack([gradient, xp.zeros_like(gradient)])

    def residual(self, q: Array) -> Array:
        """(θ² + ξ² − r²)/r²."""
        r = self.radius
        theta, xi = q[0, ...] / r, q[1, ...] / r
        return theta * theta + xi * xi - 1.0

    def tangency(self, q: Array, p: Array) -> Array:
        """(θ p + ξ s)/r for p = (p, s)."""
        namespace(q, p)
        r = self.radius
        return (q[0, ...] / r) * p[0, ...] + (q[1, ...] / r) * p[1, ...]

    def tangential(self, q: Array, u: Array) -> Array:
        """t = (u_θ ξ − u_ξ θ)/r, the component of ``u`` along the circle."""
        namespace(q, u)
        r = self.radius
        return u[0, ...] * (q[1, ...] / r) - u[1, ...] * (q[0, ...] / r)

    def project_tangent(self, q: Array, u: Array) -> Array:
        """t (ξ, −θ)/r."""
        xp = namespace(q)
        t, r = self.tangential(q, u), self.radius
        return xp.stack([t * (q[1, ...] / r), -t * (q[0, ...] / r)])

    def project(self, q0: Array, target: Array) -> Solved:
        """The arcsine law in Cartesian form: no iteration.

        Raises
        ------
        InfeasibleError
            If the tangential part of the increment exceeds the radius.
        """
        xp = namespace(q0, target)
        r = self.radius
        u = target - q0
        sine = self.tangential(q0, u) / r
        check_sine(sine, r)
        cosine = xp.sqrt((1.0 - sine) * (1.0 + sine))
        normal = (u[0, ...] / r) * (q0[0, ...] / r) + (u[1, ...] / r) * (q0[1, ...] / r)
        end = xp.stack(turned(q0[0, ...], q0[1, ...], sine, cosine, r))
        return Solved(end, 0, largest(1.0 + normal - cosine))

    def nearest(self, target: Array) -> Solved:
        """The radial projection r q̄/|q̄|.

        Raises
        ------
        InfeasibleError
            If a point lies at the centre of its circle.
        """
        size = length(target, axis=0)
        point = namespace(target).stack(nearest(target[0, ...], target[1, ...], self.radius))
        return Solved(point, 0, largest(self.radius / size - 1.0))

    def move(self, q: Array, p: Array, step_size: float, tangent: bool = True) -> Moved:
        """Rotation by h t/r with the momentum carried along (or SHAKE).

        Raises
        ------
        InfeasibleError
            With ``motion="shake"``, if h |p| > r for some weight.
        """
        xp = namespace(q, p)
        r = self.radius
        if self.motion == "shake":
            p = p if tangent else self.project_tangent(q, p)
            solved = self.project(q, q + step_size * p)
            return Moved(solved.point, (solved.point - q) / step_size, 0, solved.multiplier)
        t = self.tangential(q, p)
        end = xp.stack(rotated(q[0, ...], q[1, ...], (step_size / r) * t, r))
        momentum = xp.stack([t * (end[1, ...] / r), -t * (end[0, ...] / r)])
        return Moved(end, momentum, 0, zero_like(q))

    def random_point(self, rng: Rng, like: Array) -> Array:
        """Uniform angles; ``like`` has the shape of the weights."""
        xp = namespace(like)
        phi = rng.uniform(like.shape, -math.pi, math.pi, like=like)
        return self.radius * xp.stack([xp.sin(phi), xp.cos(phi)])

    def dimension(self, q: Array) -> int:
        """The number of weights."""
        return math.prod(q.shape[1:])


def check_radius(radius: float) -> None:
    """Raise ValueError unless ``radius`` is positive and finite."""
    if not 0.0 < radius < math.inf:
        raise ValueError(
            f"the radius of a circle constraint must be positive and finite, not {radius!r}"
        )


def check_inside(weights: Array, radius: float) -> None:
    """Raise InfeasibleError if a weight exceeds the radius (or is not a number).

    Weight and radius are compared in the dtype of the weights, in which the radius may have been
    rounded up: weights that were clipped to it lie on it. A radius that has no digits in that
    dtype is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> check_inside(np.array([0.1, 0.3]), 0.2)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    refimpl.errors.InfeasibleError: 1 of 2 weights lie outside ... (largest=0.3, radius=0.2, ...
    """
    xp = namespace(weights)
    limits = xp.finfo(weights.dtype)
    if not float(limits.smallest_normal) <= radius <= float(limits.max):
        raise ValueError(f"the radius {radius!r} lies outside the range of {weights.dtype}")
    if bool(xp.all(xp.abs(weights) <= radius)):
        return
    size = float(largest(weights))
    outside = int(xp.sum(xp.astype(~(xp.abs(weights) <= radius), xp.int64)))
    raise InfeasibleError(
        f"{outside} of {math.prod(weights.shape)} weights lie outside their circle; enlarge the "
        f"radius, draw smaller weights or clip them",
        largest=size,
        radius=float(radius),
        outside=outside,
    )


def check_sine(sine: Array, radius: float) -> None:
    """Raise InfeasibleError if a tangential increment, in units of the radius, exceeds 1."""
    size = float(largest(sine))
    if not size <= 1.0:
        raise InfeasibleError(
            "the tangential increment exceeds the radius, so the projection along the old normal "
            "does not exist; use a smaller step or temperature, or the radial projection",
            increment=size * radius,
            radius=float(radius),
        )
