"""The equation of SHAKE's multiplier: small matrices, and three ways to solve it.

With E = WᵀX = A + Ω, its symmetric and its skew part, and D = W̄ᵀW̄ − I for W̄ = W + X, the matrix
Q = W̄ − W Λ is orthonormal where

    0 = QᵀQ − I = D − 2 Λ + T + Tᵀ,   T = Λ (½ Λ − E).

A is the normal part of the increment, and all of it leaves with Λ = A − Z. What is left is

    0 = 2 Z + Z² + Z Ω − Ω Z + G,   G = D − 2 A − U − Uᵀ,   U = A (½ A + Ω),

where G is the Gram matrix of the tangent part of X: of second order in the increment, and so is Z.

Algorithm
---------
* quasi-Newton: Λ ← Λ + ½ (QᵀQ − I) from ½ D, the same iterates as Q ← Q − ½ W (QᵀQ − I)
* the same from Λ = A: Z ← −½ (G + V + Vᵀ), V = Z (½ Z + Ω), from −½ G. V is of third order, so that
  in float64 it is taken in float32 as long as its rounding cannot be seen. Of a square W, X = W E
  gives G = ΩᵀΩ; Z is a function of it, commutes with Ω, and V + Vᵀ = Z²
* Newton: Λ ← Λ + S with MᵀS + S M = QᵀQ − I, M = WᵀQ (a Lyapunov equation)

>>> import numpy as np
>>> e = np.array([[0.1, 0.3], [-0.3, 0.2]])
>>> small = SmallSystem(e, None, 1e-15)  # of a square W
>>> small.tangent_part(50)
>>> m = np.eye(2) + e - small.multiplier
>>> bool(np.max(abs(m.T @ m - np.eye(2))) < 1e-15)
True
"""

from __future__ import annotations

import math

from refimpl.arrays import Array, eps, linalg_errors, namespace
from refimpl.constraints.base import largest
from refimpl.constraints.orthogonal_existence import eye_like

LARGE = 128
"""Columns from which on products in float32 save more than their conversions cost."""


class SmallSystem:
    """The equation of Λ and where its solution stands.

    Parameters
    ----------
    e : array, shape (..., m, m)
    d : array, shape (..., m, m), or None
        None for a square W, of which E is all that is needed.
    tolerance : float
        On the largest entry of QᵀQ − I.
    """

    def __init__(self, e: Array, d: Array | None, tolerance: float = 0.0) -> None:
        self.e = e
        self.square = d is None
        self._d = d
        self.multiplier = 0.0 * e
        self.iterations = 0
        self.residual = math.inf
        self.target = max(4.0 * eps(e), tolerance / 8.0)

    @property
    def d(self) -> Array:
        """D; of a square W it is E + Eᵀ + EᵀE."""
        if self._d is None:
            self._d = self.e + self.e.mT + self.e.mT @ self.e
        return self._d

    @property
    def converged(self) -> bool:
        """Whether the residual of the small equation is below its target."""
        return self.residual <= self.target

    def defect(self) -> Array:
        """QᵀQ − I at the present Λ."""
        t = self.multiplier @ (0.5 * self.multiplier - self.e)
        return self.d - 2.0 * self.multiplier + (t + t.mT)

    def quasi_newton(self, limit: int) -> None:
        """Λ ← Λ + ½ (QᵀQ − I) from ½ D.

        Written as Λ ← ½ D + U + Uᵀ, U = Λ (¼ Λ − ½ E), so that the residual is twice the change.
        """
        half, shift = 0.5 * self.d, 0.5 * self.e
        old = math.inf
        self.multiplier = half
        self.iterations = 1
        while True:
            u = self.multiplier @ (0.25 * self.multiplier - shift)
            new = half + (u + u.mT)
            self.residual = 2.0 * float(largest(new - self.multiplier))
            lost = not self.residual < 1e3
            if self.converged or lost or self.iterations >= limit:
                return
            self.multiplier = new
            self.iterations += 1
            if old < math.inf and self._foreseen(self.residual / old):
                return
            old = self.residual

    def tangent_part(self, limit: int) -> None:
        """Z ← −½ (G + V + Vᵀ) from −½ G, until each iteration gains too little."""
        xp = namespace(self.e)
        normal = 0.5 * (self.e + self.e.mT)
        omega = self.e - normal
        half = -0.5 * self._gram(normal, omega)
        low = self.e.dtype == xp.float64 and self.e.shape[-1] >= LARGE
        factor = xp.astype(omega, xp.float32) if low else omega
        z, old, rate = half, math.inf, 1.0
        while True:
            v = self._coupling(xp.astype(z, factor.dtype, copy=False), factor)
            noise = 4.0 * eps(v) * float(largest(v)) if low else 0.0
            new = half - 0.5 * xp.astype(v, z.dtype, copy=False)
            self.residual = 2.0 * float(largest(new - z))
            if not self.residual < 1e3:
                return
            z, self.multiplier = new, normal - new
            self.iterations += 1
            seen = noise > 0.5 * self.target
            rate = self.residual / old if old < math.inf else rate
            if not seen and (self.converged or self._foreseen(rate)):
                return
            stalled = self.residual > 0.5 * old
            if seen and (stalled or self.residual * rate <= 4.0 * noise):
                low, factor, old = False, omega, math.inf
            elif stalled or self.iterations >= limit:
                return
            else:
                old = self.residual

    def _gram(self, normal: Array, omega: Array) -> Array:
        """G."""
        if self.square:
            return omega.mT @ omega
        if float(largest(normal)) == 0.0:
            return self.d
        u = normal @ (0.5 * normal + omega)
        return self.d - 2.0 * normal - (u + u.mT)

    def _coupling(self, z: Array, omega: Array) -> Array:
        """V + Vᵀ = Z² + Z Ω − Ω Z."""
        if self.square:
            return z.mT @ z
        v = z @ (0.5 * z + omega)
        return v + v.mT

    def _foreseen(self, rate: float) -> bool:
        """Whether this linear rate puts the last iterate below the target; the residual of the
        large matrix, which is measured in any case, confirms it."""
        if self.residual * rate > 0.5 * self.target:
            return False
        self.residual = self.residual * rate
        return True

    def newton(self, limit: int) -> None:
        """Newton from Λ = 0, where the branch near the identity begins."""
        self.multiplier = 0.0 * self.d
        self.iterations = 0
        eye = eye_like(self.d)
        best, defect = math.inf, self.d
        while self.iterations < limit:
            m = eye + self.e - self.multiplier
            step = _lyapunov(m, defect, eye)
            if step is None:
                return
            self.multiplier = self.multiplier + 0.5 * (step + step.mT)
            self.iterations += 1
            defect = self.defect()
            self.residual = float(largest(defect))
            if self.converged or not self.residual < 1e3:
                return
            if self.iterations > 60 and self.residual > 0.5 * best:
                return
            best = min(best, self.residual)


def _lyapunov(m: Array, right: Array, eye: Array) -> Array | None:
    """S with MᵀS + S M = R, by the Newton iteration for the matrix sign; None if M is singular.

    It needs the eigenvalues of M to the right of the imaginary axis, which is the near-identity
    branch. An error in S only slows Newton's method down, so the loop ends at √eps.
    """
    xp = namespace(m)
    a, c = m, right
    for _ in range(40):
        try:
            with linalg_errors():
                inverse = xp.linalg.inv(a)
        except Exception as error:
            if type(error).__name__ != "LinAlgError":
                raise
            return None
        c = 0.5 * (c + inverse.mT @ (c @ inverse))
        a = 0.5 * (a + inverse)
        distance = float(largest(a - eye))
        if distance <= math.sqrt(eps(m)) * 0.1:
            return 0.5 * c
        if not distance < 1e8:
            return None
    return None
