"""The projection of W + X on the matrices with QᵀQ = I along the old normal: SHAKE.

Q = W̄ − W Λ with W̄ = W + X, Λ symmetric and QᵀQ = I. The unknown Λ is a small matrix, and so is
its equation. With E = WᵀX and D = W̄ᵀW̄ − I,

    0 = QᵀQ − I = D − 2 Λ + T + Tᵀ,   T = Λ (½ Λ − E),

so the iterations cost products of small matrices only, and two large products are left, one for E
and one for Q.

Algorithm
---------
1. quasi-Newton: Λ ← Λ + ½ (QᵀQ − I), the same iterates as Q ← Q − ½ W (QᵀQ − I)
2. Newton, where that stalls or diverges: Λ ← Λ + S with MᵀS + S M = QᵀQ − I, M = WᵀQ (a Lyapunov
   equation)
3. Q ← W̄ − W Λ, polished while rounding has left a residual above the tolerance

>>> import numpy as np
>>> w = np.eye(3, 2)
>>> x = np.array([[0.0, 0.3], [-0.3, 0.0], [0.0, 0.1]])
>>> q = shake(w, x, None, solver="newton", tolerance=None, max_iterations=50).point
>>> float(abs(q.T @ q - np.eye(2)).max()) < 1e-14
True
"""

from __future__ import annotations

import math
from typing import Any

from refimpl.arrays import Array, eps, linalg_errors, namespace
from refimpl.constraints.base import Solved, Solver, largest
from refimpl.constraints.orthogonal_existence import eye_like, increment_norms, solvability
from refimpl.errors import ConvergenceError, InfeasibleError

_EXACT_LIMIT = 256  # columns up to which a failure is explained by the exact criterion


def shake(
    w: Array,
    x: Array,
    e: Array | None,
    *,
    solver: Solver,
    tolerance: float | None,
    max_iterations: int,
) -> Solved:
    """The near-identity projection of W + X along the normals at W.

    Parameters
    ----------
    w, x : array, shape (n, m)
        An orthonormal matrix and the increment.
    e : array, shape (m, m), or None
        WᵀX, if it is known.
    solver : {"auto", "quasi_newton", "newton"}
    tolerance : float or None
        On the largest entry of QᵀQ − I; default 4 √n eps.
    max_iterations : int

    Raises
    ------
    InfeasibleError
        If the increment is not finite, or too large for the branch to exist.
    ConvergenceError
        If the solver stopped short of its tolerance.
    """
    bar = w + x
    d = gram_defect(bar)
    first = largest(d)
    start = float(first)
    if not math.isfinite(start):
        require_finite(x, "the increment of the orthogonality projection")
    tolerance = tolerance or 4.0 * math.sqrt(w.shape[-2]) * eps(w)
    if start <= tolerance:
        return Solved(bar, 0, 0.0 * first, first)

    small = SmallSystem(w.mT @ x if e is None else e, d, tolerance)
    if solver != "newton":
        small.quasi_newton(max_iterations, switch=solver == "auto")
    if solver != "quasi_newton" and not small.converged:
        small.newton(max_iterations)
    if not small.converged:
        raise _failure(w, x, small, solver)
    point = bar - w @ small.multiplier
    # The small system takes WᵀW = I for granted; what rounding left is removed here.
    for _ in range(3):
        defect = gram_defect(point)
        measured = largest(defect)
        residual = float(measured)
        if residual <= tolerance:
            return Solved(point, small.iterations, largest(small.multiplier), measured)
        point = point - point @ (0.5 * defect)
        small.iterations += 1
    small.residual = residual
    raise _failure(w, x, small, solver)


def unchecked_shake(w: Array, x: Array, iterations: int) -> Solved:
    """Quasi-Newton iterations on the large matrix without a test, whatever W is."""
    bar = w + x
    defect = gram_defect(bar)
    if not math.isfinite(float(largest(defect))):
        require_finite(x, "the increment of the orthogonality projection")
    part = 0.5 * defect
    q, multiplier = bar - w @ part, part
    for _ in range(iterations - 1):
        part = 0.5 * gram_defect(q)
        multiplier = multiplier + part
        q = q - w @ part
    return Solved(q, iterations, largest(multiplier))


def gram_defect(q: Array) -> Array:
    """QᵀQ − I, shape (m, m)."""
    return q.mT @ q - eye_like(q)


def require_finite(values: Array, name: str) -> None:
    """Raise InfeasibleError, with the counts, unless all entries are finite."""
    xp = namespace(values)
    if not bool(xp.all(xp.isfinite(values))):
        raise InfeasibleError(
            f"{name} is not finite; the gradient or the noise overflowed: use a smaller step",
            finite_entries=int(xp.sum(xp.astype(xp.isfinite(values), xp.int64))),
            entries=math.prod(values.shape),
        )


def _failure(w: Array, x: Array, small: SmallSystem, solver: Solver) -> Exception:
    """Why there is no solution: it does not exist, or the iterations did not reach it."""
    rotation, outside = increment_norms(w, x)
    numbers: dict[str, Any] = {
        "residual": small.residual,
        "iterations": small.iterations,
        "outside_norm": outside,
        "rotation_norm": rotation,
    }
    impossible = outside >= 1.0 or rotation >= 1.0
    doubtful = not impossible and outside**2 + rotation**2 >= 1.0
    # The exact criterion is for one matrix; of a stack the error tells the largest norms.
    if doubtful and w.ndim == 2 and w.shape[-1] <= _EXACT_LIMIT:
        impossible = solvability(w, x) <= 0.0
    if impossible:
        return InfeasibleError(
            "the step is too large for the projection onto the orthogonal matrices to exist; "
            "use a smaller step size, temperature or gradient, or let the step be rejected, "
            "halved or replaced by the polar projection",
            **numbers,
        )
    others = [repr(name) for name in ("auto", "newton") if name != solver]
    return ConvergenceError(
        f"the projection onto the orthogonal matrices did not converge with solver {solver!r}; "
        f"use solver {' or '.join(others)}, more iterations or a smaller step",
        **numbers,
    )


class SmallSystem:
    """The equation of Λ and where its solution stands."""

    def __init__(self, e: Array, d: Array, tolerance: float = 0.0) -> None:
        self.e = e
        self.d = d
        self.multiplier = 0.0 * d
        self.iterations = 0
        self.residual = math.inf
        self.target = max(4.0 * eps(d), tolerance / 8.0)

    @property
    def converged(self) -> bool:
        """Whether the residual of the small equation is below its target."""
        return self.residual <= self.target

    def defect(self) -> Array:
        """QᵀQ − I at the present Λ."""
        t = self.multiplier @ (0.5 * self.multiplier - self.e)
        return self.d - 2.0 * self.multiplier + (t + t.mT)

    def quasi_newton(self, limit: int, *, switch: bool) -> None:
        """Λ ← Λ + ½ (QᵀQ − I); with ``switch``, leave where each iteration gains too little.

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
            if switch and self.residual > 0.5 * old:
                return
            self.multiplier = new
            self.iterations += 1
            if old < math.inf and self.residual * self.residual <= 0.5 * old * self.target:
                # The linear rate puts this iterate below the target: the residual of the
                # large matrix, which is measured in any case, confirms it.
                self.residual = self.residual * self.residual / old
                return
            old = self.residual

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
