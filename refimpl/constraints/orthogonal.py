"""Orthonormal columns (or rows): the Stiefel manifold WᵀW = I.

A weight with more rows than columns, or as many, has orthonormal columns; a wide one orthonormal
rows. The configuration q is the tall one of W and Wᵀ, so that one case is implemented; kernels
with more than two axes are matrices (out, rest). All singular values are 1.

* tangent space: Wᵀ P + Pᵀ W = 0;  Π P = P − ½ W (Wᵀ P + Pᵀ W)
* SHAKE from W̄ = W + X along the old normal: Q = W̄ − W Λ with Λ symmetric and QᵀQ = I
* nearest point: the polar factor W̄ (W̄ᵀ W̄)^(−½)

The unknown Λ is a small matrix, and so is its equation. With E = WᵀX and D = W̄ᵀW̄ − I,

    0 = QᵀQ − I = D − 2 Λ + T + Tᵀ,   T = Λ (½ Λ − E),

so the iterations cost products of small matrices only, and two large products are left, one for E
and one for Q:

* quasi-Newton: Λ ← Λ + ½ (QᵀQ − I), the same iterates as Q ← Q − ½ W (QᵀQ − I);
* Newton: Λ ← Λ + S with MᵀS + S M = QᵀQ − I, M = WᵀQ (a Lyapunov equation).

With Ω = skew(WᵀX) and D₂ = X − W WᵀX, the near-identity solution exists if and only if
ν² I − 2 i ν Ω + I − D₂ᵀD₂ is positive definite for every real ν; ‖D₂‖² + ‖Ω‖² < 1 suffices, and
‖D₂‖ < 1 and ‖Ω‖ < 1 are necessary (derived; spectral norms).

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
from typing import Any, get_args

from refimpl.arrays import Array, eps, linalg_errors, namespace, qr
from refimpl.arrays import device as device_of
from refimpl.constraints.base import Moved, Solved, Solver, largest
from refimpl.errors import ConvergenceError, InfeasibleError
from refimpl.random import Rng

_EXACT_LIMIT = 256  # columns up to which a failure is explained by the exact criterion


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
                f"orthonormal factor",
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
        return q.mT @ q - _eye(q)

    def tangency(self, q: Array, p: Array) -> Array:
        """QᵀP + PᵀQ, shape (m, m)."""
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
        return self._solve(q0, target - q0)

    def nearest(self, target: Array) -> Solved:
        """The polar factor.

        Raises
        ------
        InfeasibleError
            If the target has lost rank, so that the nearest point is not unique.
        """
        xp = namespace(target)
        _require_finite(target, "the target of the polar projection")
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

    # --- the projection along the old normal -----------------------------------------------------

    def _solve(self, w: Array, x: Array, e: Array | None = None) -> Solved:
        """The projection of w + x; ``e`` is Wᵀx where it is known."""
        bar = w + x
        d = self.residual(bar)
        first = largest(d)
        start = float(first)
        if not math.isfinite(start):
            _require_finite(x, "the increment of the orthogonality projection")
        tolerance = self.tolerance or 4.0 * math.sqrt(w.shape[-2]) * eps(w)
        if start <= tolerance and not self.unchecked:
            return Solved(bar, 0, 0.0 * first, first)
        if self.unchecked:
            return self._fixed(w, bar)

        e = w.mT @ x if e is None else e
        small = _SmallSystem(e, d, tolerance)
        if self.solver != "newton":
            small.quasi_newton(self.max_iterations, switch=self.solver == "auto")
        if self.solver != "quasi_newton" and not small.converged:
            small.newton(self.max_iterations)
        if not small.converged:
            raise self._failure(w, x, small)
        point = bar - w @ small.multiplier
        # The small system takes WᵀW = I for granted; what rounding left is removed here.
        for _ in range(3):
            defect = self.residual(point)
            measured = largest(defect)
            residual = float(measured)
            if residual <= tolerance:
                return Solved(point, small.iterations, largest(small.multiplier), measured)
            point = point - point @ (0.5 * defect)
            small.iterations += 1
        small.residual = residual
        raise self._failure(w, x, small)

    def _fixed(self, w: Array, bar: Array) -> Solved:
        """K iterations on the large matrix without a test, whatever W is."""
        q, multiplier = bar, None
        for _ in range(self.max_iterations):
            part = 0.5 * self.residual(q)
            multiplier = part if multiplier is None else multiplier + part
            q = q - w @ part
        assert multiplier is not None
        return Solved(q, self.max_iterations, largest(multiplier))

    def _failure(self, w: Array, x: Array, small: _SmallSystem) -> Exception:
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
        return ConvergenceError(
            f"the projection onto the orthogonal matrices did not converge with solver "
            f"{self.solver!r}; use solver='auto' or 'newton', more iterations or a smaller step",
            **numbers,
        )


class _SmallSystem:
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
        eye = _eye(self.d)
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


def increment_norms(w: Array, x: Array) -> tuple[float, float]:
    """‖Ω‖ and ‖D₂‖: how far an increment turns inside the span of W, and leaves it.

    Parameters
    ----------
    w, x : array, shape (n, m)
        An orthonormal matrix and the increment.

    Returns
    -------
    rotation, outside : float
        Spectral norms of skew(WᵀX) and of X − W WᵀX.

    Examples
    --------
    >>> import numpy as np
    >>> increment_norms(np.eye(2, 1), np.array([[0.0], [0.5]]))
    (0.0, 0.5)
    """
    xp = namespace(w, x)
    product = w.mT @ x
    with linalg_errors():
        rotation = float(xp.max(xp.linalg.svdvals(0.5 * (product - product.mT))))
        outside = float(xp.max(xp.linalg.svdvals(x - w @ product)))
    return rotation, outside


def solvability(w: Array, x: Array) -> float:
    """The smallest eigenvalue of ν² I − 2 i ν Ω + I − D₂ᵀD₂ over all real ν.

    The projection of W + X along the normals at W has a solution near the identity if and only if
    this is positive. The cost is that of some fifty eigenvalue problems of size 2 m.

    Parameters
    ----------
    w, x : array, shape (n, m)

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> w, x = np.eye(2, 1), np.array([[0.0], [0.6]])
    >>> round(solvability(w, x), 12)
    0.64
    """
    xp = namespace(w, x)
    product = w.mT @ x
    omega = 0.5 * (product - product.mT)
    outside = x - w @ product
    base = _eye(product) - outside.mT @ outside

    def value(nu: float) -> float:
        # A Hermitian matrix A + iB as the real symmetric [[A, -B], [B, A]].
        real = base + (nu * nu) * _eye(base)
        imaginary = (-2.0 * nu) * omega
        matrix = xp.concat(
            [xp.concat([real, -imaginary], axis=1), xp.concat([imaginary, real], axis=1)], axis=0
        )
        with linalg_errors():
            return float(xp.min(xp.linalg.eigvalsh(matrix)))

    limit, _ = increment_norms(w, x)
    points = 17
    grid = [limit * k / (points - 1) for k in range(points)]
    values = [value(nu) for nu in grid]
    at = values.index(min(values))
    low, high = grid[max(at - 1, 0)], grid[min(at + 1, points - 1)]
    ratio = (math.sqrt(5.0) - 1.0) / 2.0
    best = values[at]
    for _ in range(25):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        f_left, f_right = value(left), value(right)
        best = min(best, f_left, f_right)
        if f_left < f_right:
            high = right
        else:
            low = left
    return best


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
    _require_finite(matrix, "the matrix to orthonormalise")
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


def _eye(like: Array) -> Array:
    xp = namespace(like)
    return xp.eye(like.shape[-1], dtype=like.dtype, device=device_of(like))


def _require_finite(values: Array, name: str) -> None:
    xp = namespace(values)
    if not bool(xp.all(xp.isfinite(values))):
        raise InfeasibleError(
            f"{name} is not finite; the gradient or the noise overflowed: use a smaller step",
            finite_entries=int(xp.sum(xp.astype(xp.isfinite(values), xp.int64))),
            entries=math.prod(values.shape),
        )
