"""Constraints that the user writes: any function g(θ) = 0, or g(θ) ≤ 0 with slack variables.

The Jacobian comes from automatic differentiation unless one is given. The configuration is the
vector of all parameters, with a slack ξ_i for every component of an inequality, g_i(θ) + ξ_i² = 0.

* tangent projection: Π u = u − Jᵀ (J Jᵀ)⁻¹ J u
* SHAKE: q = q̄ − J(q₀)ᵀ λ with g(q) = 0, by Newton, q ← q − J(q₀)ᵀ [J(q) J(q₀)ᵀ]⁻¹ g(q), or
  quasi-Newton with the matrix J(q₀) J(q₀)ᵀ throughout

On such a constraint set the law that a constrained Langevin process samples is exp(−V/τ) with
respect to the surface measure of Σ. The law conditioned on g = 0 carries a factor
det(J Jᵀ)^(−1/2) more, which is constant for circles and orthogonality, but not in general.

>>> import numpy as np
>>> from refimpl import autodiff as ad
>>> sphere = UserConstraint(lambda w: ad.reshape(ad.sum(w * w) - 1.0, (1,)))
>>> q = sphere.extend(np.array([0.6, 0.8]))
>>> end = sphere.project(q, q + np.array([0.04, -0.03]))
>>> float(abs(sphere.residual(end.point))[0]) < 1e-15
True
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from refimpl import autodiff as ad
from refimpl.arrays import Array, device, eps, linalg_errors, namespace
from refimpl.checks import plain_numbers
from refimpl.constraints.base import Moved, Solved, Solver, Tree, largest
from refimpl.errors import ConstraintError, ConvergenceError, InfeasibleError
from refimpl.random import Rng


@dataclass(frozen=True)
class UserConstraint:
    """g(q) = 0 for a differentiable function of the vector of parameters.

    Parameters
    ----------
    function : callable
        Takes a vector of shape (d,), returns shape (m,), in operations of autodiff. See
        :meth:`on_tree` for functions of a nested container.
    jacobian : callable, optional
        Takes the same vector, returns shape (m, d).
    inequalities : int
        0 for g = 0; for g ≤ 0 the number m of its components, each of which gets a slack.
    solver : {"auto", "quasi_newton", "newton"}
        ``"auto"`` is Newton.
    tolerance : float, optional
        On the largest modulus of g; default 8 eps (1 + max_i Σ_j |J_ij q_j|).
    max_iterations : int
    rows : callable, optional
        The same function of many chains at once, shape (chains, d) to (chains, m).
    rank_tolerance : float
        Smallest ratio of the eigenvalues of J Jᵀ that counts as full rank.

    Examples
    --------
    >>> import numpy as np
    >>> box = UserConstraint(lambda w: w * w - 1.0, inequalities=1)
    >>> box.extend(np.array([0.6]))
    array([0.6, 0.8])
    """

    function: Callable[[Any], Any]
    jacobian: Callable[[Any], Any] | None = None
    inequalities: int = 0
    solver: Solver = "auto"
    tolerance: float | None = None
    max_iterations: int = 50
    rank_tolerance: float = 1e-12
    rows: Callable[[Any], Any] | None = None

    def __post_init__(self) -> None:
        plain_numbers(self)
        if not callable(self.function):
            raise TypeError(f"function must be callable, not {type(self.function).__name__}")
        if self.solver not in get_args(Solver):
            raise ValueError(f"solver must be one of {get_args(Solver)}, not {self.solver!r}")
        if self.max_iterations < 1:
            raise ValueError(f"max_iterations must be at least 1, not {self.max_iterations}")

    @classmethod
    def on_tree(cls, function: Callable[[Tree], Any], params: Tree, **options: Any) -> Any:
        """The constraint ``function(params) = 0`` for a function of a nested container.

        Examples
        --------
        >>> import numpy as np
        >>> from refimpl import autodiff as ad
        >>> params = {"a": np.array([3.0]), "b": np.array([4.0])}
        >>> balance = UserConstraint.on_tree(lambda p: p["a"] ** 2 - p["b"] ** 2 + 7.0, params)
        >>> balance.residual(np.array([3.0, 4.0]))
        array([0.])
        """
        _, unravel = ad.ravel(params)
        return cls(lambda vector: function(unravel(vector)), **options)

    # --- configurations --------------------------------------------------------------------------

    def extend(self, parameters: Array) -> Array:
        """The vector, with slacks √(−g) for an inequality.

        Raises
        ------
        InfeasibleError
            If the parameters do not satisfy the constraint; carries the largest residual.
        ConstraintError
            If the Jacobian has no full rank there; carries the extreme eigenvalues of J Jᵀ.
        """
        xp = namespace(parameters)
        values = self._values(parameters)
        q = parameters
        if self.inequalities:
            if values.shape[0] != self.inequalities:
                raise ValueError(
                    f"the function returns {values.shape[0]} values, not the "
                    f"inequalities={self.inequalities} that were declared"
                )
            above = float(xp.max(values))
            if not above <= 0.0:
                raise InfeasibleError(
                    "the parameters violate the inequality constraint at the start",
                    largest=above,
                    violated=int(xp.sum(xp.astype(~(values <= 0.0), xp.int64))),
                )
            q = xp.concat([parameters, xp.sqrt(-values)])
        else:
            residual, allowed = float(largest(values)), 1e2 * self._allowed(q)
            if not residual <= allowed:
                raise InfeasibleError(
                    "the parameters do not satisfy the constraint at the start",
                    residual=residual,
                    tolerance=allowed,
                )
        self._factor(self.jacobian_at(q), self.jacobian_at(q))
        return q

    def parameters(self, q: Array) -> Array:
        """The vector without its slacks."""
        return q[: self._parameters(q)]

    def extend_gradient(self, gradient: Array, q: Array) -> Array:
        """The gradient with zeros for the slacks."""
        if not self.inequalities:
            return gradient
        xp = namespace(gradient)
        slacks = q.shape[0] - self._parameters(q)
        zeros = xp.zeros(slacks, dtype=q.dtype, device=device(q))
        return xp.concat([gradient, zeros])

    def _parameters(self, q: Array) -> int:
        """How many entries of ``q`` are parameters."""
        return q.shape[0] - self.inequalities

    def _values(self, theta: Array) -> Array:
        return _vector(self.function(theta))

    def residual(self, q: Array) -> Array:
        """g(q), shape (m,)."""
        if not self.inequalities:
            return self._values(q)
        d = self._parameters(q)
        return self._values(q[:d]) + q[d:] ** 2

    def jacobian_at(self, q: Array) -> Array:
        """J(q), shape (m, len(q))."""
        xp = namespace(q)
        d = self._parameters(q)
        theta = q[:d]
        if self.jacobian is not None:
            rows = self.jacobian(theta)
        else:
            values, pullback = ad.vjp(lambda x: _traced(self.function(x)), theta)
            eye = xp.eye(values.shape[0], dtype=q.dtype, device=device(q))
            rows = xp.stack([pullback(eye[i, :]) for i in range(values.shape[0])])
        if not self.inequalities:
            return rows
        slack = q[d:]
        eye = xp.eye(slack.shape[0], dtype=q.dtype, device=device(q))
        return xp.concat([rows, eye * (2.0 * slack)[:, None]], axis=1)

    def tangency(self, q: Array, p: Array) -> Array:
        """J p with the rows of J scaled to length 1, shape (m,)."""
        xp = namespace(q, p)
        rows = self.jacobian_at(q)
        return (rows @ p) / xp.sqrt(xp.sum(rows * rows, axis=1))

    # --- projections -----------------------------------------------------------------------------

    def project_tangent(self, q: Array, u: Array) -> Array:
        """u − Jᵀ (J Jᵀ)⁻¹ J u.

        Raises
        ------
        ConstraintError
            If J has no full rank.
        """
        xp = namespace(q, u)
        rows = self.jacobian_at(q)
        gram = self._factor(rows, rows)
        # Twice: one pass leaves a normal part of the order of cond(J Jᵀ) eps.
        for _ in range(2):
            u = u - rows.mT @ xp.linalg.solve(gram, (rows @ u)[:, None])[:, 0]
        return u

    def project(self, q0: Array, target: Array) -> Solved:
        """The point q̄ − J(q₀)ᵀ λ of Σ, from q̄ on.

        Raises
        ------
        ConvergenceError
            If the residual does not come below the tolerance; carries it and the iterations.
        ConstraintError
            If J(q) J(q₀)ᵀ becomes singular.
        """
        xp = namespace(q0, target)
        rows0 = self.jacobian_at(q0)
        gram = self._factor(rows0, rows0)
        multiplier = xp.zeros_like(rows0[:, 0])
        q, residual = target, math.inf
        allowed = self._allowed(q0)
        for iteration in range(self.max_iterations + 1):
            values = self.residual(q)
            residual = float(largest(values))
            if residual <= allowed:
                return Solved(q, iteration, largest(multiplier))
            if not residual < math.inf or iteration == self.max_iterations:
                break
            if self.solver != "quasi_newton":
                gram = self._factor(self.jacobian_at(q), rows0)
            step = xp.linalg.solve(gram, values[:, None])[:, 0]
            multiplier = multiplier + step
            q = q - rows0.mT @ step
        raise ConvergenceError(
            f"the projection onto the user's constraint did not converge with solver "
            f"{self.solver!r}; the step may be too large for it to exist: use a smaller one",
            residual=residual,
            iterations=iteration,
            tolerance=allowed,
        )

    def nearest(self, target: Array) -> Solved:
        """Not offered: the nearest point has no general method that is certain to find it.

        Raises
        ------
        ConstraintError
            Always.
        """
        raise ConstraintError(
            "the nearest point is not available for a user-defined constraint; use the "
            "projection along the old normal ('shake')"
        )

    def move(self, q: Array, p: Array, step_size: float, tangent: bool = True) -> Moved:
        """SHAKE from q + h p; the momentum is (q' − q)/h."""
        p = p if tangent else self.project_tangent(q, p)
        solved = self.project(q, q + step_size * p)
        return Moved(
            solved.point, (solved.point - q) / step_size, solved.iterations, solved.multiplier
        )

    def random_point(self, rng: Rng, like: Array) -> Array:
        """Not offered: a uniform law on Σ has no general sampler.

        Raises
        ------
        ConstraintError
            Always.
        """
        raise ConstraintError("a user-defined constraint has no sampler; supply a starting point")

    def dimension(self, q: Array) -> int:
        """Entries minus constraints."""
        return q.shape[0] - self.residual(q).shape[0]

    def _allowed(self, q: Array) -> float:
        if self.tolerance is not None:
            return self.tolerance
        xp = namespace(q)
        rows = self.jacobian_at(q)
        return 8.0 * eps(q) * (1.0 + float(xp.max(xp.sum(xp.abs(rows * q), axis=1))))

    def _factor(self, left: Array, right: Array) -> Array:
        """left rightᵀ, or a ConstraintError where it is singular."""
        xp = namespace(left)
        gram = left @ right.mT
        with linalg_errors():
            values = xp.linalg.svdvals(gram)
        smallest, biggest = float(xp.min(values)), float(xp.max(values))
        if not smallest > self.rank_tolerance * max(biggest, 1e-300):
            raise ConstraintError(
                "the Jacobian of the constraint has no full rank here; remove redundant "
                "components, or stay away from points where its gradient vanishes",
                smallest=smallest,
                largest=biggest,
                constraints=int(gram.shape[0]),
            )
        return gram


def _vector(values: Any) -> Any:
    if values.ndim == 0:
        return namespace(values).reshape(values, (1,))
    if values.ndim != 1:
        raise ConstraintError(
            f"a constraint function returns a vector, not an array of shape {values.shape}"
        )
    return values


def _traced(values: Any) -> Any:
    return ad.reshape(values, (1,)) if values.ndim == 0 else values
