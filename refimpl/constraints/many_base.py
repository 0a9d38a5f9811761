"""What the constraints of many chains share: the ends of drifts, masks, small linear systems.

>>> import numpy as np
>>> solve_each(np.stack([2.0 * np.eye(2), 0.0 * np.eye(2)]), np.ones((2, 2, 1)))[:, 0, 0]
array([0.5, 1. ])
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

from refimpl.arrays import Array, namespace, range_unwatched, take_rows, to_host
from refimpl.constraints.orthogonal_existence import eye_like


class Moves(NamedTuple):
    """The ends of the drifts: positions, momenta (not yet projected), and in which chains there is
    one; elsewhere the position is that of the start. ``iterations`` were run in all chains."""

    position: Array
    momentum: Array
    solved: Array
    iterations: int


class ManyChains(Protocol):
    """As :class:`refimpl.constraints.Constraint`, with an axis of chains in front."""

    @property
    def reversible(self) -> bool:
        """Whether a drift that is found is always undone by the drift from its end."""

    def extend(self, parameters: Array) -> Array:
        """The configurations; raises InfeasibleError if some chain has none."""

    def parameters(self, q: Array) -> Array:
        """The parameters of the configurations."""

    def extend_gradient(self, gradient: Array, q: Array) -> Array:
        """The gradients in the configurations."""

    def residual(self, q: Array) -> Array:
        """Largest entry of g in every chain, shape (chains,)."""

    def tangency(self, q: Array, p: Array) -> Array:
        """Largest entry of J p in every chain, shape (chains,)."""

    def project_tangent(self, q: Array, u: Array) -> Array:
        """Π(q) u."""

    def move(self, q: Array, p: Array, step_size: float) -> Moves:
        """The drifts along tangent momenta."""


def largest_of_each(values: Array) -> Array:
    """Largest modulus in every chain, shape (chains,).

    Examples
    --------
    >>> import numpy as np
    >>> largest_of_each(np.array([[1.0, -3.0], [0.5, 0.0]]))
    array([3. , 0.5])
    """
    xp = namespace(values)
    return xp.max(xp.reshape(xp.abs(values), (values.shape[0], -1)), axis=1)


def choose(mask: Array, one: Array, other: Array) -> Array:
    """The chains of ``one`` where the mask is true, those of ``other`` elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> choose(np.array([True, False]), np.ones((2, 2)), np.zeros((2, 2)))
    array([[1., 1.],
           [0., 0.]])
    """
    xp = namespace(one, other)
    return xp.where(xp.reshape(mask, (-1,) + (1,) * (one.ndim - 1)), one, other)


def indices(mask: Array) -> Any:
    """Where a mask of chains is true, on the host: a solver goes on with these alone."""
    [found] = namespace(mask).nonzero(mask)
    return to_host(found)


def every(values: Array) -> Any:
    """The indices of all chains, on the host."""
    return to_host(namespace(values).arange(values.shape[0]))


def chosen(chains: Any, *arrays: Array) -> tuple[Array, ...]:
    """Of every array the rows of some chains, whose indices are on the host.

    Examples
    --------
    >>> import numpy as np
    >>> q = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> chosen(indices(q[:, 0] > 1.0), q, q[:, 1])
    (array([[3., 4.]]), array([4.]))
    """
    return tuple(take_rows(array, chains) for array in arrays)


def solve_each(matrices: Array, right: Array) -> Array:
    """The solutions; where a matrix is singular or not finite, those of the identity."""
    xp = namespace(matrices)
    with range_unwatched():
        det = xp.abs(xp.linalg.det(matrices))
    fine = (det > 0.0) & (det < math.inf)
    eye = eye_like(matrices) + xp.zeros_like(matrices)
    return xp.linalg.solve(choose(fine, matrices, eye), right)
