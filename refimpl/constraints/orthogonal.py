"""Orthonormal columns (or rows): the Stiefel manifold WᵀW = I.

A weight with more rows than columns, or as many, has orthonormal columns; a wide one orthonormal
rows. The configuration q is the tall one of W and Wᵀ, so that one case is implemented; kernels
with more than two axes are matrices (out, rest). All singular values are 1.

The square orthogonal matrices have two components, of determinant 1 and −1. A motion that is
continuous keeps the sign: a chain or a descent sees the half in which it starts, and a target in
the other half is not reached (a matrix of one is at least 2 away from each of the other).
:func:`refimpl.constraints.orthonormal_params` chooses the half by ``determinant``.

* tangent space: Wᵀ P + Pᵀ W = 0;  Π P = P − ½ W (Wᵀ P + Pᵀ W)
* SHAKE from W̄ = W + X along the old normal: Q = W̄ − W Λ with Λ symmetric and QᵀQ = I
* nearest point: the polar factor W̄ (W̄ᵀ W̄)^(−½)

The projection is solved in :mod:`refimpl.constraints.orthogonal_solvers`; when it exists is told in
:mod:`refimpl.constraints.orthogonal_existence`.

>>> import numpy as np
>>> stiefel = Orthogonal((3, 2))
>>> q = stiefel.extend(np.eye(3, 2))
>>> end = stiefel.project(q, q + np.array([[0.0, 0.3], [-0.3, 0.0], [0.0, 0.1]]))
>>> float(abs(stiefel.residual(end.point)).max()) < 1e-14
True
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import get_args

from refimpl.arrays import Array, eps, linalg_errors, namespace, qr
from refimpl.checks import plain_numbers
from refimpl.constraints.base import Moved, Solved, Solver, largest
from refimpl.constraints.orthogonal_solvers import (
    gram_defect,
    require_finite,
    shake,
    unchecked_shake,
)
from refimpl.errors import InfeasibleError
from refimpl.random import Rng


@dataclass(frozen=True)
class Orthogonal:
    """Orthonormal columns of a tall or square weight, rows of a wide one.

    Parameters
    ----------
    shape : tuple of int
        Of the weight; two axes or more.
    solver : {"auto", "quasi_newton", "newton"}
        ``"auto"`` is quasi-Newton, and Newton where that stalls or diverges.
    tolerance : float or None
        On the largest entry of QᵀQ − I; default 4 √n eps. None with ``unchecked``.
    max_iterations : int
    unchecked : bool
        Run exactly ``max_iterations`` quasi-Newton iterations and test nothing: an approximation
        that is exact for small steps only.

    Raises
    ------
    ValueError
        For a shape with fewer than two axes or another field out of range.

    Examples
    --------
    >>> Orthogonal((3,))
    Traceback (most recent call last):
    ...
    ValueError: an orthogonality constraint needs a weight with two axes or more, not shape (3,)
    """

    shape: tuple[int, ...]
    solver: Solver = "auto"
    tolerance: float | None = None
    max_iterations: int = 200
    unchecked: bool = False

    def __post_init__(self) -> None:
        plain_numbers(self)
        if len(self.shape) < 2 or min(self.shape) < 1:
            raise ValueError(
                f"an orthogonality constraint needs a weight with two axes or more, "
                f"not shape {self.shape}"
            )
        if self.solver not in get_args(Solver):
            raise ValueError(f"solver must be one of {get_args(Solver)}, not {self.solver!r}")
        if self.max_iterations < 1:
            raise ValueError(f"max_iterations must be at least 1, not {self.max_iterations}")

    @property
    def wide(self) -> bool:
        """Whether the weight has more columns than rows, so that its rows are orthonormal."""
        return self.shape[0] < math.prod(self.shape[1:])

    def tall(self, weight: Array) -> Array:
        """The weight as a tall matrix (n, m), n ≥ m."""
        xp = namespace(weight)
        matrix = weight
        if len(self.shape) > 2:
            matrix = xp.reshape(weight, (self.shape[0], -1))
        return matrix.mT if self.wide else matrix

    def extend(self, parameters: Array) -> Array:
        """The tall matrix.

        Raises
        ------
        InfeasibleError
            If it is not orthonormal to rounding; carries the residual and the tolerance.
        """
        q = self.tall(parameters)
        if not self.unchecked and not self.accepts(parameters):
            raise InfeasibleError(
                f"the weight of shape {self.shape} is not orthonormal; start from its "
                f"orthonormal factor or from an orthogonal initializer",
                residual=float(largest(self.residual(q))),
                tolerance=self._allowed(q),
            )
        return q

    def accepts(self, parameters: Array) -> bool:
        """Whether the weight is orthonormal to rounding."""
        q = self.tall(parameters)
        return float(largest(self.residual(q))) <= self._allowed(q)

    def _allowed(self, q: Array) -> float:
        return 50.0 * q.shape[-2] * eps(q)

    def parameters(self, q: Array) -> Array:
        """The weight of the tall matrix ``q``."""
        xp = namespace(q)
        matrix = q.mT if self.wide else q
        return matrix if len(self.shape) == 2 else xp.reshape(matrix, self.shape)

    def extend_gradient(self, gradient: Array, q: Array) -> Array:
        """The tall gradient."""
        return self.tall(gradient)

    def residual(self, q: Array) -> Array:
        """QᵀQ − I, shape (m, m)."""
        return gram_defect(q)

    def tangency(self, q: Array, p: Array) -> Array:
        """QᵀP + PᵀQ, shape (m, m)."""
        namespace(q, p)
        product = q.mT @ p
        return product + product.mT

    def project_tangent(self, q: Array, u: Array) -> Array:
        """P − ½ Q (QᵀP + PᵀQ)."""
        return u - q @ (0.5 * self.tangency(q, u))

    def project(self, q0: Array, target: Array) -> Solved:
        """Q = W̄ − W Λ with QᵀQ = I on the near-identity branch.

        Raises
        ------
        InfeasibleError
            If the increment is too large for the branch to exist: carries ‖D₂‖ and ‖Ω‖.
        ConvergenceError
            If the solver stopped short of its tolerance.
        """
        namespace(q0, target)  # one library's arrays, or the error that says so
        return self._solve(q0, target - q0)

    def nearest(self, target: Array) -> Solved:
        """The polar factor.

        Raises
        ------
        InfeasibleError
            If the target has lost rank, so that the nearest point is not unique.
        """
        xp = namespace(target)
        require_finite(target, "the target of the polar projection")
        with linalg_errors():
            u, s, vt = xp.linalg.svd(target, full_matrices=False)
        smallest = float(xp.min(s))
        if smallest <= 10.0 * eps(target) * float(xp.max(s)):
            raise InfeasibleError(
                "the nearest orthonormal matrix is not unique: the target has lost rank; use a "
                "smaller step",
                smallest_singular_value=smallest,
            )
        return Solved(u @ vt, 0, largest(s - 1.0))

    def move(self, q: Array, p: Array, step_size: float, tangent: bool = True) -> Moved:
        """SHAKE from W + h P; the momentum is (W' − W)/h."""
        if tangent:
            solved = self._solve(q, step_size * p)
        else:  # one product serves the projection of P and the skew part of Wᵀ(h P)
            product = step_size * (q.mT @ p)
            turned = product.mT
            x = step_size * p - q @ (0.5 * (product + turned))
            solved = self._solve(q, x, 0.5 * (product - turned))
        momentum = (solved.point - q) / step_size
        return Moved(solved.point, momentum, *solved[1:])

    def random_point(self, rng: Rng, like: Array) -> Array:
        """A draw from the Haar law: the sign-fixed Q factor of a Gaussian matrix."""
        return qr(rng.normal(like.shape, like=like))[0]

    def dimension(self, q: Array) -> int:
        """n m − m (m + 1)/2."""
        n, m = q.shape[-2:]
        return n * m - m * (m + 1) // 2

    def _solve(self, w: Array, x: Array, e: Array | None = None) -> Solved:
        """The projection of w + x; ``e`` is Wᵀx where it is known."""
        if self.unchecked:
            return unchecked_shake(w, x, self.max_iterations)
        return shake(
            w,
            x,
            e,
            solver=self.solver,
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
        )

    # --- the projection along the old normal -----------------------------------------------------


def orthonormal_factor(matrix: Array, method: str = "qr") -> Array:
    """An orthonormal matrix in place of a tall one.

    Parameters
    ----------
    matrix : array, shape (n, m), n ≥ m
    method : {"qr", "polar"}
        The Q factor with a positive diagonal of R (Haar for Gaussian input), or the nearest.

    Raises
    ------
    InfeasibleError
        If the columns are linearly dependent.

    Examples
    --------
    >>> import numpy as np
    >>> orthonormal_factor(np.array([[3.0], [4.0]]))
    array([[0.6],
           [0.8]])
    """
    if method == "polar":
        return Orthogonal(tuple(matrix.shape)).nearest(matrix).point
    xp = namespace(matrix)
    require_finite(matrix, "the matrix to orthonormalise")
    factor, triangle = qr(matrix)
    diagonal = xp.abs(xp.linalg.diagonal(triangle))
    smallest, biggest = float(xp.min(diagonal)), float(xp.max(diagonal))
    if smallest <= 10.0 * matrix.shape[0] * eps(matrix) * biggest:
        raise InfeasibleError(
            "the columns are linearly dependent, so they have no orthonormal factor; start from "
            "other weights",
            smallest=smallest,
            largest=biggest,
        )
    return factor
