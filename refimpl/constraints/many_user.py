"""A user's constraint g(q) = 0 in many chains at once: Newton's method along the old normals.

>>> import numpy as np
>>> from refimpl import autodiff as ad
>>> sphere = UserConstraint(
...     lambda q: ad.sum(q * q) - 1.0, rows=lambda q: ad.sum(q * q, axis=1, keepdims=True) - 1.0
... )
>>> q = np.array([[1.0, 0.0], [0.0, 1.0]])
>>> ManyUser(sphere).move(q, np.array([[0.0, 0.6], [2.0, 0.0]]), 1.0).solved
array([ True, False])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from refimpl import autodiff as ad
from refimpl.arrays import Array, device, eps, namespace, put_rows, range_unwatched
from refimpl.constraints.base import largest
from refimpl.constraints.many_base import (
    Moves,
    choose,
    chosen,
    every,
    indices,
    largest_of_each,
    solve_each,
)
from refimpl.constraints.user import UserConstraint
from refimpl.errors import InfeasibleError, SettingError


@dataclass(frozen=True)
class ManyUser:
    """g(q) = 0 of the user in every chain; configurations (chains, d)."""

    one: UserConstraint

    def __post_init__(self) -> None:
        if self.one.rows is None:
            raise SettingError(
                "many chains of a user's constraint need its function on rows, (chains, d) to "
                "(chains, m): UserConstraint(function, rows=...)"
            )
        if self.one.inequalities:
            raise SettingError("many chains take g(q) = 0; write an inequality with its slacks")

    @property
    def reversible(self) -> bool:
        """Newton's method may reach another point of the normal than the way back does."""
        return False

    def extend(self, parameters: Array) -> Array:
        """The rows.

        Raises
        ------
        InfeasibleError
            If a row does not satisfy the constraint, or ``rows`` is not the constraint's function;
            carries the largest residual.
        """
        xp = namespace(parameters)
        allowed = 1e2 * self._allowed(parameters)
        worst = float(xp.max(self.residual(parameters) - allowed))
        first = self._values(parameters)[0, :] - self.one.residual(parameters[0, :])
        apart = float(largest(first))
        if worst > 0.0 or apart > float(allowed[0]):
            raise InfeasibleError(
                "the parameters of some chain do not satisfy the constraint, or its rows are "
                "another function",
                excess=worst,
                difference=apart,
            )
        return parameters

    def parameters(self, q: Array) -> Array:
        """The rows."""
        return q

    def extend_gradient(self, gradient: Array, q: Array) -> Array:
        """The gradients."""
        return gradient

    def _values(self, q: Any) -> Any:
        assert self.one.rows is not None
        return self.one.rows(q)

    def residual(self, q: Array) -> Array:
        """Of g(q)."""
        return largest_of_each(self._values(q))

    def jacobians(self, q: Array) -> Array:
        """J(q), shape (chains, m, d)."""
        xp = namespace(q)
        values, pullback = ad.vjp(self._values, q)
        eye = xp.eye(values.shape[1], dtype=q.dtype, device=device(q))
        cotangents = [xp.zeros_like(values) + eye[i, :] for i in range(values.shape[1])]
        return xp.stack([pullback(cotangent) for cotangent in cotangents], axis=1)

    def tangency(self, q: Array, p: Array) -> Array:
        """Of J p, rows of J scaled to length 1."""
        xp = namespace(q)
        rows = self.jacobians(q)
        along = xp.sum(rows * p[:, None, :], axis=-1)
        return largest_of_each(along / xp.sqrt(xp.sum(rows * rows, axis=-1)))

    def project_tangent(self, q: Array, u: Array) -> Array:
        """u − Jᵀ (J Jᵀ)⁻¹ J u, twice against rounding."""
        rows = self.jacobians(q)
        gram = rows @ rows.mT
        column = u[:, :, None]
        for _ in range(2):
            column = column - rows.mT @ solve_each(gram, rows @ column)
        return column[:, :, 0]

    def move(self, q: Array, p: Array, step_size: float) -> Moves:
        """SHAKE from q + h p in every chain, by Newton's method: each step in those chains alone
        whose point is still off the constraint."""
        rows = self.jacobians(q)
        allowed = self._allowed(q, rows)
        ends = q + step_size * p
        point, normals, limit, chains = ends, rows, allowed, every(q)
        with range_unwatched():
            for iteration in range(self.one.max_iterations + 1):
                values = self._values(point)
                size = largest_of_each(values)
                going = indices((size > limit) & (size < 1e8))
                if not len(going) or iteration == self.one.max_iterations:
                    break
                chains = chains[going]
                point, normals, limit, values = chosen(going, point, normals, limit, values)
                part = solve_each(self.jacobians(point) @ normals.mT, values[:, :, None])
                point = point - (normals.mT @ part)[:, :, 0]
                ends = put_rows(ends, chains, point)
            solved = largest_of_each(self._values(ends)) <= allowed
        position = choose(solved, ends, q)
        return Moves(position, (position - q) / step_size, solved, iteration)

    def _allowed(self, q: Array, rows: Array | None = None) -> Array:
        xp = namespace(q)
        if self.one.tolerance is not None:
            return xp.zeros_like(q[:, 0]) + self.one.tolerance
        rows = self.jacobians(q) if rows is None else rows
        reach = xp.max(xp.sum(xp.abs(rows * q[:, None, :]), axis=-1), axis=-1)
        return 8.0 * eps(q) * (1.0 + reach)
