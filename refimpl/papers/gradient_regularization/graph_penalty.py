"""Differences of outputs over a graph of the batch: no derivative in the inputs is taken.

Algorithm
---------
1. ω_ij ← exp(−|x_i − x_j|² / (2 h²)), or 1 where one of x_i, x_j is among the k nearest of the
   other; with ``normalized`` divided by their sum over pairs i < j
2. R ← λ Σ_{i<j} ω_ij ‖f(x_i) − f(x_j)‖^p

For p = 2, R / λ = tr(Fᵀ L F) with L = diag(Σ_j ω_ij) − ω, the graph Laplacian, and the gradient in
the outputs is 2 λ L F: two products with ω in place of all pairs.

Source: arXiv 2107.02797, the earlier text of L. Li, X.-C. Tai and J. Yang, names a graph-based
extension in its abstract; the form is recalled.

====== =================
symbol code
====== =================
λ, p   ``strength``, ``power``
h, k   ``bandwidth``, ``neighbors``
====== =================

Deviations
----------
Which weights the authors use is not known; both kinds are choices of this package, and so is their
normalization, without which R grows with the square of the batch.

>>> import numpy as np
>>> from refimpl.datasets import Batch
>>> from refimpl.models import Objective
>>> objective = Objective(lambda params, inputs: params * inputs, "mean_squared_error")
>>> batch = Batch(np.array([[0.0], [1.0], [3.0]]), np.zeros((3, 1)))
>>> part = GraphPenalty(strength=1.0, graph="nearest", neighbors=1, normalized=False)
>>> float(part.value(np.array([3.0]), batch, objective, ())[0])
45.0
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from refimpl import autodiff as ad
from refimpl.algorithms.base import Objective, Tree
from refimpl.algorithms.gradient_penalties import STRENGTH_HELP, zero
from refimpl.arrays import Array, device, length, namespace
from refimpl.checks import count, flag, non_negative, one_of, plain_numbers, positive
from refimpl.errors import SettingError
from refimpl.random import Rng

Graph = Literal["gaussian", "nearest"]


@dataclass(frozen=True, kw_only=True)
class GraphPenalty:
    """λ Σ ω_ij ‖f(x_i) − f(x_j)‖^p over pairs of the batch, a penalty.

    Parameters
    ----------
    strength : float
        λ, non-negative.
    power : {1, 2}
        p; the norm itself has subgradient 0 where two outputs agree.
    graph : {"gaussian", "nearest"}
    bandwidth : float
        h of the Gaussian weights, in the units of the inputs.
    neighbors : int
        k of the nearest neighbors.
    normalized : bool
        Weights that sum to 1, so that R does not grow with the batch.

    Raises
    ------
    TypeError, ValueError
        If a field is of the wrong type or outside its range.
    SettingError
        In a step, if the batch has no more than ``neighbors`` (or one) examples.

    Examples
    --------
    >>> GraphPenalty(graph="chain")
    Traceback (most recent call last):
    ...
    ValueError: graph must be one of gaussian, nearest, not 'chain'
    """

    strength: float = field(default=0.1, metadata={"help": STRENGTH_HELP})
    power: int = field(default=2, metadata={"help": "2: squares, 1: norms of differences"})
    graph: Graph = field(default="gaussian", metadata={"help": "gaussian or nearest"})
    bandwidth: float = field(default=1.0, metadata={"help": "of the gaussian weights, positive"})
    neighbors: int = field(default=5, metadata={"help": "number of nearest neighbors"})
    normalized: bool = field(default=True, metadata={"help": "weights that sum to 1"})

    def __post_init__(self) -> None:
        plain_numbers(self)
        non_negative("strength", self.strength)
        count("power", self.power)
        if self.power > 2:
            raise ValueError(f"power must be 1 or 2, not {self.power}")
        one_of("graph", self.graph, get_args(Graph))
        positive("bandwidth", self.bandwidth)
        count("neighbors", self.neighbors)
        flag("normalized", self.normalized)

    def init(self, params: Tree) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def value(
        self, params: Tree, batch: Any, objective: Objective, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, tuple[()]]:
        """R, 0-d, differentiable in ``params`` by the tape."""
        if self.strength == 0.0:
            return zero(params), ()
        weights = self.weights(batch.inputs)
        outputs = objective.model(params, batch.inputs)  # type: ignore[attr-defined]
        steps = ad.expand_dims(outputs, 1) - ad.expand_dims(outputs, 0)
        if self.power == 2:
            terms = ad.sum(steps * steps, axis=-1)
        else:
            terms = ad.norm(steps, axis=-1)
        return (0.5 * self.strength) * ad.sum(terms * weights), ()

    def value_and_gradient(
        self, params: Tree, batch: Any, objective: Objective, aux: Any, rng: Rng | None = None
    ) -> tuple[Array, Tree | None, tuple[()]]:
        """R and its gradient (None for λ = 0): only the model goes through the tape."""
        if self.strength == 0.0:
            return zero(params), None, ()
        weights = self.weights(batch.inputs)
        outputs, pullback = ad.vjp(
            lambda at: objective.model(at, batch.inputs),  # type: ignore[attr-defined]
            params,
        )
        xp = namespace(outputs)
        if self.power == 2:
            # L is blind to a common shift of the outputs, which only costs digits
            centered = outputs - xp.mean(outputs, axis=0)
            rising = xp.sum(weights, axis=1, keepdims=True) * centered - weights @ centered
            return (
                self.strength * xp.sum(centered * rising),
                pullback((2.0 * self.strength) * rising),
                (),
            )
        steps = outputs[:, None, :] - outputs[None, :, :]
        lengths = length(steps, axis=-1)
        pulls = weights / xp.where(lengths > 0, lengths, xp.ones_like(lengths))
        slope = xp.sum(pulls[:, :, None] * steps, axis=1)
        value = (0.5 * self.strength) * xp.sum(weights * lengths)
        return value, pullback(self.strength * slope), ()

    def weights(self, inputs: Array) -> Array:
        """ω: shape (P, P), symmetric, with zeros on the diagonal."""
        xp = namespace(inputs)
        examples = inputs.shape[0]
        least = 1 if self.graph == "gaussian" else self.neighbors
        if examples <= least:
            raise SettingError("a graph needs more examples", examples=examples, least=least + 1)
        centered = inputs - xp.mean(inputs, axis=0)
        lengths = xp.sum(centered * centered, axis=-1)
        products = centered @ centered.mT
        squares = xp.clip(lengths[:, None] + lengths[None, :] - (products + products.mT), 0.0, None)
        own = xp.eye(examples, dtype=inputs.dtype, device=device(inputs))
        if self.graph == "gaussian":
            squares = squares + xp.max(squares) * own
            # the nearest pair has weight 1 before normalization, so that not all can underflow
            shift = xp.min(squares) if self.normalized else 0.0 * xp.min(squares)
            found = xp.exp(-(squares - shift) / (2.0 * self.bandwidth**2)) * (1.0 - own)
        else:
            order = xp.argsort(squares + (1.0 + xp.max(squares)) * own, axis=1)
            ranks = xp.argsort(order, axis=1)
            near = xp.astype(ranks < self.neighbors, inputs.dtype)
            found = xp.maximum(near, near.mT)
        return found / (0.5 * xp.sum(found)) if self.normalized else found
