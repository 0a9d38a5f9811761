"""Constraints of many chains at once: every array has a leading axis of chains.

The formulas are those of the constraints themselves. What differs is how failures are answered:
a projection without a solution in one chain says so in a mask, and the others go on.

* circles: the rotation always exists; SHAKE where h |t| ≤ r
* orthogonality: Newton's method for Λ from 0 in all chains at once, Λ ← Λ + S with
  MᵀS + S M = QᵀQ − I and M = WᵀQ. For two columns
  S = (det M · R + adj(M)ᵀ R adj(M)) / (2 tr M det M) solves MᵀS + S M = R; for more the equation
  is a linear system of m² unknowns a chain. The branch near the identity is the one on which the
  eigenvalues of WᵀQ have positive real parts.
* g(q) = 0 of the user: Newton's method along the old normals, with ``rows`` of the constraint

>>> import numpy as np
>>> many = over_chains(Orthogonal((3, 2)))
>>> q = np.stack([np.eye(3, 2)] * 2)
>>> p = np.zeros((2, 3, 2))
>>> p[0, 2, 0], p[1, 2, 0] = 0.3, 30.0
>>> many.move(q, p, 1.0).solved
array([ True, False])
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from refimpl import autodiff as ad
from refimpl.arrays import Array, device, eps, namespace, range_unwatched
from refimpl.constraints.base import Constraint, largest
from refimpl.constraints.circle import Circle
from refimpl.constraints.orthogonal import Orthogonal
from refimpl.constraints.orthogonal_existence import eye_like
from refimpl.constraints.orthogonal_solvers import gram_defect
from refimpl.constraints.unconstrained import Unconstrained
from refimpl.constraints.user import UserConstraint
from refimpl.errors import InfeasibleError, SettingError


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
        """Zeros."""
        return 0.0 * largest_of_each(q)

    def tangency(self, q: Array, p: Array) -> Array:
        """Zeros."""
        return 0.0 * largest_of_each(q)

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
        position = _behind(end.position)
        return Moves(position, (position - q) / step_size, solved, 0)


def _front(q: Array) -> Array:
    return namespace(q).moveaxis(q, 1, 0)


def _behind(q: Array) -> Array:
    return namespace(q).moveaxis(q, 0, 1)


@dataclass(frozen=True)
class ManyOrthogonal:
    """Orthonormal columns (or rows) in every chain; configurations (chains, n, m), n ≥ m."""

    one: Orthogonal
    max_iterations: int = 12

    @property
    def reversible(self) -> bool:
        """Both ways have one branch, but Newton's method may find the end of one of them only."""
        return False

    def _tall(self, weights: Array) -> Array:
        xp = namespace(weights)
        matrix = xp.reshape(weights, (weights.shape[0], self.one.shape[0], -1))
        return matrix.mT if self.one.wide else matrix

    def extend(self, parameters: Array) -> Array:
        """The tall matrices.

        Raises
        ------
        InfeasibleError
            If one is not orthonormal to rounding; carries the largest residual.
        """
        q = self._tall(parameters)
        worst = float(namespace(q).max(self.residual(q)))
        allowed = 50.0 * q.shape[-2] * eps(q)
        if not worst <= allowed:
            raise InfeasibleError(
                f"a weight of shape {self.one.shape} is not orthonormal in some chain",
                residual=worst,
                tolerance=allowed,
            )
        return q

    def parameters(self, q: Array) -> Array:
        """The weights."""
        matrix = q.mT if self.one.wide else q
        return namespace(q).reshape(matrix, (q.shape[0], *self.one.shape))

    def extend_gradient(self, gradient: Array, q: Array) -> Array:
        """The tall gradients."""
        return self._tall(gradient)

    def residual(self, q: Array) -> Array:
        """Of QᵀQ − I."""
        return largest_of_each(gram_defect(q))

    def tangency(self, q: Array, p: Array) -> Array:
        """Of QᵀP + PᵀQ."""
        return largest_of_each(self.one.tangency(q, p))

    def project_tangent(self, q: Array, u: Array) -> Array:
        """P − ½ Q (QᵀP + PᵀQ)."""
        return self.one.project_tangent(q, u)

    def move(self, q: Array, p: Array, step_size: float) -> Moves:
        """SHAKE from W + h P in every chain."""
        x = step_size * p
        bar, e = q + x, q.mT @ x
        d = gram_defect(bar)
        allowed = 4.0 * math.sqrt(q.shape[-2]) * eps(q)
        with range_unwatched():
            multiplier, iterations = self._newton(e, d, allowed)
            point = bar - q @ multiplier
            defect = gram_defect(point)
            point = point - point @ (0.5 * defect)  # what rounding left of WᵀW − I and of Newton
            found = largest_of_each(gram_defect(point)) <= allowed
            found = found & (largest_of_each(defect) <= math.sqrt(eps(q)))
            solved = found & _is_near(eye_like(e) + e - multiplier, found)
        position = choose(solved, point, q)
        return Moves(position, (position - q) / step_size, solved, iterations)

    def _newton(self, e: Array, d: Array, allowed: float) -> tuple[Array, int]:
        """Λ of every chain; those that have diverged stay where they were."""
        xp = namespace(e)
        eye, multiplier, defect = eye_like(e), 0.0 * d, d
        for iteration in range(self.max_iterations):
            size = largest_of_each(defect)
            active = (size > 0.25 * allowed) & (size < 1e3)
            if not bool(xp.any(active)):
                return multiplier, iteration
            step = _lyapunov(choose(active, eye + e - multiplier, eye + 0.0 * e), defect)
            multiplier = choose(active, multiplier + 0.5 * (step + step.mT), multiplier)
            t = multiplier @ (0.5 * multiplier - e)
            new = d - 2.0 * multiplier + (t + t.mT)
            if bool(xp.all((largest_of_each(new) >= 0.5 * size) | ~active)) and iteration > 4:
                return multiplier, iteration + 1  # at rounding, or nowhere to go
            defect = new
        return multiplier, self.max_iterations


def _lyapunov(m: Array, right: Array) -> Array:
    """S with MᵀS + S M = R for every chain; not finite where M has eigenvalues of sum zero."""
    xp = namespace(m)
    size = m.shape[-1]
    if size == 1:
        return right / (2.0 * m)
    if size == 2:
        a, b, c, d = m[:, 0, 0], m[:, 0, 1], m[:, 1, 0], m[:, 1, 1]
        adjugate = xp.stack([xp.stack([d, -b], axis=-1), xp.stack([-c, a], axis=-1)], axis=-2)
        trace, det = (a + d)[:, None, None], (a * d - b * c)[:, None, None]
        return (det * right + adjugate.mT @ (right @ adjugate)) / (2.0 * trace * det)
    eye = xp.eye(size, dtype=m.dtype, device=device(m))
    turned = m.mT
    system = turned[:, :, None, :, None] * eye[None, None, :, None, :]
    system = system + eye[None, :, None, :, None] * turned[:, None, :, None, :]
    system = xp.reshape(system, (-1, size * size, size * size))
    right = xp.reshape(right, (-1, size * size, 1))
    return xp.reshape(_solve(system, right), m.shape)


def _solve(matrices: Array, right: Array) -> Array:
    """The solutions; where a matrix is singular or not finite, those of the identity."""
    xp = namespace(matrices)
    with range_unwatched():
        det = xp.abs(xp.linalg.det(matrices))
    fine = (det > 0.0) & (det < math.inf)
    eye = eye_like(matrices) + xp.zeros_like(matrices)
    return xp.linalg.solve(choose(fine, matrices, eye), right)


def _is_near(m: Array, found: Array) -> Array:
    """Whether the eigenvalues of each matrix have positive real parts: by trace and determinant, or
    by the sign of the solution of MᵀS + S M = I."""
    xp = namespace(m)
    eye = eye_like(m) + xp.zeros_like(m)
    if m.shape[-1] == 1:
        return m[:, 0, 0] > 0.0
    if m.shape[-1] == 2:
        det = m[:, 0, 0] * m[:, 1, 1] - m[:, 0, 1] * m[:, 1, 0]
        return (det > 0.0) & (m[:, 0, 0] + m[:, 1, 1] > 0.0)
    solution = _lyapunov(choose(found, m, eye), eye)
    symmetric = choose(largest_of_each(solution) < math.inf, solution + solution.mT, -eye)
    return xp.min(xp.linalg.eigvalsh(symmetric), axis=-1) > 0.0


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
            column = column - rows.mT @ _solve(gram, rows @ column)
        return column[:, :, 0]

    def move(self, q: Array, p: Array, step_size: float) -> Moves:
        """SHAKE from q + h p in every chain, by Newton's method."""
        xp = namespace(q)
        rows = self.jacobians(q)
        allowed = self._allowed(q, rows)
        point = q + step_size * p
        with range_unwatched():
            for iteration in range(self.one.max_iterations + 1):
                values = self._values(point)
                size = largest_of_each(values)
                active = (size > allowed) & (size < 1e8)
                if not bool(xp.any(active)) or iteration == self.one.max_iterations:
                    break
                part = _solve(self.jacobians(point) @ rows.mT, values[:, :, None])
                point = choose(active, point - (rows.mT @ part)[:, :, 0], point)
            solved = size <= allowed
        position = choose(solved, point, q)
        return Moves(position, (position - q) / step_size, solved, iteration)

    def _allowed(self, q: Array, rows: Array | None = None) -> Array:
        xp = namespace(q)
        if self.one.tolerance is not None:
            return xp.zeros_like(q[:, 0]) + self.one.tolerance
        rows = self.jacobians(q) if rows is None else rows
        reach = xp.max(xp.sum(xp.abs(rows * q[:, None, :]), axis=-1), axis=-1)
        return 8.0 * eps(q) * (1.0 + reach)
