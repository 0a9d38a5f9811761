"""The penalty on spectral norms, λ Σ_l σ_max(W_l)², by power iteration with a warm start.

Algorithm
---------
For every weight matrix, with the v that the last step left,

1. repeat ``power_iterations`` times: v ← WᵀW v / |WᵀW v|
2. σ ← |W v|, u ← W v / σ
3. R ← λ Σ_l σ_l², ∂R/∂W_l = 2 λ σ u vᵀ, with u and v held fixed

Sources: Y. Yoshida and T. Miyato, "Spectral norm regularization for improving the
generalizability of deep learning", arXiv 1705.10941; the upper bound |f|_H² <= Π |W_l|² (linear
layers) of A. Bietti, G. Mialon, D. Chen and J. Mairal, ICML 2019, whose released code has λ = 0.01
and two iterations.

====== ========================
symbol code
====== ========================
λ      ``strength``
v_l    ``state.memory``
====== ========================

Deviations
----------
* v is normalized after every multiplication. The released code normalizes once at the end, which
  overflows float32 from about twenty iterations (:mod:`released`).
* The start is the longest row of each matrix, deterministic and never orthogonal to its range. A
  cold start with two iterations underestimates σ; the memory makes up for it within a few steps.

>>> import numpy as np
>>> part = SpectralPenalty(strength=0.5, power_iterations=20)
>>> params = [{"weight": np.diag([3.0, 1.0]), "bias": np.zeros(2)}]
>>> value, gradient, aux = part.value_and_gradient(params, None, None, part.init(params))
>>> round(float(value), 6), gradient[0]["weight"].round(6)
(4.5, array([[3., 0.],
       [0., 0.]]))
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from refimpl import autodiff as ad
from refimpl.algorithms.attacks import normalized_rows
from refimpl.algorithms.base import Objective, Tree
from refimpl.algorithms.gradient_penalties import STRENGTH_HELP, plain, zero
from refimpl.arrays import Array, namespace
from refimpl.checks import count, non_negative, plain_numbers
from refimpl.errors import SettingError
from refimpl.random import Rng


@dataclass(frozen=True, kw_only=True)
class SpectralPenalty:
    """λ Σ_l σ_max(W_l)² over the weight matrices, a penalty.

    Parameters
    ----------
    strength : float
        λ, non-negative.
    power_iterations : int
        Multiplications by WᵀW in a step.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.
    SettingError
        From ``init``, if there is no weight matrix.

    Examples
    --------
    >>> SpectralPenalty(power_iterations=0)
    Traceback (most recent call last):
    ...
    ValueError: power_iterations must be at least 1, not 0
    """

    strength: float = field(default=0.01, metadata={"help": STRENGTH_HELP})
    power_iterations: int = field(default=2, metadata={"help": "power iterations in a step"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
        count("power_iterations", self.power_iterations)

    def init(self, params: Tree) -> list[Array]:
        """The longest row of every weight matrix, normalized."""
        matrices = _matrices(params)
        if not matrices:
            raise SettingError("the spectral penalty acts on no parameter: none has two axes")
        return [_start(matrix) for matrix in matrices]

    def value(
        self, params: Tree, batch: Any, objective: Objective, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, list[Array]]:
        """R, 0-d, differentiable in ``params``, and the new v of every matrix."""
        total, vectors = zero(params), []
        for matrix, fixed, vector in zip(
            _matrices(params), _matrices(plain(params)), aux, strict=True
        ):
            left, right, _ = leading(fixed, vector, self.power_iterations)
            sigma = ad.sum((matrix @ right) * left)
            total = self.strength * sigma * sigma + total
            vectors.append(right)
        return total, vectors

    def value_and_gradient(
        self, params: Tree, batch: Any, objective: Objective, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, Tree, list[Array]]:
        """R, its gradient 2 λ σ u vᵀ and the new v of every matrix."""
        leaves, structure = ad.flatten(params)
        supply = iter(aux)
        total, vectors, gradient = zero(params), [], []
        for leaf in leaves:
            xp = namespace(leaf)
            if leaf.ndim < 2:
                gradient.append(xp.zeros_like(leaf))
                continue
            left, right, sigma = leading(_matrix(leaf), next(supply), self.power_iterations)
            total = total + self.strength * sigma * sigma
            outer = (2.0 * self.strength * sigma) * (left[:, None] * right[None, :])
            gradient.append(xp.reshape(outer, leaf.shape))
            vectors.append(right)
        return total, ad.unflatten(structure, gradient), vectors

    def diagnostics(
        self, params: Tree, batch: Any, objective: Objective, aux: Any
    ) -> dict[str, Array]:
        """``spectral_product``: Π σ_l as the power iteration has it."""
        product = None
        for matrix, vector in zip(_matrices(params), aux, strict=True):
            sigma = namespace(matrix).linalg.vector_norm(matrix @ vector)
            product = sigma if product is None else product * sigma
        return {"spectral_product": product}


def leading(matrix: Array, vector: Array, iterations: int) -> tuple[Array, Array, Array]:
    """Leading singular vectors and value of ``matrix`` (m, n) by power iteration from ``vector``.

    Returns
    -------
    left : array, shape (m,)
    right : array, shape (n,)
    value : 0-d array
        At most the spectral norm. All are 0 for the zero matrix, whose ``right`` stays.

    Examples
    --------
    >>> import numpy as np
    >>> leading(np.diag([3.0, 1.0]), np.array([0.6, 0.8]), 30)[2].round(9)
    np.float64(3.0)
    """
    xp = namespace(matrix)
    for _ in range(iterations):
        turned = _normalized(matrix.mT @ _normalized(matrix @ vector))
        vector = xp.where(xp.max(xp.abs(turned)) > 0, turned, vector)
    image = matrix @ vector
    return _normalized(image), vector, xp.linalg.vector_norm(image)


def _normalized(vector: Array) -> Array:
    return normalized_rows(vector[None, :])[0, :]


def _start(matrix: Array) -> Array:
    xp = namespace(matrix)
    longest = xp.argmax(xp.sum(matrix * matrix, axis=1))
    row = xp.take(matrix, xp.reshape(longest, (1,)), axis=0)
    unit = normalized_rows(row)[0, :]
    even = xp.ones_like(unit) / unit.shape[0] ** 0.5
    return xp.where(xp.max(xp.abs(unit)) > 0, unit, even)


def _matrix(leaf: Array) -> Array:
    """A kernel (out, ...) as (out, everything else); differentiable."""
    return leaf if leaf.ndim == 2 else ad.reshape(leaf, (leaf.shape[0], -1))


def _matrices(params: Tree) -> list[Array]:
    return [_matrix(leaf) for leaf in ad.flatten(params)[0] if leaf.ndim >= 2]
