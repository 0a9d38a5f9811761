"""Exact moments of gradient descent with multiplicative noise on a quadratic support loss.

L_S = ½ (θ − c)'H(θ − c), L_Q = ½ (θ − d)'Q(θ − d), θ_{k+1} = θ_k − α n_k ⊙ H(θ_k − c) with
independent entries of mean 1 and variance v. Then with A = I − αH

* mean: m_{k+1} = A m_k for m = E θ − c: noiseless descent exactly,
* covariance: C_{k+1} = A C_k A' + α² v diag(diag(H (C_k + m_k m_k') H)),
* E L_Q(θ_K) = L_Q(mean) + ½ tr(Q C_K); for K = 1 the excess is (α²/2) v Σ_i Q_ii g_i².

θ_K is affine in every entry of the noise, so L_Q has degree 2 in each: only mean and variance of
the noise matter, whatever its family. Read backwards in k the same law gives E L_Q as a quadratic
form of θ_0, and so the gradient of the expectation. All derived here.

>>> from refimpl import backend
>>> place = backend("numpy")
>>> q = Quadratics(*map(place.asarray, ([[2.0]], [0.0], [[1.0]], [0.0])))
>>> float(q.expected_query(place.asarray([1.0]), rate=0.25, variance=1.0, steps=1))
0.25
"""

from __future__ import annotations

from typing import Any, NamedTuple

from refimpl.arrays import Array, device, namespace


class Quadratics(NamedTuple):
    """A support and a query loss: Hessians (d, d) and centers (d,)."""

    hessian: Array
    center: Array
    query_hessian: Array
    query_center: Array

    def _descent(self, rate: float) -> Array:
        xp = namespace(self.hessian)
        size = self.hessian.shape[0]
        identity = xp.eye(size, dtype=self.hessian.dtype, device=device(self.hessian))
        return identity - rate * self.hessian

    def moments(
        self, start: Array, rate: float, variance: float, steps: int
    ) -> tuple[list[Array], list[Array]]:
        """Means E θ_k and covariances of θ_k, for k = 0, ..., ``steps``.

        Parameters
        ----------
        start : array, shape (d,)
        rate, variance : float
            α and v.
        steps : int
            K.
        """
        a, h = self._descent(rate), self.hessian
        mean = start - self.center
        covariance = 0.0 * self.hessian
        means, covariances = [start], [covariance]
        for _ in range(steps):
            spread = _diagonal(h @ (covariance + mean[:, None] * mean[None, :]) @ h)
            covariance = a @ covariance @ a.mT + (rate**2 * variance) * spread
            mean = a @ mean
            means.append(mean + self.center)
            covariances.append(covariance)
        return means, covariances

    def query(self, point: Array) -> Array:
        """L_Q at a point, 0-d."""
        xp = namespace(point)
        away = point - self.query_center
        return 0.5 * xp.sum(away * (self.query_hessian @ away))

    def expected_query(self, start: Array, rate: float, variance: float, steps: int) -> Array:
        """E L_Q(θ_K), 0-d."""
        means, covariances = self.moments(start, rate, variance, steps)
        xp = namespace(start)
        excess = 0.5 * xp.sum(self.query_hessian * covariances[-1])
        return self.query(means[-1]) + excess

    def one_step_penalty(self, start: Array, rate: float) -> Array:
        """(α²/2) Σ_i Q_ii g_i², the factor of v in the excess of one step, 0-d."""
        xp = namespace(start)
        gradient = self.hessian @ (start - self.center)
        return 0.5 * rate**2 * xp.sum(xp.linalg.diagonal(self.query_hessian) * gradient**2)

    def expected_gradient(self, start: Array, rate: float, variance: float, steps: int) -> Array:
        """∇ E L_Q(θ_K) in θ_0, shape (d,), by the law read backwards.

        With x = θ − c: P_K = Q, P_k = A'P_{k+1}A + α²v H diag(diag P_{k+1}) H, and
        ∇ = P_0 x_0 − (A^K)'Q (d − c).
        """
        a, h = self._descent(rate), self.hessian
        form = self.query_hessian
        shift = self.query_hessian @ (self.query_center - self.center)
        for _ in range(steps):
            form = a.mT @ form @ a + (rate**2 * variance) * (h @ _diagonal(form) @ h)
            shift = a.mT @ shift
        return form @ (start - self.center) - shift


def _diagonal(matrix: Any) -> Array:
    xp = namespace(matrix)
    size = matrix.shape[0]
    return matrix * xp.eye(size, dtype=matrix.dtype, device=device(matrix))
