"""Averaged differences over a graph of the examples: the gradient penalties without gradients.

Algorithm
---------
R ← λ Σ_{i<j} w_ij Σ_k |f_k(x_i) − f_k(x_j)|^p, p = 2 (Tikhonov) or 1 (total variation), with

* ``graph="gaussian"``: w_ij = exp(−|x_i − x_j|² / (2 h²)) / Σ_{i<j} of the same, a weighted mean
  over the pairs of the batch;
* ``graph="chain"``: neighbors in the order of the batch, w = 1 / |x_i − x_{i+1}|^{p−1}; then R / λ
  is ∫ |f'|^p of the function that is linear between the examples, exactly.

Source: the graph form of the penalties of L. Li, X.-C. Tai and J. Yang, arXiv 2107.02797
(recalled; only the abstract is known here).

====== =================
symbol code
====== =================
λ      ``strength``
p      ``power``
h      ``bandwidth``
====== =================

Deviations
----------
The weights are choices of this package.

>>> import numpy as np
>>> from refimpl.datasets import Batch
>>> from refimpl.models import Objective
>>> objective = Objective(lambda params, inputs: params * inputs, "mean_squared_error")
>>> batch = Batch(np.array([[0.0], [0.25], [1.0]]), np.zeros((3, 1)))
>>> part = GraphSmoothness(strength=1.0, graph="chain")
>>> float(part.value(np.array([3.0]), batch, objective, ())[0])
9.0
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Objective, Tree
from refimpl.algorithms.gradient_penalties import STRENGTH_HELP, zero
from refimpl.arrays import Array, device, namespace
from refimpl.checks import count, non_negative, one_of, plain_numbers, positive
from refimpl.errors import SettingError
from refimpl.random import Rng

Graph = Literal["gaussian", "chain"]


@dataclass(frozen=True, kw_only=True)
class GraphSmoothness:
    """λ Σ w_ij |f(x_i) − f(x_j)|^p over pairs of the batch, a penalty.

    Parameters
    ----------
    strength : float
        λ, non-negative; 0 leaves training as it is.
    power : {1, 2}
        p.
    graph : {"gaussian", "chain"}
    bandwidth : float
        h of the Gaussian weights, in the units of the inputs.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.
    SettingError
        In a step, if the batch holds fewer than two examples, or two neighbors of a chain coincide.

    Examples
    --------
    >>> GraphSmoothness(power=0)
    Traceback (most recent call last):
    ...
    ValueError: power must be at least 1, not 0
    """

    strength: float = field(default=0.01, metadata={"help": STRENGTH_HELP})
    power: int = field(default=2, metadata={"help": "2: Tikhonov, 1: total variation"})
    graph: Graph = field(default="gaussian", metadata={"help": "gaussian weights, or chain"})
    bandwidth: float = field(default=1.0, metadata={"help": "of the gaussian weights, positive"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
        count("power", self.power)
        if self.power > 2:
            raise ValueError(f"power must be 1 or 2, not {self.power}")
        one_of("graph", self.graph, get_args(Graph))
        positive("bandwidth", self.bandwidth)

    def init(self, params: Tree) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def value(
        self, params: Tree, batch: Any, objective: Objective, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, tuple[()]]:
        """R, 0-d, differentiable in ``params`` by the tape."""
        if self.strength == 0.0:
            return zero(params), ()
        if batch.inputs.shape[0] < 2:
            raise SettingError("a graph needs two examples", examples=batch.inputs.shape[0])
        outputs = objective.model(params, batch.inputs)  # type: ignore[attr-defined]
        left, right, weights = self.pairs(batch.inputs)
        steps = ad.take(outputs, left) - ad.take(outputs, right)
        terms = steps * steps if self.power == 2 else ad.abs(steps)
        return self.strength * ad.sum(terms * ad.expand_dims(weights, -1)), ()

    def pairs(self, inputs: Array) -> tuple[Array, Array, Array]:
        """The edges (i, j) as two arrays of positions, and their weights, all of shape (E,)."""
        xp = namespace(inputs)
        place = device(inputs)
        positions = xp.arange(inputs.shape[0], device=place)
        if self.graph == "chain":
            left, right = positions[:-1], positions[1:]
        else:
            first, second = xp.meshgrid(positions, positions, indexing="ij")
            above = xp.reshape(first < second, (-1,))
            (places,) = xp.nonzero(above)
            left = xp.take(xp.reshape(first, (-1,)), places)
            right = xp.take(xp.reshape(second, (-1,)), places)
        gaps = xp.take(inputs, left, axis=0) - xp.take(inputs, right, axis=0)
        squares = xp.sum(gaps * gaps, axis=-1)
        if self.graph == "gaussian":
            weights = xp.exp(-(squares - xp.min(squares)) / (2.0 * self.bandwidth**2))
            return left, right, weights / xp.sum(weights)
        if not bool(xp.all(squares > 0)):
            raise SettingError("two neighbors of the chain coincide, at a distance of 0")
        return left, right, 1.0 / xp.sqrt(squares) ** (self.power - 1)
