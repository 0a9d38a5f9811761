"""What a constraint is, and the map that gives every parameter its own.

A constraint g(q) = 0 acts on one array, the *extended configuration* q: the parameters and, where
an inequality is turned into an equality, its slack variables. J(q) = g'(q) has full rank on the
constraint set Σ, and Π(q) = I − Jᵀ (J Jᵀ)⁻¹ J projects on its tangent space.

>>> import numpy as np
>>> from refimpl.constraints import Circle
>>> circle = Circle(radius=2.0)
>>> q = circle.extend(np.array([0.0, 2.0]))
>>> circle.parameters(q)
array([0., 2.])
>>> float(abs(circle.residual(q)).max())
0.0
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from refimpl import autodiff as ad
from refimpl.arrays import Array, namespace, one, reduce
from refimpl.random import Rng

Tree = Any

Solver = Literal["auto", "quasi_newton", "newton"]
"""How a projection is solved: quasi-Newton, full Newton, or the first until it stalls."""


class Solved(NamedTuple):
    """A point of the constraint set and how it was found.

    Attributes
    ----------
    point : array
    iterations : int
        Of the solver; 0 for closed forms and where the start was within the tolerance.
    multiplier : 0-d array
        Largest entry of the Lagrange multiplier, in modulus.
    residual : 0-d array or None
        Largest entry of the constraint's residual at ``point``, where the solver measured it.
    """

    point: Array
    iterations: int
    multiplier: Array
    residual: Array | None = None


class Moved(NamedTuple):
    """The end of a drift: position, momentum (not yet projected) and the solver's record."""

    position: Array
    momentum: Array
    iterations: int
    multiplier: Array
    residual: Array | None = None


class Constraint(Protocol):
    """The interface of every constraint; all arrays are extended configurations."""

    def extend(self, parameters: Array) -> Array:
        """The configuration of these parameters, with its slacks.

        Raises
        ------
        InfeasibleError
            If no slack makes the parameters satisfy the constraint.
        """

    def parameters(self, q: Array) -> Array:
        """The parameters of a configuration, without its slacks."""

    def extend_gradient(self, gradient: Array, q: Array) -> Array:
        """The gradient in the configuration: that of the parameters, and zero for slacks."""

    def residual(self, q: Array) -> Array:
        """g(q), scaled so that its entries are relative to the constraint's own size."""

    def tangency(self, q: Array, p: Array) -> Array:
        """J(q) p, in the scale of ``p``: zero for a tangent vector."""

    def project_tangent(self, q: Array, u: Array) -> Array:
        """Π(q) u."""

    def project(self, q0: Array, target: Array) -> Solved:
        """The point ``target − J(q0)ᵀ λ`` of Σ on the branch near ``q0`` (SHAKE).

        Raises
        ------
        InfeasibleError
            If there is no such point.
        ConvergenceError
            If it was not found.
        """

    def nearest(self, target: Array) -> Solved:
        """The point of Σ nearest to ``target``."""

    def move(self, q: Array, p: Array, step_size: float, tangent: bool = True) -> Moved:
        """The drift without its last projection; ``p`` is projected first unless ``tangent``."""

    def random_point(self, rng: Rng, like: Array) -> Array:
        """A configuration drawn from the uniform law on Σ (where Σ has one)."""

    def dimension(self, q: Array) -> int:
        """The dimension of Σ."""


def drift(constraint: Constraint, q: Array, p: Array, step_size: float) -> Moved:
    """One step of free motion on the constraint set: position and tangent momentum.

    Parameters
    ----------
    constraint : Constraint
    q, p : array
        A point of Σ and a tangent vector.
    step_size : float

    Returns
    -------
    Moved

    Raises
    ------
    InfeasibleError, ConvergenceError
        As :meth:`Constraint.project`.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl.constraints import Circle
    >>> circle = Circle(1.0)
    >>> q = circle.extend(np.array([0.0]))
    >>> end = drift(circle, q, np.array([[1.0], [0.0]]), np.pi / 2)
    >>> np.round(end.position.ravel(), 12), np.round(end.momentum.ravel(), 12)
    (array([1., 0.]), array([ 0., -1.]))
    """
    end = constraint.move(q, p, step_size)
    return end._replace(momentum=constraint.project_tangent(end.position, end.momentum))


def largest(values: Array) -> Array:
    """Largest modulus of an array's entries, 0-d; zero if there are none.

    Examples
    --------
    >>> import numpy as np
    >>> float(largest(np.array([1.0, -3.0])))
    3.0
    """
    xp = namespace(values)
    if math.prod(values.shape) == 0:
        return xp.sum(values)
    return xp.maximum(reduce("max", values), -reduce("min", values))  # and no copy for abs


def residual_of(constraint: Constraint, end: Solved | Moved) -> Array:
    """Largest entry of the residual at the end: the solver's own measurement, or a new one.

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl.constraints import Circle
    >>> circle = Circle(1.0)
    >>> float(residual_of(circle, Solved(np.array([[0.0], [2.0]]), 0, np.zeros(()))))
    3.0
    """
    if end.residual is not None:
        return end.residual
    return largest(constraint.residual(end[0]))


def zero_like(values: Array) -> Array:
    """A 0-d zero beside ``values``."""
    return one(values) - one(values)


def unviolated(size: Array) -> Array:
    """What is left of no constraint: zero where a size is finite, NaN where it is not, for no point
    of the space is infinite.

    Examples
    --------
    >>> import numpy as np
    >>> unviolated(np.array([3.0, np.inf, np.nan]))
    array([ 0., nan, nan])
    """
    xp = namespace(size)
    zero = xp.zeros_like(size)
    return xp.where(xp.isfinite(size), zero, zero + math.nan)


@dataclass(frozen=True)
class Blocks:
    """Which constraint acts on which parameters.

    Attributes
    ----------
    constraints : tuple of Constraint
        One for each leaf of the parameters, in their order; or a single one on all of them as
        one vector, with ``whole``.
    whole : bool

    Examples
    --------
    >>> import numpy as np
    >>> from refimpl.constraints import circle_blocks
    >>> params = [{"weight": np.zeros((2, 2)), "bias": np.zeros(2)}]
    >>> blocks = circle_blocks(params, radii=(0.5,))
    >>> [type(constraint).__name__ for constraint in blocks.constraints]
    ['Circle', 'Unconstrained']
    >>> blocks.params(params, blocks.positions(params))[0]["bias"]
    array([0., 0.])
    """

    constraints: tuple[Constraint, ...]
    whole: bool = False

    def _arrays(self, params: Tree) -> list[Array]:
        if self.whole:
            return [ad.ravel(params)[0]]
        leaves, _ = ad.flatten(params)
        if len(leaves) != len(self.constraints):
            raise ValueError(
                f"{len(self.constraints)} constraints for {len(leaves)} parameters: "
                f"make the map from these parameters"
            )
        return leaves

    def positions(self, params: Tree) -> list[Array]:
        """The extended configurations of ``params``."""
        arrays = self._arrays(params)
        return [c.extend(array) for c, array in zip(self.constraints, arrays, strict=True)]

    def params(self, like: Tree, positions: Sequence[Array]) -> Tree:
        """The parameters of these configurations, as a tree like ``like``."""
        arrays = [c.parameters(q) for c, q in zip(self.constraints, positions, strict=True)]
        if self.whole:
            return ad.ravel(like)[1](arrays[0])
        return ad.unflatten(ad.flatten(like)[1], arrays)

    def gradients(self, gradient: Tree, positions: Sequence[Array]) -> list[Array]:
        """The gradient in the extended configurations."""
        parts = zip(self.constraints, self._arrays(gradient), positions, strict=True)
        return [c.extend_gradient(array, q) for c, array, q in parts]

    def each(self, function: Callable[..., Any], *lists: Sequence[Any]) -> list[Any]:
        """``function(constraint, ...)`` for every block."""
        return [function(*items) for items in zip(self.constraints, *lists, strict=True)]


def worst(values: Sequence[Array]) -> Array:
    """The largest of several 0-d arrays."""
    xp = namespace(*values)
    return reduce("max", xp.stack(list(values)))
