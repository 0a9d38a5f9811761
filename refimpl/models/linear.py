"""Linear chains: the depth-D scalar chain and the deep linear network.

Their training dynamics have closed forms (:mod:`refimpl.theory.linear_chain`), which makes them
the testing ground of this package.

>>> import numpy as np
>>> chain = LinearChain(3)
>>> chain([np.asarray(2.0)] * 3, np.array([1.0, 2.0]))
array([ 8., 16.])
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from refimpl import autodiff as ad
from refimpl.arrays import Array, Backend, backend_of
from refimpl.arrays import backend as make_backend
from refimpl.checks import plain_numbers
from refimpl.models.initializers import INITIALIZERS
from refimpl.random import Rng


@dataclass(frozen=True)
class LinearChain:
    """f(x) = w_D ... w_1 x with scalar weights.

    Attributes
    ----------
    depth : int
        Number of weights D >= 1.
    """

    depth: int

    replayable = True  # the outputs depend on parameters and inputs alone

    def __post_init__(self) -> None:
        plain_numbers(self)
        if self.depth < 1:
            raise ValueError(f"depth must be at least 1, not {self.depth}")

    def init(self, weights: float | list[float], backend: Backend | None = None) -> list[Array]:
        """0-d parameters: one value for all, or one for each of the D weights."""
        values = [weights] * self.depth if isinstance(weights, (int, float)) else list(weights)
        if len(values) != self.depth:
            raise ValueError(f"expected {self.depth} weights, got {len(values)}")
        place = backend or make_backend()
        return [place.asarray(float(value)) for value in values]

    def gain(self, params: list[Array]) -> Array:
        """The product u = w_D ... w_1."""
        product = params[0]
        for weight in params[1:]:
            product = product * weight
        return product

    def __call__(self, params: list[Array], inputs: Array) -> Array:
        """Outputs (P,) for inputs (P,)."""
        return self.gain(params) * inputs


@dataclass(frozen=True)
class DeepLinear:
    """f(x) = W_D ... W_1 x, an MLP without activations and biases.

    Attributes
    ----------
    widths : tuple of int
        Input width, hidden widths, output width.
    """

    widths: tuple[int, ...]

    replayable = True  # the outputs depend on parameters and inputs alone

    def __post_init__(self) -> None:
        plain_numbers(self)
        object.__setattr__(self, "widths", tuple(int(width) for width in self.widths))
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise ValueError(f"widths must be two or more positive integers, not {self.widths}")

    @property
    def depth(self) -> int:
        return len(self.widths) - 1

    def init(
        self,
        rng: Rng,
        initializer: str = "lecun_normal",
        *,
        scale: float = 1.0,
        backend: Backend | None = None,
    ) -> list[Array]:
        """One weight (out, in) a layer; see :meth:`MLP.init`."""
        like = (backend or make_backend()).zeros((1,))
        draw = INITIALIZERS[initializer]
        return [
            scale * draw((fan_out, fan_in), rng.child("layer", index), like=like)
            for index, (fan_in, fan_out) in enumerate(itertools.pairwise(self.widths))
        ]

    def init_balanced(
        self, left: Array, right: Array, strengths: Array, backend: Backend | None = None
    ) -> list[Array]:
        """Aligned, balanced weights whose product is left diag(strengths) right^T.

        Every layer carries the D-th root of each strength in its first r diagonal entries, so that
        W_{l+1}^T W_{l+1} = W_l W_l^T holds exactly (Saxe et al. 2014).

        Parameters
        ----------
        left : array, shape (K, r), orthonormal columns
        right : array, shape (N, r), orthonormal columns
        strengths : array, shape (r,), non-negative
        backend : Backend, optional
            Where the weights live; default: where ``strengths`` does.

        Raises
        ------
        ValueError
            If a layer is narrower than r.
        """
        place = backend or backend_of(strengths)
        left, right, strengths = (place.asarray(part) for part in (left, right, strengths))
        rank = strengths.shape[0]
        roots = strengths ** (1.0 / self.depth)
        layers = []
        for index in range(self.depth):
            rows, columns = self.widths[index + 1], self.widths[index]
            first = index == 0
            last = index == self.depth - 1
            if rank > min(rows, columns):
                raise ValueError(f"rank {rank} does not fit a layer of shape {(rows, columns)}")
            core = place.eye(rank) * roots
            outer = left if last else place.eye(rows)[:, :rank]
            inner = right if first else place.eye(columns)[:, :rank]
            layers.append(outer @ core @ inner.mT)
        return layers

    def product(self, params: list[Array]) -> Array:
        """The map W_D ... W_1, shape (K, N)."""
        product = params[0]
        for weight in params[1:]:
            product = weight @ product
        return product

    def __call__(self, params: list[Array], inputs: Array) -> Array:
        """Outputs (P, K) for inputs (P, N)."""
        if len(params) != self.depth:
            raise ValueError(f"expected {self.depth} weights, got {len(params)}")
        signal = inputs
        for weight in params:
            signal = ad.linear(signal, weight)
        return signal


def imbalance(params: list[Array]) -> list[Array]:
    """C_l = W_{l+1}^T W_{l+1} - W_l W_l^T for each pair of neighbors, conserved by gradient flow.

    Examples
    --------
    >>> import numpy as np
    >>> imbalance([np.eye(2), 2 * np.eye(2)])[0]
    array([[3., 0.],
           [0., 3.]])
    """
    return [upper.mT @ upper - lower @ lower.mT for lower, upper in itertools.pairwise(params)]
