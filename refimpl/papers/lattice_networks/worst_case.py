"""Worst-case errors of lattice rules in weighted spaces, from the reproducing kernel.

Algorithm
---------
Product weights, points t_k = frac(k z / N):

1. e²(z) ← −1 + (1/N) Σ_k Π_j (1 + γ_j ω(frac(k z_j / N)))

POD weights, order by order:

1. p_{0,0}(k) ← 1
2. p_{j,l}(k) ← p_{j−1,l}(k) + ω(frac(k z_j / N)) γ_j (Γ_l / Γ_{l−1}) p_{j−1,l−1}(k)
3. e²(z) ← (1/N) Σ_k Σ_{l≥1} p_{s,l}(k)

Kernels ω: Korobov space of smoothness α, Σ_{h≠0} e^{2πihx} / |h|^{2α}
= (−1)^{α+1} (2π)^{2α} B_{2α}(x) / (2α)!; ``space="sobolev"`` is B_2, for the shift-averaged error
in the unanchored Sobolev space of first mixed derivatives.

Source: standard; F. Y. Kuo and D. Nuyens, "Application of quasi-Monte Carlo methods to elliptic
PDEs with random diffusion coefficients", 2016. The POD recursion agrees with the sum over all
subsets.

>>> from refimpl.papers.lattice_networks.lattices import Lattice
>>> from refimpl.papers.lattice_networks.weights import ProductWeights
>>> squared_error(Lattice(size=13, vector=(1,)), ProductWeights(gammas=(1.0,)))
0.01946667534731617
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from refimpl.arrays import Array
from refimpl.arrays import backend as make_backend
from refimpl.checks import one_of, plain_numbers
from refimpl.errors import SettingError
from refimpl.papers.lattice_networks.lattices import Lattice
from refimpl.papers.lattice_networks.weights import PODWeights, ProductWeights

_NEGATIVE = 1e-13  # of the largest term: what the cancellation in the kernel sum can leave


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """ω, the kernel of one coordinate without its constant.

    Parameters
    ----------
    smoothness : {1, 2}
        α of the Korobov space.
    space : {"korobov", "sobolev"}
        "sobolev" has smoothness 1 only.

    Raises
    ------
    SettingError
        For another smoothness.

    Examples
    --------
    >>> import numpy as np
    >>> Kernel(space="sobolev")(np.array([0.0]))
    array([0.16666667])
    """

    smoothness: int = 1
    space: Literal["korobov", "sobolev"] = "korobov"

    def __post_init__(self) -> None:
        plain_numbers(self)
        one_of("space", self.space, ("korobov", "sobolev"))
        allowed = (1, 2) if self.space == "korobov" else (1,)
        if self.smoothness not in allowed:
            raise SettingError(
                f"the {self.space} kernel is not known for this smoothness",
                smoothness=self.smoothness,
                known=", ".join(map(str, allowed)),
            )

    def __call__(self, x: Array) -> Array:
        """ω(x) for x in [0, 1], of any shape."""
        second = x * (x - 1.0) + 1.0 / 6.0
        if self.space == "sobolev":
            return second
        if self.smoothness == 1:
            return 2.0 * math.pi**2 * second
        product = x * (1.0 - x)
        return -((2.0 * math.pi) ** 4) / 24.0 * (product * product - 1.0 / 30.0)


KOROBOV = Kernel()
"""The kernel of the Korobov space of smoothness 1."""


@dataclass(frozen=True)
class KernelSum:
    """The kernel sums over the coordinates so far, to which one coordinate at a time is added.

    With it e² of one coordinate more is e² + (γ_j / N) Σ_k ω(frac(k c / N)) ``factor()``[k]: what
    component-by-component construction minimizes over c.

    Attributes
    ----------
    weights : ProductWeights or PODWeights
    table : array, shape (N,)
        ω(i / N).
    orders : array, shape (1 + coordinates, N)
        p_l(k); for product weights the single row Π_j (1 + γ_j ω).
    coordinates : int
        How many are in.
    """

    weights: Any
    table: Array
    orders: Array
    coordinates: int = field(default=0)

    @classmethod
    def empty(cls, size: int, weights: ProductWeights | PODWeights, kernel: Kernel) -> KernelSum:
        """No coordinate yet."""
        xp = make_backend().xp
        table = kernel(xp.astype(xp.arange(size), xp.float64) / size)
        return cls(weights, table, xp.ones((1, size), dtype=xp.float64))

    @property
    def gamma(self) -> float:
        """γ of the next coordinate."""
        if self.coordinates >= len(self.weights.gammas):
            raise SettingError(
                "there are more coordinates than weights", weights=len(self.weights.gammas)
            )
        return self.weights.gammas[self.coordinates]

    def factor(self) -> Array:
        """What multiplies γ_j ω in the sum of the next coordinate, shape (N,)."""
        rows = self.orders
        return sum(self.weights.ratio(order + 1) * rows[order, :] for order in range(rows.shape[0]))

    def with_component(self, component: int) -> KernelSum:
        """With the coordinate of z_j = ``component`` added."""
        xp = make_backend().xp
        size = self.table.shape[0]
        index = (xp.arange(size) * component) % size
        term = self.gamma * xp.take(self.table, index)
        rows, later = self.orders, self.coordinates + 1
        if isinstance(self.weights, ProductWeights):
            return replace(self, orders=rows * (1.0 + term)[None, :], coordinates=later)
        ratios = xp.asarray([self.weights.ratio(order + 1) for order in range(rows.shape[0])])
        raised = rows * term[None, :] * ratios[:, None]
        nothing = xp.zeros_like(rows[:1, :])
        grown = xp.concat([rows, nothing]) + xp.concat([nothing, raised])
        return replace(self, orders=grown, coordinates=later)

    def squared_error(self) -> float:
        """e² of the coordinates so far; it may be negative by rounding."""
        xp = make_backend().xp
        return float(xp.sum(xp.sum(self.orders, axis=0) - 1.0)) / self.table.shape[0]

    def largest(self) -> float:
        """The term of k = 0, which is the largest: the scale of the rounding."""
        xp = make_backend().xp
        return float(xp.sum(self.orders[:, 0]))


def _summed(lattice: Lattice, weights: Any, kernel: Kernel) -> KernelSum:
    total = KernelSum.empty(lattice.size, weights, kernel)
    for component in lattice.vector:
        total = total.with_component(component)
    return total


def squared_error(
    lattice: Lattice, weights: ProductWeights | PODWeights, kernel: Kernel = KOROBOV
) -> float:
    """e²(z), the squared worst-case error; the shift does not matter.

    Parameters
    ----------
    lattice : Lattice
    weights : ProductWeights or PODWeights
        Of at least as many coordinates.
    kernel : Kernel

    Returns
    -------
    float
        Not clipped: rounding may leave a tiny negative value, as the sum cancels when e² is far
        below Π(1 + γ_j ω(0)).
    """
    return _summed(lattice, weights, kernel).squared_error()


def worst_case_error(
    lattice: Lattice, weights: ProductWeights | PODWeights, kernel: Kernel = KOROBOV
) -> float:
    """e(z), the root of :func:`squared_error` clipped at 0.

    Raises
    ------
    SettingError
        If e² is more negative than rounding explains.
    """
    total = _summed(lattice, weights, kernel)
    square = total.squared_error()
    if square < -_NEGATIVE * total.largest():
        raise SettingError(
            "the squared error is negative beyond rounding: the weights are too large for float64",
            squared_error=square,
            largest_term=total.largest(),
        )
    return math.sqrt(max(square, 0.0))
