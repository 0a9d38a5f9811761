"""Orthonormal columns in many chains at once.

Newton's method for Λ from 0 in all chains, Λ ← Λ + S with MᵀS + S M = QᵀQ − I and M = WᵀQ. For two
columns S = (det M · R + adj(M)ᵀ R adj(M)) / (2 tr M det M) solves MᵀS + S M = R; for more the
equation is a linear system of m² unknowns a chain. The branch near the identity is the one on which
the eigenvalues of WᵀQ have positive real parts.

>>> import numpy as np
>>> many = ManyOrthogonal(Orthogonal((3, 2)))
>>> q = np.stack([np.eye(3, 2)] * 2)
>>> p = np.zeros((2, 3, 2))
>>> p[0, 2, 0], p[1, 2, 0] = 0.3, 30.0
>>> many.move(q, p, 1.0).solved
array([ True, False])
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from refimpl.arrays import Array, device, eps, namespace, put_rows, range_unwatched
from refimpl.constraints.many_base import (
    Moves,
    choose,
    chosen,
    every,
    indices,
    largest_of_each,
    solve_each,
)
from refimpl.constraints.orthogonal import Orthogonal
from refimpl.constraints.orthogonal_existence import eye_like
from refimpl.constraints.orthogonal_solvers import gram_defect
from refimpl.errors import InfeasibleError


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
        """Λ of every chain; each step is taken in those alone that have neither arrived nor
        diverged."""
        xp = namespace(e)
        eye, ends = eye_like(e), 0.0 * d
        multiplier, defect, size, chains = ends, d, largest_of_each(d), every(d)
        for iteration in range(self.max_iterations):
            going = indices((size > 0.25 * allowed) & (size < 1e3))
            if not len(going):
                return ends, iteration
            chains = chains[going]
            e, d, multiplier, defect, size = chosen(going, e, d, multiplier, defect, size)
            step = _lyapunov(eye + e - multiplier, defect)
            multiplier = multiplier + 0.5 * (step + step.mT)
            ends = put_rows(ends, chains, multiplier)
            t = multiplier @ (0.5 * multiplier - e)
            defect = d - 2.0 * multiplier + (t + t.mT)
            before, size = size, largest_of_each(defect)
            if bool(xp.all(size >= 0.5 * before)) and iteration > 4:
                return ends, iteration + 1  # at rounding, or nowhere to go
        return ends, self.max_iterations


def _lyapunov(m: Array, right: Array) -> Array:
    """S with MᵀS + S M = R for every chain; something else where M has eigenvalues of sum zero."""
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
    return xp.reshape(solve_each(system, right), m.shape)


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
    m = choose(found, m, eye)
    solution = _lyapunov(m, eye)
    solves = largest_of_each(m.mT @ solution + solution @ m - eye) < 0.5
    symmetric = choose(solves, solution + solution.mT, -eye)
    return xp.min(xp.linalg.eigvalsh(symmetric), axis=-1) > 0.0
