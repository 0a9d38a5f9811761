"""The projection of W + X on the matrices with QᵀQ = I along the old normal: SHAKE.

Q = W̄ − W Λ with W̄ = W + X, Λ symmetric and QᵀQ = I. The unknown Λ is a small matrix, and so is
its equation (:mod:`refimpl.constraints.orthogonal_small`): the iterations cost products of small
matrices only, and two large products are left, one for E = WᵀX and one for Q.

Algorithm
---------
1. Λ by quasi-Newton iterations; by Newton's where they stall or diverge
2. Q ← W̄ − W Λ, polished while rounding has left a residual above the tolerance

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

from refimpl.arrays import Array, eps, namespace
from refimpl.constraints.base import Solved, Solver, largest
from refimpl.constraints.orthogonal_existence import eye_like, increment_norms, solvability
from refimpl.constraints.orthogonal_small import SmallSystem
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
        ``"auto"``: quasi-Newton from the tangent part of X, and Newton where that stalls.
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
    tolerance = tolerance or 4.0 * math.sqrt(w.shape[-2]) * eps(w)
    e = w.mT @ x if e is None else e
    # Of a square matrix E tells all, but whether there is nothing to do.
    whole = w.shape[-2] == w.shape[-1] and solver == "auto" and float(largest(e)) > tolerance
    d = None if whole else gram_defect(bar)
    first = largest(e if d is None else d)
    if not math.isfinite(float(first)):
        require_finite(x, "the increment of the orthogonality projection")
    if d is not None and float(first) <= tolerance:
        return Solved(bar, 0, 0.0 * first, first)

    small = SmallSystem(e, d, tolerance)
    if solver == "auto":
        small.tangent_part(max_iterations)
    elif solver == "quasi_newton":
        small.quasi_newton(max_iterations)
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
